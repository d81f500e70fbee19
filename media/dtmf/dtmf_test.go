package dtmf

import (
	"errors"
	"math/rand/v2"
	"testing"
)

func press(t *testing.T, key byte, samples uint32) []Packet {
	t.Helper()
	var s Sender
	if err := s.Start(key, samples); err != nil {
		t.Fatal(err)
	}
	var out []Packet
	for {
		p, ok := s.Next()
		if !ok {
			return out
		}
		out = append(out, p)
	}
}

func TestSenderFollowsTheEventRules(t *testing.T) {
	for _, tt := range []struct {
		samples uint32
		last    uint16
	}{{0, 320}, {800, 800}, {801, 960}, {1600, 1600}, {1 << 30, 65440}} {
		packets := press(t, '#', tt.samples)
		if want := int(tt.last)/Step + 2; len(packets) != want {
			t.Errorf("%d samples: %d packets, want %d", tt.samples, len(packets), want)
		}
		for i, p := range packets {
			e, err := Parse(p.Payload[:])
			if err != nil || e.Code != 11 || e.Volume != 10 {
				t.Fatalf("packet %d: %+v, %v", i, e, err)
			}
			ending := i >= len(packets)-3
			if e.End != ending || p.Marker != (i == 0) || p.Last != (i == len(packets)-1) {
				t.Errorf("packet %d of %d: end %v marker %v last %v", i, len(packets), e.End, p.Marker, p.Last)
			}
			if want := min((i+1)*Step, int(tt.last)); int(e.Duration) != want {
				t.Errorf("packet %d: duration %d, want %d", i, e.Duration, want)
			}
		}
	}
	var s Sender
	if _, ok := s.Next(); ok || s.Busy() || s.Start('x', 800) == nil {
		t.Error("an idle sender sends, or a key that does not exist is accepted")
	}
}

func TestEveryKeyOnce(t *testing.T) {
	var r Receiver
	var got []byte
	at := uint32(0xFFFFF000) // wraps on the way
	for _, key := range []byte("0123456789*#ABCD!00") {
		for _, p := range press(t, key, 800) {
			if k, ok := r.Packet(at, p.Marker, p.Payload[:]); ok {
				got = append(got, k)
			}
		}
		if k, held, ended := r.Held(); k != key || held != 800 || !ended {
			t.Errorf("held = %c %d %v", k, held, ended)
		}
		at += 1600
	}
	if string(got) != "0123456789*#ABCD!00" {
		t.Errorf("keys = %s", got)
	}
}

// Any loss that leaves at least one packet of a press, and any duplication, gives
// each key exactly once.
func TestLossAndDuplicationNeverLoseOrDoubleAKey(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 9))
	for range 2000 {
		var receiver Receiver
		var want, got []byte
		at := r.Uint32()
		for range 1 + r.IntN(6) {
			key := keys[r.IntN(len(keys))]
			packets := press(t, key, 320+uint32(r.IntN(20))*Step)
			want = append(want, key)
			certain := r.IntN(len(packets))
			for i, p := range packets {
				for range copies(r, i == certain) {
					if k, ok := receiver.Packet(at, p.Marker, p.Payload[:]); ok {
						got = append(got, k)
					}
				}
			}
			at += uint32(len(packets)+2) * Step
		}
		if string(got) != string(want) {
			t.Fatalf("got %s, want %s", got, want)
		}
	}
}

func copies(r *rand.Rand, certain bool) int {
	if certain {
		return 1 + r.IntN(2)
	}
	return r.IntN(3)
}

