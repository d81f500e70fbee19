package jitter

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"tandem/media/codec"
)

// arrival is a packet and when the network hands it over.
type arrival struct {
	at     time.Duration
	packet *Packet
}

// run feeds arrivals in order of time and takes a frame every 20 ms, for n ticks.
func run(b *Buffer, arrivals []arrival, n int) (pcm []int16, states []State) {
	slices.SortStableFunc(arrivals, func(x, y arrival) int { return int(x.at - y.at) })
	for i := range n {
		now := time.Duration(i) * tick
		for len(arrivals) > 0 && arrivals[0].at <= now {
			arrivals[0].packet.Arrival = arrivals[0].at
			b.Put(arrivals[0].packet)
			arrivals = arrivals[1:]
		}
		var f codec.Frame
		states = append(states, b.Get(&f))
		pcm = append(pcm, f[:]...)
	}
	return pcm, states
}

func count(states []State, s State) (n int) {
	for _, x := range states {
		if x == s {
			n++
		}
	}
	return n
}

// voice makes packets of a tone, one every 20 ms, each handed over after delay(n).
func voice(n int, hz float64, delay func(int) time.Duration) []arrival {
	c := codec.New(codec.PCMA)
	out := make([]arrival, n)
	for i := range out {
		payload := make([]byte, frame)
		for j := range payload {
			s := 8000 * math.Sin(2*math.Pi*hz*float64(i*frame+j)/codec.Rate)
			c.EncodeSamples(payload[j:j+1], []int16{int16(s)})
		}
		p := &Packet{Seq: uint16(i), Timestamp: uint32(i * frame), Law: codec.PCMA, Payload: payload}
		out[i] = arrival{time.Duration(i)*tick + delay(i), p}
	}
	return out
}

func prompt(int) time.Duration { return 0 }

func TestReorderingWithinTheDelayIsUndone(t *testing.T) {
	b := newBuffer(t, Options{Min: 60 * time.Millisecond})
	s := &stream{seq: 65530, ts: 1 << 31, samples: frame}
	var in []arrival
	for i := range 100 {
		at := time.Duration(i) * tick
		if i%5 == 2 {
			at += 2 * tick // overtaken by the next two
		}
		in = append(in, arrival{at, s.next(at)})
	}
	got, _ := run(b, in, 103)
	if _, ok := find(got, s.pcm()[:90*frame]); !ok {
		t.Error("the order was not restored")
	}
	if st := b.Stats(); st.Lost+st.Late+st.Duplicate+st.Concealed > 0 || st.Received != 100 {
		t.Errorf("%+v", st)
	}
}

// In the plain mode that recorders use, a loss is silence of exactly its length
// and everything else stands where it belongs.
func TestLossKeepsTheTimeline(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 1))
	for _, packet := range []int{80, 160, 240, 320, 480} {
		b := newBuffer(t, Options{Plain: true})
		s := &stream{samples: packet}
		var in []arrival
		lost := make(map[int]bool)
		for i := 0; i*packet < 500*frame; i++ {
			at := time.Duration(i*packet) * time.Second / codec.Rate
			p := s.next(at)
			if lost[i] = i > 5 && r.IntN(6) == 0; !lost[i] {
				in = append(in, arrival{at, p})
			}
		}
		got, _ := run(b, in, 480)
		want := s.pcm()
		for i := range want {
			if lost[i/packet] {
				want[i] = 0
			}
		}
		if delay, ok := find(got, want[:470*frame]); !ok || delay > 2*frame {
			t.Errorf("%d samples a packet: the timeline is not kept (delay %d)", packet, delay)
		}
		if st := b.Stats(); st.Concealed+st.Late+st.Slipped+st.Restarts > 0 || st.Lost == 0 {
			t.Errorf("%d samples a packet: %+v", packet, st)
		}
	}
}

func TestLostLateAndDuplicateAreCounted(t *testing.T) {
	b := newBuffer(t, Options{Min: 40 * time.Millisecond})
	in := voice(200, 300, prompt)
	in[50].at += 300 * time.Millisecond // late
	in = append(in, arrival{in[60].at, in[60].packet}, arrival{in[61].at + 500*time.Millisecond, in[61].packet})
	in = slices.Delete(in, 100, 103)
	_, states := run(b, in, 190)
	st := b.Stats()
	if st.Lost != 3 || st.Late != 1 || st.Duplicate != 2 || st.Discarded != 0 {
		t.Errorf("%+v", st)
	}
	if n := count(states, Concealed); n != 4 || st.Concealed != 4 {
		t.Errorf("%d frames concealed, counted %d", n, st.Concealed)
	}
	if st.Received != 187 { // up to the last tick, less the three
		t.Errorf("received %d", st.Received)
	}
}

