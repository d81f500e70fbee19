package bolt

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"tandem/call"
	"tandem/routing"
)

// TestIndexRecordings: recordings of a file of version 2 are found, and a
// damaged call is passed over.
func TestIndexRecordings(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tandem.db")
	s := open(t, path)
	rec := record(1)
	rec.Playbook, rec.Result, rec.State = "sales", call.ResultCompleted, call.StateEnded
	if err := errors.Join(
		save(t.Context(), s, rec), s.SetRecording(t.Context(), rec.ID, call.Recording{Seconds: 1, SHA256: "ab"}), s.Close()); err != nil {
		t.Fatal(err)
	}
	edit(t, path, func(tx *bbolt.Tx) error { // as version 2 had it
		digests := tx.Bucket([]byte("calls/digest"))
		old := fmt.Sprintf("outbound\x1fcompleted\x1fsales\x1f\x1f\x1f%d", rec.StartedAt.UnixNano())
		return errors.Join(digests.Put([]byte(rec.ID), []byte(old)), tx.Bucket([]byte("calls")).Put([]byte("bad"), []byte("{")),
			tx.DeleteBucket([]byte(indexRecorded)), tx.DeleteBucket([]byte(indexTaped)), tx.DeleteBucket([]byte(indexHeld)),
			tx.Bucket([]byte(bucketMeta)).Put([]byte(keySchema), []byte("2")))
	})
	s = open(t, path)
	defer func() { _ = s.Close() }()
	for _, f := range []routing.CallFilter{{Recorded: true}, {Recorded: true, Playbooks: []string{"sales"}}} {
		items, _, err := s.Calls(t.Context(), f)
		if err != nil || len(items) != 1 || items[0].ID != rec.ID {
			t.Errorf("%+v: found %+v, %v", f, items, err)
		}
	}
}

// TestRecordedPageIsBounded: a page of the recordings of one playbook looks at
// no call of another, and at none without a recording.
func TestRecordedPageIsBounded(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "tandem.db"))
	defer func() { _ = s.Close() }()
	var want call.ID
	for n := range 200 {
		rec := record(n)
		rec.Playbook, rec.Result, rec.State = []string{"sales", "support"}[n%2], call.ResultCompleted, call.StateEnded
		err := save(t.Context(), s, rec)
		if n == 10 || n%2 == 1 {
			err = errors.Join(err, s.SetRecording(t.Context(), rec.ID, call.Recording{Seconds: 1}))
		}
		if err != nil {
			t.Fatal(err)
		}
		if n == 10 {
			want = rec.ID
		}
	}
	looked := 0
	err := s.view(t.Context(), func(tx *txn) error {
		q := callQuery(routing.CallFilter{Recorded: true, Playbooks: []string{"sales"}})
		match := q.want
		q.want = func(digest string) bool { looked++; return match(digest) }
		items, next := tx.calls.list(tx, q)
		if len(items) != 1 || items[0].ID != want || next != "" {
			t.Errorf("found %d, %q", len(items), next)
		}
		return nil
	})
	if err != nil || looked != 1 {
		t.Errorf("looked at %d calls, %v", looked, err)
	}
}

// TestRecordingsOffline: the file of a switch that is not running tells which
// recordings there are.
func TestRecordingsOffline(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tandem.db")
	if _, err := Recordings(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without a file: %v", err)
	}
	s := open(t, path)
	with, without := record(1), record(2)
	err := errors.Join(save(t.Context(), s, with), save(t.Context(), s, without),
		s.SetRecording(t.Context(), with.ID, call.Recording{Seconds: 1, SHA256: "ab"}))
	if _, inUse := Recordings(path); err != nil || !errors.Is(inUse, ErrInUse) {
		t.Errorf("while it is open: %v, %v", inUse, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	edit(t, path, func(tx *bbolt.Tx) error { return tx.Bucket([]byte("calls")).Put([]byte("bad"), []byte("{")) })
	sums, err := Recordings(path)
	if err != nil || len(sums) != 1 || sums[string(with.ID)] != "ab" {
		t.Errorf("recordings %v, %v", sums, err)
	}
}

// TestAccessesOfDamage: a damaged access is passed over.
func TestAccessesOfDamage(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "tandem.db"))
	defer func() { _ = s.Close() }()
	id := record(1).ID
	a := routing.Access{ID: string(call.NewID(time.Now())), CallID: id, User: "eva", At: time.Now()}
	err := errors.Join(s.LogAccess(t.Context(), a),
		change(t.Context(), s, func(t *txn) error { return t.put(bucketAccesses, string(id)+separator+"~", []byte("{")) }))
	if err != nil {
		t.Fatal(err)
	}
	items, next, err := s.Accesses(t.Context(), id, routing.Page{})
	if err != nil || len(items) != 1 || items[0].ID != a.ID || next != "" {
		t.Errorf("found %+v, %q, %v", items, next, err)
	}
}
