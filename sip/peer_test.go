package sip

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/icholy/digest"

	wire "github.com/emiago/sipgo/sip"
)

// peer is a SIP end made by hand: it sends text and reads messages.
type peer struct {
	t       *testing.T
	network string
	addr    netip.AddrPort // its own
	server  netip.AddrPort
	packet  net.PacketConn
	stream  net.Conn
	inbox   chan wire.Message
}

// udpPeer opens a UDP peer on loopback.
func udpPeer(t *testing.T) *peer { return udpPeerAt(t, "127.0.0.1") }

// udpPeerAt opens a UDP peer on one of loopback's addresses.
func udpPeerAt(t *testing.T, host string) *peer {
	t.Helper()
	conn, err := net.ListenPacket("udp4", host+":0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return packetPeer(t, conn)
}

// packetPeer makes a peer of a socket.
func packetPeer(t *testing.T, conn net.PacketConn) *peer {
	p := &peer{t: t, network: "udp", packet: conn, addr: addrOf(conn.LocalAddr()), inbox: make(chan wire.Message, 256)}
	go func() {
		buf := make([]byte, 65535)
		for {
			n, _, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			if msg, err := wire.NewParser().ParseSIP(append([]byte{}, buf[:n]...)); err == nil {
				p.inbox <- msg
			}
		}
	}()
	return p
}

// dial points a peer at an Agent.
func (p *peer) dial(b *bench) *peer {
	p.server = b.Addrs()[0]
	return p
}

// tcpPeer connects to an Agent over TCP.
func tcpPeer(t *testing.T, b *bench) *peer { return tcpPeerFrom(t, b, "127.0.0.1") }

// tcpPeerFrom connects from one of loopback's addresses.
func tcpPeerFrom(t *testing.T, b *bench, host string) *peer {
	t.Helper()
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(host)}}
	conn, err := dialer.Dial("tcp4", b.Addrs()[1].String())
	if err != nil {
		t.Fatal(err)
	}
	return streamPeer(t, "tcp", conn)
}

// streamPeer makes a peer of a connection to an Agent.
func streamPeer(t *testing.T, network string, conn net.Conn) *peer {
	t.Cleanup(func() { _ = conn.Close() })
	p := &peer{t: t, network: network, stream: conn, addr: addrOf(conn.LocalAddr()), server: addrOf(conn.RemoteAddr()),
		inbox: make(chan wire.Message, 256)}
	go func() {
		stream := wire.NewParser().NewSIPStream()
		buf := make([]byte, 65535)
		for {
			n, err := conn.Read(buf)
			if err != nil {
				close(p.inbox)
				return
			}
			_ = stream.ParseSIPStream(buf[:n], func(m wire.Message) { p.inbox <- m }) // a part is no error here
		}
	}()
	return p
}

// send sends text; lines may end in LF alone.
func (p *peer) send(text string) {
	p.t.Helper()
	text = strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\n", "\r\n")
	var err error
	if p.packet != nil {
		_, err = p.packet.WriteTo([]byte(text), net.UDPAddrFromAddrPort(p.server))
	} else {
		_, err = p.stream.Write([]byte(text))
	}
	if err != nil {
		p.t.Fatal(err)
	}
}

// response returns the next response with that status and method; other
// messages on the way are passed over.
func (p *peer) response(status int, method wire.RequestMethod) *wire.Response {
	p.t.Helper()
	deadline := time.After(patience)
	for {
		select {
		case m := <-p.inbox:
			res, ok := m.(*wire.Response)
			if !ok || res.CSeq().MethodName != method {
				continue
			}
			if res.StatusCode == status {
				return res
			}
			if res.StatusCode >= 200 {
				p.t.Fatalf("got %d to %s, want %d", res.StatusCode, method, status)
			}
		case <-deadline:
			p.t.Fatalf("no %d to %s", status, method)
		}
	}
}

// request returns the next request with that method; other messages on the way
// are passed over.
func (p *peer) request(method wire.RequestMethod) *wire.Request {
	p.t.Helper()
	deadline := time.After(patience)
	for {
		select {
		case m := <-p.inbox:
			if req, ok := m.(*wire.Request); ok && req.Method == method {
				return req
			}
		case <-deadline:
			p.t.Fatalf("no %s came", method)
		}
	}
}

// reply answers a request.
func (p *peer) reply(req *wire.Request, status int, tag string, headers ...string) {
	p.t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "SIP/2.0 %d %s\r\n", status, phrase(status))
	for _, v := range req.GetHeaders("Via") {
		fmt.Fprintf(&b, "Via: %s\r\n", v.Value())
	}
	to := req.To().Value()
	if tag != "" && tagOf(req.To().Params) == "" {
		to += ";tag=" + tag
	}
	fmt.Fprintf(&b, "From: %s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %s\r\n", req.From().Value(), to, req.CallID().Value(), req.CSeq().Value())
	fmt.Fprintf(&b, "Contact: <sip:peer@%s>\r\n", p.addr)
	body := ""
	for _, h := range headers {
		if isSDP(h) {
			body = h
			h = "Content-Type: application/sdp"
		}
		b.WriteString(h + "\r\n")
	}
	fmt.Fprintf(&b, "Content-Length: %d\r\n\r\n%s", len(body), body)
	p.send(b.String())
}