func TestVeryOldSequenceNumbersAreLateNotStrange(t *testing.T) {
	b := newBuffer(t, Options{})
	in := voice(100, 300, prompt)
	in[10].at = 90 * tick // 80 packets later, beyond the window but no restart
	run(b, in, 101)
	if st := b.Stats(); st.Late != 1 || st.Lost != 0 || st.Discarded+st.Restarts > 0 {
		t.Errorf("%+v", st)
	}
}

func TestNothingIsInventedAfterSilence(t *testing.T) {
	b := newBuffer(t, Options{})
	for i := range 20 {
		b.Put(&Packet{Seq: uint16(i), Timestamp: uint32(i * frame), Payload: silence(frame), Arrival: time.Duration(i) * tick})
		var f codec.Frame
		b.Get(&f)
	}
	var f codec.Frame
	b.Get(&f)
	if state := b.Get(&f); state != Silence || f != (codec.Frame{}) {
		t.Errorf("state %v", state)
	}
}

func TestConcealmentRepeatsTheToneAndFades(t *testing.T) {
	for _, hz := range []float64{100, 150, 210, 440} {
		b := newBuffer(t, Options{})
		in := voice(50, hz, prompt)
		in = slices.Delete(in, 30, 40)
		got, states := run(b, in, 45)
		first := slices.Index(states, Concealed)
		if first < 0 || count(states, Concealed) != 3 || states[first+3] != Silence || states[first+10] != Voice {
			t.Fatalf("%v Hz: states %v", hz, states)
		}
		before, after := got[(first-1)*frame:first*frame], got[first*frame:(first+1)*frame]
		if r := rms(after) / rms(before); r < 0.7 || r > 1.1 {
			t.Errorf("%v Hz: the bridge is %.2f times as loud as what it bridges", hz, r)
		}
		if r := rms(got[(first+2)*frame:(first+3)*frame]) / rms(before); r > 0.35 {
			t.Errorf("%v Hz: after 60 ms still %.2f", hz, r)
		}
		// No step larger than the tone itself makes.
		limit := 8000*2*math.Pi*hz/codec.Rate*1.6 + 500
		for i := (first - 1) * frame; i < (first+3)*frame; i++ {
			if step := math.Abs(float64(got[i+1]) - float64(got[i])); step > limit {
				t.Errorf("%v Hz: a click of %.0f at sample %d of the bridge, limit %.0f", hz, step, i-first*frame, limit)
				break
			}
		}
	}
}

func rms(samples []int16) float64 {
	var sum float64
	for _, s := range samples {
		sum += float64(s) * float64(s)
	}
	return math.Sqrt(sum / float64(len(samples)))
}

// FuzzBuffer: whatever comes and when, silence is silent, a plain buffer invents
// nothing, and the counters stay within what came.
func FuzzBuffer(f *testing.F) {
	f.Add([]byte{0, 1, 0, 0, 0, 160, 0, 1, 0, 2, 0, 0, 1, 64, 0, 1})
	f.Add([]byte{0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x83, 60, 0, 0, 0, 0, 0, 1, 0x41, 9})
	f.Fuzz(func(t *testing.T, script []byte) {
		b, err := New(Options{Plain: len(script)%2 == 0})
		if err != nil {
			t.Fatal(err)
		}
		var payload [1000]byte
		plain, puts := len(script)%2 == 0, uint64(0)
		for n := 0; len(script) >= 8; script = script[8:] {
			p := &Packet{
				Seq:       uint16(script[0])<<8 | uint16(script[1]),
				Timestamp: uint32(script[2])<<24 | uint32(script[3])<<16 | uint32(script[4])<<8 | uint32(script[5]),
				Marker:    script[6]&0x80 != 0,
				Kind:      Kind(script[6] >> 4 & 3),
				Law:       codec.Law(script[6] & 8),
				Payload:   payload[:int(script[7])*4%1000],
				Arrival:   time.Duration(n) * tick,
			}
			b.Put(p)
			puts++
			for range script[6] & 7 {
				n++
				frame := codec.Frame{1}
				state := b.Get(&frame)
				if state == Silence && frame != (codec.Frame{}) || plain && state != Silence && state != Voice {
					t.Fatalf("state %d of a frame of %v, plain %v", state, frame, plain)
				}
			}
			if s := b.Stats(); s.Received+s.Duplicate > puts || s.Late+s.Discarded > puts || s.Delay < 20*time.Millisecond || s.Delay > 200*time.Millisecond || s.Jitter < 0 {
				t.Fatalf("%+v of %d packets", s, puts)
			}
			if held := b.Buffered(); held > ringSamples {
				t.Fatalf("%d samples held", held)
			}
		}
	})
}
