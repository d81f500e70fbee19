//go:build linux

package main

import (
	"context"
	"fmt"
	"syscall"
	"time"
)

// holding is what a switch has in its hands.
type holding struct {
	calls, queued, legs     int
	goroutines, descriptors int
	heap, rss               int64 // bytes
}

// holdingOf reads a scrape.
func holdingOf(m samples) holding {
	none := samples{}
	return holding{
		calls:  int(growth(none, m, "tandem_calls_active")),
		queued: int(growth(none, m, "tandem_queue_calls")),
		legs:   int(growth(none, m, "tandem_media_legs")),

		goroutines:  int(m["go_goroutines"]),
		descriptors: int(m["process_open_fds"]),
		heap:        int64(m["go_memstats_heap_inuse_bytes"]),
		rss:         int64(m["process_resident_memory_bytes"]),
	}
}

const megabyte = 1 << 20

func (h holding) String() string {
	return fmt.Sprintf("%d calls, %d waiting, %d media legs, %d goroutines, %d descriptors, heap %.1f MB, memory %.1f MB",
		h.calls, h.queued, h.legs, h.goroutines, h.descriptors, float64(h.heap)/megabyte, float64(h.rss)/megabyte)
}

// heapMargin is how much heap may have grown, of what it was, and heapFloor in
// any case: pages are not used in full.
const (
	heapMargin = 0.20
	heapFloor  = 2 * megabyte
)

// beyond names everything of which more is held than before.
func (h holding) beyond(before holding) []string {
	var grown []string
	for _, count := range []struct {
		name      string
		now, then int
	}{
		{"calls", h.calls, 0},
		{"waiting calls", h.queued, 0},
		{"media legs", h.legs, before.legs},
		{"goroutines", h.goroutines, before.goroutines},
		{"descriptors", h.descriptors, before.descriptors},
	} {
		if count.now > count.then {
			grown = append(grown, fmt.Sprintf("%d %s, not %d", count.now, count.name, count.then))
		}
	}
	if most := before.heap + max(heapFloor, int64(heapMargin*float64(before.heap))); h.heap > most {
		grown = append(grown, fmt.Sprintf("%.1f MB of heap after %.1f MB", float64(h.heap)/megabyte, float64(before.heap)/megabyte))
	}
	return grown
}

// held has the switch free its memory, then reads what it holds.
func (s *switchProcess) held(ctx context.Context) (holding, error) {
	s.http.CloseIdleConnections() // they are ours
	before, err := s.metrics(ctx)
	if err != nil {
		return holding{}, err
	}
	if err := s.signal(syscall.SIGHUP); err != nil {
		return holding{}, err
	}
	for {
		now, err := s.metrics(ctx)
		if err != nil {
			return holding{}, err
		}
		if now["go_memstats_last_gc_time_seconds"] > before["go_memstats_last_gc_time_seconds"] {
			return holdingOf(now), nil
		}
		if err := pause(ctx, 50*time.Millisecond); err != nil {
			return holding{}, err
		}
	}
}
