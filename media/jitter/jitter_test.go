package jitter

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"tandem/media/codec"
)

const tick = 20 * time.Millisecond

// stream makes packets whose payload tells where each sample belongs.
type stream struct {
	seq     uint16
	ts      uint32
	law     codec.Law
	samples int
	sent    []byte
}

func (s *stream) next(at time.Duration) *Packet {
	payload := make([]byte, s.samples)
	for i := range payload {
		n := len(s.sent) + i
		payload[i] = byte(n*131 ^ n>>8*17)
	}
	p := &Packet{Seq: s.seq, Timestamp: s.ts, Law: s.law, Payload: payload, Arrival: at}
	s.sent = append(s.sent, payload...)
	s.seq++
	s.ts += uint32(s.samples)
	return p
}

func (s *stream) pcm() []int16 {
	out := make([]int16, len(s.sent))
	codec.New(s.law).DecodeSamples(out, s.sent)
	return out
}

func newBuffer(t testing.TB, o Options) *Buffer {
	t.Helper()
	b, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// find returns the delay in samples at which want stands in got, exactly.
func find(got, want []int16) (delay int, ok bool) {
	for d := 0; d+len(want) <= len(got); d++ {
		same := true
		for i := 0; i < len(want) && same; i++ {
			same = got[d+i] == want[i]
		}
		if same {
			return d, true
		}
	}
	return 0, false
}

func TestLossFreeStreamIsTheInputDelayedExactly(t *testing.T) {
	for _, law := range []codec.Law{codec.PCMU, codec.PCMA} {
		for _, packet := range []int{80, 160, 240, 320, 480} {
			for _, minimum := range []time.Duration{0, 20 * time.Millisecond, 60 * time.Millisecond} {
				b := newBuffer(t, Options{Min: minimum})
				// Sequence number and timestamp both wrap on the way.
				s := &stream{seq: 65500, ts: math.MaxUint32 - 7000, law: law, samples: packet}
				var got []int16
				for n := range 400 {
					now := time.Duration(n) * tick
					for len(s.sent) <= n*frame {
						b.Put(s.next(now))
					}
					var f codec.Frame
					b.Get(&f)
					got = append(got, f[:]...)
				}
				want := s.pcm()[:300*frame]
				delay, ok := find(got, want)
				longest := int(samples(max(minimum, tick)))
				if !ok || delay > longest {
					t.Errorf("%s %d samples, min %v: delay %d, found %v", law, packet, minimum, delay, ok)
				}
				if st := b.Stats(); st.Lost+st.Late+st.Duplicate+st.Discarded+st.Concealed+st.Slipped+st.Restarts > 0 {
					t.Errorf("%s %d samples: %+v", law, packet, st)
				}
			}
		}
	}
}

func TestNoAllocation(t *testing.T) {
	b := newBuffer(t, Options{})
	s := &stream{samples: frame}
	p := s.next(0)
	var f codec.Frame
	n := 0
	if allocs := testing.AllocsPerRun(500, func() {
		p.Seq++
		p.Timestamp += frame
		if n++; n%7 != 0 {
			b.Put(p)
		}
		b.Get(&f)
		_ = b.Stats()
	}); allocs != 0 {
		t.Errorf("%v allocations per tick", allocs)
	}
}

// Nothing that the network does may make the buffer panic, and every tick gives a frame.
func TestAnyOrderLossAndDuplication(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 5))
	for range 300 {
		b := newBuffer(t, Options{Plain: r.IntN(2) == 0})
		s := &stream{seq: uint16(r.Uint32()), ts: r.Uint32(), samples: 80 * (1 + r.IntN(6))}
		var held []*Packet
		for n := range 200 {
			held = append(held, s.next(time.Duration(n)*tick))
			if r.IntN(20) == 0 {
				s.ts += r.Uint32() >> r.IntN(32)
			}
			for len(held) > 0 && r.IntN(3) > 0 {
				i := r.IntN(len(held))
				p := held[i]
				p.Marker = r.IntN(10) == 0
				p.Kind = Kind(r.IntN(12) / 10 * r.IntN(3))
				if r.IntN(5) > 0 {
					b.Put(p)
				}
				if r.IntN(5) > 0 {
					held = append(held[:i], held[i+1:]...)
				}
			}
			var f codec.Frame
			if state := b.Get(&f); state == Silence && f != (codec.Frame{}) {
				t.Fatal("silence is not silent")
			}
			if n := b.Buffered(); n < 0 || n > ringSamples {
				t.Fatalf("%d samples buffered", n)
			}
		}
	}
}

func BenchmarkPutGet(b *testing.B) {
	buffer := newBuffer(b, Options{})
	p := (&stream{samples: frame}).next(0)
	var f codec.Frame
	b.ReportAllocs()
	for b.Loop() {
		p.Seq++
		p.Timestamp += frame
		p.Arrival += tick
		buffer.Put(p)
		buffer.Get(&f)
	}
}

func BenchmarkConceal(b *testing.B) {
	buffer := newBuffer(b, Options{})
	p := (&stream{samples: frame}).next(0)
	var f codec.Frame
	b.ReportAllocs()
	for b.Loop() {
		p.Seq += 2
		p.Timestamp += 2 * frame
		p.Arrival += 2 * tick
		buffer.Put(p)
		buffer.Get(&f)
		buffer.Get(&f)
	}
}
