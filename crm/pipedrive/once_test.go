package pipedrive

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"tandem/call"
	"tandem/crm"
	"tandem/crm/pipedrive/standin"
)

// writes are the requests that make something.
var writes = []string{"/v2/persons", "/v2/activities", "/v1/callLogs"}

// TestOutcomeIsLost loses the answer of each write in each way, with and
// without a restart of the switch in between: there is one of each afterwards.
func TestOutcomeIsLost(t *testing.T) {
	for name, order := range map[string]standin.Order{
		"cut off":  {Trouble: standin.CutAfter},
		"junk":     {Trouble: standin.JunkAfter},
		"too slow": {Trouble: standin.Slow, Delay: time.Minute},
		"down":     {Trouble: standin.Down},
		"broken":   {Trouble: standin.Broken},
		"limited":  {Trouble: standin.TooMany},
		"blocked":  {Trouble: standin.Blocked},
	} {
		for _, path := range writes {
			for _, restarted := range []bool{false, true} {
				for _, withheld := range []bool{false, true} {
					synctest.Test(t, func(t *testing.T) {
						d := newDesk(t, standin.Options{})
						a := answered()
						if withheld {
							a.Number, a.From = "", ""
						}
						order.Method, order.Path = "POST", path
						d.there.Order(order)
						d.loseOnce(a, restarted)
						want := 1
						if withheld {
							want = 0
						}
						d.expect(want, 1, 1)
						if t.Failed() {
							t.Fatalf("%s %s, restarted %v, withheld %v: %v", name, path, restarted, withheld, d.requests())
						}
					})
				}
			}
		}
	}
}

// loseOnce logs a call step by step, and restarts the client after the first
// fault.
func (d *desk) loseOnce(a crm.Activity, restarted bool) {
	d.t.Helper()
	var refs crm.Refs
	for _, s := range d.client.Steps() {
		var err error
		if refs, err = d.client.Do(d.t.Context(), s, a, refs); err == nil {
			continue
		}
		if fault := d.fault(err); fault.Kind != crm.FaultRetry {
			d.t.Fatalf("%s: %+v", s, fault)
		}
		if restarted {
			d.restart()
		}
		time.Sleep(quarantine)
		if refs, err = d.step(s, a, refs); err != nil {
			d.t.Fatalf("%s again: %v", s, err)
		}
	}
}

// TestNotNoted carries out every step and forgets that it was: what kill -9
// leaves between Pipedrive's answer and our note.
func TestNotNoted(t *testing.T) {
	for _, restarted := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			d := newDesk(t, standin.Options{Users: []int{1, 7}, Admin: true})
			for n, owner := range []string{"", "7"} {
				a := numbered(answered(), n)
				a.Owner = owner
				var refs crm.Refs
				for _, s := range d.client.Steps() {
					if _, err := d.step(s, a, refs); err != nil {
						t.Fatal(err)
					}
					if restarted {
						d.restart()
					}
					var err error
					if refs, err = d.step(s, a, refs); err != nil {
						t.Fatal(err)
					}
				}
				if refs.Contact == "" || refs.Activity == "" || refs.CallLog == "" {
					t.Errorf("the refs are %+v", refs)
				}
			}
			d.expect(1, 2, 2)
		})
	}
}

// TestOlderCopyOfTheStore logs a call anew of which the store has lost every
// step, and finds what is there behind many others.
func TestOlderCopyOfTheStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, standin.Options{})
		a := answered()
		a.Number, a.From = "", ""
		refs := d.mustFinish(a)
		for n := range 240 {
			other := a
			other.CallID = a.CallID[:20] + serial(n)
			d.mustFinish(other)
		}
		time.Sleep(12 * time.Hour)
		d.restart()
		again, err := d.finish(a, crm.Refs{})
		if err != nil || again != refs {
			t.Errorf("found %+v, %v; want %+v", again, err, refs)
		}
		d.expect(0, 241, 241)
	})
}

// TestTooManyToTell does not log twice what it cannot find.
func TestTooManyToTell(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, standin.Options{})
		a := answered()
		a.Number, a.From = "", ""
		for n := range mostLogPages*logPage + 1 {
			other := a
			other.CallID = a.CallID[:20] + serial(n)
			d.mustFinish(other)
		}
		d.restart()
		before := len(d.there.CallLogs())
		refs, err := d.step(crm.StepCallLog, a, crm.Refs{Activity: "999999"})
		if err != nil || refs.CallLog != "" || len(d.there.CallLogs()) != before {
			t.Errorf("%+v, %v, %d call logs more", refs, err, len(d.there.CallLogs())-before)
		}
		if !d.shows("could not be told") {
			t.Error("nothing was said")
		}
	})
}

// TestSideBySide logs many calls at once through one client.
func TestSideBySide(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, standin.Options{Burst: 20, Searches: 10})
		done := make(chan error)
		for n := range 40 {
			go func() {
				a := numbered(answered(), n)
				a.Number = "+120155501" + string(rune('0'+n/10)) + string(rune('0'+n%10))
				_, err := d.finish(a, crm.Refs{})
				done <- err
			}()
		}
		for range 40 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		d.expect(40, 40, 40)
		for _, outcome := range d.counted {
			if outcome != "ok" {
				t.Fatalf("a request was %s: our own rate is too high", outcome)
			}
		}
	})
}

// TestBegun holds what is certain: the calls that ended under the client's
// eyes, as long as it remembers which of them it began.
func TestBegun(t *testing.T) {
	b := begun{since: time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC), calls: make(map[call.ID][]crm.Step)}
	ended := func(n int) crm.Activity {
		a := answered()
		a.CallID, a.EndedAt = a.CallID[:20]+serial(n), b.since.Add(time.Duration(n)*time.Second)
		return a
	}
	early, late := ended(-1), ended(1_000_000)
	if b.first(early, crm.StepActivity) {
		t.Error("a call from before the client is certain")
	}
	first := ended(1)
	if !b.first(first, crm.StepActivity) || b.first(first, crm.StepActivity) || !b.first(first, crm.StepCallLog) {
		t.Error("each step of a call is new once")
	}
	for n := range 3 * remembered {
		a := answered()
		a.CallID, a.EndedAt = a.CallID[:20]+serial(n+2), first.EndedAt.Add(time.Duration(n+1)*time.Second)
		if !b.first(a, crm.StepActivity) {
			t.Fatalf("call %d is not new", n)
		}
	}
	if len(b.calls) != remembered || len(b.order) != remembered {
		t.Errorf("%d calls are remembered", len(b.calls))
	}
	if b.first(first, crm.StepActivity) {
		t.Error("a forgotten call is certain")
	}
	if !b.first(late, crm.StepActivity) {
		t.Error("a call that ended later is uncertain")
	}
}

// serial is the nth end of a call's ID.
func serial(n int) call.ID { return call.ID(fmt.Sprintf("%06d", n)) }
