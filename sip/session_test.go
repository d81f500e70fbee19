package sip

import (
	"testing"
	"testing/synctest"
	"time"

	wire "github.com/emiago/sipgo/sip"

	"tandem/call"
)

// connected brings up a call of a trunk at 10.0.0.3 whose INVITE has extra
// headers, and returns our 200.
func connected(t *testing.T, b *bench, p *peer, extra ...string) (call.LegID, *wire.Response) {
	t.Helper()
	in := arrived(t, b, p, "timer", extra...)
	b.Answer(in.Leg, []byte("ours"))
	ok := p.response(200, wire.INVITE)
	p.send(p.within(ok, "ACK", 1, "ack"))
	return in.Leg, ok
}

var carrierThere = Trunk{Name: "carrier", Address: "10.0.0.3"}

// What a caller asks for, and what it gets.
func TestSessionGranted(t *testing.T) {
	for _, c := range []struct {
		name   string
		extra  []string
		want   string
		forced string // Require
	}{
		{"nothing", nil, "", ""},
		{"knows it", []string{"Supported: replaces, timer"}, "1800;refresher=uas", ""},
		{"by its short name", []string{"k: timer", "x: 600"}, "600;refresher=uac", "timer"},
		{"would refresh", []string{"Supported: timer", "Session-Expires: 600;refresher=uac"}, "600;refresher=uac", "timer"},
		{"wants us to", []string{"Supported: timer", "Session-Expires: 600; refresher=UAS"}, "600;refresher=uas", ""},
		{"a proxy asks", []string{"Session-Expires: 600;refresher=uac"}, "600;refresher=uas", ""},
		{"too long", []string{"Supported: timer", "Session-Expires: 7200"}, "1800;refresher=uac", "timer"},
		{"no less", []string{"Supported: timer", "Session-Expires: 7200", "Min-SE: 3600"}, "3600;refresher=uac", "timer"},
		{"a proxy is too brief", []string{"Session-Expires: 30"}, "", ""},
		{"nonsense", []string{"Session-Expires: soon", "Supported: timer"}, "1800;refresher=uas", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T, b *bench, p *peer) {
				leg, ok := connected(t, b, p, c.extra...)
				if got := headerValue(ok, "Session-Expires"); got != c.want || headerValue(ok, "Require") != c.forced {
					t.Errorf("%q, Require %q", got, headerValue(ok, "Require"))
				}
				b.Release(leg, call.Cause{Kind: call.CauseNormal})
				ends(t, b, p)
			}, carrierThere)
		})
	}
}

func TestSessionTooBrief(t *testing.T) {
	bubble(t, func(t *testing.T, b *bench, p *peer) {
		p.send(p.invite("brief", "brief", "Supported: timer", "Session-Expires: 60"))
		if res := p.response(422, wire.INVITE); headerValue(res, "Min-SE") != "90" {
			t.Errorf("%s", res)
		}
	}, carrierThere)
}

// The caller was to refresh and does not: we hang up before the session ends.
func TestSessionExpires(t *testing.T) {
	bubble(t, func(t *testing.T, b *bench, p *peer) {
		leg, ok := connected(t, b, p, "Supported: timer", "Session-Expires: 600;refresher=uac")
		time.Sleep(300 * time.Second)
		p.send(p.within(ok, "UPDATE", 2, "refresh", "Supported: timer", "Session-Expires: 600;refresher=uac"))
		if res := p.response(200, wire.UPDATE); headerValue(res, "Session-Expires") != "600;refresher=uac" {
			t.Errorf("%s", res)
		}
		time.Sleep(300 * time.Second)
		p.send(p.within(ok, "INVITE", 3, "again", testSDP, "Supported: timer", "Session-Expires: 90;refresher=uac"))
		next[call.LegOffered](t, b.lines)
		b.Reanswer(leg, []byte("ours"))
		if res := p.response(200, wire.INVITE); headerValue(res, "Session-Expires") != "90;refresher=uac" {
			t.Errorf("%s", res)
		}
		start := time.Now()
		p.send(p.within(ok, "ACK", 3, "ack3"))
		time.Sleep(50 * time.Second)
		if gone := next[call.LegGone](t, b.lines); gone.Cause.Code != 408 || time.Since(start) != 60*time.Second { // a third before the end
			t.Errorf("%+v after %v", gone, time.Since(start))
		}
		ends(t, b, p)
	}, carrierThere)
}

// nextRefresh waits for a request that keeps the session alive.
func nextRefresh(t *testing.T, p *peer) (*wire.Request, time.Duration) {
	t.Helper()
	start := time.Now()
	for m := range p.inbox {
		if req, ok := m.(*wire.Request); ok && (req.Method == wire.UPDATE || req.Method == wire.INVITE || req.Method == wire.BYE) {
			return req, time.Since(start)
		}
	}
	t.Fatal("unreachable")
	return nil, 0
}

