package jitter

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"tandem/media/codec"
)

// A recorder's two buffers stay aligned to the sample whatever each network does
// within the fixed delay.
func TestRecordersBuffersStayAligned(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 4))
	for range 5 {
		b := newBuffer(t, Options{Min: 200 * time.Millisecond, Max: 200 * time.Millisecond, Plain: true})
		s := &stream{seq: 65000, ts: r.Uint32(), samples: frame}
		var in []arrival
		lost := make(map[int]bool)
		for i := range 3000 {
			at := time.Duration(i) * tick
			p := s.next(at)
			if i > 0 { // the first packet sets the timeline
				at += time.Duration(r.IntN(100)) * time.Millisecond
			}
			if lost[i] = i > 0 && r.IntN(20) == 0; !lost[i] {
				in = append(in, arrival{at, p})
			}
		}
		got, _ := run(b, in, 3000)
		want := s.pcm()
		for i := range want {
			if lost[i/frame] {
				want[i] = 0
			}
		}
		if delay, ok := find(got, want[:2980*frame]); !ok || delay != int(samples(200*time.Millisecond)) {
			t.Errorf("delay %d, found %v; %+v", delay, ok, b.Stats())
		}
	}
}

func TestDelayFollowsTheNetwork(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 8))
	calm := newBuffer(t, Options{})
	run(calm, voice(500, 200, prompt), 500)
	if st := calm.Stats(); st.Delay != 20*time.Millisecond || st.Jitter != 0 {
		t.Errorf("calm: %+v", st)
	}
	rough := newBuffer(t, Options{})
	shaky := voice(3000, 200, func(int) time.Duration { return time.Duration(r.IntN(60)) * time.Millisecond })
	_, states := run(rough, shaky, 3000)
	st := rough.Stats()
	if st.Delay < 40*time.Millisecond || st.Delay > 200*time.Millisecond || st.Jitter < 5*time.Millisecond {
		t.Errorf("rough: %+v", st)
	}
	if n := count(states[500:], Concealed); n > 50 {
		t.Errorf("%d of 2500 frames concealed after the delay had adapted", n)
	}
	if st.Lost != 0 {
		t.Errorf("rough: %+v", st)
	}
}

// Late packets are waited for in the bridge that they cause, so that the delay
// grows even while somebody talks without a pause.
func TestDelayGrowsDuringVoice(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 8))
	b := newBuffer(t, Options{})
	in := voice(3000, 200, func(int) time.Duration { return time.Duration(r.ExpFloat64() * float64(15*time.Millisecond)) })
	_, states := run(b, in, 3000)
	if n := count(states, Concealed); n > 25 {
		t.Errorf("%d frames concealed; %+v", n, b.Stats())
	}
	if held := b.Buffered(); held < int(samples(40*time.Millisecond)) {
		t.Errorf("%d ms held", held/8)
	}
}

func TestDelayStaysWithinItsBounds(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 9))
	b := newBuffer(t, Options{Min: 40 * time.Millisecond, Max: 80 * time.Millisecond})
	if d := b.Stats().Delay; d != 40*time.Millisecond {
		t.Errorf("starts at %v", d)
	}
	run(b, voice(1000, 200, func(int) time.Duration { return time.Duration(r.IntN(400)) * time.Millisecond }), 1000)
	if d := b.Stats().Delay; d != 80*time.Millisecond {
		t.Errorf("ends at %v", d)
	}
}

// A stall of the network is caught up with at once, not carried along for the
// rest of the call.
func TestStallDoesNotLeaveDelayBehind(t *testing.T) {
	b := newBuffer(t, Options{})
	in := voice(400, 200, func(i int) time.Duration {
		if i >= 100 && i < 140 {
			return time.Duration(140-i) * tick
		}
		return 0
	})
	_, states := run(b, in, 390)
	if held := b.Buffered(); held > int(samples(260*time.Millisecond)) {
		t.Errorf("%d ms held long after the stall", held/8)
	}
	if n := count(states[160:], Voice); n < 220 {
		t.Errorf("only %d frames of voice after the stall", n)
	}
}

func TestClockDriftIsFollowedInPauses(t *testing.T) {
	for _, ppm := range []int{-2000, -200, 200, 2000} {
		b := newBuffer(t, Options{})
		c := codec.New(codec.PCMU)
		const packets = 15000 // five minutes
		var in []arrival
		for i := range packets {
			payload := silence(frame)
			if i%100 < 60 { // 1.2 s of voice, 0.8 s of pause, sent as silence
				for j := range payload {
					c.EncodeSamples(payload[j:j+1], []int16{int16(6000 * math.Sin(float64(i*frame+j)/10))})
				}
			}
			at := time.Duration(i) * (tick - tick*time.Duration(ppm)/1000000)
			in = append(in, arrival{at, &Packet{Seq: uint16(i), Timestamp: uint32(i * frame), Payload: payload}})
		}
		_, states := run(b, in, packets*999/1000-50)
		st := b.Stats()
		if held := b.Buffered(); held > int(samples(100*time.Millisecond)) {
			t.Errorf("%d ppm: %d ms held", ppm, held/8)
		}
		slips := packets * max(ppm, -ppm) / 1000000
		if got := int(st.Slipped); got > slips+5 || ppm > 0 && got < slips-5 {
			t.Errorf("%d ppm: slipped %d frames, want about %d", ppm, got, slips)
		}
		if n := count(states, Concealed); n > 5 {
			t.Errorf("%d ppm: %d frames concealed; %+v", ppm, n, st)
		}
	}
}

// RFC 3550 appendix A.8 by hand: transit differences of 80 samples, smoothed by 1/16.
func TestJitterEstimate(t *testing.T) {
	b := newBuffer(t, Options{})
	want := 0.0
	for i := range 200 {
		at := time.Duration(i)*tick + time.Duration(i%2)*10*time.Millisecond
		b.Put(&Packet{Seq: uint16(i), Timestamp: uint32(i * frame), Payload: silence(frame), Arrival: at})
		if i > 0 {
			want += (80 - want) / 16
		}
		var f codec.Frame
		b.Get(&f)
		if got := float64(b.Stats().JitterTicks); math.Abs(got-want) > 1.5 {
			t.Fatalf("after %d packets: %v, want %.2f", i+1, got, want)
		}
	}
}

func TestOptionsAreChecked(t *testing.T) {
	for _, o := range []Options{{Min: -time.Second}, {Min: 100 * time.Millisecond, Max: 50 * time.Millisecond}, {Max: time.Second}} {
		if _, err := New(o); err == nil {
			t.Errorf("%+v is accepted", o)
		}
	}
}
