package call

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// Phase is where the machine stands. State, which people see, is coarser.
type Phase uint8

// The phases of a call.
const (
	Arriving   Phase = iota // routing and media are asked
	Waiting                 // the caller hears music, nobody rings
	Offering                // at least one user's phones ring
	Announcing              // the office is closed and the caller is told so
	Summoning               // the user who calls out is called first
	Dialing                 // a number or a colleague is being called
	Talking                 // two people are connected
	Following               // a coach waits for the next conversation; this is no call
	Clearing                // the result stands, legs are let go
	Ended                   // nothing is left
)

func (p Phase) String() string {
	return [...]string{"arriving", "waiting", "offering", "announcing", "summoning", "dialing", "talking", "following", "clearing", "ended"}[p]
}

// Machine decides what happens to one call. It has no clock, does no I/O and
// is used by one goroutine: inputs go into Step, effects come out and are to
// be carried out in order.
type Machine struct {
	phase   Phase
	rec     Record
	arrival Arrival
	origin  Origination
	plan    Plan
	route   Route  // outbound: where the call goes
	booked  string // outbound: the colleague who is reserved and was not called yet

	began  time.Time // arrival, with the monotonic clock
	talked time.Time // when the person was connected first

	contact  leg
	person   leg     // the salesperson, or the outside number
	offers   []offer // users whose phones ring
	asked    []string
	coaches  []*coach
	attempt  *attempt  // whom the call tries to reach
	transfer *transfer // the transfer under way
	lastLeg  int
	closing  int // ports whose MediaClosed is still to come

	recording bool     // a recording runs
	announced bool     // the contact was told of it
	tape      [2]LegID // whom it takes; empty: silence
	paused    bool     // it keeps silence
	onHold    bool     // from the screen
	muted     bool     // the salesperson, from the screen
	starred   bool     // the salesperson pressed * last
	service   Sound    // a feature code's answer, instead of a call

	segment       time.Time // when the person began to talk; zero: nobody talks
	segmentNumber string    // the outside number that the person is, if it is one

	owed    bool    // somebody has to call the contact back, whatever was said
	verdict verdict // how the call ends, once it is Clearing
	refusal verdict // how it would end by the newest rejection

	at time.Time // of the current step
	fx []Effect  // of the current step
}

// leg is the machine's view of one side.
type leg struct {
	id       LegID
	role     Role
	user     string // whose phone, empty for the outside
	sdp      []byte // our SDP, until it was sent
	media    bool   // has a port
	answered bool
	progress bool // a provisional response came
	holds    bool // its peer put the call on hold
	soothed  bool // is played music, while the call is on hold
	gone     bool // released, or ended by the peer
}

// offer is the call being shown to one user.
type offer struct {
	leg
	auto bool  // the phone is asked to lift by itself
	from LegID // of another call, the user's phone that is taken over instead
}

// NewMachine returns the machine of a call that has not begun.
func NewMachine() *Machine { return &Machine{} }

// Record returns the call as it stands. It shares nothing with the machine.
func (m *Machine) Record() Record {
	rec := m.rec
	rec.Trail = slices.Clone(m.rec.Trail)
	rec.Segments = slices.Clone(m.rec.Segments)
	rec.Coachings = slices.Clone(m.rec.Coachings)
	rec.Quality = maps.Clone(m.rec.Quality)
	return rec
}

// Offered returns the users who are offered the call now.
func (m *Machine) Offered() []string {
	users := make([]string, len(m.offers))
	for i, o := range m.offers {
		users[i] = o.user
	}
	return users
}

// Phase returns where the machine stands.
func (m *Machine) Phase() Phase { return m.phase }

// Step takes an input and returns what is to be done. An input that does not
// fit the phase is ignored; an error means that it can never be right.
func (m *Machine) Step(at time.Time, in Input) ([]Effect, error) {
	m.at, m.fx = at, nil
	if first := begins(in); first != (m.rec.ID == "") {
		return nil, fmt.Errorf("call %s: %T out of place", m.rec.ID, in)
	}
	if c := m.coachOn(in); c != nil {
		m.coachSays(c, in)
		return m.fx, nil
	}
	switch in := in.(type) {
	case Arrival, Origination, Planned, Placed, Refused:
		m.begin(in)
	case Coach, CoachSwitch, CoachLeave, Standby, Conversing:
		m.coached(in)
	case MediaOpened, MediaReady, MediaClosed, MediaFailed, MediaLost, PlayEnded:
		m.heard(in)
	case LegProgress, LegAnswered, LegAccepted, LegOffered, LegHeld, LegGone:
		m.signalled(in)
	case LegRefers, Transfer, Directed, Undirected, Surrender, Handed:
		m.handOver(in)
	case Assigned:
		m.assigned(in)
	case Accept:
		m.accept(in.User)
	case Reject:
		m.reject(in.User)
	case Hold:
		m.holdOn(in)
	case Mute:
		m.mute(in)
	case PauseRecording:
		m.pauseRecording(in)
	case Digit:
		m.digit(in)
	case Hangup:
		m.hangup(in.By)
	case Drained:
		m.drained()
	case TimerFired:
		m.timerFired(in.Timer)
	}
	return m.fx, nil
}

