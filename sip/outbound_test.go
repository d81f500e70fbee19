package sip

import (
	"strings"
	"testing"
	"time"

	wire "github.com/emiago/sipgo/sip"

	"tandem/call"
)

// ring registers ana at each peer and calls her.
func ring(t *testing.T, b *bench, phones ...*peer) (call.LegID, []*wire.Request) {
	t.Helper()
	for _, p := range phones {
		if res := p.register("ana", "secret", 1); res.StatusCode != 200 {
			t.Fatalf("register: %d", res.StatusCode)
		}
	}
	leg := call.NewID(time.Now()).Leg(2)
	b.Invite(leg, call.Target{User: "ana", Show: call.Party{Name: "María", Number: "+34600111222"}}, []byte(testSDP))
	invites := make([]*wire.Request, len(phones))
	for i, p := range phones {
		invites[i] = p.request(wire.INVITE)
	}
	return leg, invites
}

func TestPhoneAnswers(t *testing.T) {
	for _, network := range []string{"udp", "tcp"} {
		t.Run(network, func(t *testing.T) {
			b := newBench(t)
			p := udpPeer(t).dial(b)
			if network == "tcp" {
				p = tcpPeer(t, b)
			}
			leg, invites := ring(t, b, p)
			invite := invites[0]
			if got := invite.From().Value(); !strings.HasPrefix(got, `"María" <sip:+34600111222@pbx.test>;tag=`) {
				t.Errorf("From %s", got)
			}
			if string(invite.Body()) != testSDP {
				t.Errorf("body %q", invite.Body())
			}
			p.reply(invite, 180, "phone")
			if got := next[call.LegProgress](t, b.lines); got.Status != 180 {
				t.Errorf("progress %+v", got)
			}
			p.reply(invite, 200, "phone", testSDP)
			if got := next[call.LegAnswered](t, b.lines); string(got.SDP) != testSDP || got.Leg != leg {
				t.Errorf("answered %+v", got)
			}
			ack := p.request(wire.ACK)
			if ack.CSeq().SeqNo != invite.CSeq().SeqNo || tagOf(ack.To().Params) != "phone" {
				t.Errorf("ack %s", ack)
			}
			b.Release(leg, call.Cause{Kind: call.CauseNormal})
			p.reply(p.request(wire.BYE), 200, "")
		})
	}
}
