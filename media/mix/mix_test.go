package mix

import (
	"math"
	"math/rand/v2"
	"testing"

	"tandem/media/codec"
)

func randomFrame(r *rand.Rand) *codec.Frame {
	var f codec.Frame
	for i := range f {
		f[i] = int16(r.Uint32())
	}
	return &f
}

func randomEdges(r *rand.Rand) Edges {
	var e Edges
	for l := range e {
		e[l] = uint8(r.Uint32())
	}
	return e
}

func TestSilentUntilWired(t *testing.T) {
	var m Mixer
	in := []*codec.Frame{randomFrame(rand.New(rand.NewPCG(1, 1))), nil}
	out := make([]codec.Frame, 2)
	out[1][3] = 99
	if heard := m.Mix(in, out); heard != 0 || out[0] != (codec.Frame{}) || out[1] != (codec.Frame{}) {
		t.Errorf("an unwired room is not silent: heard %b", heard)
	}
}

// Whatever the wiring, what a listener gets is the plain sum of those it has an
// edge to: computed here in the most naive way there is.
func TestEveryListenerGetsTheSumOfItsSpeakers(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	for range 500 {
		m, in, out := Mixer{}, make([]*codec.Frame, Seats), make([]codec.Frame, Seats)
		edges := randomEdges(r)
		m.Wire(edges)
		for s := range in {
			if r.IntN(4) > 0 {
				in[s] = randomFrame(r)
			}
		}
		m.Mix(in, out)
		for l := range out {
			for i := range out[l] {
				var want int
				for s := range in {
					if s != l && edges.Hears(l, s) && in[s] != nil {
						want += int(in[s][i])
					}
				}
				want = min(max(want, math.MinInt16), math.MaxInt16)
				if int(out[l][i]) != want {
					t.Fatalf("edges %v: listener %d sample %d = %d, want %d", edges, l, i, out[l][i], want)
				}
			}
		}
	}
}

func TestOutputNeverDependsOnAnUnheardSpeaker(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	// Every mask that one listener can have, for every listener; the other rows are random.
	for listener := range Seats {
		for mask := range 256 {
			edges := randomEdges(r)
			edges[listener] = uint8(mask)
			var m Mixer
			m.Wire(edges)
			in := make([]*codec.Frame, Seats)
			for s := range in {
				in[s] = randomFrame(r)
			}
			before, after := make([]codec.Frame, Seats), make([]codec.Frame, Seats)
			m.Mix(in, before)
			for s := range in {
				if s == listener || mask&(1<<s) == 0 {
					in[s] = randomFrame(r)
				}
			}
			m.Mix(in, after)
			if before[listener] != after[listener] {
				t.Fatalf("listener %d with mask %08b hears somebody it has no edge to", listener, mask)
			}
		}
	}
}

func TestSaturation(t *testing.T) {
	loud := func(v int16) *codec.Frame {
		var f codec.Frame
		for i := range f {
			f[i] = v
		}
		return &f
	}
	var m Mixer
	var e Edges
	e.Add(0, 1)
	e.Add(0, 2)
	e.Add(0, 3)
	m.Wire(e)
	for _, tt := range []struct {
		a, b, c, want int16
	}{
		{math.MaxInt16, math.MaxInt16, math.MaxInt16, math.MaxInt16},
		{math.MinInt16, math.MinInt16, math.MinInt16, math.MinInt16},
		{math.MaxInt16, math.MaxInt16, math.MinInt16, math.MaxInt16 - 1},
		{100, -30, 5, 75},
	} {
		out := make([]codec.Frame, 1)
		m.Mix([]*codec.Frame{nil, loud(tt.a), loud(tt.b), loud(tt.c)}, out)
		if out[0] != *loud(tt.want) {
			t.Errorf("%d+%d+%d = %d, want %d", tt.a, tt.b, tt.c, out[0][0], tt.want)
		}
	}
}

func TestSole(t *testing.T) {
	var m Mixer
	var e Edges
	e.Add(0, 5)
	e.Add(1, 2)
	e.Add(1, 3)
	e.Add(4, 4) // nobody hears themselves
	e.Add(-1, 2)
	e.Add(2, Seats)
	m.Wire(e)
	for listener, want := range map[int]int{0: 5, 1: -1, 2: -1, 4: -1, -1: -1, Seats: -1} {
		speaker, ok := m.Sole(listener)
		if ok != (want >= 0) || ok && speaker != want {
			t.Errorf("Sole(%d) = %d, %v", listener, speaker, ok)
		}
	}
}

func TestSelfEdgeIsDroppedEvenWhenForced(t *testing.T) {
	var m Mixer
	m.Wire(Edges{0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF})
	got := m.Edges()
	for l := range Seats {
		if got.Hears(l, l) || got[l] != 0xFF&^(1<<l) {
			t.Errorf("row %d = %08b", l, got[l])
		}
	}
}

func TestRemoveTakesEveryEdgeOfASeat(t *testing.T) {
	e := Edges{0xFE, 0xFD, 0xFB, 0xF7, 0xEF, 0xDF, 0xBF, 0x7F}
	e.Remove(3)
	e.Remove(-1)
	e.Remove(Seats)
	for other := range Seats {
		if e.Hears(3, other) || e.Hears(other, 3) {
			t.Errorf("seat 3 still joined to %d", other)
		}
	}
	if !e.Hears(0, 1) {
		t.Error("another edge went with it")
	}
}

func TestHeardNamesTheListenersWithSound(t *testing.T) {
	var m Mixer
	var e Edges
	e.Add(0, 1)
	e.Add(1, 0)
	e.Add(2, 0)
	e.Add(2, 1)
	m.Wire(e)
	out := make([]codec.Frame, 3)
	if heard := m.Mix([]*codec.Frame{{1}, nil, nil}, out); heard != 0b110 {
		t.Errorf("heard = %03b", heard)
	}
}

func TestNoAllocation(t *testing.T) {
	var m Mixer
	m.Wire(Edges{0xFE, 0xFD, 0xFB})
	in, out := make([]*codec.Frame, 3), make([]codec.Frame, 3)
	for i := range in {
		in[i] = new(codec.Frame)
	}
	if n := testing.AllocsPerRun(100, func() { m.Mix(in, out) }); n != 0 {
		t.Errorf("%v allocations per tick", n)
	}
}

func BenchmarkMixTwoParties(b *testing.B)   { benchmarkMix(b, 2) }
func BenchmarkMixWithCoach(b *testing.B)    { benchmarkMix(b, 3) }
func BenchmarkMixEightParties(b *testing.B) { benchmarkMix(b, 8) }
func benchmarkMix(b *testing.B, parties int) {
	var m Mixer
	var e Edges
	for l := range parties {
		for s := range parties {
			e.Add(l, s)
		}
	}
	m.Wire(e)
	in, out := make([]*codec.Frame, parties), make([]codec.Frame, parties)
	for i := range in {
		in[i] = randomFrame(rand.New(rand.NewPCG(4, uint64(i))))
	}
	b.ReportAllocs()
	for b.Loop() {
		m.Mix(in, out)
	}
}
