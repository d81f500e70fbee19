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

func FuzzBuffer(f *testing.F) {
	f.Add([]byte{0, 1, 0, 0, 0, 160, 0, 1, 0, 2, 0, 0, 1, 64, 0, 1})
	f.Add([]byte{0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x83, 60, 0, 0, 0, 0, 0, 1, 0x41, 9})
	f.Fuzz(func(t *testing.T, script []byte) {
		b, err := New(Options{Plain: len(script)%2 == 0})
		if err != nil {
			t.Fatal(err)
		}
		var payload [1000]byte
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
			for range script[6] & 7 {
				n++
				var frame codec.Frame
				b.Get(&frame)
			}
			if held := b.Buffered(); held > ringSamples {
				t.Fatalf("%d samples held", held)
			}
		}
	})
}
