package jitter

import (
	"math"
	"slices"
	"testing"
	"time"

	"tandem/media/codec"
)

func TestSilenceBetweenTalkSpurtsTakesItsTime(t *testing.T) {
	b := newBuffer(t, Options{Plain: true})
	s := &stream{samples: frame}
	var in []arrival
	for i := range 300 {
		at := time.Duration(i) * tick
		p := s.next(at)
		if i%100 >= 50 { // the sender is silent and sends nothing
			s.seq--
			copy(s.sent[len(s.sent)-frame:], silence(frame))
			continue
		}
		p.Marker = i%100 == 0
		in = append(in, arrival{at, p})
	}
	got, _ := run(b, in, 300)
	want := s.pcm()
	for i := range want {
		if i/frame%100 >= 50 {
			want[i] = 0
		}
	}
	if _, ok := find(got, want[:250*frame]); !ok {
		t.Error("talk spurts moved")
	}
	if st := b.Stats(); st.Lost+st.Late+st.Discarded+st.Restarts > 0 {
		t.Errorf("%+v", st)
	}
}

func silence(n int) []byte {
	return slices.Repeat([]byte{codec.PCMU.Silence()}, n)
}

func TestSenderStartsOver(t *testing.T) {
	for name, change := range map[string]func(s *stream){
		"timestamp jumps ahead":         func(s *stream) { s.ts += 1 << 30 },
		"timestamp jumps back":          func(s *stream) { s.ts -= 1 << 30 },
		"sequence jumps":                func(s *stream) { s.seq += 20000 },
		"sequence jumps back":           func(s *stream) { s.seq -= 20000 },
		"both jump":                     func(s *stream) { s.seq += 30000; s.ts += 12345678 },
		"timestamp goes back one step":  func(s *stream) { s.ts -= 4 * frame },
		"timestamp skips half a second": func(s *stream) { s.ts += 3000 },
	} {
		b := newBuffer(t, Options{})
		s := &stream{seq: 100, ts: 1000000, samples: frame}
		var in []arrival
		for i := range 200 {
			if i == 100 {
				change(s)
			}
			at := time.Duration(i) * tick
			in = append(in, arrival{at, s.next(at)})
		}
		got, states := run(b, in, 200)
		if _, ok := find(got, s.pcm()[120*frame:190*frame]); !ok {
			t.Errorf("%s: the stream is not heard again within 20 packets: %v", name, states[95:125])
		}
		if b.Buffered() > int(samples(300*time.Millisecond)) {
			t.Errorf("%s: %d samples held", name, b.Buffered())
		}
	}
}

func TestOneStrangePacketChangesNothing(t *testing.T) {
	b := newBuffer(t, Options{Plain: true})
	s := &stream{seq: 7, ts: 99, samples: frame}
	var in []arrival
	for i := range 100 {
		at := time.Duration(i) * tick
		in = append(in, arrival{at, s.next(at)})
		if i%10 == 3 {
			in = append(in, arrival{at, &Packet{Seq: s.seq + 9000 + uint16(i)*77, Timestamp: uint32(i) << 24, Payload: silence(frame)}})
		}
	}
	got, _ := run(b, in, 100)
	if _, ok := find(got, s.pcm()[:90*frame]); !ok {
		t.Error("the stream was disturbed")
	}
	if st := b.Stats(); st.Discarded != 10 || st.Restarts+st.Lost+st.Late > 0 {
		t.Errorf("%+v", st)
	}
}

func TestResetTakesANewSource(t *testing.T) {
	b := newBuffer(t, Options{})
	run(b, voice(50, 300, prompt), 30)
	b.Reset()
	if b.Buffered() != 0 {
		t.Error("audio of the old source is left")
	}
	var f codec.Frame
	if state := b.Get(&f); state != Silence || f != (codec.Frame{}) {
		t.Error("the old source is still heard")
	}
	s := &stream{seq: 40000, ts: 5, samples: frame}
	var in []arrival
	for i := range 50 {
		in = append(in, arrival{time.Duration(i) * tick, s.next(0)})
	}
	got, _ := run(b, in, 50)
	if _, ok := find(got, s.pcm()[:40*frame]); !ok {
		t.Error("the new source is not heard")
	}
	if st := b.Stats(); st.Lost != 0 || st.Received < 75 {
		t.Errorf("%+v", st)
	}
}

