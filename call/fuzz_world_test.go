package call

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// world is all that is round one call: peers, media, routing, the floor, other
// calls and people. It posts what its ports promise to post and nothing else,
// at any time: what it posts waits in a mailbox, so that it may cross with what
// the machine decides meanwhile. It keeps the books of what it was told and
// fails the test when something does not fit.
type world struct {
	t     *testing.T
	draw  *draw
	m     *Machine
	at    time.Time
	story []any

	kinds    []Input // that are posted while a call lives
	mailbox  []Input
	timers   map[Timer]time.Time
	failures int // bit by bit, whether the next media operation fails

	legs     map[LegID]*line
	foreign  map[LegID]Handed     // legs of other calls that are this one's to take
	strange  int                  // how many there ever were
	partners []LegID              // of other calls that were asked for their other side and did not answer yet
	asked    int                  // other calls that want a side of this one and were not answered yet
	sounds   []PlayEnded          // that are being played to their end
	seeking  *Request             // the call is in the floor's queue
	reserved map[string]holding   // users who are this call's
	taken    map[string]bool      // users whose leg was handed over, and who were not reserved
	pickup   string               // the user who is reserved for the call that they pick up
	ringing  int                  // offers of a ring-all call
	edges    []Edge               // who hears whom
	playing  map[LegID]PlayEnded  // what legs are played
	tape     *[2]LegID            // whom the running recording takes
	told     bool                 // the contact heard that they are recorded
	recorded bool                 // a recording has started
	muted    bool                 // the person, from the screen
	person   LegID                // who talks with the contact
	modes    map[string]CoachMode // of coaches, as they and their superiors chose
	follows  string               // whose next conversation a coach waits for

	durable bool // routing stored the call
	saved   Record
	finals  int // saves with a result
	endings int // call.ended
}

// line is a leg as its peer and media know it.
type line struct {
	user     string
	trunk    string
	peer     bool // there is a peer: it called, or was called
	caller   bool // it called
	taken    bool // it was another call's
	port     bool
	answered bool
	owes     bool // the peer's SDP answer is still to come, in its ACK
	refers   bool // a REFER of it was accepted, and its end is not told yet
	silent   bool // gone, released or given away: the peer says nothing more
	released bool
	given    bool // to another call
}

// holding is how the floor holds a user for the call.
type holding uint8

const (
	offered holding = iota + 1
	calling         // they call out
	talking
	coaching
)

func newWorld(t *testing.T, script []byte) *world {
	w := &world{
		t: t, draw: &draw{bytes: script, legs: 1}, m: NewMachine(), at: time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC),
		timers: make(map[Timer]time.Time), legs: make(map[LegID]*line), foreign: make(map[LegID]Handed),
		reserved: make(map[string]holding), taken: make(map[string]bool), playing: make(map[LegID]PlayEnded),
		modes: make(map[string]CoachMode),
	}
	if w.draw.n(4) == 0 {
		w.failures = 1 << w.draw.n(6)
	}
	return w
}

// begin posts the input that begins the call.
func (w *world) begin() {
	var first []Input
	for _, kind := range inputs() {
		_, err := NewMachine().Step(w.at, w.draw.first(kind))
		switch {
		case err == nil:
			first = append(first, kind)
		case !comesBack(kind):
			w.kinds = append(w.kinds, kind)
		}
	}
	in := w.draw.first(first[w.draw.n(len(first))])
	switch begun := in.(type) {
	case Arrival:
		w.legs[begun.Leg] = &line{peer: true, caller: true, owes: begun.SDP == nil}
	case Standby:
		begun.Leg, begun.Coaching.User = ID("OTHER").Leg(1), "eva"
		begun.Coaching.Stays, begun.Coaching.With = true, "ana"
		w.strange = 1
		w.foreign[begun.Leg] = Handed{Leg: begun.Leg, User: "eva"}
		in = begun
	case Origination:
		begun.User = "ana"
		if w.draw.n(2) == 1 { // from the screen
			begun.Leg, begun.SDP, begun.Source = "", nil, ""
		} else {
			w.legs[begun.Leg] = &line{user: begun.User, peer: true, caller: true, owes: begun.SDP == nil}
		}
		in = begun
	}
	w.take(in)
}

// first fills an input so that it can begin a call: with its first leg.
func (d *draw) first(kind Input) Input {
	v := reflect.New(reflect.TypeOf(kind)).Elem()
	d.fill(v, "")
	if leg := v.FieldByName("Leg"); leg.IsValid() {
		leg.SetString(string(stageID.Leg(1)))
	}
	return v.Interface().(Input)
}

// move lets one thing happen.
func (w *world) move() {
	switch w.draw.n(12) {
	case 0, 1, 2, 3:
		w.deliver()
	case 4:
		w.at = w.at.Add(time.Duration(w.draw.n(256)) * 100 * time.Millisecond)
		if w.draw.n(8) == 0 {
			w.fire()
		}
	case 5, 6:
		w.post(w.expected())
	default:
		w.draw.legs = max(1, len(w.legs))
		w.post(w.draw.input(w.kinds[w.draw.n(len(w.kinds))]))
	}
}

