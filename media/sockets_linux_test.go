package media

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tandem/call"
	"tandem/media/codec"
)

// ownSockets returns the inodes of this process's sockets.
func ownSockets(t *testing.T) map[string]bool {
	t.Helper()
	const open = "/proc/self/fd"
	files, err := os.ReadDir(open)
	if err != nil {
		t.Fatal(err)
	}
	own := make(map[string]bool)
	for _, f := range files {
		name, err := os.Readlink(filepath.Join(open, f.Name()))
		if err != nil {
			continue // closed meanwhile
		}
		if inode, is := strings.CutPrefix(name, "socket:["); is {
			own[strings.TrimSuffix(inode, "]")] = true
		}
	}
	return own
}

// boundPorts returns how many UDP sockets of this process lie in a range of ports.
func boundPorts(t *testing.T, from, to uint16) (n int) {
	t.Helper()
	own := ownSockets(t)
	for _, table := range []string{"/proc/net/udp", "/proc/net/udp6"} {
		f, err := os.Open(table)
		if os.IsNotExist(err) {
			continue // a machine without that family
		}
		if err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(f)
		for lines.Scan() {
			fields := strings.Fields(lines.Text())
			if len(fields) < 10 || !own[fields[9]] {
				continue // the heading, or another program's
			}
			_, digits, _ := strings.Cut(fields[1], ":")
			b, err := hex.DecodeString(digits)
			if err != nil || len(b) != 2 {
				t.Fatalf("address %q", fields[1])
			}
			if port := uint16(b[0])<<8 | uint16(b[1]); port >= from && port <= to {
				n++
			}
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return n
}

// bound fails unless so many sockets lie in a range of ports. The kernel's table
// is not read at one moment: what other programs open and close meanwhile hides
// some of it, so it is read again.
func bound(t *testing.T, what string, from, to uint16, want int) {
	t.Helper()
	got := boundPorts(t, from, to)
	for range 100 {
		if got == want {
			return
		}
		got = boundPorts(t, from, to)
	}
	t.Fatalf("%s: %d sockets, want %d", what, got, want)
}

// Each leg has its two sockets, from before anybody learns of them until it is
// closed; refused offers and the engine's end leave none.
func TestNoSocketWithoutACall(t *testing.T) {
	const from, to = 24100, 24299
	eachIO(t, func(t *testing.T, io func() (PacketIO, error)) {
		t.Cleanup(func() { // runs after the engine's end
			bound(t, "after the engine's end", from, to, 0)
		})
		e := startEngine(t, Options{PacketIO: io, From: from, To: to})
		want := func(legs int) {
			t.Helper()
			bound(t, fmt.Sprintf("%d legs", legs), from, to, 2*legs)
		}
		want(0)
		for n := range 10 {
			newPhone(t, codec.PCMA).open(e, call.ID("call").Leg(n))
			want(n + 1)
			if _, err := e.Open("refused-1", call.MediaSpec{Remote: offer("224.0.0.1", 4000, "8"), Source: "127.0.0.1"}); err == nil {
				t.Fatal("opened")
			}
			want(n + 1)
		}
		for n := range 9 {
			e.Close(call.ID("call").Leg(n))
			want(9 - n)
		}
	})
}
