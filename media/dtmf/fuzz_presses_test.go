package dtmf

import (
	"slices"
	"testing"
)

// FuzzPresses: every key of which one packet arrives is reported once and in
// its order, whatever of the others is lost, doubled or overtaken on the way.
func FuzzPresses(f *testing.F) {
	f.Add([]byte{5, 0, 0, 0, 5, 10, 0xFE, 1, 11, 255, 0x55, 2, 16, 3, 0xFF, 3})
	f.Add([]byte{0, 0, 0x07, 0, 0, 0, 0x07, 0, 0, 0, 0x0F, 0})
	f.Fuzz(func(t *testing.T, script []byte) {
		var r Receiver
		var want, got []byte
		timestamp := uint32(1<<32 - 5000)
		for ; len(script) >= 4 && len(want) < 100; script = script[4:] {
			key, samples := keys[int(script[0])%len(keys)], 2*Step+uint32(script[1])*Step
			packets := arriving(t, key, samples, script[2], script[3])
			if len(packets) > 0 {
				want = append(want, key)
			}
			for _, p := range packets {
				if k, ok := r.Packet(timestamp, p.Marker, p.Payload[:]); ok {
					got = append(got, k)
				}
				if k, held, _ := r.Held(); k != key || held > samples {
					t.Fatalf("%q for %d samples is held as %q for %d", key, samples, k, held)
				}
			}
			timestamp += samples + 2*Step // the shortest pause
		}
		if !slices.Equal(got, want) {
			t.Fatalf("pressed %q, heard %q", want, got)
		}
	})
}

// arriving returns the packets of a press that get through: lost has a bit for
// every eighth packet, way says how the others are doubled and overtaken.
func arriving(t *testing.T, key byte, samples uint32, lost, way byte) (packets []Packet) {
	t.Helper()
	var s Sender
	if err := s.Start(key, samples); err != nil {
		t.Fatal(err)
	}
	for i := 0; s.Busy(); i++ {
		p, _ := s.Next()
		if lost>>(i%8)&1 == 1 {
			continue
		}
		packets = append(packets, p)
		if way&1 == 1 {
			packets = append(packets, p)
		}
	}
	for step := int(way >> 1 & 7); step > 0 && step < len(packets); step = 0 {
		for i := 0; i+step < len(packets); i += step + 1 {
			packets[i], packets[i+step] = packets[i+step], packets[i]
		}
	}
	return packets
}
