package bolt

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.etcd.io/bbolt"

	"tandem/call"
	"tandem/routing"
)

// disk is a commit that can be held up or made to fail.
type disk struct {
	commits atomic.Int64
	broken  atomic.Bool
	gate    chan struct{} // nil: open
}

var errDisk = errors.New("no space left on device")

func (d *disk) commit(tx *bbolt.Tx) error {
	d.commits.Add(1)
	if d.gate != nil {
		<-d.gate
	}
	if d.broken.Load() {
		return errors.Join(errDisk, tx.Rollback())
	}
	return tx.Commit()
}

// openOn opens a store on a disk; the test closes it at its end.
func openOn(t *testing.T, d *disk, r prometheus.Registerer) *Store {
	t.Helper()
	s, err := Open(Options{Path: filepath.Join(t.TempDir(), "tandem.db"), Registerer: r, commit: d.commit})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func record(n int) call.Record {
	at := time.Date(2026, 3, 2, 9, 0, n, 0, time.UTC)
	return call.Record{ID: call.NewID(at), Direction: call.Outbound, StartedAt: at}
}

func save(ctx context.Context, s *Store, rec call.Record) error {
	_, err := s.SaveCall(ctx, routing.Closing{Change: call.Change{Record: rec}})
	return err
}

// Verbs that come while a commit is under way share the next one.
func TestGroupCommit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &disk{gate: make(chan struct{})}
		s := openOn(t, d, nil)
		const verbs = 100
		var wg sync.WaitGroup
		errs := make(chan error, verbs)
		for n := range verbs {
			wg.Go(func() { errs <- save(t.Context(), s, record(n)) })
			if n == 0 {
				synctest.Wait() // the first one's commit is under way
			}
		}
		synctest.Wait()
		close(d.gate)
		wg.Wait()
		for range verbs {
			if err := <-errs; err != nil {
				t.Fatal(err)
			}
		}
		if got := d.commits.Load(); got != 2 {
			t.Errorf("%d verbs took %d commits, want 2", verbs, got)
		}
	})
}

// A verb that fails, whatever it wrote before, harms no other of its batch.
func TestFailedVerbIsAlone(t *testing.T) {
	s := openOn(t, &disk{}, nil)
	refusal := errors.New("refused")
	var batch []*op
	add := func(run func(*txn) error) chan error {
		o := &op{run: run, done: make(chan error, 1)}
		batch = append(batch, o)
		return o.done
	}
	put := func(key string) func(*txn) error {
		return func(t *txn) error { return t.put(bucketStatuses, key, []byte(`{"user":"`+key+`"}`)) }
	}
	first := add(put("first"))
	early := add(func(*txn) error { return refusal })
	late := add(func(t *txn) error { return errors.Join(put("late")(t), refusal) })
	mad := add(func(t *txn) error { _ = put("mad")(t); panic("mad") })
	last := add(put("last"))

	if err := s.settle(batch); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]struct {
		done chan error
		err  string
	}{
		"first": {first, ""}, "early": {early, "refused"}, "late": {late, "refused"},
		"mad": {mad, "panicked: mad"}, "last": {last, ""},
	} {
		err := <-want.done
		if (err == nil) != (want.err == "") || err != nil && !strings.Contains(err.Error(), want.err) {
			t.Errorf("%s: %v", name, err)
		}
	}
	statuses, err := s.UserStatuses(t.Context())
	if err != nil || len(statuses) != 2 || statuses[0].User != "first" || statuses[1].User != "last" {
		t.Errorf("stored: %+v, %v", statuses, err)
	}
}

// A disk that takes no writes fails the verb, shows in the health and in the
// metrics, and is written again as soon as it can be.
func TestDiskTrouble(t *testing.T) {
	d := &disk{}
	metrics := prometheus.NewRegistry()
	s := openOn(t, d, metrics)
	kept, lost := record(1), record(2)
	if err := save(t.Context(), s, kept); err != nil {
		t.Fatal(err)
	}
	d.broken.Store(true)
	s.SaveDialog(call.Dialog{Leg: kept.ID.Leg(1)}, nil)
	if err := save(t.Context(), s, lost); !errors.Is(err, errDisk) {
		t.Errorf("on a full disk: %v", err)
	}
	if err := s.Healthy(); !errors.Is(err, errDisk) {
		t.Errorf("health on a full disk: %v", err)
	}
	if _, err := s.Call(t.Context(), kept.ID); err != nil {
		t.Errorf("reading on a full disk: %v", err)
	}
	d.broken.Store(false)
	if err := save(t.Context(), s, lost); err != nil {
		t.Errorf("after that: %v", err)
	}
	if err := s.Healthy(); err != nil {
		t.Errorf("health after that: %v", err)
	}
	dialogs, err := s.Dialogs(t.Context())
	if err != nil || len(dialogs) != 1 {
		t.Errorf("the dialog got lost: %v, %v", dialogs, err)
	}
	if n, err := testutil.GatherAndCount(metrics, "tandem_store_commit_seconds"); n != 1 || err != nil {
		t.Errorf("histogram: %d, %v", n, err)
	}
	if got := testutil.ToFloat64(s.metrics.failures); got < 1 {
		t.Errorf("failures counted: %v", got)
	}
}

