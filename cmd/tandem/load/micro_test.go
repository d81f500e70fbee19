//go:build linux

package main

import (
	"slices"
	"strings"
	"testing"
)

const goOutput = `goos: linux
pkg: tandem/media
BenchmarkForward-2   	  500000	       412.5 ns/op	       0 B/op	       0 allocs/op
BenchmarkRelayOverLoopback/native-2 	   60000	     20300 ns/op	    3072 B/op	       2 allocs/op
PASS
ok  	tandem/media	1.2s
pkg: tandem/recording
BenchmarkPush-2   	  500000	       40 ns/op	       0 B/op	       0 allocs/op
BenchmarkWriter-2 	     500	    250000 ns/op	  12.5 MB/s	     100 B/op	       3 allocs/op
`

func TestParseMicro(t *testing.T) {
	got, err := parseMicro([]byte(goOutput))
	want := []micro{
		{room: "media", name: "Forward", ns: 412.5},
		{room: "media", name: "RelayOverLoopback/native", ns: 20300, bytes: 3072, allocs: 2},
		{room: "recording", name: "Push", ns: 40},
		{room: "recording", name: "Writer", ns: 250000, bytes: 100, allocs: 3},
	}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("parseMicro = %+v, %v", got, err)
	}
	if errs := allocations(got); len(errs) != 0 {
		t.Errorf("allocations: %v", errs)
	}
}

func TestAllocationsFail(t *testing.T) {
	for name, text := range map[string]string{
		"allocates": strings.Replace(goOutput, "0 allocs/op", "2 allocs/op", 1),
		"says not":  strings.Replace(goOutput, "0 allocs/op", "", 1),
	} {
		list, err := parseMicro([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if errs := allocations(list); len(errs) != 1 {
			t.Errorf("%s: %v", name, errs)
		}
	}
}

func TestBrokenMicro(t *testing.T) {
	for _, bad := range []string{
		"", "ok  tandem/media 1s", goOutput + "FAIL\ttandem/media/mix [build failed]\n",
		"--- FAIL: BenchmarkForward\n" + goOutput, "pkg: tandem/media\nBenchmarkForward-2 5 x ns/op\n",
	} {
		if got, err := parseMicro([]byte(bad)); err == nil {
			t.Errorf("parseMicro(%.40q) = %+v", bad, got)
		}
	}
}
