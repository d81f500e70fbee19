package sip

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
)

// wired is one end of a pipe that seems to come from somewhere.
type wired struct {
	net.Conn
	from netip.AddrPort
}

func (w wired) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(w.from) }

// pipe connects somebody to a guard.
func pipe(t *testing.T, g *guard, from netip.AddrPort) (near net.Conn, far net.Conn) {
	t.Helper()
	inner, far := net.Pipe()
	near = g.connect(wired{inner, from})
	if near == nil {
		t.Fatal("no connection")
	}
	t.Cleanup(func() { _, _ = near.Close(), far.Close() })
	return near, far
}

// A connection that brings no whole message in time is closed, and so is one
// of a stranger that falls silent; a phone may be silent for as long as it
// wants.
func TestStreamTimes(t *testing.T) {
	phone := netip.MustParseAddrPort("192.0.2.2:5062")
	stranger := netip.MustParseAddrPort("192.0.2.9:5062")
	half := sound[:40]
	for _, c := range []struct {
		name  string
		from  netip.AddrPort
		sent  []string // a second apart
		after time.Duration
	}{
		{"nothing", stranger, nil, 5 * time.Second},
		{"nothing of a phone", phone, nil, 5 * time.Second},
		{"half", stranger, []string{half}, 5 * time.Second},
		{"byte by byte", stranger, strings.Split(half[:10], ""), 5 * time.Second},
		{"only pings", stranger, []string{"\r\n\r\n", "\r\n\r\n"}, 5 * time.Second},
		{"silent afterwards", stranger, []string{sound}, 2 * time.Minute},
		{"half a second one", stranger, []string{sound + half}, 5 * time.Second},
		{"half a second one of a phone", phone, []string{sound, half}, 6 * time.Second},
		{"silent phone", phone, []string{sound}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := testGuard(t)
				began := time.Now()
				near, far := pipe(t, g, c.from)
				var ends sync.WaitGroup
				ends.Go(func() { _, _ = io.Copy(io.Discard, far) })
				ends.Go(func() {
					for i, part := range c.sent {
						if i > 0 {
							time.Sleep(time.Second)
						}
						_, _ = far.Write([]byte(part))
					}
				})
				time.AfterFunc(time.Hour, func() { _ = near.Close() })
				buf := make([]byte, 32<<10)
				var err error
				for err == nil {
					_, err = near.Read(buf)
				}
				want := c.after
				if want == 0 {
					want = time.Hour
				} else if !errors.Is(err, errIdle) || testutil.ToFloat64(g.meter.refused[reasonIdle]) != 1 {
					t.Errorf("ended by %v", err)
				}
				took := time.Since(began)
				_, _ = near.Close(), far.Close()
				ends.Wait()
				if took != want {
					t.Errorf("ended after %v, want %v", took, want)
				}
			})
		})
	}
}

// sipgo gets whole messages, however TCP cut them, and none of those that the
// guard drops or answers.
func TestStreamPassesWholeMessages(t *testing.T) {
	folded := strings.Replace(sound, "UDP a", "UDP a\r\n ;b", 1)
	g := testGuard(t)
	near, far := pipe(t, g, netip.AddrPortFrom(trunkAddr, 5060))
	bad := strings.Replace(sound, "sip:a SIP", "<sip:a> SIP", 1)
	go func() {
		for _, c := range []byte(folded + "\r\n" + bad + sound + strings.Replace(sound, "Length: 3", "Length: 3\r\nl: 4", 1)) {
			_, _ = far.Write([]byte{c})
		}
	}()
	go func() { _, _ = io.Copy(io.Discard, far) }()
	buf := make([]byte, 64) // smaller than a message
	for _, want := range []string{folded, sound} {
		got := ""
		for len(got) < len(want) {
			n, err := near.Read(buf)
			if err != nil {
				t.Fatal(err)
			}
			got += string(buf[:n])
		}
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if _, err := near.Read(buf); !errors.Is(err, errFraming) {
		t.Errorf("two lengths: %v", err)
	}
	if n := testutil.ToFloat64(g.meter.refused[reasonFraming]); n != 2 {
		t.Errorf("%v refused", n)
	}
}

// Somebody has only so many connections, and gets new ones when old ones end.
func TestConnectionsAreBounded(t *testing.T) {
	g := testGuard(t)
	stranger := netip.MustParseAddrPort("192.0.2.9:5062")
	var open []net.Conn
	connect := func(from netip.AddrPort) bool {
		inner, far := net.Pipe()
		t.Cleanup(func() { _ = far.Close() })
		c := g.connect(wired{inner, from})
		if c != nil {
			open = append(open, c)
		}
		return c != nil
	}
	for i := range maxSourceConn {
		if !connect(stranger) {
			t.Fatalf("refused after %d", i)
		}
	}
	if connect(stranger) {
		t.Error("one too many")
	}
	for range maxSourceConn + 1 {
		if !connect(netip.AddrPortFrom(trunkAddr, 5060)) {
			t.Fatal("a trunk was refused")
		}
	}
	_, _ = open[0].Close(), open[0].Close()
	if !connect(stranger) || connect(stranger) {
		t.Error("one place had to be free")
	}
	if n := testutil.ToFloat64(g.meter.refused[reasonConnections]); n != 2 {
		t.Errorf("%v refused", n)
	}
	for _, c := range open {
		_ = c.Close()
	}
	if g.doors.all != 0 || len(g.doors.hosts) != 0 {
		t.Errorf("%d left", g.doors.all)
	}
}