func TestComfortNoise(t *testing.T) {
	for _, spectrum := range [][]byte{nil, {127, 127}, {200, 60, 140}, {0, 255, 0, 255, 0, 255, 0, 255, 0, 255, 0, 255}} {
		b := newBuffer(t, Options{})
		in := voice(50, 300, prompt)
		in = in[:20]
		describe := &Packet{Seq: 20, Timestamp: 20 * frame, Kind: Noise, Payload: append([]byte{45}, spectrum...)}
		in = append(in, arrival{20 * tick, describe})
		back := voice(50, 300, prompt)[40:]
		for i := range back {
			back[i].packet.Seq -= 19
		}
		got, states := run(b, append(in, back...), 50)
		noisy := slices.Index(states, ComfortNoise)
		if noisy < 0 || count(states, ComfortNoise) < 15 || states[48] != Voice || count(states, Concealed) > 0 {
			t.Fatalf("spectrum %v: states %v", spectrum, states)
		}
		part := got[(noisy+2)*frame : (noisy+15)*frame]
		if level := 20 * math.Log10(rms(part)/32768); level < -49 || level > -41 {
			t.Errorf("spectrum %v: noise at %.1f dBov, described as -45", spectrum, level)
		}
	}
}

func TestLoudComfortNoiseIsNotBelieved(t *testing.T) {
	b := newBuffer(t, Options{})
	b.Put(&Packet{Kind: Noise, Payload: []byte{0}})
	var f codec.Frame
	if state := b.Get(&f); state != ComfortNoise || rms(f[:]) > 2000 {
		t.Errorf("state %v, level %.0f", state, rms(f[:]))
	}
	b.Put(&Packet{Seq: 1, Kind: Noise})
	if state := b.Get(&f); state != ComfortNoise {
		t.Error("an empty description ended the noise")
	}
}

func TestEventsTakeASequenceNumberOnly(t *testing.T) {
	b := newBuffer(t, Options{})
	in := voice(60, 300, prompt)
	for i := 20; i < 30; i++ {
		in[i].packet.Kind, in[i].packet.Timestamp = Event, 20*frame
	}
	run(b, in, 60)
	if st := b.Stats(); st.Lost+st.Late+st.Discarded != 0 || st.Received != 60 {
		t.Errorf("%+v", st)
	}
}

func TestImpossiblePayloadsAreDiscarded(t *testing.T) {
	b := newBuffer(t, Options{})
	for i, n := range []int{0, maxPayload + 1, 65000} {
		b.Put(&Packet{Seq: uint16(i), Payload: make([]byte, n)})
	}
	if st := b.Stats(); st.Discarded != 3 || st.Received != 0 || b.Buffered() != 0 {
		t.Errorf("%+v", st)
	}
	b.Put(&Packet{Seq: 9, Payload: make([]byte, maxPayload)})
	if st := b.Stats(); st.Received != 1 || b.Buffered() != maxPayload+frame {
		t.Errorf("%+v, %d buffered", st, b.Buffered())
	}
}

func TestLawMayChangeFromPacketToPacket(t *testing.T) {
	b := newBuffer(t, Options{})
	u, a := codec.New(codec.PCMU), codec.New(codec.PCMA)
	in := voice(20, 300, prompt)
	var want []int16
	for i := range in {
		if i%2 == 0 {
			in[i].packet.Law = codec.PCMU
		}
		pcm := make([]int16, frame)
		c := a
		if i%2 == 0 {
			c = u
		}
		c.DecodeSamples(pcm, in[i].packet.Payload)
		want = append(want, pcm...)
	}
	got, _ := run(b, in, 20)
	if _, ok := find(got, want[:18*frame]); !ok {
		t.Error("packets were decoded in the wrong law")
	}
}

func TestDaysOfSilence(t *testing.T) {
	b := newBuffer(t, Options{})
	in := voice(10, 300, prompt)
	run(b, in, 20)
	for range 7 * 24 * 60 {
		b.advance(60 * codec.Rate)
	}
	s := &stream{seq: 10, ts: 4000, samples: frame}
	var next []arrival
	for i := range 30 {
		next = append(next, arrival{time.Duration(i) * tick, s.next(0)})
	}
	got, _ := run(b, next, 30)
	if _, ok := find(got, s.pcm()[:25*frame]); !ok {
		t.Error("the stream is not heard after the silence")
	}
}
