package sip

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	wire "github.com/emiago/sipgo/sip"

	"tandem/call"
)

// outward is a call through the carrier.
var outward = call.Target{Trunk: "carrier", Number: "+34600000000", CallerID: "+34910000001"}

// refusedAtOnce expects that a call through the carrier finds no channel.
func refusedAtOnce(t *testing.T, b *bench, leg call.LegID) {
	t.Helper()
	start := time.Now()
	b.Invite(leg, outward, []byte(testSDP))
	gone := next[call.LegGone](t, b.lines)
	if gone.Leg != leg || gone.Cause.Kind != call.CauseUnreachable || gone.Cause.Code != 503 || time.Since(start) > 0 {
		t.Errorf("%+v after %v", gone, time.Since(start))
	}
	if b.TrunkUsable("carrier") {
		t.Error("the trunk is usable")
	}
}

// A trunk's channels are counted in both directions; what comes in is the
// carrier's to decide, what goes out is refused beyond the limit.
func TestTrunkMaxCalls(t *testing.T) {
	bubble(t, func(t *testing.T, b *bench, p *peer) {
		synctest.Wait()
		if !b.TrunkUsable("carrier") || b.TrunkUsable("nobody") {
			t.Error("usable at the start: carrier no, or nobody yes")
		}
		arrived(t, b, p, "in1")
		if !b.TrunkUsable("carrier") {
			t.Error("one of two")
		}
		b.Invite("01J-1", outward, []byte(testSDP))
		invite := p.request(wire.INVITE)
		refusedAtOnce(t, b, "01J-2")
		arrived(t, b, p, "in2")
		p.reply(invite, 486, "x")
		next[call.LegGone](t, b.lines)
		refusedAtOnce(t, b, "01J-3")
		p.send(p.cancelText("in1", "in1"))
		next[call.LegGone](t, b.lines)
		if !b.TrunkUsable("carrier") {
			t.Error("one of two again")
		}
		b.Invite("01J-4", outward, []byte(testSDP))
		p.reply(p.request(wire.INVITE), 486, "x")
		next[call.LegGone](t, b.lines)
	}, Trunk{Name: "carrier", Address: "10.0.0.3", MaxCalls: 2})
}

func TestTrunkCallsPerSecond(t *testing.T) {
	bubble(t, func(t *testing.T, b *bench, p *peer) {
		for i := range 2 {
			b.Invite(call.LegID(fmt.Sprintf("01J%d-1", i)), outward, []byte(testSDP))
			p.reply(p.request(wire.INVITE), 486, "x")
			next[call.LegGone](t, b.lines)
		}
		refusedAtOnce(t, b, "01J-3")
		time.Sleep(time.Second / 2)
		for range 2 { // asking takes nothing
			if !b.TrunkUsable("carrier") {
				t.Error("not usable half a second later")
			}
		}
		b.Invite("01J-4", outward, []byte(testSDP))
		p.reply(p.request(wire.INVITE), 486, "x")
		next[call.LegGone](t, b.lines)
		refusedAtOnce(t, b, "01J-5")
	}, Trunk{Name: "carrier", Address: "10.0.0.3", CallsPerSecond: 2})
}

// A trunk that answers 503 rests for as long as it asks, within bounds.
func TestTrunkRests(t *testing.T) {
	for _, c := range []struct {
		status int
		value  string
		rest   time.Duration
	}{
		{503, "Retry-After: 30", 30 * time.Second},
		{503, "Retry-After: 7 (maintenance);duration=60", 7 * time.Second},
		{503, "Retry-After: 0", time.Second},
		{503, "Retry-After: 86400", 2 * time.Minute},
		{503, "Retry-After: tomorrow", 0},
		{503, "Subject: none", 0},
		{500, "Retry-After: 30", 0},
	} {
		bubble(t, func(t *testing.T, b *bench, p *peer) {
			b.Invite("01J-1", outward, []byte(testSDP))
			p.reply(p.request(wire.INVITE), c.status, "x", c.value)
			next[call.LegGone](t, b.lines)
			if c.rest > 0 {
				refusedAtOnce(t, b, "01J-2")
				time.Sleep(c.rest - time.Nanosecond)
				refusedAtOnce(t, b, "01J-3")
				time.Sleep(time.Nanosecond)
			}
			if !b.TrunkUsable("carrier") {
				t.Errorf("%s: still rests", c.value)
			}
		}, hubCarrier())
	}
}
