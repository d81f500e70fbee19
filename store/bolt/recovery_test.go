package bolt

import (
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tandem/call"
	"tandem/routing"
)

// deaf hears no events.
type deaf struct{}

func (deaf) Publish(call.Event) {}

// reception returns one that keeps its calls in a store.
func reception(t *testing.T, s *Store) *routing.Reception {
	t.Helper()
	directory, err := routing.NewDirectory(routing.Account{
		Country:   "ES",
		Users:     []routing.User{{Name: "ana"}},
		Playbooks: []routing.Playbook{{Name: "sales", Users: []string{"ana"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	offices, err := routing.NewOffices(t.Context(), routing.OfficesOptions{Directory: directory, Desk: s, Events: deaf{}})
	if err != nil {
		t.Fatal(err)
	}
	r, err := routing.NewReception(routing.ReceptionOptions{
		Directory: directory, Offices: offices, Journal: s, Contacts: s, Events: deaf{},
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// interruptedCalls leaves calls of so many contacts in a file, each contact's
// in a row, and returns each contact's newest.
func interruptedCalls(t *testing.T, path string, contacts, each int) []call.ID {
	t.Helper()
	s := open(t, path)
	newest := make([]call.ID, contacts)
	for turn := range each {
		var wg sync.WaitGroup
		for n := range contacts {
			rec := record(turn*contacts + n)
			rec.Direction, rec.From, rec.Playbook = call.Inbound, fmt.Sprintf("+34600%06d", n), "sales"
			newest[n] = rec.ID
			wg.Go(func() {
				if _, err := s.Admit(t.Context(), routing.Admission{Record: rec, Caller: &routing.Contact{Name: "Eva"}}); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return newest
}

// A switch that was killed under 500 calls has them all ended in a handful of
// commits, and a contact's Missed Call task names the newest of their calls.
func TestRecoveryIsQuick(t *testing.T) {
	const contacts, each = 250, 2
	path := filepath.Join(t.TempDir(), "tandem.db")
	newest := interruptedCalls(t, path, contacts, each)
	synctest.Test(t, func(t *testing.T) {
		d := &disk{gate: make(chan struct{})}
		s, err := Open(Options{Path: path, commit: d.commit})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = s.Close() }()
		defer close(d.gate)
		over := make(chan struct{})
		go func() {
			defer close(over)
			ended, err := reception(t, s).Recover(t.Context(), time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC))
			if err != nil || ended != contacts*each {
				t.Errorf("recovered %d calls, %v", ended, err)
			}
		}()
		for done := false; !done; { // a disk that is slower than everybody else
			synctest.Wait()
			select {
			case d.gate <- struct{}{}:
			case <-over:
				done = true
			}
		}
		if n := d.commits.Load(); n > 5 {
			t.Errorf("recovery took %d commits", n)
		}
		for n, id := range newest {
			checkMissed(t, s, id, n, each)
		}
	})
}

// checkMissed: the call was missed, and its contact's one task names it.
func checkMissed(t *testing.T, s *Store, id call.ID, contact, calls int) {
	t.Helper()
	rec, err := s.Call(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	tasks, _, err := s.Tasks(t.Context(), routing.TaskFilter{Contact: rec.ContactID, Kind: routing.TaskMissedCall})
	if err != nil || len(tasks) != 1 || tasks[0].Count != calls || tasks[0].CallID != id || !rec.Missed {
		t.Errorf("contact %d, last call %s: %+v, %v", contact, id, tasks, err)
	}
}
