package media

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"tandem/call"
	"tandem/media/codec"
	"tandem/media/dtmf"
	"tandem/media/sdp"
)

// supervised is a conversation under a fixed network: losses, reordering, late
// packets, keys, music and a change of codec come at the same instants whether
// or not coaches come, whisper and go between them.
type supervised struct {
	desk            *desk
	contact, person *end
	tape            reel
	network         *rand.Rand // of the conversation
	held            bool

	coaches []*end
	roles   []call.Role
	chance  *rand.Rand // of the coaches; nil: there are none
	came    int
}

func newSupervised(t *testing.T, seed uint64, coaches bool) *supervised {
	d := newDesk(t)
	c := &supervised{desk: d, network: rand.New(rand.NewPCG(seed, 1))}
	laws := []codec.Law{codec.PCMA, codec.PCMU}
	c.contact, c.person = d.leg(contactLeg, laws[seed%2]), d.leg(personLeg, laws[seed/2%2])
	for _, x := range []*end{c.contact, c.person} { // what is drawn at random else
		x.leg.out = stream{ssrc: 77, seq: 65500, timestamp: 1<<32 - 900, span: codec.FrameSamples}
	}
	d.room().record(d.w, contactLeg, personLeg, &c.tape)
	if coaches {
		c.chance = rand.New(rand.NewPCG(seed, 2))
	}
	c.wire()
	return c
}

// wire says who hears whom, as the call would.
func (c *supervised) wire() {
	var seats []call.Seat
	if !c.held {
		seats = append(seats, call.Seat{Leg: contactLeg, Role: call.RoleContact})
	}
	seats = append(seats, call.Seat{Leg: personLeg, Role: call.RoleSalesperson})
	for i, x := range c.coaches {
		seats = append(seats, call.Seat{Leg: x.leg.id, Role: c.roles[i]})
	}
	c.desk.wire(call.Audience(seats)...)
}

// slot is 20 ms of the conversation.
func (c *supervised) slot() {
	phase := time.Duration(c.network.IntN(20)) * time.Millisecond
	c.desk.advance(phase)
	for _, x := range []*end{c.contact, c.person} {
		switch c.network.IntN(40) {
		case 0: // lost
			x.next(pattern(0))
		case 1: // overtaken
			first := x.next(pattern(int(x.seq)))
			x.say(pattern(int(x.seq)))
			x.send(x.addr, first)
		case 2: // twice
			p := x.next(pattern(int(x.seq)))
			x.send(x.addr, p)
			x.send(x.addr, p)
		default:
			x.say(pattern(int(x.seq)))
		}
	}
	c.desk.advance(tickLength - phase)
}

// change is what happens to the conversation now and then.
func (c *supervised) change() {
	switch c.network.IntN(12) {
	case 0:
		c.person.press("159*#"[c.network.IntN(5)])
	case 1:
		c.person.agree(sdp.SendRecv)
	case 2:
		c.person.law = codec.PCMA + codec.PCMU - c.person.law
		c.person.agree(sdp.SendRecv)
	case 3:
		c.held = !c.held
		c.wire()
		if c.held {
			c.contact.leg.play("music", clipOf(600, 4).Play(true), true)
		} else {
			c.contact.leg.hush()
		}
		c.desk.room().route(c.desk.now) // as the engine does
	}
}

// supervise lets coaches come, speak, press keys, turn and go at any instant.
func (c *supervised) supervise() {
	if c.chance == nil {
		return
	}
	for _, x := range c.coaches {
		x.say(pattern(int(x.seq)))
	}
	n := len(c.coaches)
	switch c.chance.IntN(10) {
	case 0:
		if n < call.MaxCoaches {
			c.came++
			x := c.desk.leg(call.ID("call").Leg(2+c.came), []codec.Law{codec.PCMA, codec.PCMU}[c.chance.IntN(2)])
			x.leg.private = true
			c.coaches, c.roles = append(c.coaches, x), append(c.roles, call.RoleCoach)
			c.wire()
		}
	case 1, 2:
		if n > 0 {
			c.roles[c.chance.IntN(n)] = []call.Role{call.RoleCoach, call.RoleWhisperer}[c.chance.IntN(2)]
			c.wire()
		}
	case 3:
		if n > 0 {
			i := c.chance.IntN(n)
			c.desk.w.detach(c.desk.now, c.coaches[i].leg)
			c.coaches, c.roles = slices.Delete(c.coaches, i, i+1), slices.Delete(c.roles, i, i+1)
			c.wire()
		}
	case 4:
		if n > 0 {
			c.key(c.coaches[c.chance.IntN(n)])
		}
	}
}

