package hubspot

import (
	"context"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"tandem/call"
	"tandem/crm"
	"tandem/crm/rest"
)

const (
	outcomesAge  = time.Hour // how long a list of outcomes is believed
	mostUnknowns = 100       // names that are complained about
)

// The outcomes that HubSpot comes with, by their IDs.
const (
	outcomeBusy        = "9d9162e7-6cf3-4944-bf63-4dff82258764"
	outcomeConnected   = "f240bbac-87c9-4f6e-bf70-924b57d47db7"
	outcomeLiveMessage = "a4c4c377-d246-4b32-a13b-75a56a4cd0ff"
	outcomeVoicemail   = "b2cf5968-551e-4856-9783-52b3da59a7d0"
	outcomeNoAnswer    = "73a0d17f-1163-4015-bdd5-ec830791da20"
	outcomeWrongNumber = "17b47fee-58de-441e-a44c-c6300d46f273"
)

// outcome is what an account calls the end of a call.
type outcome struct {
	ID      string `json:"id"`
	Label   string `json:"label"`
	Deleted bool   `json:"deleted"`
}

func standardOutcomes() []outcome {
	return []outcome{
		{ID: outcomeBusy, Label: "Busy"},
		{ID: outcomeConnected, Label: "Connected"},
		{ID: outcomeLiveMessage, Label: "Left live message"},
		{ID: outcomeVoicemail, Label: "Left voicemail"},
		{ID: outcomeNoAnswer, Label: "No answer"},
		{ID: outcomeWrongNumber, Label: "Wrong number"},
	}
}

// statusName is a result as HubSpot has it. HubSpot has no word for closed
// offices; the title does.
func statusName(r call.Result) string {
	switch r {
	case call.ResultCompleted:
		return "COMPLETED"
	case call.ResultBusy:
		return "BUSY"
	case call.ResultFailed:
		return "FAILED"
	case call.ResultCancelled:
		return "CANCELED"
	case call.ResultNoAnswer, call.ResultOfficeClosed, call.ResultNone:
	}
	return "NO_ANSWER"
}

// usualOutcome is the outcome of a call that nobody gave one; empty: none.
func usualOutcome(a crm.Activity) string {
	switch a.Result {
	case call.ResultCompleted:
		return outcomeConnected
	case call.ResultBusy:
		return outcomeBusy
	case call.ResultNoAnswer, call.ResultOfficeClosed:
		return outcomeNoAnswer
	case call.ResultFailed:
		// The number is nobody's, or not a number (RFC 3261 21.4.5, 21.4.8, 21.4.23, 21.6.3).
		if slices.Contains([]int{404, 410, 484, 604}, a.SIPCode) {
			return outcomeWrongNumber
		}
	case call.ResultCancelled, call.ResultNone:
	}
	return ""
}

// outcomes is the account's list of outcomes.
type outcomes struct {
	log *slog.Logger

	mu       sync.Mutex
	list     []outcome
	stale    time.Time       // when the list is read again
	unknowns map[string]bool // names that were complained about
}

func newOutcomes(log *slog.Logger) *outcomes {
	return &outcomes{log: log, list: standardOutcomes(), unknowns: make(map[string]bool)}
}

// chosen returns the ID of the outcome that was chosen for a call, by its name
// or ID, or nothing.
func (o *outcomes) chosen(ctx context.Context, api *rest.Client, a crm.Activity) string {
	if a.Disposition == "" {
		return ""
	}
	for _, known := range o.current(ctx, api) {
		if strings.EqualFold(known.Label, a.Disposition) || strings.EqualFold(known.ID, a.Disposition) {
			return known.ID
		}
	}
	o.complain(a.Disposition)
	return ""
}

// usual returns the ID of the outcome of a call that nobody chose one for, or
// nothing: accounts may have deleted it.
func (o *outcomes) usual(ctx context.Context, api *rest.Client, a crm.Activity) string {
	usual := usualOutcome(a)
	if !slices.ContainsFunc(o.current(ctx, api), func(known outcome) bool { return known.ID == usual }) {
		return ""
	}
	return usual
}

// current returns the list, read again when it is old. Where it cannot be read,
// the last one has to do.
func (o *outcomes) current(ctx context.Context, api *rest.Client) []outcome {
	o.mu.Lock()
	list, fresh := o.list, time.Now().Before(o.stale)
	o.mu.Unlock()
	if fresh {
		return list
	}
	var read []outcome
	_, err := api.Do(ctx, rest.Request{Method: http.MethodGet, Path: outcomesPath}, &read)
	if err != nil && statusOf(err)/100 != 4 {
		return list
	}
	read = slices.DeleteFunc(read, func(known outcome) bool { return known.Deleted || known.ID == "" })
	o.mu.Lock()
	defer o.mu.Unlock()
	if err == nil && len(read) > 0 {
		o.list = read
	}
	o.stale = time.Now().Add(outcomesAge)
	return o.list
}

// complain says once that the account has no outcome of that name.
func (o *outcomes) complain(name string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.unknowns[name] || len(o.unknowns) >= mostUnknowns {
		return
	}
	o.unknowns[name] = true
	o.log.Warn("HubSpot has no call outcome of this name, the usual one is taken: "+
		"add it in HubSpot, or change crm.dispositions or what salespeople choose", "disposition", name)
}
