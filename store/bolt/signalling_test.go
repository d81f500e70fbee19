package bolt

import (
	"path/filepath"
	"testing"
	"testing/synctest"

	"tandem/call"
)

// Who waits for a dialog is told when its commit is over, not before, and those
// that wait together share one commit.
func TestStoredIsDurable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &disk{gate: make(chan struct{})}
		s := openOn(t, d, nil)
		told := 0
		for n := range 3 {
			s.SaveDialog(call.Dialog{Leg: record(n).ID.Leg(1)}, func() { told++ })
			if n == 0 {
				synctest.Wait() // the first one's commit is under way
			}
		}
		synctest.Wait()
		if told != 0 {
			t.Fatalf("%d told before a commit was over", told)
		}
		d.gate <- struct{}{}
		synctest.Wait()
		if told != 1 {
			t.Fatalf("%d told after the first commit", told)
		}
		d.gate <- struct{}{}
		synctest.Wait()
		if told != 3 || d.commits.Load() != 2 {
			t.Errorf("%d told after %d commits", told, d.commits.Load())
		}
		close(d.gate)
	})
}

// A dialog that cannot be stored keeps nobody waiting, nor does a store that
// was closed.
func TestStoredIsToldOfFailure(t *testing.T) {
	d := &disk{}
	s, err := Open(Options{Path: filepath.Join(t.TempDir(), "tandem.db"), commit: d.commit})
	if err != nil {
		t.Fatal(err)
	}
	d.broken.Store(true)
	leg := record(1).ID.Leg(1)
	told := make(chan struct{})
	s.SaveDialog(call.Dialog{Leg: leg}, func() { close(told) })
	<-told
	d.broken.Store(false)
	left, err := s.Dialogs(t.Context())
	if err != nil || len(left) != 1 || left[0].Leg != leg {
		t.Errorf("after the disk came back: %+v, %v", left, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	late := false
	s.SaveDialog(call.Dialog{Leg: leg}, func() { late = true })
	if !late {
		t.Error("a closed store leaves who saves waiting")
	}
}
