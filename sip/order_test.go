package sip

import (
	"testing"
	"time"

	wire "github.com/emiago/sipgo/sip"

	"tandem/call"
)

// A final response right behind a provisional one does not overtake it: that it
// rang decides whether another trunk is tried. Goroutines promise no order, so a
// few may; served newest first, all do.
func TestRefusalRightBehindRinging(t *testing.T) {
	p := udpPeer(t)
	b := newBench(t, carrierAt(p))
	p.dial(b)
	const rounds = 40
	inOrder := 0
	for range rounds {
		id := call.NewID(time.Now())
		b.Invite(id.Leg(1), call.Target{Trunk: "carrier", Number: "+34600000000", CallerID: "+34910000001"}, []byte(testSDP))
		invite := p.request(wire.INVITE)
		p.reply(invite, 180, "c")
		p.reply(invite, 503, "c")
		switch in := next[call.Input](t, b.lines).(type) {
		case call.LegProgress:
			inOrder++
			next[call.LegGone](t, b.lines)
		case call.LegGone:
		default:
			t.Fatalf("input %T", in)
		}
		p.request(wire.ACK)
	}
	if inOrder < rounds*9/10 {
		t.Errorf("%d of %d in order", inOrder, rounds)
	}
}
