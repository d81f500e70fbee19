//go:build linux

package main

import (
	"encoding/binary"
	"net/netip"
	"testing"
	"time"
)

// packet is an RTP packet; sent 0 carries no time of sending.
func packet(seq uint16, ssrc uint32, sent int64) []byte {
	p := make([]byte, headerBytes+frameSamples)
	p[0] = 2 << 6
	binary.BigEndian.PutUint16(p[2:], seq)
	binary.BigEndian.PutUint32(p[8:], ssrc)
	if sent != 0 {
		binary.BigEndian.PutUint64(p[headerBytes:], mark)
		binary.BigEndian.PutUint64(p[headerBytes+8:], uint64(sent))
	}
	return p
}

func TestMeasure(t *testing.T) {
	const ms = int64(time.Millisecond)
	type arrival struct {
		seq  uint16
		at   int64 // milliseconds
		ssrc uint32
	}
	for _, tt := range []struct {
		name     string
		arrivals []arrival
		want     tally
	}{
		{"whole, wrapping", []arrival{{65534, 0, 7}, {65535, 20, 7}, {0, 40, 7}, {1, 60, 7}}, tally{Received: 4, MaxGap: 20e6}},
		{"two lost", []arrival{{1, 0, 7}, {4, 60, 7}}, tally{Received: 2, Lost: 2, Gaps: 1, MaxGap: 60e6}},
		{"late", []arrival{{1, 0, 7}, {3, 40, 7}, {2, 41, 7}, {4, 60, 7}}, tally{Received: 4, MaxGap: 40e6}},
		{"pause", []arrival{{1, 0, 7}, {2, 41, 7}}, tally{Received: 2, Gaps: 1, MaxGap: 41e6}},
		{"another source", []arrival{{1, 0, 7}, {500, 20, 8}, {501, 40, 8}}, tally{Received: 3, Broken: 1, MaxGap: 20e6}},
	} {
		c := &crowd{}
		s := newStream(c, -1, -1, netip.AddrPort{}, 0)
		for _, a := range tt.arrivals {
			s.measure(packet(a.seq, a.ssrc, 0), a.at*ms)
		}
		if c.tally != tt.want {
			t.Errorf("%s: %d received, %d lost, %d gaps, longest %v, %d broken", tt.name,
				c.tally.Received, c.tally.Lost, c.tally.Gaps, c.tally.MaxGap, c.tally.Broken)
		}
	}
}

func TestMeasureLatency(t *testing.T) {
	c := &crowd{}
	s := newStream(c, -1, -1, netip.AddrPort{}, 0)
	for i := range 100 {
		s.measure(packet(uint16(i), 7, 1e9), 1e9+int64(i)*1000)
	}
	s.measure(packet(100, 7, 0), 5e9) // not what was sent: transcoded
	s.measure([]byte("no RTP at all"), 5e9)
	if h := &c.tally.Latency; h.total != 100 || h.percentile(0.5) != 49*time.Microsecond || h.most != 99*time.Microsecond {
		t.Errorf("latency of %d, p50 %v, most %v", h.total, h.percentile(0.5), h.most)
	}
	if c.tally.Foreign != 1 || c.tally.Received != 101 {
		t.Errorf("%d received, %d foreign", c.tally.Received, c.tally.Foreign)
	}
}

// A stream that knocks is timed by what is loud, once.
func TestKnock(t *testing.T) {
	c := &crowd{streams: make(map[int32]*stream)}
	a, b := newStream(c, -1, -1, netip.MustParseAddrPort("127.0.0.1:2"), 0), newStream(c, -1, -1, netip.MustParseAddrPort("127.0.0.1:4"), 0)
	c.streams[1], c.streams[2] = a, b
	for _, s := range []*stream{a, b} {
		s.datagram[1] = 8
		speak(s.voice[:], 8)
	}
	c.pair(a.addr, b.addr)
	say := func(n int) []byte {
		p := packet(uint16(n), 7, 0)
		p[1] = 8
		copy(p[headerBytes:], a.knocks.next(a.voice[:]))
		return p
	}
	for n := range 2 * knockEvery {
		p := say(n)
		at := a.knocks.at + 30e6
		b.measure(p, at)
		b.measure(p, at+20e6) // what is loud goes on
	}
	if h := &c.tally.Latency; h.total != 2 || h.most != 30*time.Millisecond {
		t.Errorf("%d knocks, %v", h.total, h.most)
	}
}

// Two streams of one crowd hear each other, each packet once and in time.
func TestCrowd(t *testing.T) {
	c, err := newCrowd(false)
	if err != nil {
		t.Fatal(err)
	}
	a, b := open(t, c), open(t, c)
	a.Send(b.LocalAddr(), 8)
	b.Send(a.LocalAddr(), 0)
	for end := time.Now().Add(patience); ; {
		got, err := c.counted()
		if err != nil {
			t.Fatal(err)
		}
		if got.Received >= 20 {
			if got.Sent < got.Received || got.Lost+got.Foreign+got.Broken != 0 || got.Latency.total != got.Received {
				t.Errorf("%d sent, %d received, %d lost, %d foreign, %d timed", got.Sent, got.Received, got.Lost, got.Foreign, got.Latency.total)
			}
			break
		}
		if time.Now().After(end) {
			t.Fatalf("%d sent, %d received", got.Sent, got.Received)
		}
		<-time.After(frameTime)
	}
	a.Close()
	b.Pause()
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if len(c.streams) != 0 {
		t.Errorf("%d streams are still open", len(c.streams))
	}
}
