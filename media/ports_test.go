package media

import (
	"errors"
	"slices"
	"testing"
	"time"
)

func newPool(t *testing.T, from, to uint16) *portPool {
	t.Helper()
	p, err := newPortPool(from, to)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// mustTake takes a port that has to be there.
func mustTake(t *testing.T, p *portPool, now time.Duration) uint16 {
	t.Helper()
	port, err := p.take(now)
	if err != nil {
		t.Fatal(err)
	}
	return port
}

func TestPortsRestAfterUse(t *testing.T) {
	p := newPool(t, 20001, 20009) // 20002 to 20009: four pairs
	taken := make(map[uint16]bool)
	for range 4 {
		port := mustTake(t, p, 0)
		if port%2 != 0 || port < 20002 || port > 20008 || taken[port] || !p.contains(port) || !p.contains(port+1) {
			t.Fatalf("port %d after %v", port, taken)
		}
		taken[port] = true
	}
	if _, err := p.take(time.Hour); !errors.Is(err, ErrNoPorts) {
		t.Fatalf("a fifth pair of four: %v", err)
	}
	p.put(time.Hour, 20004)
	if port, err := p.take(time.Hour + portRest - 1); !errors.Is(err, ErrNoPorts) {
		t.Fatalf("port %d had no rest: %v", port, err)
	}
	if port := mustTake(t, p, time.Hour+portRest); port != 20004 {
		t.Fatalf("port %d, not the one that rested", port)
	}
	if p.contains(20001) || p.contains(20010) {
		t.Error("the pool contains ports outside its range")
	}
}

func TestPortThatRestedLongestIsNext(t *testing.T) {
	p := newPool(t, 20000, 20019)
	var order []uint16
	for range 10 {
		order = append(order, mustTake(t, p, 0))
	}
	slices.Reverse(order)
	for i, port := range order {
		p.put(time.Duration(i)*time.Second, port)
	}
	for round := range 5 {
		for i, want := range order {
			now := time.Hour + time.Duration(10*round+i)*time.Second
			if port := mustTake(t, p, now); port != want {
				t.Fatalf("round %d: port %d, want %d of %v", round, port, want, order)
			}
			p.put(now, want)
		}
	}
}

// A range of ten pairs serves five calls of two seconds' rest a second, for ever.
func TestBusyPortsRestLessRatherThanFail(t *testing.T) {
	p := newPool(t, 20000, 20019)
	closed := make(map[uint16]time.Duration)
	for n := range 1000 {
		now := time.Minute + time.Duration(n)*portRest/10
		port := mustTake(t, p, now)
		if at, before := closed[port]; before && now-at < portRest {
			t.Fatalf("port %d is used %v after its last call", port, now-at)
		}
		p.put(now, port)
		closed[port] = now
	}
}

// A pair that nobody was told of needs no rest, whatever the others do.
func TestUnusedPortsNeedNoRest(t *testing.T) {
	p := newPool(t, 20000, 20003)
	first, second := mustTake(t, p, 0), mustTake(t, p, 0)
	p.put(0, first)
	for range 1000 {
		p.putUnused(second)
		if port := mustTake(t, p, 0); port != second {
			t.Fatalf("port %d while it rests", port)
		}
	}
}

func TestPortsCannotBeGuessed(t *testing.T) {
	first, following := make(map[uint16]bool), 0
	for range 50 {
		p := newPool(t, 20000, 29999)
		a, b := mustTake(t, p, 0), mustTake(t, p, 0)
		first[a] = true
		if b == a+2 {
			following++
		}
	}
	if len(first) < 25 || following > 5 {
		t.Errorf("50 pools begin at %d ports, %d go on with the next one", len(first), following)
	}
}
