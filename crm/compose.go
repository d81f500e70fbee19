package crm

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"tandem/call"
)

// maxName is how much of a name a title shows, in characters.
const maxName = 80

// Style is what the configuration says about activities.
type Style struct {
	Account        string                 // name of the company, or empty
	PublicURL      string                 // of the switch, e.g. https://pbx.example; recordings are linked when it is https
	CreateContacts bool                   // that the CRM does not know
	Dispositions   map[call.Result]string // the CRM's own outcomes, where the salesperson says none
	Displays       map[string]string      // user -> name for people
	Owners         map[string]string      // user -> id in the CRM
}

// Compose returns a call as a CRM shows it. name is the contact's, or empty.
func (s Style) Compose(rec call.Record, name string) Activity {
	number := outsideNumber(rec)
	from := rec.From
	if rec.Direction == call.Inbound {
		from = number
	}
	a := Activity{
		CallID: rec.ID, Direction: rec.Direction, Result: rec.Result, Reason: rec.Reason, SIPCode: rec.SIPCode,
		Number: number, Name: cmp.Or(clip(oneLine(name), maxName), number), Create: s.CreateContacts,
		From: from, To: rec.To,
		StartedAt: rec.StartedAt.UTC(), EndedAt: endOf(rec), Duration: seconds(rec.Duration),
		Disposition: cmp.Or(oneLine(rec.Disposition), s.Dispositions[rec.Result]),
		Owner:       s.Owners[rec.User],
		Recording:   s.recording(rec),
	}
	a.Title = s.title(rec, a)
	a.Body = s.body(rec, a)
	return a
}

// recording is where a call's recording can be listened to, or empty. CRMs
// refuse what is not https.
func (s Style) recording(rec call.Record) string {
	base := strings.TrimSuffix(s.PublicURL, "/")
	if rec.Recording == nil || !strings.HasPrefix(strings.ToLower(base), "https://") {
		return ""
	}
	return base + "/api/v1/calls/" + string(rec.ID) + "/recording"
}

// title is, e.g., "Inbound call – completed – Ana García – 3:12".
func (s Style) title(rec call.Record, a Activity) string {
	parts := []string{"Inbound call", outcomeWords(rec), a.Name}
	if rec.Direction == call.Outbound {
		parts[0] = "Outbound call"
	}
	if a.Name == "" {
		parts[2] = outsider(rec)
	}
	if a.Duration.Round(time.Second) > 0 {
		parts = append(parts, clock(a.Duration))
	}
	if account := clip(oneLine(s.Account), maxName); account != "" {
		parts = append(parts, account)
	}
	return strings.Join(parts, " – ")
}

// outsider stands for somebody who has no number that a contact could have.
func outsider(rec call.Record) string {
	if rec.Direction == call.Inbound {
		return "withheld number"
	}
	return clip(oneLine(rec.To), maxName)
}

// outcomeWords name the exact result: one of six, with what makes it another
// than the next of its kind.
func outcomeWords(rec call.Record) string {
	words := strings.ReplaceAll(string(rec.Result), "_", " ")
	why := ""
	switch {
	case rec.RedirectedTo != "" && rec.Missed:
		why = "redirected to " + clip(oneLine(rec.RedirectedTo), maxName) + ", not answered"
	case rec.RedirectedTo != "":
		why = "redirected to " + clip(oneLine(rec.RedirectedTo), maxName)
	case rec.Result == call.ResultFailed && rec.SIPCode != 0:
		why = fmt.Sprintf("SIP %d", rec.SIPCode)
	case rec.Missed && rec.Reason != call.MissedClosed:
		why = missedWords(rec.Reason)
	}
	if why == "" {
		return words
	}
	return words + " (" + why + ")"
}

// missedWords say why nobody took a call.
func missedWords(r call.MissedReason) string {
	switch r {
	case call.MissedTimeout:
		return "nobody accepted in time"
	case call.MissedRejected:
		return "rejected"
	case call.MissedAbandoned:
		return "the caller gave up"
	case call.MissedNoUser:
		return "nobody was available"
	case call.MissedClosed:
		return "outside office hours"
	case call.MissedNone:
	}
	return "missed"
}

// seconds makes a duration of seconds.
func seconds(s float64) time.Duration {
	return time.Duration(s * float64(time.Second)).Round(time.Millisecond)
}

// clock shows a duration as 3:12 or 1:03:12.
func clock(d time.Duration) string {
	s := int(d.Round(time.Second).Seconds())
	if s < 3600 {
		return fmt.Sprintf("%d:%02d", s/60, s%60)
	}
	return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
}

// hash tells activities apart; empty for one that has none.
func (a Activity) hash() string {
	raw, err := json.Marshal(a)
	if err != nil { // a year beyond 9999
		return ""
	}
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:16])
}
