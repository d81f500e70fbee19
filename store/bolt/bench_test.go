package bolt

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
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

// BenchmarkLifeOfCall takes inbound calls from arrival to end, 32 at a time,
// among 10,000 older ones. CPU is that of the whole process, the kernel's
// share of every commit with it.
func BenchmarkLifeOfCall(b *testing.B) {
	s := filled(b, 10_000)
	var number atomic.Int64
	b.SetParallelism(16)
	b.ReportAllocs()
	began := processorTime(b)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if err := liveAndEnd(b.Context(), s, int(number.Add(1))); err != nil {
				b.Error(err)
			}
		}
	})
	b.ReportMetric(float64(processorTime(b)-began)/1e3/float64(b.N), "cpu-µs/op")
}

// liveAndEnd stores the nth call as its own life has it stored.
func liveAndEnd(ctx context.Context, s *Store, n int) error {
	at := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC).Add(time.Duration(n) * time.Millisecond)
	rec := call.Record{
		ID: call.NewID(at), Direction: call.Inbound, State: call.StateQueued,
		From: fmt.Sprintf("+346%08d", n%1000), Number: "+34910000001", Playbook: "sales", StartedAt: at,
	}
	got, err := s.Admit(ctx, routing.Admission{Record: rec, Caller: &routing.Contact{Name: "Ana"}})
	if err != nil {
		return err
	}
	rec, rec.TaskID = got.Record, got.Task.ID
	for step, task := range []call.TaskState{call.TaskOpen, call.TaskInProgress, call.TaskDone} {
		rec.User = fmt.Sprintf("user%d", n%100)
		rec.Trail = append(rec.Trail, call.Mark{At: at, What: "passed_over", User: strings.Repeat("user12, ", 40), Why: "idle for less"})
		if step == 2 {
			rec.Result, rec.State, rec.EndedAt = call.ResultCompleted, call.StateEnded, &at
		}
		if _, err := s.SaveCall(ctx, routing.Closing{Change: call.Change{Record: rec, Task: task}}); err != nil {
			return err
		}
	}
	return nil
}

// processorTime is what the process has used in user and system mode.
func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var own syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &own); err != nil {
		b.Fatal(err)
	}
	return time.Duration(own.Utime.Nano() + own.Stime.Nano())
}
