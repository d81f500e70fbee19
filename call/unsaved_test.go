package call

import (
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// ailing is a store that may fail, and what it took.
type ailing struct {
	fails atomic.Bool
	took  []Change
}

// endUnsaved has a call come and go while the store takes nothing.
func endUnsaved(t *testing.T, a *ailing) (x *Exchange, d *desk, id ID, stop func()) {
	t.Helper()
	a.fails.Store(true)
	d = &desk{plan: parsePlan(nil)}
	d.keep = func(c Change) error {
		if a.fails.Load() {
			return errors.New("disk full")
		}
		a.took = append(a.took, c)
		return nil
	}
	x, stop = open(t, d, 1)
	id = arrive(t, x)
	x.Post(id, LegGone{Leg: id.Leg(1)})
	expect(t, d, "stalled save", "call.ended")
	return x, d, id, stop
}

// A result that the store did not take is stored when the store does again. The
// call holds its place until then, so that a broken disk does not fill memory.
func TestResultIsSavedLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &ailing{}
		x, d, id, stop := endUnsaved(t, a)
		defer stop()
		time.Sleep(10 * time.Minute)
		if !errors.Is(x.Ready(), ErrFull) || len(x.Active()) != 0 {
			t.Errorf("ready: %v, active: %v", x.Ready(), x.Active())
		}
		x.Post(id, Assigned{Users: []string{"ana"}})
		expect(t, d, "over ana withdrawn")
		a.fails.Store(false)
		time.Sleep(saveRarely)
		synctest.Wait()
		if len(a.took) != 1 || a.took[0].Record.Result != ResultCancelled || !a.took[0].MissedTask {
			t.Errorf("saved: %+v", a.took)
		}
		if err := x.Ready(); err != nil {
			t.Errorf("the place is not free: %v", err)
		}
	})
}

// A switch that stops tries once more and leaves the rest to its next start.
func TestStopWithUnsavedResult(t *testing.T) {
	for name, fails := range map[string]bool{"well again": false, "still broken": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := &ailing{}
				_, _, _, stop := endUnsaved(t, a)
				a.fails.Store(fails)
				stop()
				if saved := len(a.took) == 1; saved == fails {
					t.Errorf("saved: %+v", a.took)
				}
			})
		})
	}
}

// A store that never comes back is given up in the end.
func TestUnsavedResultIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x, _, _, stop := endUnsaved(t, &ailing{})
		defer stop()
		time.Sleep(saveLimit + saveRarely)
		synctest.Wait()
		if err := x.Ready(); err != nil {
			t.Errorf("the call still holds its place: %v", err)
		}
	})
}