// post puts an input into the mailbox, if it may be posted now.
func (w *world) post(in Input) {
	if in = w.lawful(in); in != nil {
		w.mailbox = append(w.mailbox, in)
	}
}

// expected is what people do most: answer, and pass calls on.
func (w *world) expected() Input {
	for _, id := range slices.Sorted(maps.Keys(w.legs)) {
		if l := w.legs[id]; l.peer && !l.silent && !l.answered && (!l.caller || l.taken) {
			return LegAnswered{Leg: id, SDP: []byte("sdp")}
		}
	}
	kinds := []Input{Assigned{}, Handed{}, LegRefers{}, Transfer{}, LegOffered{}, Coach{}, Digit{}}
	w.draw.legs = max(1, len(w.legs))
	return w.draw.input(kinds[w.draw.n(len(kinds))])
}

// deliver hands the machine what was posted first.
func (w *world) deliver() {
	if len(w.mailbox) > 0 {
		in := w.mailbox[0]
		w.mailbox = w.mailbox[1:]
		w.take(in)
	}
}

// fire lets the timer run out that is due first.
func (w *world) fire() bool {
	names := slices.Sorted(maps.Keys(w.timers))
	if len(names) == 0 {
		return false
	}
	name := slices.MinFunc(names, func(a, b Timer) int { return w.timers[a].Compare(w.timers[b]) })
	if due := w.timers[name]; due.After(w.at) {
		w.at = due
	}
	delete(w.timers, name)
	w.take(TimerFired{Timer: name})
	return true
}

// finish lets everything happen that is bound to: nobody acts any more, sounds
// end, other calls answer, timers run out. Only a conversation goes on until
// somebody hangs up.
func (w *world) finish() {
	for range 1000 {
		switch {
		case len(w.mailbox) > 0:
			w.deliver()
		case len(w.partners) > 0:
			w.mailbox = append(w.mailbox, w.partner())
		case w.m.Phase() == Ended:
			w.over()
			return
		case len(w.sounds) > 0:
			w.mailbox = append(w.mailbox, w.sounds[0])
			w.sounds = w.sounds[1:]
		case w.fire():
		case w.m.Phase() == Talking || w.m.Phase() == Following:
			w.take(Hangup{By: "admin"})
		default:
			w.fail("%s, and nothing will ever happen", w.m.Phase())
		}
	}
	w.fail("no end")
}

// take steps the machine as its host does: with an input, then with what its
// effects come back with.
func (w *world) take(in Input) {
	for queue := []Input{in}; len(queue) > 0; queue = queue[1:] {
		phase := w.m.Phase()
		in = queue[0]
		w.heeds(in, phase)
		fx, err := w.m.Step(w.at, in)
		if err != nil {
			w.fail("%v", err)
		}
		w.story = append(w.story, phase, in)
		for _, f := range fx {
			w.story = append(w.story, f)
			w.does(in, f)
			queue = append(queue, w.result(f)...)
		}
		w.stands(phase)
	}
	w.settled()
}

// heeds notes what an input that is delivered now means for the laws.
func (w *world) heeds(in Input, phase Phase) {
	switch in := in.(type) {
	case Mute:
		if phase == Talking {
			w.muted = in.On
		}
	case CoachSwitch:
		if w.m.coachNamed(in.User) != nil {
			w.modes[in.User] = in.Mode
		}
	case Digit:
		w.chooses(in)
	case PlayEnded:
		if w.playing[in.Leg] == in {
			delete(w.playing, in.Leg)
		}
		w.told = w.told || phase == Talking && in.Sound == w.m.plan.Announce
	}
}

// chooses notes which mode a coach chooses by a key. Before they hear anything
// there is nothing to choose.
func (w *world) chooses(in Digit) {
	c := w.m.coachOn(in)
	if c == nil || !c.joined {
		return
	}
	mode := map[byte]CoachMode{'4': CoachWhispers, '5': CoachListens, '6': CoachBarges}[in.Key]
	if mode != "" && (mode != CoachBarges || c.as.Barge) {
		w.modes[c.user] = mode
	}
}

// fail ends the test with all that happened.
func (w *world) fail(format string, args ...any) {
	w.t.Helper()
	var b strings.Builder
	for _, s := range w.story {
		switch s := s.(type) {
		case Phase:
			fmt.Fprintf(&b, "%s\n", s)
		case Effect:
			fmt.Fprintf(&b, "    %s\n", describe(s))
		default:
			fmt.Fprintf(&b, "> %T%+v\n", s, s)
		}
	}
	w.t.Fatalf(format+"\nafter:\n%s", append(args, b.String())...)
}