// begins reports whether an input is the first of a call.
func begins(in Input) bool {
	switch in.(type) {
	case Arrival, Origination, Standby:
		return true
	}
	return false
}

// begin takes what a call begins with.
func (m *Machine) begin(in Input) {
	switch in := in.(type) {
	case Arrival:
		m.arrive(in)
	case Origination:
		m.originate(in)
	case Planned:
		m.planned(in.Plan)
	case Placed:
		m.placed(in.Placement)
	case Refused:
		m.refused(in.Cause)
	}
}

// heard takes what media tells.
func (m *Machine) heard(in Input) {
	switch in := in.(type) {
	case MediaOpened:
		m.mediaOpened(in)
	case MediaReady:
		m.mediaReady(in.Leg)
	case MediaClosed:
		m.mediaClosed(in)
	case MediaFailed:
		m.mediaFailed(in)
	case MediaLost:
		m.mediaLost(in.Leg)
	case PlayEnded:
		m.playEnded(in)
	}
}

// signalled takes what the legs' peers say.
func (m *Machine) signalled(in Input) {
	switch in := in.(type) {
	case LegProgress:
		m.legProgress(in)
	case LegAnswered:
		m.legAnswered(in)
	case LegAccepted:
		m.legAccepted(in)
	case LegOffered:
		m.legOffered(in)
	case LegHeld:
		m.legHeld(in)
	case LegGone:
		m.legGone(in)
	}
}

// handOver takes what concerns a transfer.
func (m *Machine) handOver(in Input) {
	switch in := in.(type) {
	case LegRefers:
		m.refers(in)
	case Transfer:
		m.transferTo(in)
	case Directed:
		m.directed(in.Destination)
	case Undirected:
		m.undirected(in.Cause)
	case Surrender:
		m.surrender(in)
	case Handed:
		m.handed(in)
	}
}

// do adds effects to the current step.
func (m *Machine) do(fx ...Effect) { m.fx = append(m.fx, fx...) }

// mark notes a step on the call's way, for explain.
func (m *Machine) mark(what, user, why string) {
	m.rec.Trail = append(m.rec.Trail, Mark{At: m.at.UTC(), What: what, User: user, Why: why})
}

// newLeg returns the ID of the call's next leg.
func (m *Machine) newLeg() LegID {
	m.lastLeg++
	return m.rec.ID.Leg(m.lastLeg)
}

// elapsed is the time since the call arrived.
func (m *Machine) elapsed() time.Duration { return m.at.Sub(m.began) }

// save makes the record durable, with the given state of the call's task.
func (m *Machine) save(task TaskState) {
	m.do(Save{Change{Record: m.Record(), Task: task}})
}

// letGo ends a leg, whatever its state, and frees its port.
func (m *Machine) letGo(l *leg, why Cause) {
	if l.id == "" || l.gone {
		return
	}
	m.do(Release{Leg: l.id, Cause: why})
	m.lost(l)
}

// lost follows a leg that is no more: nothing is said to it, its port is freed.
func (m *Machine) lost(l *leg) {
	l.gone = true
	if l.media {
		l.media = false
		m.free(l.id)
	}
}

// free closes a leg's media.
func (m *Machine) free(id LegID) {
	m.closing++
	m.do(CloseMedia{Leg: id})
}

// find returns the leg with the given ID, nil when it is no longer there.
func (m *Machine) find(id LegID) *leg {
	for _, l := range m.sides() {
		if l.id == id {
			return l
		}
	}
	if o := m.offerOn(id); o != nil {
		return &o.leg
	}
	return nil
}

// sides returns the legs that are there, other than those of offers.
func (m *Machine) sides() []*leg {
	sides := []*leg{&m.contact, &m.person}
	if m.attempt != nil {
		sides = append(sides, &m.attempt.leg)
	}
	return slices.DeleteFunc(sides, func(l *leg) bool { return l.id == "" || l.gone })
}

// offerOn returns the offer that rings on a leg, or nil.
func (m *Machine) offerOn(id LegID) *offer {
	i := slices.IndexFunc(m.offers, func(o offer) bool { return o.id == id })
	if i < 0 {
		return nil
	}
	return &m.offers[i]
}

// offerTo returns the offer to a user, or nil.
func (m *Machine) offerTo(user string) *offer {
	i := slices.IndexFunc(m.offers, func(o offer) bool { return o.user == user })
	if i < 0 {
		return nil
	}
	return &m.offers[i]
}

// dropOffer forgets the offer that rings on a leg.
func (m *Machine) dropOffer(id LegID) {
	m.offers = slices.DeleteFunc(m.offers, func(o offer) bool { return o.id == id })
}