// We refresh at half time: by UPDATE, since the caller takes it, and by a
// re-INVITE with the same SDP once it does not any more.
func TestSessionRefreshed(t *testing.T) {
	bubble(t, func(t *testing.T, b *bench, p *peer) {
		_, _ = connected(t, b, p, "Supported: timer", "Session-Expires: 600;refresher=uas", "Allow: INVITE, UPDATE")
		update, after := nextRefresh(t, p)
		if update.Method != wire.UPDATE || after.Round(time.Second) != 300*time.Second || headerValue(update, "Session-Expires") != "600;refresher=uac" || len(update.Body()) > 0 {
			t.Fatalf("after %v: %s", after, update)
		}
		p.reply(update, 200, "", "Session-Expires: 400;refresher=uac")
		update, after = nextRefresh(t, p)
		if update.Method != wire.UPDATE || after != 200*time.Second || headerValue(update, "Session-Expires") != "400;refresher=uac" {
			t.Fatalf("after %v: %s", after, update)
		}
		p.reply(update, 422, "", "Min-SE: 500")
		update, _ = nextRefresh(t, p)
		if headerValue(update, "Session-Expires") != "500;refresher=uac" || headerValue(update, "Min-SE") != "500" {
			t.Fatalf("%s", update)
		}
		p.reply(update, 501, "")
		again, _ := nextRefresh(t, p)
		if again.Method != wire.INVITE || string(again.Body()) != "ours" || headerValue(again, "Session-Expires") != "500;refresher=uac" {
			t.Fatalf("%s", again)
		}
		p.answers(again, "Session-Expires: 500;refresher=uas") // the caller's turn
		p.request(wire.ACK)
		bye, after := nextRefresh(t, p)
		if bye.Method != wire.BYE || after != 468*time.Second {
			t.Fatalf("after %v: %s", after, bye)
		}
		next[call.LegGone](t, b.lines)
		if n := len(b.lines.inputs); n != 0 {
			t.Errorf("%d inputs: the call has no business with refreshes", n)
		}
	}, carrierThere)
}

// Whoever answers a refresh with another SDP is heard from there on (RFC 4028
// section 7.4): the call takes it as any answer.
func TestSessionRefreshMovesMedia(t *testing.T) {
	bubble(t, func(t *testing.T, b *bench, p *peer) {
		leg, _ := connected(t, b, p, "Supported: timer", "Session-Expires: 600;refresher=uas")
		last := 4000
		for _, port := range []int{4000, 4010, 4010, 4012} {
			again, _ := nextRefresh(t, p)
			if again.Method != wire.INVITE {
				t.Fatalf("%s", again)
			}
			p.reply(again, 200, "", sdpOn(port), "Session-Expires: 600;refresher=uac")
			p.request(wire.ACK)
			synctest.Wait()
			if same := port == last; same != (len(b.lines.inputs) == 0) {
				t.Errorf("%d inputs for port %d", len(b.lines.inputs), port)
			} else if same {
				continue
			}
			last = port
			if got := next[call.LegAnswered](t, b.lines); got.Leg != leg || string(got.SDP) != sdpOn(port) || got.Source != "10.0.0.3" {
				t.Errorf("%+v", got)
			}
		}
		again, _ := nextRefresh(t, p)
		p.reply(again, 200, "", "Session-Expires: 600;refresher=uac") // says nothing of it
		p.request(wire.ACK)
		synctest.Wait()
		if n := len(b.lines.inputs); n != 0 {
			t.Errorf("%d inputs", n)
		}
	}, carrierThere)
}

// A refresh that meets no answer ends the call; one that is refused for another
// reason is tried again, and the call ends when the session does.
func TestSessionRefreshFails(t *testing.T) {
	bubble(t, func(t *testing.T, b *bench, p *peer) {
		_, _ = connected(t, b, p, "Supported: timer", "Session-Expires: 800;refresher=uas", "Allow: UPDATE")
		tries, spent := 0, time.Duration(0)
		for {
			req, after := nextRefresh(t, p)
			spent += after
			if req.Method == wire.BYE {
				p.reply(req, 200, "")
				break
			}
			tries++
			p.reply(req, 500, "")
		}
		if tries != 4 || spent.Round(time.Second) != 768*time.Second { // 400, 500, 600, 700
			t.Errorf("%d tries in %v", tries, spent)
		}
		next[call.LegGone](t, b.lines)
	}, carrierThere)
	bubble(t, func(t *testing.T, b *bench, p *peer) {
		_, _ = connected(t, b, p, "Supported: timer", "Session-Expires: 800;refresher=uas", "Allow: UPDATE")
		update, _ := nextRefresh(t, p)
		p.reply(update, 481, "")
		next[call.LegGone](t, b.lines)
		ends(t, b, p)
	}, carrierThere)
}

