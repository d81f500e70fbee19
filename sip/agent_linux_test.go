package sip

import (
	"net"
	"os"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// A UDP socket has as much room for datagrams as the kernel allows, and is asked
// for: the default is full after a few milliseconds of a flood.
func TestReceiveBuffer(t *testing.T) {
	text, err := os.ReadFile("/proc/sys/net/core/rmem_max")
	if err != nil {
		t.Skip(err)
	}
	most, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	s, err := open(Listen{Network: "udp", Addr: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	raw, err := s.packet.(*net.UDPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	room, failed := 0, error(nil)
	err = raw.Control(func(fd uintptr) { room, failed = unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF) })
	if err != nil || failed != nil {
		t.Fatal(err, failed)
	}
	// The kernel keeps twice what was asked for, half of it for its own needs.
	if want := 2 * min(most, receiveBuffer); room < want {
		t.Errorf("room for %d bytes, want %d", room, want)
	}
}
