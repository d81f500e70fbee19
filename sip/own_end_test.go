package sip

import (
	"crypto/tls"
	"net"
	"runtime"
	"testing"
	"time"

	wire "github.com/emiago/sipgo/sip"

	"tandem/call"
)

// eventually waits for what follows from a message, without another one.
func eventually(t *testing.T, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !holds(); runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatal("it does not come about")
		}
	}
}

// names fails unless a request names our end of the connection that it came on.
func names(t *testing.T, conn net.Conn, req *wire.Request) {
	t.Helper()
	at := addrOf(conn.RemoteAddr())
	via := req.Via()
	if _, alias := via.Params.Get("alias"); via.Host != at.Addr().String() || via.Port != int(at.Port()) || !alias {
		t.Errorf("Via %s, want %s", via.Value(), at)
	}
	c := req.Contact()
	if c == nil {
		return
	}
	if transport, _ := c.Address.UriParams.Get("transport"); c.Address.Host != at.Addr().String() || c.Address.Port != int(at.Port()) || transport != "tls" {
		t.Errorf("Contact %s, want %s", c.Value(), at)
	}
}

// Without a TLS listener a carrier reaches us on the connection that we opened:
// it is what Via and Contact name, and requests within the call come back on it.
// When it breaks the next request opens another one, and names that.
func TestCarrierComesBackOnOurConnection(t *testing.T) {
	ca := newAuthority(t)
	address, conns := tlsCarrier(t, &tls.Config{Certificates: []tls.Certificate{ca.issued("localhost")}})
	b := &bench{lines: newLines(), store: newMemory(), watch: newWatcher()}
	opt := b.options([]Trunk{{Name: "carrier", Address: address, Transport: "tls", TLS: TrunkTLS{CA: ca.file}, Allow: elsewhere}})
	opt.Listen = []Listen{{"udp", "127.0.0.1:0"}}
	agent, err := New(opt)
	if err != nil {
		t.Fatal(err)
	}
	b.Agent = agent
	t.Cleanup(b.serve(t))
	b.watch.want(t, "trunk carrier true")

	b.Invite("01J-3", call.Target{Trunk: "carrier", Number: "+34600000000", CallerID: "+34910000001"}, []byte(testSDP))
	conn := <-conns
	p := streamPeer(t, "tls", conn)
	invite := p.request(wire.INVITE)
	names(t, conn, invite)
	eventually(t, func() bool {
		left, _ := b.store.Dialogs(t.Context())
		return len(left) == 1 && left[0].Via == invite.Via().Value()
	})
	p.reply(invite, 200, "phone", testSDP)
	next[call.LegAnswered](t, b.lines)
	names(t, conn, p.request(wire.ACK))

	p.send(p.says(invite, "INVITE", 1, sdpOn(4010)))
	next[call.LegOffered](t, b.lines)
	b.Reanswer("01J-3", []byte("answer"))
	res := p.response(200, wire.INVITE)
	if c := res.Contact(); c == nil || c.Address.Port != int(addrOf(conn.RemoteAddr()).Port()) {
		t.Errorf("%s", res)
	}
	p.send(p.says(invite, "ACK", 1))
	p.send(p.says(invite, "BYE", 2))
	p.response(200, wire.BYE)
	if gone := next[call.LegGone](t, b.lines); gone.Cause.Kind != call.CauseNormal {
		t.Errorf("%+v", gone)
	}

	b.Invite("01J-4", call.Target{Trunk: "carrier", Number: "+34600000001", CallerID: "+34910000001"}, []byte(testSDP))
	second := p.request(wire.INVITE)
	p.reply(second, 200, "phone", testSDP)
	next[call.LegAnswered](t, b.lines)
	p.request(wire.ACK)
	_ = conn.Close()
	eventually(t, func() bool { return !b.connected(hop{"tls", addrOf(conn.LocalAddr())}) })
	b.Release("01J-4", call.Cause{Kind: call.CauseNormal})
	again := <-conns
	q := streamPeer(t, "tls", again)
	bye := q.request(wire.BYE)
	names(t, again, bye)
	q.reply(bye, 200, "")
}

// Before the answer, too, what belongs to a dialog over TLS is refused where it
// can be read: our answer may hold keys.
func TestEarlyDialogStaysOverTLS(t *testing.T) {
	ca := newAuthority(t)
	address, conns := tlsCarrier(t, &tls.Config{Certificates: []tls.Certificate{ca.issued("localhost")}})
	b := tlsBench(t, ca.issue("switch", 2), func(o *Options) {
		o.Directory.Trunks = []Trunk{{Name: "carrier", Address: address, Transport: "tls", TLS: TrunkTLS{CA: ca.file}}}
	})
	b.watch.want(t, "trunk carrier true")
	b.Invite("01J-3", call.Target{Trunk: "carrier", Number: "+34600000000", CallerID: "+34910000001"}, []byte(testSDP))
	p := streamPeer(t, "tls", <-conns)
	invite := p.request(wire.INVITE)
	p.reply(invite, 183, "phone", "Require: 100rel", "RSeq: 1", testSDP)
	p.reply(p.request(wire.PRACK), 200, "")
	next[call.LegProgress](t, b.lines)
	plain := udpPeer(t).dial(b)
	plain.send(plain.says(invite, "UPDATE", 1, sdpOn(4010)))
	plain.response(403, wire.UPDATE)
}
