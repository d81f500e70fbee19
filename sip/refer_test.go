package sip

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	wire "github.com/emiago/sipgo/sip"

	"tandem/call"
)

// notified expects a NOTIFY with that body and subscription state and answers it.
func notified(t *testing.T, p *peer, event, line, state string) *wire.Request {
	t.Helper()
	req := p.request(wire.NOTIFY)
	if headerValue(req, "Event") != event || string(req.Body()) != "SIP/2.0 "+line+"\r\n" || headerValue(req, "Subscription-State") != state ||
		headerValue(req, "Content-Type") != "message/sipfrag;version=2.0" {
		t.Errorf("want %s, %s, %s: %s", event, line, state, req)
	}
	return req
}

const (
	active     = "active;expires=60"
	terminated = "terminated;reason=noresource"
)

// A phone passes its call on, is told how it goes, and hung up after it knows.
func TestRefer(t *testing.T) {
	bubble(t, func(t *testing.T, b *bench, p *peer) {
		leg, invite := onLine(t, b, p)
		p.send(p.says(invite, "REFER", 1, "Refer-To: <sip:102@pbx.test>"))
		if res := p.response(202, wire.REFER); res.Contact() == nil {
			t.Errorf("%s", res)
		}
		if got := next[call.LegRefers](t, b.lines); got != (call.LegRefers{Leg: leg, To: "102"}) {
			t.Errorf("%+v", got)
		}
		b.Notify(leg, 100)
		trying := notified(t, p, "refer", "100 Trying", active)
		p.send(p.says(invite, "REFER", 2, "Refer-To: <sip:103@pbx.test>"))
		p.response(491, wire.REFER)
		b.Notify(leg, 200)
		b.Release(leg, call.Cause{Kind: call.CauseNormal})
		synctest.Wait()
		if n := len(p.inbox); n != 0 {
			t.Fatalf("%d messages before the first NOTIFY was answered", n)
		}
		p.reply(trying, 200, "")
		done := notified(t, p, "refer", "200 OK", terminated)
		if done.CSeq().SeqNo != trying.CSeq().SeqNo+1 {
			t.Errorf("%s", done)
		}
		p.reply(done, 200, "")
		ends(t, b, p)
	})
}

// A phone that does not answer its NOTIFY is hung up two seconds later.
func TestReferDeafPhone(t *testing.T) {
	bubble(t, func(t *testing.T, b *bench, p *peer) {
		leg, invite := onLine(t, b, p)
		p.send(p.says(invite, "REFER", 1, "Refer-To: <sip:102@pbx.test>"))
		next[call.LegRefers](t, b.lines)
		b.Notify(leg, 200)
		start := time.Now()
		b.Release(leg, call.Cause{Kind: call.CauseNormal})
		ends(t, b, p)
		if passed := time.Since(start); passed != partingLimit {
			t.Errorf("BYE after %v", passed)
		}
	})
}

// The second transfer of a dialog names its REFER; a phone may do without
// NOTIFYs.
func TestReferAgain(t *testing.T) {
	bubble(t, func(t *testing.T, b *bench, p *peer) {
		leg, invite := onLine(t, b, p)
		for seq, event := range []string{"refer", "refer;id=2"} {
			p.send(p.says(invite, "REFER", seq+1, "Refer-To: sip:102@pbx.test"))
			p.response(202, wire.REFER)
			next[call.LegRefers](t, b.lines)
			b.Notify(leg, 603)
			p.reply(notified(t, p, event, "603 Decline", terminated), 200, "")
			synctest.Wait()
			b.Notify(leg, 200) // it was over
		}
		p.send(p.says(invite, "REFER", 3, "Refer-To: <tel:+34600111222>", "Refer-Sub: false", "Require: norefersub"))
		if res := p.response(202, wire.REFER); headerValue(res, "Refer-Sub") != "false" {
			t.Errorf("%s", res)
		}
		if got := next[call.LegRefers](t, b.lines); got.To != "+34600111222" {
			t.Errorf("%+v", got)
		}
		b.Notify(leg, 100)
		b.Notify(leg, 200)
		b.Release(leg, call.Cause{Kind: call.CauseNormal})
		ends(t, b, p)
	})
}

func TestReferRefused(t *testing.T) {
	for to, status := range map[string]int{
		"":                                                         400,
		"Refer-To: <>":                                             400,
		"Refer-To: garbage":                                        400,
		"Refer-To: <sip:pbx.test>":                                 400,
		"Refer-To: <mailto:ana@x>":                                 416,
		"Refer-To: <sip:102@evil.test>":                            403,
		"Refer-To: <sip:102@10.0.0.1:5061>":                        403,
		"Refer-To: <sip:102@pbx.test;method=BYE>":                  400,
		"Refer-To: <sip:1%0d%0a2@pbx.test>":                        400,
		"Refer-To: <sip:102@pbx.test?Replaces=x>":                  400,
		"Refer-To: <sip:102@pbx.test?Replaces=x%3Bto-tag%3Da>":     400,
		"Refer-To: <sip:102@pbx.test?Replaces=%zz>":                400,
		"Refer-To: <sip:1@pbx.test>\r\nRefer-To: <sip:2@pbx.test>": 400,
	} {
		bubble(t, func(t *testing.T, b *bench, p *peer) {
			_, invite := onLine(t, b, p)
			p.send(p.says(invite, "REFER", 1, to))
			if res := p.final(wire.REFER); res.StatusCode != status {
				t.Errorf("%q: %d, want %d", to, res.StatusCode, status)
			}
			if n := len(b.lines.inputs); n != 0 {
				t.Errorf("%q: %d inputs", to, n)
			}
		})
	}
}

