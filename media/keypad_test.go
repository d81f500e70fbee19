package media

import (
	"slices"
	"testing"
	"time"

	"tandem/media/codec"
)

// TestAudioComesBackAfterKeys: keys from signalling take the place of audio that
// is passed on; it is passed on again right after them, whenever in the tick
// the speaker's packets come.
func TestAudioComesBackAfterKeys(t *testing.T) {
	for phase := time.Duration(0); phase < tickLength; phase += time.Millisecond {
		d := newDesk(t)
		contact, person := d.leg(contactLeg, codec.PCMA), d.leg(personLeg, codec.PCMA)
		d.wire(both(contactLeg, personLeg)...)
		talk := func(slots int) {
			for slot := range slots {
				d.advance(phase)
				contact.say(pattern(slot))
				d.advance(tickLength - phase)
			}
		}
		talk(20)
		for range 3 {
			contact.leg.pass('3')
			contact.leg.pass('6')
			talk(40) // two keys of 100 ms with 60 ms between them, and some
			person.got = nil
			talk(20)
			passed := 0
			for slot := range 20 {
				if slices.ContainsFunc(person.got, func(p sent) bool { return slices.Equal(p.payload, pattern(slot)) }) {
					passed++
				}
			}
			if passed < 19 {
				t.Fatalf("phase %v: %d of 20 packets are passed on after the keys", phase, passed)
			}
		}
	}
}
