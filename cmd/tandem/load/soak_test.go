//go:build linux

package main

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"tandem/recording"
	"tandem/store/bolt"
)

// A short soak: nothing is off, and the switch's own checks agree.
func TestSoak(t *testing.T) {
	o := fullSoak(8*time.Second, 1, t.TempDir())
	o.warmUp, o.quiet, o.every, o.rate, o.calls = 2*time.Second, time.Second, 3*time.Second, 4, 20
	o.profile = filepath.Join(t.TempDir(), "soak")
	if err := runSoak(t.Context(), o, t.Output()); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(o.profile + ".2.heap"); err != nil || info.Size() == 0 {
		t.Errorf("no profile of the second rest: %v", err)
	}
	report, err := recording.Verify(t.Context(), o.dir+"/recordings", nil, nil)
	if err != nil || len(report.Faults) > 0 || report.Checked == 0 {
		t.Errorf("%d recordings, faults %v, %v", report.Checked, report.Faults, err)
	}
	if err := bolt.Check(o.dir + "/backup.db"); err != nil {
		t.Error(err)
	}
}

func TestPlans(t *testing.T) {
	share := 0
	for _, d := range deeds {
		share += d.share
		if len(results[d.deed]) == 0 {
			t.Errorf("%s has no result", d.deed)
		}
	}
	if share != 100 {
		t.Errorf("shares add up to %d", share)
	}
	seen := make(map[deed]int)
	for n := range 1000 {
		p := planCall(7, n)
		if again := planCall(7, n); !reflect.DeepEqual(p, again) {
			t.Fatalf("call %d: %+v, then %+v", n, p, again)
		}
		seen[p.deed]++
	}
	for _, d := range deeds {
		if got := seen[d.deed]; got < 5*d.share || got > 20*d.share {
			t.Errorf("%d of 1000 calls: %s", got, d.deed)
		}
	}
}

func TestJudge(t *testing.T) {
	made := []plan{{number: 1, deed: talks}, {number: 2, deed: closed}, {number: 3, deed: withheld}}
	good := []record{
		{ID: "a", State: "ended", Result: "completed", From: caller(1)},
		{ID: "b", State: "ended", Result: "office_closed", From: caller(2)},
		{ID: "c", State: "ended", Result: "completed"},
	}
	if faults := judge(made, good); len(faults) > 0 {
		t.Errorf("faults in what is right: %v", faults)
	}
	for name, tt := range map[string]struct {
		change func([]record) []record
		faults int
	}{
		"lost":        {func(r []record) []record { return r[:2] }, 2},
		"doubled":     {func(r []record) []record { return append(r, r[0]) }, 2},
		"live":        {func(r []record) []record { r[0].State = "active"; return r }, 1},
		"no result":   {func(r []record) []record { r[2].Result = ""; return r }, 1},
		"other":       {func(r []record) []record { r[1].Result = "completed"; return r }, 1},
		"of somebody": {func(r []record) []record { r[0].From = caller(9); return r }, 1},
	} {
		if faults := judge(made, tt.change(append([]record(nil), good...))); len(faults) != tt.faults {
			t.Errorf("%s: faults %v", name, faults)
		}
	}
}

func TestBeyond(t *testing.T) {
	before := holding{legs: 0, goroutines: 50, descriptors: 30, heap: 20 * megabyte}
	for name, tt := range map[string]struct {
		now  holding
		want int
	}{
		"same":        {before, 0},
		"less":        {holding{goroutines: 40, descriptors: 20, heap: megabyte}, 0},
		"within":      {holding{goroutines: 50, descriptors: 30, heap: 24 * megabyte}, 0},
		"heap":        {holding{heap: 25 * megabyte}, 1},
		"a call left": {holding{calls: 1, legs: 2}, 2},
		"descriptors": {holding{goroutines: 51, descriptors: 31}, 2},
	} {
		if grown := tt.now.beyond(before); len(grown) != tt.want {
			t.Errorf("%s: %v", name, grown)
		}
	}
}
