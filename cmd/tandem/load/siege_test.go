//go:build linux

package main

import (
	"bytes"
	"math/rand/v2"
	"net"
	"net/netip"
	"testing"
	"time"
)

// A flood sends every message from the address that was asked for, and counts
// what comes back.
func TestFlood(t *testing.T) {
	target, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer target.Close()
	messages := [][]byte{[]byte("one"), []byte("the other")}
	f, err := newFlood(target.LocalAddr().(*net.UDPAddr).AddrPort(), messages, 1000, anywhere)
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 2))
	sources := make(map[netip.Addr]bool)
	const count = 50
	for i := range count {
		if n, err := f.burst(1, r); n != 1 || err != nil {
			t.Fatalf("datagram %d: %d sent, %v", i, n, err)
		}
		got := make([]byte, 100)
		n, from, err := target.ReadFromUDPAddrPort(got)
		if err != nil || !bytes.Equal(got[:n], messages[i%2]) {
			t.Fatalf("datagram %d: %q, %v", i, got[:n], err)
		}
		sources[from.Addr()] = true
		if _, err := target.WriteToUDPAddrPort([]byte("back"), from); err != nil {
			t.Fatal(err)
		}
	}
	f.drain()
	if len(sources) < count-2 || f.sent != count || f.sentBytes != count/2*12 || f.received != count || f.receivedBytes != count*4 {
		t.Errorf("%d sources, %d sent of %d bytes, %d received of %d bytes", len(sources), f.sent, f.sentBytes, f.received, f.receivedBytes)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
}

// What is sent is what the siege says it is.
func TestPools(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	junk, err := junkPool(r)
	if err != nil {
		t.Fatal(err)
	}
	whole := make(map[string]int)
	for _, m := range junk {
		if len(m) == 0 || len(m) > 1500 {
			t.Fatalf("%d bytes", len(m))
		}
		if method, _, found := bytes.Cut(m, []byte(" ")); found && bytes.HasSuffix(m, []byte("\r\n\r\n")) {
			whole[string(method)]++
		}
	}
	for _, method := range []string{"INVITE", "REGISTER", "OPTIONS"} {
		if whole[method] < len(junk)/10 {
			t.Errorf("%d of %d are a whole %s", whole[method], len(junk), method)
		}
	}
	long, err := parametersPool(r)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range long {
		if n := bytes.Count(m, []byte(";a")); len(m) > quadratic || n < 15_000 {
			t.Errorf("%d parameters in %d bytes", n, len(m))
		}
	}
	for range 1000 {
		for name, source := range map[string]netip.Addr{"anywhere": anywhere(r), "few": few(r)} {
			if !source.IsLoopback() || source.As4()[1] == 0 {
				t.Fatalf("%s: %s may be a phone's", name, source)
			}
		}
	}
}

func TestGoals(t *testing.T) {
	good := result{
		scenario: scenario{siege: &siege{}}, idle: 30e6,
		sieged: sieged{sent: 1000, refused: 900, most: 79e6, after: 31e6, relieved: time.Second, logged: 9e5},
	}
	for name, tt := range map[string]struct {
		change func(*result)
		missed int
	}{
		"good":      {func(*result) {}, 0},
		"memory":    {func(r *result) { r.sieged.most = 81e6 }, 1},
		"kept":      {func(r *result) { r.sieged.relieved = 0 }, 1},
		"log":       {func(r *result) { r.sieged.logged = 1.1e6 }, 1},
		"no siege":  {func(r *result) { r.sieged.refused = 0 }, 1},
		"all":       {func(r *result) { r.sieged = sieged{most: 90e6, logged: 2e6} }, 4},
		"no matter": {func(r *result) { r.scenario.siege, r.sieged = nil, sieged{most: 90e6} }, 0},
	} {
		r := good
		tt.change(&r)
		if missed := r.goals(); len(missed) != tt.missed {
			t.Errorf("%s: %v", name, missed)
		}
	}
}
