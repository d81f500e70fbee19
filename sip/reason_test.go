package sip

import (
	"testing"

	wire "github.com/emiago/sipgo/sip"

	"tandem/call"
)

func TestReasonOf(t *testing.T) {
	for _, c := range []struct {
		values []string
		q850   int
	}{
		{nil, 0},
		{[]string{`Q.850;cause=31;text="Normal, unspecified"`}, 31},
		{[]string{"SIP;cause=486", "q.850 ; Cause=17"}, 17},
		{[]string{`SIP;cause=600;text="x", Q.850;cause=21`}, 21},
		{[]string{"SIP;cause=486"}, 17},
		{[]string{`SIP;cause=200;text="Call completed elsewhere"`}, 26},
		{[]string{"SIP;cause=180"}, 0},
		{[]string{"Q.850;cause=128", "preemption;cause=1"}, 0},
	} {
		res := wire.NewResponse(486, "Busy Here")
		for _, v := range c.values {
			res.AppendHeader(header("Reason", v))
		}
		if got := reasonOf(res); got != c.q850 {
			t.Errorf("%q: %d, want %d", c.values, got, c.q850)
		}
	}
}

// What a carrier says in a Reason header is more exact than its status, in the
// refusal or before it.
func TestReasonOfRefusal(t *testing.T) {
	for _, c := range []struct {
		early, late string
		q850        int
	}{
		{"Subject: x", "Subject: x", 18},
		{"Subject: x", "Reason: Q.850;cause=19", 19},
		{"Reason: Q.850;cause=20", "Subject: x", 20},
		{"Reason: Q.850;cause=20", "Reason: Q.850;cause=3", 3},
	} {
		bubble(t, func(t *testing.T, b *bench, p *peer) {
			b.Invite("01J-1", outward, []byte(testSDP))
			invite := p.request(wire.INVITE)
			p.reply(invite, 183, "x", c.early)
			next[call.LegProgress](t, b.lines)
			p.reply(invite, 480, "x", c.late)
			if gone := next[call.LegGone](t, b.lines); gone.Cause.Q850 != c.q850 || gone.Cause.Code != 480 {
				t.Errorf("%+v: %+v", c, gone)
			}
		}, hubCarrier())
	}
}

// A caller's CANCEL and BYE carry their reasons too.
func TestReasonOfCaller(t *testing.T) {
	bubble(t, func(t *testing.T, b *bench, p *peer) {
		arrived(t, b, p, "cancel")
		text := p.cancelText("cancel", "cancel")
		p.send(text[:len(text)-len("\r\n")] + "Reason: Q.850;cause=31\r\n\r\n")
		if gone := next[call.LegGone](t, b.lines); gone.Cause.Q850 != 31 {
			t.Errorf("%+v", gone)
		}
		p.send(p.ackText(p.response(487, wire.INVITE), "cancel", "cancel"))
		_, ok := connected(t, b, p)
		p.send(p.within(ok, "BYE", 2, "bye", "Reason: SIP;cause=503"))
		if gone := next[call.LegGone](t, b.lines); gone.Cause.Q850 != 41 {
			t.Errorf("%+v", gone)
		}
	}, carrierThere)
}

// Nobody answered within three seconds: there was no status.
func TestUnheardHasNoStatus(t *testing.T) {
	bubble(t, func(t *testing.T, b *bench, p *peer) {
		b.Invite("01J-1", outward, []byte(testSDP))
		p.request(wire.INVITE)
		if gone := next[call.LegGone](t, b.lines); gone.Cause.Code != 0 || gone.Cause.Kind != call.CauseUnreachable {
			t.Errorf("%+v", gone)
		}
	}, hubCarrier())
}

// A key by INFO says that it came that way.
func TestKeyByInfo(t *testing.T) {
	b, p, leg, ok := talking(t)
	text := p.within(ok, "INFO", 2, "key", "Content-Type: application/dtmf-relay")
	p.send(text[:len(text)-len("Content-Length: 0\r\n\r\n")] + "Content-Length: 10\r\n\r\nSignal=5\r\n")
	p.response(200, wire.INFO)
	if got := next[call.Digit](t, b.lines); got != (call.Digit{Leg: leg, Key: '5', Signalled: true}) {
		t.Errorf("%+v", got)
	}
}
