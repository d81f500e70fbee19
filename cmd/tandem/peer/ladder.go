package peer

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// maxEntries bounds what one agent remembers; the oldest entries go first.
const maxEntries = 512

// Entry is one message that crossed an agent's wire.
type Entry struct {
	At      time.Time
	Agent   string // Options.Name
	Sent    bool
	Other   string // host:port of the far end
	Message *Message
}

// trace is an agent's bounded record of its traffic.
type trace struct {
	mu      sync.Mutex
	entries []Entry
}

func (t *trace) add(e Entry) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.entries) >= maxEntries {
		t.entries = slices.Delete(t.entries, 0, maxEntries/4)
	}
	t.entries = append(t.entries, e)
}

func (t *trace) copy() []Entry {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.entries)
}

// Traced is anything with a record of messages: a Phone, a Carrier.
type Traced interface{ Trace() []Entry }

// Ladder prints what the given agents sent and received in order of time, a line per message, seconds counted from the
// first one. Tests log it when they fail.
func Ladder(agents ...Traced) string {
	var all []Entry
	for _, a := range agents {
		all = append(all, a.Trace()...)
	}
	if len(all) == 0 {
		return "(no messages)\n"
	}
	slices.SortStableFunc(all, func(a, b Entry) int { return a.At.Compare(b.At) })
	var b strings.Builder
	for _, e := range all {
		arrow := "<-"
		if e.Sent {
			arrow = "->"
		}
		fmt.Fprintf(&b, "%7.3f %-10s %s %-21s %s\n", e.At.Sub(all[0].At).Seconds(), e.Agent, arrow, e.Other, summary(e.Message))
	}
	return b.String()
}

// summary is one message on one line: start line, CSeq for responses, Reason, and whether it carries SDP.
func summary(m *Message) string {
	line := m.String()
	if !m.IsRequest() {
		line += " (" + m.Get("CSeq") + ")"
	}
	if reason := m.Get("Reason"); reason != "" {
		line += " [" + reason + "]"
	}
	if m.SDP() != nil {
		line += " +sdp"
	}
	return line
}
