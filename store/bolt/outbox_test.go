package bolt

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"tandem/call"
	"tandem/crm"
	"tandem/routing"
)

// logged stores a call that has ended and is to be logged.
func logged(t testing.TB, s *Store, number string) call.ID {
	t.Helper()
	ended := time.Now().UTC().Add(-time.Minute)
	rec := call.Record{
		ID: call.NewID(ended), Direction: call.Inbound, From: number, Number: "+34910000001", StartedAt: ended, EndedAt: &ended,
		State: call.StateEnded, Result: call.ResultCompleted,
	}
	if _, err := s.SaveCall(t.Context(), routing.Closing{Change: call.Change{Record: rec}, CRM: "acme"}); err != nil {
		t.Fatal(err)
	}
	return rec.ID
}

func claim(t testing.TB, s *Store, limit int) []crm.Job {
	t.Helper()
	now := time.Now()
	jobs, err := s.ClaimEntries(t.Context(), crm.Claim{Owner: "w", Limit: limit, Now: now, Until: now.Add(time.Minute), Horizon: now.Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	return jobs
}

// overwrite writes what no verb would write.
func overwrite(t testing.TB, s *Store, bucket, key, value string) {
	t.Helper()
	if err := change(t.Context(), s, func(tx *txn) error { return tx.put(bucket, key, []byte(value)) }); err != nil {
		t.Fatal(err)
	}
}

// A damaged record in the outbox, of whatever kind, costs its own call at most.
func TestDamagedOutbox(t *testing.T) {
	for _, test := range []struct {
		name   string
		damage func(s *Store, id call.ID)
		lost   bool
	}{
		{"entry", func(s *Store, id call.ID) { overwrite(t, s, bucketEntries, string(id), "{") }, true},
		{"call", func(s *Store, id call.ID) { overwrite(t, s, s.schema.calls.name, string(id), "{") }, true},
		{"lane", func(s *Store, _ call.ID) { overwrite(t, s, bucketLanes, "+34600000001", "{") }, false},
		{"key", func(s *Store, _ call.ID) { overwrite(t, s, bucketLaneDue, "0000"+separator+"+34600000009", "") }, false},
		{"junk", func(s *Store, _ call.ID) { overwrite(t, s, bucketLaneDue, "junk", "") }, false},
		{"contact", func(s *Store, _ call.ID) { overwrite(t, s, bucketCRMContacts, "acme"+separator+"+34600000001", "{") }, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := open(t, filepath.Join(t.TempDir(), "tandem.db"))
			defer s.Close()
			first, second, other := logged(t, s, "+34600000001"), logged(t, s, "+34600000001"), logged(t, s, "+34600000002")
			test.damage(s, first)
			got := map[call.ID]bool{}
			for range 5 {
				for _, job := range claim(t, s, 8) {
					got[job.Entry.CallID] = true
				}
			}
			head := first
			if test.lost {
				head = second
			}
			if len(got) != 2 || !got[head] || !got[other] {
				t.Errorf("claimed %v of %s, %s, %s", got, first, second, other)
			}
			err := s.view(t.Context(), func(tx *txn) error {
				if n := tx.Bucket([]byte(bucketLaneDue)).Stats().KeyN; n != 2 {
					return fmt.Errorf("%d lanes are due", n)
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
}

// BenchmarkClaim leases and gives back an entry while others wait: all of one
// number, or each of a number of its own.
func BenchmarkClaim(b *testing.B) {
	for _, waiting := range []int{10, 10_000} {
		for name, number := range map[string]func(int) string{
			"one lane":   func(int) string { return "+34600000001" },
			"many lanes": func(n int) string { return fmt.Sprintf("+346%08d", n) },
		} {
			b.Run(fmt.Sprintf("%s of %d", name, waiting), func(b *testing.B) {
				s, err := Open(Options{Path: filepath.Join(b.TempDir(), "tandem.db"), commit: func(tx *bbolt.Tx) error {
					tx.DB().NoSync = true
					return tx.Commit()
				}})
				if err != nil {
					b.Fatal(err)
				}
				defer s.Close()
				for n := range waiting {
					logged(b, s, number(n))
				}
				for b.Loop() {
					job := claim(b, s, 1)[0]
					c := crm.Change{CallID: job.Entry.CallID, Owner: "w", Now: time.Now(), Apply: func(e crm.Entry) crm.Entry { return e }}
					if _, err := s.ChangeEntry(b.Context(), c); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// BenchmarkSumUp counts ten thousand entries, as each look at the metrics does.
func BenchmarkSumUp(b *testing.B) {
	s, err := Open(Options{Path: filepath.Join(b.TempDir(), "tandem.db"), commit: func(tx *bbolt.Tx) error {
		tx.DB().NoSync = true
		return tx.Commit()
	}})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	for n := range 10_000 {
		logged(b, s, fmt.Sprintf("+346%08d", n))
	}
	for b.Loop() {
		if sum, err := s.SumUpEntries(b.Context()); err != nil || sum.ToLog != 10_000 {
			b.Fatal(sum, err)
		}
	}
}
