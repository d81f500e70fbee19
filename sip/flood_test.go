package sip

import (
	"fmt"
	"math/rand/v2"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	wire "github.com/emiago/sipgo/sip"

	"tandem/call"
)

const (
	floodRate    = 20_000 // packets a second
	floodTime    = 3 * time.Second
	floodSources = 64
)

// flood sends junk from many addresses until stop is closed, and returns how
// much was sent.
func flood(t *testing.T, b *bench, stop <-chan struct{}) (sent *atomic.Int64, ends *sync.WaitGroup) {
	t.Helper()
	sent, ends = new(atomic.Int64), new(sync.WaitGroup)
	to := net.UDPAddrFromAddrPort(b.Addrs()[0])
	kinds := []string{from("REGISTER", ""), from("INVITE", "User-Agent: friendly-scanner\r\n"), from("OPTIONS", ""),
		"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 127.0.0.1\r\nCSeq: 1 INVITE\r\n\r\n"}
	var sockets []net.PacketConn
	for n := range floodSources {
		conn, err := net.ListenPacket("udp4", fmt.Sprintf("127.1.%d.%d:0", rand.IntN(256), n+1))
		if err != nil {
			t.Skip(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		sockets = append(sockets, conn)
	}
	ends.Go(func() {
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		noise := make([]byte, 300)
		for n := 0; ; {
			select {
			case <-stop:
				return
			case <-tick.C:
			}
			for range floodRate / 200 {
				n++
				data := []byte(kinds[n%len(kinds)])
				if n%2 == 0 {
					for i := range noise {
						noise[i] = byte(rand.Uint32())
					}
					data = noise
				}
				if _, err := sockets[n%floodSources].WriteTo(data, to); err == nil {
					sent.Add(1)
				}
			}
		}
	})
	return sent, ends
}

// Under a flood of junk a phone registers and a trunk calls, and every call
// connects; what the flood leaves in memory is next to nothing.
func TestFlood(t *testing.T) {
	if testing.Short() {
		t.Skip("a flood takes seconds")
	}
	p := udpPeer(t)
	b := newBench(t, carrierAt(p))
	p.dial(b)
	phone := udpPeerAt(t, "127.0.0.2").dial(b)
	before, goroutines := heap(), runtime.NumGoroutine()
	stop := make(chan struct{})
	sent, ends := flood(t, b, stop)
	over := time.After(floodTime)
	calls, registers := 0, 0
	for done := false; !done; {
		select {
		case <-over:
			done = true
		default:
			floodedCall(t, b, p, calls)
			calls++
			if res := registerHard(phone, 2*registers+1); res.StatusCode != 200 {
				t.Fatalf("REGISTER: %d", res.StatusCode)
			}
			registers++
		}
	}
	if grown := int64(heap()) - int64(before); grown > 50<<20 {
		t.Errorf("the heap grew by %d MB", grown>>20)
	}
	close(stop)
	ends.Wait()
	if n := runtime.NumGoroutine() - goroutines; n > 16*(calls+registers)+16 {
		t.Errorf("%d goroutines more for %d calls and %d registrations", n, calls, registers)
	}
	b.open.mu.Lock()
	defer b.open.mu.Unlock()
	if n := b.open.all; n > 8*(calls+registers) {
		t.Errorf("%d transactions", n)
	}
	t.Logf("%d junk packets, %d calls, %d registrations", sent.Load(), calls, registers)
	for _, why := range []reason{reasonGarbage, reasonStranger, reasonRate, reasonResponse} {
		if testutil.ToFloat64(b.meter.refused[why]) == 0 {
			t.Errorf("nothing was refused as %s", why.label())
		}
	}
}

// floodedCall makes one call and ends it. Datagrams that the flood pushed out
// of the socket's queue are sent again, as SIP does.
func floodedCall(t *testing.T, b *bench, p *peer, n int) {
	t.Helper()
	id := fmt.Sprint("flood", n)
	insist(t, p, p.invite(id, id), 100, wire.INVITE, id)
	in := <-b.lines.arrivals
	b.Answer(in.Leg, []byte(testSDP))
	ok := insist(t, p, "", 200, wire.INVITE, id)
	ack, bye := p.within(ok, "ACK", 1, id+"ack"), p.within(ok, "BYE", 2, id+"bye")
	p.send(ack)
	insist(t, p, bye, 200, wire.BYE, id)
	for gone := false; !gone; {
		_, gone = (<-b.lines.inputs).(call.LegGone)
	}
}

// registerHard registers ana in spite of lost datagrams.
func registerHard(p *peer, seq int) *wire.Response {
	id := "reg-ana" + p.addr.String()
	challenge := insist(p.t, p, p.registration("ana", seq), 401, wire.REGISTER, id)
	auth := p.authorize(challenge, "MD5", "ana", "secret", "REGISTER", "sip:pbx.test")
	return insist(p.t, p, p.registration("ana", seq+1, auth), 200, wire.REGISTER, id)
}

// insist sends a message every timerT1 until its response comes.
func insist(t *testing.T, p *peer, text string, status int, method wire.RequestMethod, callID string) *wire.Response {
	t.Helper()
	again := time.NewTicker(timerT1)
	defer again.Stop()
	deadline := time.After(patience)
	for {
		if text != "" {
			p.send(text)
		}
	wait:
		for {
			select {
			case m := <-p.inbox:
				res, ok := m.(*wire.Response)
				if ok && res.StatusCode == status && res.CSeq().MethodName == method && res.CallID().Value() == callID {
					return res
				}
			case <-again.C:
				break wait
			case <-deadline:
				t.Fatalf("no %d to %s", status, method)
			}
		}
	}
}

// heap is how many bytes live on the heap.
func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
