package media

import (
	"bytes"
	"net"
	"net/netip"
	"testing"
	"time"
)

func TestPacketIO(t *testing.T) {
	eachIO(t, func(t *testing.T, open func() (PacketIO, error)) {
		for _, host := range []string{"127.0.0.1", "::1"} {
			t.Run(host, func(t *testing.T) {
				peer, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.ParseIP(host)})
				if err != nil {
					t.Skipf("no %s on this machine: %v", host, err)
				}
				defer peer.Close()
				exchange(t, open, peer)
			})
		}
	})
}

// exchange sends a datagram through a socket of all addresses and back.
func exchange(t *testing.T, open func() (PacketIO, error), peer *net.UDPConn) {
	t.Helper()
	io, err := open()
	if err != nil {
		t.Fatal(err)
	}
	var s Socket
	port := uint16(27000)
	for ; s == nil && port < 27100; port++ {
		if s, err = io.Bind(netip.Addr{}, port); err != nil {
			s = nil
		}
	}
	if s == nil {
		t.Fatal(err)
	}
	var from netip.AddrPort
	var got []byte
	if err := io.Watch(s, func(f netip.AddrPort, b []byte) { from, got = f, bytes.Clone(b) }); err != nil {
		t.Fatal(err)
	}
	there := peer.LocalAddr().(*net.UDPAddr).AddrPort()
	if err := s.Send(there, []byte("hello")); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 100)
	if err := peer.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	n, sender, err := peer.ReadFromUDP(b)
	if err != nil || string(b[:n]) != "hello" {
		t.Fatalf("%q, %v", b[:n], err)
	}
	if _, err := peer.WriteToUDP([]byte("answer"), sender); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(10 * time.Second); got == nil && time.Now().Before(deadline); {
		if _, err := io.Poll(deadline); err != nil {
			t.Fatal(err)
		}
	}
	if string(got) != "answer" || from != netip.AddrPortFrom(there.Addr().Unmap(), there.Port()) {
		t.Errorf("%q from %v, want the answer from %v", got, from, there)
	}
	io.Wake()
	if n, err := io.Poll(time.Now().Add(10 * time.Second)); n != 0 || err != nil {
		t.Errorf("woken with %d datagrams: %v", n, err)
	}
	if n, err := io.Poll(time.Now().Add(5 * time.Millisecond)); n != 0 || err != nil {
		t.Errorf("%d datagrams at the deadline: %v", n, err)
	}
	if _, err := peer.WriteToUDP([]byte("late"), sender); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	got = nil
	if _, err := io.Poll(time.Now().Add(5 * time.Millisecond)); err != nil || got != nil {
		t.Errorf("a closed socket handed over %q: %v", got, err)
	}
	if _, err := io.Bind(netip.MustParseAddr("127.0.0.1"), port-1); err != nil {
		t.Errorf("a closed port is still taken: %v", err)
	}
	if err := io.Close(); err != nil {
		t.Error(err)
	}
}

func TestSocketsOfAnotherIOAreRefused(t *testing.T) {
	eachIO(t, func(t *testing.T, open func() (PacketIO, error)) {
		io, err := open()
		if err != nil {
			t.Fatal(err)
		}
		defer io.Close()
		if err := io.Watch(sink{}, func(netip.AddrPort, []byte) {}); err == nil {
			t.Error("a foreign socket was taken")
		}
	})
}
