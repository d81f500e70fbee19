package sip

import (
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// junk is what floods are made of.
func junk() map[string][]byte {
	noise := make([]byte, 400)
	source := rand.NewChaCha8([32]byte{})
	_, _ = source.Read(noise) // cannot fail
	return map[string][]byte{
		"random":     noise,
		"options":    []byte(from("OPTIONS", "User-Agent: friendly-scanner\r\nAccept: application/sdp\r\n")),
		"response":   []byte(strings.Replace(from("OPTIONS", ""), "OPTIONS sip:pbx.test SIP/2.0", "SIP/2.0 200 OK", 1)),
		"parameters": []byte(from("INVITE", "X: "+strings.Repeat(";", 7<<10)+"\r\n")),
		"size":       []byte(from("INVITE", "X: "+strings.Repeat("x", 9<<10)+"\r\n")),
	}
}

// What is dropped costs no allocation.
func TestDropsAllocateNothing(t *testing.T) {
	g := testGuard(t)
	for name, data := range junk() {
		n := 0
		got := testing.AllocsPerRun(1000, func() {
			n++
			if v := g.judge(data, netip.AddrPortFrom(host(n%100), 5060), time.Duration(n)*time.Millisecond); v.pass || v.status != 0 {
				t.Errorf("%s: %+v", name, v)
			}
		})
		if got != 0 {
			t.Errorf("%s: %v allocations", name, got)
		}
	}
}

func BenchmarkDrop(b *testing.B) {
	for name, data := range junk() {
		b.Run(name, func(b *testing.B) {
			g := testGuard(b)
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				n++
				_ = g.judge(data, netip.AddrPortFrom(host(n%100_000), 5060), time.Duration(n)*30*time.Microsecond)
			}
		})
	}
}

// BenchmarkChallenge is what a stranger's REGISTER costs.
func BenchmarkChallenge(b *testing.B) {
	g, data := testGuard(b), []byte(from("REGISTER", ""))
	at := netip.MustParseAddrPort("192.0.2.9:5060")
	b.ReportAllocs()
	for b.Loop() {
		_ = g.answer(data, at, answered(401, reasonNone))
	}
}
