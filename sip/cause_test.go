package sip

import (
	"testing"

	"tandem/call"
)

func TestStatusOf(t *testing.T) {
	for _, c := range []struct {
		why          call.Cause
		status, q850 int
	}{
		{call.Cause{Kind: call.CauseBusy}, 486, 17},
		{call.Cause{Kind: call.CauseDeclined}, 603, 21},
		{call.Cause{Kind: call.CauseNoAnswer}, 480, 19},
		{call.Cause{Kind: call.CauseUnreachable}, 480, 20},
		{call.Cause{Kind: call.CauseCancelled}, 487, 16},
		{call.Cause{Kind: call.CauseNormal}, 480, 16},
		{call.Cause{Kind: call.CauseElsewhere}, 486, 17},
		{call.Cause{Kind: call.CauseDrained}, 503, 41},
		{call.Cause{Kind: call.CauseFailed}, 500, 41},
		{call.Cause{Kind: call.CauseMediaLost}, 500, 41},
		{call.Cause{Kind: call.CauseFailed, Code: 404}, 404, 1},
		{call.Cause{Kind: call.CauseFailed, Code: 488, Q850: 88}, 488, 88},
		{call.Cause{Kind: call.CauseFailed, Code: 302}, 410, 22},
		{call.Cause{Kind: call.CauseFailed, Code: 407}, 500, 41},
		{call.Cause{Kind: call.CauseNoAnswer, Code: 487, Q850: 19}, 480, 19}, // we sent that CANCEL, not the caller
		{call.Cause{Kind: call.CauseCancelled, Code: 487}, 487, 127},
		{call.Cause{Kind: call.CauseFailed, Code: 700}, 500, 41},
	} {
		if status, q850 := statusOf(c.why); status != c.status || q850 != c.q850 {
			t.Errorf("%+v: %d, %d", c.why, status, q850)
		}
	}
}

// Every failure status maps to a cause that keeps its code and has a Q.850 one.
func TestCauseOfAll(t *testing.T) {
	for status := 300; status < 700; status++ {
		for _, rang := range []bool{false, true} {
			for _, phone := range []bool{false, true} {
				c := causeOf(status, rang, phone)
				if c.Code != status || c.Q850 < 1 || c.Q850 > 127 || c.Text == "" {
					t.Errorf("%d: %+v", status, c)
				}
				if c.Kind == call.CauseUnreachable && (rang || !phone) {
					t.Errorf("%d rang %v phone %v: unreachable", status, rang, phone)
				}
			}
		}
		if phrase(status) == "" {
			t.Errorf("%d has no phrase", status)
		}
	}
}

func TestBest(t *testing.T) {
	kinds := func(list ...call.CauseKind) (causes []call.Cause) {
		for _, k := range list {
			causes = append(causes, call.Cause{Kind: k})
		}
		return causes
	}
	for _, c := range []struct {
		causes []call.Cause
		want   call.CauseKind
	}{
		{nil, call.CauseUnreachable},
		{kinds(call.CauseUnreachable, call.CauseUnreachable), call.CauseUnreachable},
		{kinds(call.CauseUnreachable, call.CauseBusy), call.CauseBusy},
		{kinds(call.CauseDeclined, call.CauseBusy, call.CauseFailed), call.CauseDeclined},
		{kinds(call.CauseFailed, call.CauseNoAnswer), call.CauseNoAnswer},
		{kinds(call.CauseUnreachable, call.CauseFailed), call.CauseFailed},
	} {
		if got := best(c.causes); got.Kind != c.want {
			t.Errorf("%v: %v", c.causes, got)
		}
	}
}

func TestReasons(t *testing.T) {
	if got := byeReason(call.Cause{Kind: call.CauseDrained, Text: "a\"b\r\nX: y"}); got != `Q.850;cause=41;text="a\"bX: y"` {
		t.Errorf("bye %s", got)
	}
	if got := cancelReason(call.Cause{Kind: call.CauseNoAnswer}); got != `SIP;cause=487;text="no_answer"` {
		t.Errorf("cancel %s", got)
	}
	for value, want := range map[string]int{
		`Q.850;cause=16;text="x"`: 16, `SIP;cause=200, q.850 ; cause=17`: 17, `SIP;cause=486`: 0, "": 0, "Q.850;cause=999": 0, "Q.850;cause=-1": 0,
	} {
		if got := q850Of(value); got != want {
			t.Errorf("%q: %d, want %d", value, got, want)
		}
	}
}