// A dialog that changes while a commit fails is stored by a later one, whether
// the failed commit carried dialogs or not.
func TestDialogDuringFailure(t *testing.T) {
	rec := record(1)
	legs := []call.LegID{rec.ID.Leg(1), rec.ID.Leg(2)}
	failures := 0
	var s *Store
	s, err := Open(Options{Path: filepath.Join(t.TempDir(), "tandem.db"), commit: func(tx *bbolt.Tx) error {
		if failures < len(legs) {
			s.SaveDialog(call.Dialog{Leg: legs[failures]}, nil)
			failures++
			return errors.Join(errDisk, tx.Rollback())
		}
		return tx.Commit()
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	for range legs {
		if err := save(t.Context(), s, rec); err == nil {
			break
		} else if !errors.Is(err, errDisk) {
			t.Fatal(err)
		}
	}
	dialogs, err := s.Dialogs(t.Context())
	if err != nil || len(dialogs) != len(legs) {
		t.Errorf("dialogs: %+v, %v", dialogs, err)
	}
}

// Nobody waits longer than their context, and a commit that hangs shows.
func TestSlowDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &disk{gate: make(chan struct{})}
		s := openOn(t, d, nil)
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		began := time.Now()
		if err := save(ctx, s, record(1)); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("outcome: %v", err)
		}
		if waited := time.Since(began); waited != 200*time.Millisecond {
			t.Errorf("waited %v", waited)
		}
		for n := range 10_000 { // never blocks
			s.SaveDialog(call.Dialog{Leg: call.LegID(fmt.Sprint(n))}, nil)
		}
		if err := s.Healthy(); err != nil {
			t.Errorf("slow, but well: %v", err)
		}
		time.Sleep(commitLimit)
		if err := s.Healthy(); err == nil {
			t.Error("a commit that hangs does not show")
		}
		close(d.gate)
		dialogs, err := s.Dialogs(t.Context())
		if err != nil || len(dialogs) != 10_000 {
			t.Errorf("%d dialogs, %v", len(dialogs), err)
		}
	})
}

// The heartbeat goes on while nothing else happens, and expired registrations
// are deleted.
func TestHeartbeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openOn(t, &disk{}, nil)
		expires := time.Now().Add(90 * time.Second)
		err := s.SaveBinding(t.Context(), call.Binding{User: "ana", ContactURI: "sip:a", Expires: expires})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		err = s.view(t.Context(), func(tx *txn) error {
			m := readMarks(tx.Tx)
			if age := time.Since(m.alive); age > beatEvery || m.clean {
				t.Errorf("last heartbeat %v ago, clean %v", age, m.clean)
			}
			if key, _ := tx.bucket(bucketBindings).Cursor().First(); key != nil {
				t.Errorf("an expired binding is still stored: %q", key)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
}

func TestClosed(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "tandem.db"))
	for range 2 {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := save(t.Context(), s, record(1)); !errors.Is(err, ErrClosed) {
		t.Errorf("save: %v", err)
	}
	if _, err := s.Call(t.Context(), "x"); !errors.Is(err, ErrClosed) {
		t.Errorf("call: %v", err)
	}
	if err := s.Healthy(); !errors.Is(err, ErrClosed) {
		t.Errorf("healthy: %v", err)
	}
}

// Close while many verbs come in: each is either stored or refused.
func TestCloseUnderLoad(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tandem.db")
	s := open(t, path)
	const verbs = 300
	var records [verbs]call.Record
	var errs [verbs]error
	var wg sync.WaitGroup
	for n := range verbs {
		records[n] = record(n)
		wg.Go(func() { errs[n] = save(t.Context(), s, records[n]) })
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	s = open(t, path)
	defer func() { _ = s.Close() }()
	if s.Unclean() {
		t.Error("a clean stop counts as a crash")
	}
	for n, err := range errs {
		_, found := s.Call(t.Context(), records[n].ID)
		if (err == nil) != (found == nil) {
			t.Errorf("verb %d: %v, but afterwards %v", n, err, found)
		}
	}
}
