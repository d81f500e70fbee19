package media

import (
	"net/netip"
	"testing"
	"time"
)

func TestSocketsAllocateNothing(t *testing.T) {
	io, err := NewPacketIO()
	if err != nil {
		t.Fatal(err)
	}
	defer io.Close()
	loopback := netip.MustParseAddr("127.0.0.1")
	var s Socket
	port := uint16(29000)
	for ; s == nil && port < 29100; port++ {
		if s, err = io.Bind(loopback, port); err != nil {
			s = nil
		}
	}
	if s == nil {
		t.Fatal(err)
	}
	taken := 0
	if err := io.Watch(s, func(netip.AddrPort, []byte) { taken++ }); err != nil {
		t.Fatal(err)
	}
	to, datagram := netip.AddrPortFrom(loopback, port-1), pattern(1)
	deadline := time.Now().Add(time.Hour)
	if n := testing.AllocsPerRun(200, func() {
		if err := s.Send(to, datagram); err != nil {
			t.Error(err)
		}
		if _, err := io.Poll(deadline); err != nil {
			t.Error(err)
		}
	}); n != 0 || taken != 201 {
		t.Errorf("%v allocations per datagram, %d of 201 taken", n, taken)
	}
}
