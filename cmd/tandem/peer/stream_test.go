package peer

import (
	"math"
	"net/netip"
	"testing"
	"time"

	"github.com/pion/rtp"
)

// feed gives a stream packets of audio by their steps in sequence number and timestamp.
func feed(steps [][2]int) Stats {
	in := newIncomingStream(0)
	h := rtp.Header{Version: 2, PayloadType: 8, SequenceNumber: 65530, Timestamp: 1<<32 - 300, SSRC: 7}
	at := time.Unix(0, 0)
	for _, step := range append([][2]int{{0, 0}}, steps...) {
		h.SequenceNumber += uint16(step[0])
		h.Timestamp += uint32(step[1])
		at = at.Add(frameTime)
		in.measure(&h, frameSamples, netip.AddrPort{}, at, true)
	}
	return in.stats
}

func TestMeasure(t *testing.T) {
	next := [2]int{1, 160}
	tests := []struct {
		name                 string
		steps                [][2]int
		lost, reordered      int
		sequence, timestamps int
	}{
		{"whole, both counters wrapping", [][2]int{next, next, next, next, next, next, next, next}, 0, 0, 0, 0},
		{"two lost", [][2]int{next, {3, 480}, next}, 2, 0, 1, 0},
		{"late", [][2]int{next, {2, 320}, {-1, -160}, {2, 320}}, 0, 1, 1, 0},
		{"timestamp stands still", [][2]int{next, {1, 0}, next}, 0, 0, 0, 1},
		{"timestamp gap without loss", [][2]int{next, {1, 1600}, next}, 0, 0, 0, 1},
		{"restarted sender", [][2]int{next, {-20000, 160}, next, next}, 0, 0, 1, 1},
		{"loss that hides a new clock", [][2]int{next, {2, 160}, next}, 1, 0, 1, 1},
	}
	for _, tt := range tests {
		s := feed(tt.steps)
		if s.Lost != tt.lost || s.Reordered != tt.reordered || s.SequenceJumps != tt.sequence || s.TimestampJumps != tt.timestamps {
			t.Errorf("%s: lost %d reordered %d sequence jumps %d timestamp jumps %d", tt.name, s.Lost, s.Reordered, s.SequenceJumps, s.TimestampJumps)
		}
		if broken := s.Continuous() != nil; broken != (tt.timestamps > 0) {
			t.Errorf("%s: Continuous = %v", tt.name, s.Continuous())
		}
	}
	if s := feed([][2]int{next, {1, 320}}); math.Abs(s.jitter-10) > 1e-6 { // one packet 20 ms early: 160/16
		t.Errorf("jitter %g, want 10", s.jitter)
	}
	if err := (Stats{}).Continuous(); err == nil {
		t.Error("nothing is continuous")
	}
}

func TestToneIn(t *testing.T) {
	pcm := make([]int16, window)
	Tone(440)(0, pcm)
	level, share := toneIn(pcm, 440)
	if level < -14 || level > -12 || share < 0.95 {
		t.Errorf("own tone: %.1f dBFS, share %.2f", level, share)
	}
	for _, hz := range []float64{300, 400, 480, 880, 1000} {
		if level, share := toneIn(pcm, hz); level > hint || share > 0.01 {
			t.Errorf("%g Hz in 440 Hz: %.1f dBFS, share %.2f", hz, level, share)
		}
	}
	if got := loudness(pcm); got < -14 || got > -12 {
		t.Errorf("loudness %.1f", got)
	}
}

func FuzzReceive(f *testing.F) {
	packet := rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: 8, SSRC: 1}, Payload: make([]byte, 160)}
	audio, err := packet.Marshal()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(audio)
	f.Add([]byte{0x80, 101, 0, 1, 0, 0, 0, 1, 0, 0, 0, 2, 5, 0x8a, 3, 0x20})
	f.Add([]byte{0xbf, 8, 0, 1})
	f.Fuzz(func(t *testing.T, data []byte) {
		m := &Media{events: map[uint8]bool{101: true}, in: newIncomingStream(800)}
		for range 3 {
			m.receive(data, netip.AddrPort{}, time.Unix(1, 0))
			m.countReports(data)
		}
		if s := m.Stats(); s.Packets+s.Malformed == 0 {
			t.Fatal("neither counted nor refused")
		}
		_ = m.Heard()
	})
}
