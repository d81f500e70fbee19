package media

import (
	"bytes"
	"testing"

	"tandem/call"
	"tandem/media/codec"
	"tandem/media/tone"
)

// both lets two legs hear each other.
func both(a, b call.LegID) []call.Edge {
	return []call.Edge{{Listener: a, Speaker: b}, {Listener: b, Speaker: a}}
}

func TestPassThroughOverTheNetwork(t *testing.T) {
	eachIO(t, func(t *testing.T, io func() (PacketIO, error)) {
		e := startEngine(t, Options{PacketIO: io})
		id := call.ID("call")
		contact, person := newPhone(t, codec.PCMA), newPhone(t, codec.PCMA)
		contact.open(e, id.Leg(1))
		person.open(e, id.Leg(2))
		e.Wire(id, both(id.Leg(1), id.Leg(2)))
		e.Tap(id, "", "", nil) // waits until the wiring is in force
		var last packet
		for i := range 50 {
			person.say(pattern(i))
			got := contact.hear()
			if !bytes.Equal(got.payload, pattern(i)) {
				t.Fatalf("packet %d: payload changed: %x", i, got.payload)
			}
			if i > 0 && (got.seq != last.seq+1 || got.timestamp != last.timestamp+160 || got.ssrc != last.ssrc) {
				t.Fatalf("packet %d: stream broken: %+v after %+v", i, got, last)
			}
			if got.ssrc == person.ssrc {
				t.Fatal("the speaker's SSRC came through")
			}
			last = got
		}
	})
}

func TestMusicThenConversationIsOneStream(t *testing.T) {
	eachIO(t, func(t *testing.T, io func() (PacketIO, error)) {
		lines := newInbox()
		e := startEngine(t, Options{PacketIO: io, Lines: lines, Sounds: map[call.Sound]tone.Clip{"music": clipOf(600, 20)}})
		id := call.ID("call")
		contact, person := newPhone(t, codec.PCMU), newPhone(t, codec.PCMU)
		contact.open(e, id.Leg(1))
		e.Play(id.Leg(1), "music", true)
		var f codec.Frame
		last := contact.hear()
		for range 40 {
			got := contact.hear()
			codec.New(codec.PCMU).Decode(&f, got.payload)
			if tone.Power(f[:], 600) < -12 || got.seq != last.seq+1 || got.timestamp != last.timestamp+160 {
				t.Fatalf("no music, or a broken stream: %+v after %+v", got, last)
			}
			last = got
		}
		person.open(e, id.Leg(2))
		e.Hush(id.Leg(1))
		e.Wire(id, both(id.Leg(1), id.Leg(2)))
		e.Tap(id, "", "", nil)
		said := 0
		for heard := 0; heard < 30; {
			person.say(pattern(said))
			said++
			got := contact.hear()
			if got.seq != last.seq+1 || got.ssrc != last.ssrc || got.timestamp-last.timestamp != 160 && !got.marker {
				t.Fatalf("broken stream: %+v after %+v", got, last)
			}
			last = got
			if bytes.Equal(got.payload[4:], pattern(int(got.payload[3]))[4:]) {
				heard++
			}
		}
	})
}

func TestPlayEnds(t *testing.T) {
	lines := newInbox()
	e := startEngine(t, Options{Lines: lines, Sounds: map[call.Sound]tone.Clip{"closed": clipOf(600, 5)}})
	contact := newPhone(t, codec.PCMA)
	contact.open(e, "call-1")
	e.Play("call-1", "closed", false)
	for range 5 {
		contact.hear()
	}
	lines.wait(t, call.PlayEnded{Leg: "call-1", Sound: "closed"})
}