// via is a fresh Via line of the peer.
func (p *peer) via(branch string) string {
	return fmt.Sprintf("Via: SIP/2.0/%s %s;branch=z9hG4bK%s;rport", strings.ToUpper(p.network), p.addr, branch)
}

// invite is the text of an INVITE; extra headers follow the others.
func (p *peer) invite(callID, branch string, extra ...string) string {
	lines := []string{
		"INVITE sip:+34910000001@" + p.server.String() + " SIP/2.0", p.via(branch), "Max-Forwards: 70",
		`From: "María" <sip:+34600111222@carrier.test>;tag=from` + callID, "To: <sip:+34910000001@pbx.test>",
		"Call-ID: " + callID, "CSeq: 1 INVITE", "Contact: <sip:carrier@" + p.addr.String() + ">",
		"Content-Type: application/sdp", fmt.Sprintf("Content-Length: %d", len(testSDP)),
	}
	return strings.Join(append(append(lines, extra...), "", testSDP), "\r\n")
}

// within is the text of a request inside the dialog of an answered INVITE.
func (p *peer) within(res *wire.Response, method string, seq int, branch string, extra ...string) string {
	lines := []string{
		method + " " + res.Contact().Address.String() + " SIP/2.0", p.via(branch), "Max-Forwards: 70",
		"From: " + res.From().Value(), "To: " + res.To().Value(), "Call-ID: " + res.CallID().Value(),
		fmt.Sprintf("CSeq: %d %s", seq, method),
	}
	body, contact := "", "Contact: <sip:carrier@"+p.addr.String()+">"
	for _, h := range extra {
		if isSDP(h) {
			body, h = h, "Content-Type: application/sdp"
		}
		if strings.HasPrefix(h, "Contact") {
			contact, h = h, "Subject: moved"
		}
		lines = append(lines, h)
	}
	lines = append(lines, contact, fmt.Sprintf("Content-Length: %d", len(body)), "", body)
	return strings.Join(lines, "\r\n")
}

// register registers a user's phone, answering the challenge, and returns the
// final response.
func (p *peer) register(user, password string, seq int, extra ...string) *wire.Response {
	p.t.Helper()
	p.send(p.registration(user, seq, extra...))
	res := p.response(401, wire.REGISTER)
	auth := p.authorize(res, "MD5", user, password, "REGISTER", "sip:pbx.test")
	p.send(p.registration(user, seq+1, append([]string{auth}, extra...)...))
	return p.final(wire.REGISTER)
}

// registration is the text of a REGISTER; without a Contact among the extra
// headers it has the peer's own.
func (p *peer) registration(user string, seq int, extra ...string) string {
	lines := []string{
		"REGISTER sip:pbx.test SIP/2.0", p.via(fmt.Sprintf("reg%s%d", user, seq)), "Max-Forwards: 70",
		"From: <sip:" + user + "@pbx.test>;tag=r", "To: <sip:" + user + "@pbx.test>",
		"Call-ID: reg-" + user + p.addr.String(), fmt.Sprintf("CSeq: %d REGISTER", seq),
	}
	own := "Contact: <sip:" + user + "@" + p.addr.String() + ";transport=" + p.network + ">"
	for _, h := range extra {
		if strings.HasPrefix(h, "Contact") || h == "" {
			own = ""
		}
	}
	for _, h := range append(extra, own, "User-Agent: a peer of the tests", telephone, "Content-Length: 0") {
		if h != "" {
			lines = append(lines, h)
		}
	}
	return strings.Join(append(lines, "", ""), "\r\n")
}

// telephone makes a REGISTER as long as a telephone's, which has room for both
// challenges.
const telephone = "Allow: INVITE, INFO, PRACK, ACK, BYE, CANCEL, OPTIONS, NOTIFY, REGISTER, SUBSCRIBE, REFER, PUBLISH, UPDATE, MESSAGE\r\n" +
	"Supported: path, gruu, outbound, timer, replaces, 100rel, eventlist\r\nAllow-Events: talk,hold,conference,refer,check-sync,message-summary"

// authorize answers the challenge of that algorithm.
func (p *peer) authorize(res *wire.Response, algorithm, user, password, method, uri string) string {
	p.t.Helper()
	for _, h := range res.GetHeaders("WWW-Authenticate") {
		c, err := digest.ParseChallenge(h.Value())
		if err != nil {
			p.t.Fatal(err)
		}
		if c.Algorithm != algorithm {
			continue
		}
		creds, err := digest.Digest(c, digest.Options{Method: method, URI: uri, Username: user, Password: password})
		if err != nil {
			p.t.Fatal(err)
		}
		return "Authorization: " + creds.String()
	}
	p.t.Fatalf("no challenge for %s", algorithm)
	return ""
}

// final returns the next final response to a method.
func (p *peer) final(method wire.RequestMethod) *wire.Response {
	p.t.Helper()
	deadline := time.After(patience)
	for {
		select {
		case m := <-p.inbox:
			if res, ok := m.(*wire.Response); ok && res.StatusCode >= 200 && res.CSeq().MethodName == method {
				return res
			}
		case <-deadline:
			p.t.Fatalf("no final response to %s", method)
		}
	}
}

// isSDP reports whether what a test adds to a message is its body.
func isSDP(text string) bool { return strings.HasPrefix(text, "v=0") }

func contains(s, part string) bool { return strings.Contains(s, part) }
