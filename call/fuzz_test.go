package call

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"
)

// inputs has one of each kind of input, with nothing in it.
func inputs() []Input {
	return []Input{
		Arrival{}, Planned{}, Refused{}, MediaOpened{}, MediaReady{}, MediaClosed{}, MediaFailed{}, Assigned{},
		LegProgress{}, LegAnswered{}, LegAccepted{}, LegOffered{}, LegGone{}, PlayEnded{}, MediaLost{}, Digit{},
		Accept{}, Reject{}, Hangup{}, Drained{}, TimerFired{},
		Origination{}, Placed{}, LegHeld{}, LegRefers{}, Hold{}, Mute{}, PauseRecording{}, Transfer{},
		Directed{}, Undirected{}, Surrender{}, Handed{},
		Standby{}, Conversing{}, Coach{}, CoachSwitch{}, CoachLeave{},
	}
}

// TestEveryInputIsFuzzed: the fuzzer knows every type that is an Input.
func TestEveryInputIsFuzzed(t *testing.T) {
	want := make(map[string]bool)
	for _, in := range inputs() {
		want[reflect.TypeOf(in).Name()] = true
	}
	file, err := parser.ParseFile(token.NewFileSet(), "input.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	found := make(map[string]bool)
	for _, d := range file.Decls {
		if f, ok := d.(*ast.FuncDecl); ok && f.Recv != nil && f.Name.Name == "input" {
			found[f.Recv.List[0].Type.(*ast.Ident).Name] = true
		}
	}
	if !maps.Equal(want, found) {
		t.Errorf("fuzzed are %v, inputs are %v", slices.Sorted(maps.Keys(want)), slices.Sorted(maps.Keys(found)))
	}
}

// FuzzMachine: whatever people, phones, media and the floor do, and whenever the
// call hears of it, they get what they were promised, and left alone the call
// comes to its end. See world.
func FuzzMachine(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, script []byte) {
		w := newWorld(t, script)
		w.begin()
		for range 400 {
			if len(w.draw.bytes) == 0 || w.m.Phase() == Ended {
				break
			}
			w.move()
		}
		w.finish()
	})
}

// FuzzStep: inputs that nobody would ever post, in any order, make no machine
// panic, and none takes back what was written down.
func FuzzStep(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, script []byte) {
		d := &draw{bytes: script, legs: 6}
		m, at, all := NewMachine(), time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC), inputs()
		finals := 0
		for range 400 {
			if len(d.bytes) == 0 {
				break
			}
			before, phase := m.Record(), m.Phase()
			at = at.Add(time.Duration(d.n(40)) * time.Second)
			fx, err := m.Step(at, d.input(all[d.n(len(all))]))
			if err != nil && len(fx) > 0 {
				t.Fatalf("%v, and yet %v", err, fx)
			}
			for _, effect := range fx {
				if s, ok := effect.(Save); ok && s.Change.Record.Result != ResultNone {
					finals++
				}
				if w, ok := effect.(Wire); ok && slices.ContainsFunc(w.Edges, func(e Edge) bool { return e.Listener == e.Speaker }) {
					t.Fatalf("a leg hears itself: %v", w)
				}
			}
			after := m.Record()
			if before.Result != ResultNone && (after.Result != before.Result || !reflect.DeepEqual(after.EndedAt, before.EndedAt)) || finals > 1 {
				t.Fatalf("%s at %v became %s at %v, saved %d times", before.Result, before.EndedAt, after.Result, after.EndedAt, finals)
			}
			if phase == Ended && m.Phase() != Ended || before.ID != "" && after.ID != before.ID {
				t.Fatalf("%s of %s became %s of %s", phase, before.ID, m.Phase(), after.ID)
			}
			if len(fx) > 100 || m.Phase().String() == "" {
				t.Fatalf("%d effects of one input in %s", len(fx), m.Phase())
			}
		}
	})
}