// We call: the callee says who refreshes, and how often at least.
func TestSessionAsCaller(t *testing.T) {
	bubble(t, func(t *testing.T, b *bench, p *peer) {
		p.register("ana", "secret", 1)
		leg := call.LegID("01J-2")
		b.Invite(leg, call.Target{User: "ana"}, []byte(testSDP))
		first := p.request(wire.INVITE)
		if headerValue(first, "Session-Expires") != "1800" || headerValue(first, "Supported") != supportedValue {
			t.Errorf("%s", first)
		}
		p.reply(first, 422, "x", "Min-SE: 3600")
		p.request(wire.ACK)
		second := p.request(wire.INVITE)
		if headerValue(second, "Session-Expires") != "3600" || headerValue(second, "Min-SE") != "3600" || second.CSeq().SeqNo != 2 ||
			second.CallID().Value() != first.CallID().Value() || len(second.GetHeaders("Via")) != 1 {
			t.Errorf("%s", second)
		}
		p.reply(second, 200, "phone", testSDP, "Session-Expires: 3600;refresher=uac")
		next[call.LegAnswered](t, b.lines)
		p.request(wire.ACK)
		again, after := nextRefresh(t, p)
		if again.Method != wire.INVITE || string(again.Body()) != testSDP || after != 1800*time.Second {
			t.Errorf("after %v: %s", after, again)
		}
		p.answers(again)
		p.request(wire.ACK)
		synctest.Wait()
		time.Sleep(3 * time.Hour) // it did not confirm the session: there is no timer any more
		synctest.Wait()
		if n := len(p.inbox); n != 0 {
			t.Errorf("%d messages", n)
		}
		b.Release(leg, call.Cause{Kind: call.CauseNormal})
		ends(t, b, p)
	})
}

// A callee whose 422 cannot be satisfied is given up.
func TestSessionNeverLongEnough(t *testing.T) {
	bubble(t, func(t *testing.T, b *bench, p *peer) {
		leg, invites := ring(t, b, p)
		p.reply(invites[0], 422, "x", "Min-SE: 3600")
		p.request(wire.ACK)
		p.reply(p.request(wire.INVITE), 422, "x", "Min-SE: 7200")
		if gone := next[call.LegGone](t, b.lines); gone.Leg != leg || gone.Cause.Code != 422 {
			t.Errorf("%+v", gone)
		}
	})
}

// The peer's re-INVITE comes while our refresh waits after a 491: it is taken
// in its place.
func TestSessionGlare(t *testing.T) {
	bubble(t, func(t *testing.T, b *bench, p *peer) {
		leg, ok := connected(t, b, p, "Supported: timer", "Session-Expires: 600;refresher=uas")
		again, _ := nextRefresh(t, p)
		p.reply(again, 491, "")
		p.request(wire.ACK)
		synctest.Wait()
		p.send(p.within(ok, "INVITE", 2, "hold", testSDP, "Supported: timer", "Session-Expires: 600;refresher=uac"))
		next[call.LegOffered](t, b.lines)
		b.Reanswer(leg, []byte("held"))
		p.response(200, wire.INVITE)
		p.send(p.within(ok, "ACK", 2, "ack2"))
		time.Sleep(100 * time.Second)
		synctest.Wait()
		for len(p.inbox) > 0 {
			if req, isRequest := (<-p.inbox).(*wire.Request); isRequest {
				t.Errorf("%s", req)
			}
		}
	}, carrierThere)
}

func TestSessionOption(t *testing.T) {
	for span, fine := range map[time.Duration]bool{0: true, 90 * time.Second: true, 89 * time.Second: false, 25 * time.Hour: false} {
		opt := (&bench{lines: newLines(), store: newMemory(), watch: newWatcher()}).options(nil)
		opt.SessionExpires = span
		if err := opt.check(); (err == nil) != fine {
			t.Errorf("%v: %v", span, err)
		}
	}
}

func FuzzSession(f *testing.F) {
	f.Add("1800;refresher=uac")
	f.Add(" 90 ; refresher = uas;x")
	f.Fuzz(func(t *testing.T, value string) {
		res := wire.NewResponse(200, "OK")
		res.AppendHeader(header("Session-Expires", value))
		if every, _ := sessionOf(res); every < 0 || every > maxSession {
			t.Errorf("%q: %v", value, every)
		}
	})
}

// An offer of ours leaves the refreshing with whoever has it.
func TestSessionKeepsItsRefresher(t *testing.T) {
	for _, c := range []struct{ asked, kept string }{{"600;refresher=uac", "600;refresher=uas"}, {"600;refresher=uas", "600;refresher=uac"}} {
		bubble(t, func(t *testing.T, b *bench, p *peer) {
			leg, _ := connected(t, b, p, "Supported: timer", "Session-Expires: "+c.asked)
			b.Take(taker, leg, []byte("offer"))
			again := p.request(wire.INVITE)
			if got := headerValue(again, "Session-Expires"); got != c.kept {
				t.Errorf("%s became %s", c.asked, got)
			}
			p.answers(again)
			next[call.LegAnswered](t, b.lines)
			b.Release(taker, call.Cause{Kind: call.CauseNormal})
			ends(t, b, p)
		}, carrierThere)
	}
}
