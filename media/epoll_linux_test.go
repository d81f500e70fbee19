package media

import (
	"net/netip"
	"testing"
	"time"
)

func TestSocketsAllocateNothing(t *testing.T) {
	for name, open := range map[string]func() (PacketIO, error){"native": NewPacketIO, "dedicated": NewDedicatedIO} {
		t.Run(name, func(t *testing.T) {
			io, err := open()
			if err != nil {
				t.Fatal(err)
			}
			defer io.Close()
			allocateNothing(t, io)
		})
	}
}

// allocateNothing sends and takes a datagram many times, with rests between.
func allocateNothing(t *testing.T, io PacketIO) {
	t.Helper()
	var err error
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
		if n, err := io.Poll(time.Now().Add(2 * breather)); n != 0 || err != nil {
			t.Errorf("%d datagrams more: %v", n, err)
		}
	}); n != 0 || taken != 201 {
		t.Errorf("%v allocations per datagram, %d of 201 taken", n, taken)
	}
}
