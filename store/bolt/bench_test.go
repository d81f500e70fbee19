package bolt

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"tandem/call"
	"tandem/routing"
)

// filled makes a store with n ended calls of 20 users and 1000 contacts.
func filled(b *testing.B, n int) *Store {
	b.Helper()
	s := open(b, filepath.Join(b.TempDir(), "tandem.db"))
	b.Cleanup(func() { _ = s.Close() })
	began := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for first := 0; first < n; first += 5000 {
		err := change(b.Context(), s, func(t *txn) error {
			for i := first; i < min(first+5000, n); i++ {
				at := began.Add(time.Duration(i) * time.Second)
				rec := call.Record{
					ID: call.NewID(at), Direction: call.Inbound, State: call.StateEnded, Result: call.ResultCompleted,
					From: "+34600000001", Number: "+34910000001", ContactID: fmt.Sprintf("contact%d", i%1000),
					User: fmt.Sprintf("user%d", i%20), Playbook: "sales-es", StartedAt: at,
					Trail: []call.Mark{{At: at, What: "arrived"}, {At: at, What: "offered"}, {At: at, What: "connected"}},
				}
				if err := t.calls.put(t, nil, rec); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	return s
}

// BenchmarkCalls lists a page of 50 among 100,000 calls.
func BenchmarkCalls(b *testing.B) {
	s := filled(b, 100_000)
	for name, f := range map[string]routing.CallFilter{
		"newest":   {},
		"user":     {User: "user7"},
		"contact":  {Contact: "contact42"},
		"playbook": {Playbooks: []string{"sales-es"}},
		"week":     {Until: time.Date(2026, 1, 1, 5, 0, 0, 0, time.UTC)},
		"no match": {Result: call.ResultBusy},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := s.Calls(b.Context(), f); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("check", func(b *testing.B) {
		path := filepath.Join(b.TempDir(), "copy.db")
		if err := s.BackupTo(b.Context(), path); err != nil {
			b.Fatal(err)
		}
		for b.Loop() {
			if err := Check(path); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkSaveCall stores calls from 64 goroutines, each waiting for the disk.
func BenchmarkSaveCall(b *testing.B) {
	s := open(b, filepath.Join(b.TempDir(), "tandem.db"))
	b.Cleanup(func() { _ = s.Close() })
	b.SetParallelism(32)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if err := save(b.Context(), s, record(0)); err != nil {
				b.Error(err)
			}
		}
	})
}
