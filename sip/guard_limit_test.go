package sip

import (
	"fmt"
	"net/netip"
	"testing"
	"time"
)

// host is the nth address of a large network.
func host(n int) netip.Addr {
	return netip.AddrFrom4([4]byte{10, byte(n >> 16), byte(n >> 8), byte(n)})
}

func TestBucket(t *testing.T) {
	var b bucket
	for i, c := range []struct {
		at   time.Duration
		want bool
	}{
		{0, true}, {0, true}, {0, true}, {0, false}, // a burst of three
		{99 * time.Millisecond, false}, {100 * time.Millisecond, true}, {100 * time.Millisecond, false},
		{time.Hour, true}, {time.Hour, true}, {time.Hour, true}, {time.Hour, false}, // no more than the burst is kept
	} {
		if got := b.take(c.at, 100*time.Millisecond, 3); got != c.want {
			t.Errorf("step %d: %v", i, got)
		}
	}
}

func TestRates(t *testing.T) {
	r := newRates(100)
	count := func(take func(netip.Addr, time.Duration) bool, from string, at time.Duration) int {
		n := 0
		for range 300 {
			if take(netip.MustParseAddr(from), at) {
				n++
			}
		}
		return n
	}
	for i, c := range []struct {
		got, want int
	}{
		{count(r.request, "192.0.2.1", 0), 100},
		{count(r.request, "192.0.2.1", time.Second), 100},
		{count(r.request, "192.0.2.2", time.Second), 100},
		{count(r.answer, "192.0.2.1", time.Second), 20},
		{count(r.answer, "192.0.2.1", 2*time.Second), 20},
		{count(r.request, "2001:db8::1", 0), 100},
		{count(r.request, "2001:db8::2", 0), 0}, // the same subscriber
		{count(r.request, "2001:db8:0:1::1", 0), 100},
	} {
		if c.got != c.want {
			t.Errorf("%d: %d, want %d", i, c.got, c.want)
		}
	}
}

// However many sources there are, few are kept, and the busy ones are.
func TestSourcesAreBounded(t *testing.T) {
	r := newRates(10)
	busy := netip.MustParseAddr("192.0.2.1")
	for range 10 {
		r.request(busy, 0)
	}
	for n := range 3 * maxSources {
		r.request(host(n), 0)
		if r.request(busy, 0) {
			t.Fatalf("the busy source was forgotten after %d others", n)
		}
	}
	if n := len(r.sources.young) + len(r.sources.old); n > maxSources {
		t.Errorf("%d sources", n)
	}
}

func TestBans(t *testing.T) {
	home, away := host(1), host(2)
	b := newBans(10, 10*time.Minute)
	for i := range 9 {
		b.fail("ana", home, time.Duration(i)*time.Second)
	}
	if b.user("ana", home, 9*time.Second) {
		t.Error("banned after 9")
	}
	b.fail("ana", home, 9*time.Second)
	for _, c := range []struct {
		name string
		got  bool
		want bool
	}{
		{"after 10", b.user("ana", home, 9*time.Second), true},
		{"elsewhere", b.user("ana", away, 9*time.Second), false},
		{"another user", b.user("eva", home, 9*time.Second), false},
		{"the source", b.host(home, 9*time.Second), false},
		{"to the end", b.user("ana", home, 10*time.Minute+8*time.Second), true},
		{"afterwards", b.user("ana", home, 10*time.Minute+9*time.Second), false},
	} {
		if c.got != c.want {
			t.Errorf("%s: %v", c.name, c.got)
		}
	}
	for i := range 20 {
		b.fail(fmt.Sprint("user", i), home, 10*time.Second)
	}
	if !b.host(home, 10*time.Second) || b.host(away, 10*time.Second) {
		t.Error("30 failures over users have to ban the source, and it alone")
	}
	slow := newBans(10, time.Hour)
	for i := range 100 {
		if slow.fail("ana", home, time.Duration(i)*7*time.Second); slow.user("ana", home, time.Duration(i)*7*time.Second) {
			t.Fatalf("9 a minute: banned after %d", i)
		}
	}
}

// Neither many names nor many sources fill the memory, and what is over makes
// room.
func TestBansAreBounded(t *testing.T) {
	b := newBans(1, time.Minute)
	for n := range 2 * maxOffenders {
		b.fail("ana", host(n), 0)
	}
	if len(b.users) > maxOffenders || len(b.hosts) > maxOffenders {
		t.Errorf("%d users, %d hosts", len(b.users), len(b.hosts))
	}
	b.fail("eva", host(1), 2*time.Minute)
	if !b.user("eva", host(1), 2*time.Minute) || len(b.users) != 1 {
		t.Errorf("%d users", len(b.users))
	}
}

func TestPlaces(t *testing.T) {
	d := newPlaces()
	count := func(n, from, each, all int) int {
		entered := 0
		for range n {
			if d.enter(host(from), each, all) {
				entered++
			}
		}
		return entered
	}
	if n := count(60, 1, 50, 2000); n != 50 {
		t.Errorf("%d of one source", n)
	}
	d.leave(host(1))
	if n := count(2, 1, 50, 2000); n != 1 {
		t.Errorf("%d after one left", n)
	}
	all := 50
	for n := 2; n < 100; n++ {
		all += count(60, n, 50, 2000)
	}
	if all != 2000 {
		t.Errorf("%d in all", all)
	}
	if n := count(60, 200, unlimited, unlimited); n != 60 {
		t.Errorf("%d of a trunk", n)
	}
	for range 60 {
		d.leave(host(200))
	}
	if _, kept := d.hosts[host(200)]; kept || d.all != 2000 {
		t.Errorf("%d left", d.all)
	}
}
