package media

import (
	"errors"
	"testing"
	"time"
)

func TestPortsRestAfterUse(t *testing.T) {
	p, err := newPortPool(20001, 20009) // 20002 to 20009: four pairs
	if err != nil {
		t.Fatal(err)
	}
	taken := make(map[uint16]bool)
	for range 4 {
		port, err := p.take(0)
		if err != nil {
			t.Fatal(err)
		}
		if port%2 != 0 || port < 20002 || port > 20008 || taken[port] || !p.contains(port) || !p.contains(port+1) {
			t.Fatalf("port %d after %v", port, taken)
		}
		taken[port] = true
	}
	if _, err := p.take(time.Hour); !errors.Is(err, ErrNoPorts) {
		t.Fatalf("a fifth pair of four: %v", err)
	}
	p.put(time.Hour, 20004)
	if port, err := p.take(time.Hour + portRest - 1); err == nil {
		t.Fatalf("port %d had no rest", port)
	}
	if port, err := p.take(time.Hour + portRest); err != nil || port != 20004 {
		t.Fatalf("port %d after its rest: %v", port, err)
	}
	if p.contains(20001) || p.contains(20010) {
		t.Error("the pool contains ports outside its range")
	}
}

func TestPortsBeginAnywhere(t *testing.T) {
	first := make(map[uint16]bool)
	for range 50 {
		p, err := newPortPool(20000, 29999)
		if err != nil {
			t.Fatal(err)
		}
		port, err := p.take(0)
		if err != nil {
			t.Fatal(err)
		}
		first[port] = true
	}
	if len(first) < 25 {
		t.Errorf("50 pools begin at only %d ports", len(first))
	}
}
