package peer

import (
	"context"
	"testing"
	"time"
)

// twoAgents opens a caller and a callee with that OnCall.
func twoAgents(t testing.TB, onCall func(*Call)) (caller, callee *Agent) {
	t.Helper()
	media := MediaOptions{RTCP: -1, Capture: -1}
	caller, err := NewAgent(Options{Media: media})
	if err != nil {
		t.Fatal(err)
	}
	callee, err = NewAgent(Options{User: "ana", OnCall: onCall, Media: media})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = caller.Close(), callee.Close() })
	return caller, callee
}

// An agent forgets all but its last ended calls, and its trace is bounded.
func TestEndedCallsAreForgotten(t *testing.T) {
	caller, callee := twoAgents(t, RejectAll(486))
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for range 2 * maxEnded {
		call, err := caller.Dial(ctx, CallOptions{To: callee.ContactURI()})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := call.WaitEnded(ctx); err != nil {
			t.Fatal(err)
		}
	}
	for name, a := range map[string]*Agent{"caller": caller, "callee": callee} {
		a.mu.Lock()
		calls, invites, transactions := len(a.calls), len(a.invites), len(a.transactions)
		a.mu.Unlock()
		if calls > maxEnded+1 || invites > maxEnded+1 || transactions != 0 {
			t.Errorf("%s keeps %d calls, %d invites, %d transactions", name, calls, invites, transactions)
		}
		if n := len(a.Trace()); n > maxEntries {
			t.Errorf("%s keeps %d messages", name, n)
		}
	}
}

// BenchmarkCall sets up, answers and ends a call: both ends of it in one process, no audio.
func BenchmarkCall(b *testing.B) {
	caller, callee := twoAgents(b, AnswerAll)
	b.ReportAllocs()
	for b.Loop() {
		call, err := caller.Dial(b.Context(), CallOptions{To: callee.ContactURI()})
		if err != nil {
			b.Fatal(err)
		}
		if err := call.WaitAnswered(b.Context()); err != nil {
			b.Fatal(err)
		}
		if err := call.Hangup(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}