func TestReceiverOddities(t *testing.T) {
	type packet struct {
		ts     uint32
		marker bool
		event  Event
	}
	for _, tt := range []struct {
		name    string
		packets []packet
		want    string
		held    uint32
	}{
		{"straggler of the previous key", []packet{
			{1000, true, Event{Code: 1, Duration: 160}}, {3000, true, Event{Code: 2, Duration: 160}},
			{1000, false, Event{Code: 1, Duration: 800, End: true}},
		}, "12", 160},
		{"timestamp runs on within one event", []packet{
			{1000, true, Event{Code: 5, Duration: 160}}, {1160, false, Event{Code: 5, Duration: 320}},
			{1320, false, Event{Code: 5, Duration: 480}}, {1480, false, Event{Code: 5, Duration: 480, End: true}},
			{1640, false, Event{Code: 5, Duration: 480, End: true}},
		}, "5", 480},
		{"same key twice, all ends of the first lost", []packet{
			{1000, true, Event{Code: 5, Duration: 160}}, {2000, true, Event{Code: 5, Duration: 160}},
		}, "55", 160},
		{"same key twice, everything but the middle lost", []packet{
			{1000, false, Event{Code: 5, Duration: 320}}, {2000, false, Event{Code: 5, Duration: 320}},
		}, "55", 320},
		{"longer than the duration field", []packet{
			{1000, true, Event{Code: 0, Duration: 0xFFFF}}, {1000 + 0xFFFF, false, Event{Code: 0, Duration: 160}},
			{1000 + 0xFFFF, false, Event{Code: 0, Duration: 320, End: true}},
		}, "0", 0xFFFF + 320},
		{"sender starts its clock over", []packet{
			{900000, true, Event{Code: 1, Duration: 160, End: true}}, {1000, true, Event{Code: 2, Duration: 160}},
		}, "12", 160},
		{"durations out of order", []packet{
			{1000, true, Event{Code: 3, Duration: 160}}, {1000, false, Event{Code: 3, Duration: 640, End: true}},
			{1000, false, Event{Code: 3, Duration: 480}},
		}, "3", 640},
		{"not a key", []packet{{1000, true, Event{Code: 17}}, {1000, true, Event{Code: 255}}}, "", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var r Receiver
			var got []byte
			for _, p := range tt.packets {
				payload := p.event.Marshal()
				if key, ok := r.Packet(p.ts, p.marker, payload[:]); ok {
					got = append(got, key)
				}
			}
			if _, held, _ := r.Held(); string(got) != tt.want || held != tt.held {
				t.Errorf("keys %q held %d, want %q held %d", got, held, tt.want, tt.held)
			}
		})
	}
}

func TestResetForgets(t *testing.T) {
	var r Receiver
	payload := Event{Code: 7, Duration: 160}.Marshal()
	r.Packet(5000, true, payload[:])
	r.Reset()
	if key, _, _ := r.Held(); key != 0 {
		t.Errorf("held %c after a reset", key)
	}
	if key, ok := r.Packet(5000, true, payload[:]); !ok || key != '7' {
		t.Error("the first key after a reset was taken for an old one")
	}
}

func TestParseAndCodes(t *testing.T) {
	for n := range PayloadSize {
		if _, err := Parse(make([]byte, n)); !errors.Is(err, ErrShort) {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
	for i := range len(keys) {
		if code, ok := Code(keys[i]); !ok || int(code) != i {
			t.Errorf("Code(%c) = %d, %v", keys[i], code, ok)
		}
	}
	if code, ok := Code('b'); !ok || code != 13 {
		t.Errorf("Code(b) = %d, %v", code, ok)
	}
	if _, ok := Code('x'); ok {
		t.Error("x is a key")
	}
}

func TestNoAllocation(t *testing.T) {
	var r Receiver
	var s Sender
	if n := testing.AllocsPerRun(100, func() {
		_ = s.Start('1', 800)
		p, _ := s.Next()
		r.Packet(1, p.Marker, p.Payload[:])
	}); n != 0 {
		t.Errorf("%v allocations per packet", n)
	}
}

func FuzzReceiver(f *testing.F) {
	f.Add([]byte{0, 0, 0, 1, 1, 5, 0x8A, 3, 0x20, 0, 0, 0, 1, 0, 5, 0x8A, 3, 0x20})
	f.Add([]byte{0xFF, 0xFF, 0xFF, 0xFF, 1, 16, 0, 0xFF, 0xFF})
	f.Fuzz(func(t *testing.T, stream []byte) {
		var r Receiver
		for len(stream) >= 9 {
			ts := uint32(stream[0])<<24 | uint32(stream[1])<<16 | uint32(stream[2])<<8 | uint32(stream[3])
			marker, payload := stream[4]&1 != 0, stream[5:5+int(stream[4]>>1)%5]
			stream = stream[9:]
			key, ok := r.Packet(ts, marker, payload)
			if _, known := Code(key); ok && !known {
				t.Fatalf("reported %q", key)
			}
			if _, again := r.Packet(ts, marker, payload); again {
				t.Fatal("a duplicate was reported")
			}
			if e, err := Parse(payload); err == nil && len(payload) == PayloadSize {
				back := e.Marshal()
				if payload[1]&0x40 == 0 && back != [PayloadSize]byte(payload) {
					t.Fatalf("%x marshals to %x", payload, back)
				}
			}
		}
	})
}
