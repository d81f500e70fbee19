package bolt

import (
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"tandem/call"
	"tandem/routing"
)

// TestRedigest: contacts of a file of version 1 are found by what its digests
// did not say.
func TestRedigest(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tandem.db")
	s, err := Open(Options{Path: path, migrations: []migration{}})
	if err != nil {
		t.Fatal(err)
	}
	ana := routing.Contact{ID: "1", Name: "Ana", Numbers: []string{"+34600000001"}, Owner: "eva", DoNotCall: true}
	if err := errors.Join(s.CreateContact(t.Context(), ana), s.Close()); err != nil {
		t.Fatal(err)
	}
	edit(t, path, func(tx *bbolt.Tx) error {
		digests, records := tx.Bucket([]byte("contacts/digest")), tx.Bucket([]byte("contacts"))
		return errors.Join(digests.Put([]byte("1"), []byte("\x1fana\x1f+34600000001")),
			digests.Put([]byte("2"), []byte("old")), records.Put([]byte("2"), []byte("{")))
	})
	s = open(t, path)
	defer func() { _ = s.Close() }()
	yes := true
	items, _, err := s.Contacts(t.Context(), routing.ContactFilter{Owner: "eva", DoNotCall: &yes})
	if err != nil || len(items) != 1 || items[0].ID != "1" {
		t.Errorf("found %+v, %v", items, err)
	}
}

// A merge leaves no trace of the contact that went but its ID.
func TestMergeLeavesNothing(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "tandem.db"))
	defer func() { _ = s.Close() }()
	keep := routing.Contact{ID: "1", Numbers: []string{"+34600000001"}}
	gone := routing.Contact{ID: "2", Numbers: []string{"+34600000002"}, FollowUp: true}
	if err := errors.Join(s.CreateContact(t.Context(), keep), s.CreateContact(t.Context(), gone)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.MergeContacts(t.Context(), "1", "2", func(*routing.Contact, routing.Contact) error { return nil }); err != nil {
		t.Fatal(err)
	}
	err := s.view(t.Context(), func(tx *txn) error {
		if n := tx.contactID("2"); n != "1" {
			t.Errorf("2 is %s", n)
		}
		for _, bucket := range append(tx.contacts.buckets(), bucketNumbers) {
			if err := tx.bucket(bucket).ForEach(func(k, v []byte) error {
				if string(k) != "1" && string(k) != "+34600000001" {
					t.Errorf("%s still has %q: %q", bucket, k, v)
				}
				return nil
			}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestMergeIsBounded: a merge that would keep the writer busy for long is refused.
func TestMergeIsBounded(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "tandem.db"))
	defer func() { _ = s.Close() }()
	busy(t, s, mergeMax)
	join := func(*routing.Contact, routing.Contact) error { return nil }
	if _, err := s.MergeContacts(t.Context(), "1", "2", join); !errors.Is(err, routing.ErrConflict) {
		t.Errorf("too many calls: %v", err)
	}
	if m, err := s.MergeContacts(t.Context(), "2", "1", join); err != nil || m.Calls != 0 {
		t.Errorf("the other way round: %+v, %v", m, err)
	}
}

// busy makes contacts 1 and 2 and gives 2 a task and n calls.
func busy(t testing.TB, s *Store, n int) {
	t.Helper()
	began := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	err := change(t.Context(), s, func(tx *txn) error {
		for i := range 2 {
			id := fmt.Sprint(i + 1)
			if err := tx.createContact(routing.Contact{ID: id, Numbers: []string{"+3460000000" + id}}); err != nil {
				return err
			}
		}
		for i := range n {
			rec := record(i)
			rec.ContactID, rec.StartedAt = "2", began
			if err := tx.calls.put(tx, nil, rec); err != nil {
				return err
			}
		}
		return tx.putTask(nil, routing.Task{ID: "1", Kind: routing.TaskCallback, State: call.TaskOpen, ContactID: "2"})
	})
	if err != nil {
		t.Fatal(err)
	}
}

// BenchmarkMergeContacts moves as many calls as a merge may.
func BenchmarkMergeContacts(b *testing.B) {
	s := open(b, filepath.Join(b.TempDir(), "tandem.db"))
	b.Cleanup(func() { _ = s.Close() })
	busy(b, s, mergeMax-1)
	keep, gone := "1", "2"
	for b.Loop() {
		if _, err := s.MergeContacts(b.Context(), keep, gone, func(*routing.Contact, routing.Contact) error { return nil }); err != nil {
			b.Fatal(err)
		}
		// Undone, so that there is something to merge again.
		b.StopTimer()
		if err := change(b.Context(), s, func(t *txn) error {
			return errors.Join(t.delete(bucketMerged, gone), t.contacts.put(t, nil, routing.Contact{ID: gone}))
		}); err != nil {
			b.Fatal(err)
		}
		keep, gone = gone, keep
		b.StartTimer()
	}
}