// key sends a whole press of a key at once, as after a stall of the network.
func (c *supervised) key(x *end) {
	var s dtmf.Sender
	if err := s.Start('4', 800); err != nil {
		x.desk.t.Fatal(err)
	}
	for p, ok := s.Next(); ok; p, ok = s.Next() {
		x.send(x.addr, packet{marker: p.Marker, kind: x.leg.terms.event, seq: x.seq, timestamp: x.ts, ssrc: x.ssrc, payload: p.Payload[:]})
		x.seq++
	}
	x.ts += 800
}

// TestContactsStreamWithAndWithoutCoaches: each datagram that the contact is
// sent, and the instant at which it is, are the same; so is the recording.
func TestContactsStreamWithAndWithoutCoaches(t *testing.T) {
	for seed := range uint64(40) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			run := func(coaches bool) *supervised {
				c := newSupervised(t, seed, coaches)
				for i := range 600 {
					c.slot()
					if i%10 == 0 {
						c.change()
					}
					c.supervise()
				}
				c.desk.untape()
				return c
			}
			plain, coached := run(false), run(true)
			if coached.came < 3 {
				t.Fatalf("only %d coaches came", coached.came)
			}
			same(t, plain.contact.got, coached.contact.got)
			if !slices.Equal(plain.tape.contact, coached.tape.contact) || !slices.Equal(plain.tape.person, coached.tape.person) {
				t.Error("the recording differs")
			}
			if keys := coached.contact.keysOf() + coached.person.keysOf(); bytes.ContainsRune([]byte(keys), '4') {
				t.Errorf("keys of a coach were passed on: %q", keys)
			}
		})
	}
}

// same fails where two streams differ, in a byte or in time.
func same(t *testing.T, plain, coached []sent) {
	t.Helper()
	if len(plain) < 500 {
		t.Fatalf("%d packets in 12 s", len(plain))
	}
	for i := range min(len(plain), len(coached)) {
		p, c := plain[i], coached[i]
		if p.at != c.at || !bytes.Equal(p.write(make([]byte, maxDatagram)), c.write(make([]byte, maxDatagram))) {
			t.Fatalf("packet %d of %d differs: at %v seq %d timestamp %d %x, with coaches at %v seq %d timestamp %d %x", i, len(plain),
				p.at, p.seq, p.timestamp, p.payload[:8], c.at, c.seq, c.timestamp, c.payload[:8])
		}
	}
	if len(plain) != len(coached) {
		t.Fatalf("%d packets without coaches, %d with them", len(plain), len(coached))
	}
}

// TestPrivateKeys: what a coach presses is told to the call and to nobody else,
// whether the listener hears one speaker or several.
func TestPrivateKeys(t *testing.T) {
	for name, alone := range map[string]bool{"alone": true, "in a mix": false} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			person, contact, coach := d.leg(personLeg, codec.PCMA), d.leg(contactLeg, codec.PCMA), d.leg(coachLeg, codec.PCMA)
			coach.leg.private = true
			edges := []call.Edge{{Listener: personLeg, Speaker: coachLeg}}
			if !alone {
				edges = append(edges, both(contactLeg, personLeg)...)
			}
			d.wire(edges...)
			d.talk(time.Second, 3*time.Millisecond, contact, coach)
			coach.press('5')
			d.talk(time.Second, 3*time.Millisecond, contact, coach)
			if got := person.keysOf() + contact.keysOf(); got != "" {
				t.Errorf("others were told %q", got)
			}
			if n := len(person.got); n < 100 {
				t.Errorf("%d packets in two seconds", n)
			}
			told := d.told()
			if i := slices.IndexFunc(told, func(n notice) bool { return n.kind == pressed }); i < 0 || told[i].leg != coachLeg || told[i].key != '5' {
				t.Errorf("the call was told %+v", told)
			}
		})
	}
}

// TestSilentListenerIsMissed: a coach whom nobody hears is still one whose phone
// may die.
func TestSilentListenerIsMissed(t *testing.T) {
	d := newDesk(t)
	contact, person, coach := d.leg(contactLeg, codec.PCMA), d.leg(personLeg, codec.PCMA), d.leg(coachLeg, codec.PCMA)
	d.w.timeout = 10 * time.Second
	d.wire(append(both(contactLeg, personLeg), call.Edge{Listener: coachLeg, Speaker: personLeg}, call.Edge{Listener: coachLeg, Speaker: contactLeg})...)
	d.talk(time.Second, 0, contact, person, coach)
	d.talk(12*time.Second, 0, contact, person)
	if got := d.told(); len(got) != 1 || got[0].kind != fellSilent || got[0].leg != coachLeg {
		t.Errorf("told %+v", got)
	}
}