// Who calls from outside passes nothing on.
func TestReferByTrunk(t *testing.T) {
	b, p, _, ok := talking(t)
	p.send(p.within(ok, "REFER", 2, "refer", "Refer-To: <sip:102@pbx.test>"))
	p.response(403, wire.REFER)
	if n := len(b.lines.inputs); n != 0 {
		t.Errorf("%d inputs", n)
	}
}

// replacing is a Refer-To that names the dialog of a phone that we called, as
// that phone has it.
func replacing(host string, invite *wire.Request, ours, theirs string) string {
	return fmt.Sprintf("Refer-To: <sip:102@%s?Replaces=%s%%3Bto-tag%%3D%s%%3Bfrom-tag%%3D%s>", host, invite.CallID().Value(), ours, theirs)
}

// An attended transfer names the phone's other call, by its own view of it.
func TestReferReplaces(t *testing.T) {
	bubble(t, func(t *testing.T, b *bench, p *peer) {
		leg, invite := onLine(t, b, p)
		other, second := lifts(t, b, p)
		tag := tagOf(second.From().Params)
		for seq, to := range []string{
			replacing("pbx.test", second, tag, "phone"),
			strings.Replace(replacing("10.0.0.1:5060", second, tag, "phone"), "102@", "", 1), // our Contact
			replacing("elsewhere.test", second, tag, "phone"),                                // it is ours all the same
		} {
			p.send(p.says(invite, "REFER", seq+1, to))
			p.response(202, wire.REFER)
			if got := next[call.LegRefers](t, b.lines); got.Leg != leg || got.Partner != other {
				t.Errorf("%s: %+v", to, got)
			}
			b.Notify(leg, 480)
			p.reply(p.request(wire.NOTIFY), 200, "")
			synctest.Wait()
		}
		for seq, to := range []string{
			replacing("pbx.test", second, tag, "wrong"), replacing("pbx.test", second, "wrong", "phone"), replacing("pbx.test", invite, tag, "phone"),
		} {
			p.send(p.says(invite, "REFER", seq+4, to))
			p.response(202, wire.REFER)
			p.reply(notified(t, p, fmt.Sprint("refer;id=", seq+4), "481 Call/Transaction Does Not Exist", terminated), 200, "")
			synctest.Wait()
		}
		if n := len(b.lines.inputs); n != 0 {
			t.Errorf("%d inputs", n)
		}
	})
}

// A user cannot take the call of another one.
func TestReferReplacesOfAnother(t *testing.T) {
	bubble(t, func(t *testing.T, b *bench, p *peer) {
		q, hangToo := b.hub.peer(t, b, "10.0.0.4:5060")
		defer hangToo()
		_, invite := onLine(t, b, p)
		q.register("eva", "geheim", 1)
		b.Invite("01J-5", call.Target{User: "eva"}, []byte(testSDP))
		hers := q.request(wire.INVITE)
		q.reply(hers, 200, "phone", testSDP)
		next[call.LegAnswered](t, b.lines)
		p.send(p.says(invite, "REFER", 1, replacing("pbx.test", hers, tagOf(hers.From().Params), "phone")))
		p.reply(notified(t, p, "refer", "481 Call/Transaction Does Not Exist", terminated), 200, "")
		if n := len(b.lines.inputs); n != 0 {
			t.Errorf("%d inputs", n)
		}
	})
}

// The phone hangs up right after its REFER: nothing of it is left.
func TestReferThenBye(t *testing.T) {
	bubble(t, func(t *testing.T, b *bench, p *peer) {
		leg, invite := onLine(t, b, p)
		p.send(p.says(invite, "REFER", 1, "Refer-To: <sip:102@pbx.test>"))
		next[call.LegRefers](t, b.lines)
		p.send(p.says(invite, "BYE", 2))
		p.response(200, wire.BYE)
		next[call.LegGone](t, b.lines)
		b.Notify(leg, 100)
		b.Notify(leg, 200)
		time.Sleep(time.Minute)
		for len(p.inbox) > 0 {
			if req, ok := (<-p.inbox).(*wire.Request); ok {
				t.Errorf("%s", req)
			}
		}
	})
}

// NOTIFY without a REFER does nothing.
func TestNotifyWithoutRefer(t *testing.T) {
	bubble(t, func(t *testing.T, b *bench, p *peer) {
		leg, _ := onLine(t, b, p)
		b.Notify(leg, 200)
		b.Notify("01J-9", 200)
		b.Release(leg, call.Cause{Kind: call.CauseNormal})
		ends(t, b, p)
	})
}

func FuzzReplaces(f *testing.F) {
	f.Add("a@b;to-tag=1;from-tag=2")
	f.Add(";to-tag=;from-tag")
	f.Fuzz(func(t *testing.T, value string) {
		r, ok := parseReplaces(value)
		if ok && (r.callID == "" || r.ours == "" || r.theirs == "" || strings.Contains(r.callID, ";")) {
			t.Errorf("%q: %+v", value, r)
		}
	})
}

func FuzzDialed(f *testing.F) {
	for _, seed := range []string{"sip:102@pbx.test", "tel:+34600;x=y", "sip:%2B1%00@a", "sip:a%3Bb@c"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var uri wire.Uri
		if wire.ParseUri(text, &uri) != nil {
			return
		}
		dialed, ok := dialedOf(&uri)
		if !ok {
			return
		}
		if len(dialed) > maxNumber || clean(dialed, maxNumber) != dialed {
			t.Errorf("%q: dialed %q", text, dialed)
		}
	})
}