// seeds adds scripts of some length: random ones, always the same.
func seeds(f *testing.F) {
	random := rand.New(rand.NewPCG(1, 2))
	for n := range 400 {
		script := make([]byte, 40+4*n)
		for i := range script {
			script[i] = byte(random.Uint32())
		}
		f.Add(script)
	}
}

// draw makes values of bytes. There is a value for all bytes; when they have run
// out it is the zero value.
type draw struct {
	bytes []byte
	legs  int // how many a call has that inputs may be about
}

// n returns a number below limit.
func (d *draw) n(limit int) int {
	if len(d.bytes) == 0 {
		return 0
	}
	b := d.bytes[0]
	d.bytes = d.bytes[1:]
	return int(b) % limit
}

// input returns an input of the same kind, filled.
func (d *draw) input(kind Input) Input {
	v := reflect.New(reflect.TypeOf(kind)).Elem()
	d.fill(v, "")
	return v.Interface().(Input)
}

// fill sets a value of any type that inputs are made of. name is its field's.
func (d *draw) fill(v reflect.Value, name string) {
	switch v.Interface().(type) {
	case ID:
		if name != "Pickup" || d.n(8) == 1 { // most placements are no pick-up
			v.SetString(string(stageID))
		}
		return
	case LegID:
		if n := d.n(d.legs + 1); n > 0 {
			v.SetString(string(stageID.Leg(n)))
		}
		return
	case time.Time:
		return // steps have their own clock
	case time.Duration:
		v.SetInt(int64(d.n(100)) * int64(time.Second))
		return
	case []byte:
		if d.n(4) > 0 {
			v.SetBytes([]byte("sdp"))
		}
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			d.fill(v.Field(i), v.Type().Field(i).Name)
		}
	case reflect.Pointer:
		if d.n(4) == 1 {
			v.Set(reflect.New(v.Type().Elem()))
			d.fill(v.Elem(), name)
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), d.n(4), 3))
		for i := range v.Len() {
			d.fill(v.Index(i), name)
		}
	default:
		d.scalar(v, name)
	}
}

// scalar sets a value that has no parts.
func (d *draw) scalar(v reflect.Value, name string) {
	switch v.Kind() {
	case reflect.String:
		words := d.words(v, name)
		v.SetString(words[d.n(len(words))])
	case reflect.Bool:
		v.SetBool(d.n(2) == 1)
	case reflect.Int:
		codes := []int64{0, 180, 183, 200, 408, 480, 486, 503, 603, -1}
		v.SetInt(codes[d.n(len(codes))])
	case reflect.Uint8:
		if name == "Key" {
			v.SetUint(uint64("456*1"[d.n(5)]))
			return
		}
		limit := 256
		if _, closed := reflect.TypeAssert[CauseKind](v); closed {
			limit = int(CauseMediaLost) + 1
		}
		v.SetUint(uint64(d.n(limit)))
	case reflect.Float64:
		v.SetFloat(float64(d.n(100)) / 10)
	}
}

// words are the strings that make a difference to a machine.
func (d *draw) words(v reflect.Value, name string) []string {
	switch v.Interface().(type) {
	case Timer:
		return []string{string(TimerReception), string(TimerOffer), string(TimerDial), string(TimerFarewell), "none"}
	case CoachMode:
		return []string{string(CoachListens), string(CoachWhispers), string(CoachBarges)}
	case Strategy:
		return []string{string(LongestIdle), string(RingAll), string(Random)}
	case Sound:
		if name == "Service" {
			return []string{"", "", "", "", "", "", "", string(SoundConfirm)}
		}
		return []string{"", "announce", "closed", string(SoundUnavailable)}
	}
	switch name {
	case "User":
		return []string{"ana", "luis", "eva", "pau", ""}
	case "Users":
		return []string{"ana", "luis", "eva", "pau"}
	}
	return []string{"", "sales", "+34600111222", "carrier"}
}
