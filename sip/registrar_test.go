package sip

import (
	"fmt"
	"strings"
	"testing"
	"time"

	wire "github.com/emiago/sipgo/sip"

	"tandem/call"
)

func TestRegister(t *testing.T) {
	for _, network := range []string{"udp", "tcp"} {
		for _, algorithm := range []string{"MD5", "SHA-256"} {
			t.Run(network+" "+algorithm, func(t *testing.T) {
				b := newBench(t)
				p := udpPeer(t).dial(b)
				if network == "tcp" {
					p = tcpPeer(t, b)
				}
				p.send(p.registration("ana", 1))
				res := p.response(401, wire.REGISTER)
				p.send(p.registration("ana", 2, p.authorize(res, algorithm, "ana", "secret", "REGISTER", "sip:pbx.test"), "Expires: 600"))
				ok := p.response(200, wire.REGISTER)
				if c := ok.Contact(); c == nil || !contains(c.Value(), p.addr.String()) || !contains(c.Value(), "expires=600") {
					t.Errorf("Contact %v", c)
				}
				b.watch.want(t, "up ana")
				stored, _ := b.store.Bindings(t.Context())
				if len(stored) != 1 || stored[0].Source != p.addr || stored[0].Transport != network || stored[0].User != "ana" {
					t.Errorf("stored %+v", stored)
				}
			})
		}
	}
}

func TestRegisterRules(t *testing.T) {
	many := "Contact: "
	for i := range 50 {
		many += fmt.Sprintf("<sip:ana@192.0.2.%d>, ", i+1)
	}
	for _, c := range []struct {
		name   string
		extra  []string
		status int
		left   int // bindings of ana afterwards; one was there before
	}{
		{"refresh", nil, 200, 1},
		{"query", []string{""}, 200, 1},
		{"too brief", []string{"Expires: 59"}, 423, 1},
		{"capped", []string{"Expires: 999999"}, 200, 1},
		{"another device", []string{"Contact: <sip:ana@192.0.2.1>"}, 200, 2},
		{"two at once", []string{"Contact: <sip:ana@192.0.2.1>;expires=100, <sip:ana@192.0.2.2>;expires=90"}, 200, 3},
		{"all or nothing", []string{"Contact: <sip:ana@192.0.2.1>, <sip:ana@224.0.0.1>"}, 400, 1},
		{"star", []string{"Contact: *", "Expires: 0"}, 200, 0},
		{"star without Expires", []string{"Contact: *"}, 400, 1},
		{"star with Expires", []string{"Contact: *", "Expires: 60"}, 400, 1},
		{"star and more", []string{"Contact: *, <sip:ana@192.0.2.1>", "Expires: 0"}, 400, 1},
		{"unregister", []string{"Expires: 0"}, 200, 0},
		{"fifty", []string{strings.TrimSuffix(many, ", ")}, 400, 1},
		{"multicast", []string{"Contact: <sip:ana@239.1.1.1>"}, 400, 1},
		{"any", []string{"Contact: <sip:ana@0.0.0.0>"}, 400, 1},
		{"domain", []string{"Contact: <sip:ana@pbx.test>"}, 400, 1},
		{"us", []string{"Contact: <sip:ana@US>"}, 400, 1},
		{"tel", []string{"Contact: <tel:+34600>"}, 400, 1},
		{"bad Expires", []string{"Expires: soon"}, 400, 1},
		{"unknown extension", []string{"Require: path"}, 420, 1},
		{"path is ignored", []string{"Path: <sip:p1.test;lr>"}, 200, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t)
			p := udpPeer(t).dial(b)
			if res := p.register("ana", "secret", 1); res.StatusCode != 200 {
				t.Fatal(res.StatusCode)
			}
			for i := range c.extra {
				c.extra[i] = strings.ReplaceAll(c.extra[i], "US", b.Addrs()[0].String())
			}
			if c.name == "unknown extension" {
				p.send(p.registration("ana", 3, c.extra...))
				p.response(420, wire.REGISTER)
				return
			}
			res := p.register("ana", "secret", 3, c.extra...)
			if res.StatusCode != c.status {
				t.Errorf("%d, want %d", res.StatusCode, c.status)
			}
			if got := len(b.Registrations()); got != c.left {
				t.Errorf("%d bindings, want %d", got, c.left)
			}
			if stored, _ := b.store.Bindings(t.Context()); len(stored) != c.left {
				t.Errorf("%d stored, want %d", len(stored), c.left)
			}
			if c.status == 423 && headerValue(res, "Min-Expires") != "60" {
				t.Errorf("no Min-Expires in %s", res)
			}
			if c.name == "capped" && !contains(res.Contact().Value(), "expires=3600") {
				t.Errorf("Contact %s", res.Contact())
			}
		})
	}
}

func TestRegisterRefused(t *testing.T) {
	b := newBench(t)
	p := udpPeer(t).dial(b)
	unknown := p.register("bob", "x", 1)
	wrong := p.register("ana", "x", 1)
	if unknown.StatusCode != 401 || wrong.StatusCode != 401 || len(unknown.Headers()) != len(wrong.Headers()) {
		t.Errorf("unknown user: %s\nwrong password: %s", unknown, wrong)
	}
	// eva's credentials do not register ana, nor does ana's From help eva.
	for _, change := range [][2]string{{"To: <sip:ana@", "To: <sip:eva@"}, {"From: <sip:ana@", "From: <sip:eva@"}} {
		p.send(p.registration("ana", 5))
		auth := p.authorize(p.response(401, wire.REGISTER), "MD5", "ana", "secret", "REGISTER", "sip:pbx.test")
		p.send(strings.Replace(p.registration("ana", 6, auth), change[0], change[1], 1))
		p.response(403, wire.REGISTER)
		p = udpPeer(t).dial(b)
	}
	if n := len(b.Registrations()); n != 0 {
		t.Errorf("%d bindings", n)
	}
}

// A REGISTER that was overtaken by a newer one changes nothing.
func TestRegisterOutOfOrder(t *testing.T) {
	b := newBench(t)
	p := udpPeer(t).dial(b)
	p.register("ana", "secret", 10)
	if res := p.register("ana", "secret", 5, "Expires: 0"); res.StatusCode != 500 {
		t.Errorf("%d", res.StatusCode)
	}
	if n := len(b.Registrations()); n != 1 {
		t.Errorf("%d bindings", n)
	}
}

func TestAtMostTenPhones(t *testing.T) {
	b := newBench(t)
	p := udpPeer(t).dial(b)
	for i := range maxBindings + 2 {
		contact := fmt.Sprintf("Contact: <sip:ana@192.0.2.%d>", i+1)
		if res := p.register("ana", "secret", 2*i+1, contact); res.StatusCode != 200 {
			t.Fatal(res.StatusCode)
		}
	}
	all := b.Registrations()
	if len(all) != maxBindings || all[0].ContactURI != "sip:ana@192.0.2.3" {
		t.Errorf("%d bindings, first %s", len(all), all[0].ContactURI)
	}
}

// One device with an instance keeps one binding when its address changes.
func TestInstance(t *testing.T) {
	b := newBench(t)
	p := udpPeer(t).dial(b)
	for i := range 2 {
		contact := fmt.Sprintf(`Contact: <sip:ana@192.0.2.%d>;+sip.instance="<urn:uuid:1>"`, i+1)
		p.register("ana", "secret", 2*i+1, contact)
	}
	stored, _ := b.store.Bindings(t.Context())
	if all := b.Registrations(); len(all) != 1 || all[0].ContactURI != "sip:ana@192.0.2.2" || len(stored) != 1 {
		t.Errorf("bindings %+v, stored %+v", all, stored)
	}
}

// After a restart phones ring without registering again.
func TestRegistrationSurvivesRestart(t *testing.T) {
	p := udpPeer(t)
	b := &bench{lines: newLines(), store: newMemory(), watch: newWatcher()}
	b.store.bindings["x"] = call.Binding{User: "ana", ContactURI: "sip:ana@" + p.addr.String(), Transport: "udp", Source: p.addr,
		Registered: time.Now(), Expires: time.Now().Add(time.Hour)}
	b.store.bindings["y"] = call.Binding{User: "gone", ContactURI: "sip:gone@" + p.addr.String(), Transport: "udp", Source: p.addr,
		Registered: time.Now(), Expires: time.Now().Add(time.Hour)}
	opt := b.options(nil)
	opt.Listen = []Listen{{"udp", "127.0.0.1:0"}}
	agent, err := New(opt)
	if err != nil {
		t.Fatal(err)
	}
	b.Agent = agent
	t.Cleanup(b.serve(t))
	p.dial(b)
	b.watch.want(t, "up ana")
	b.Invite("01J-2", call.Target{User: "ana"}, []byte(testSDP))
	p.request(wire.INVITE)
	if all := b.Registrations(); len(all) != 1 {
		t.Errorf("bindings %+v", all)
	}
}

// The Via of a phone behind NAT names another address; the answer comes to
// where its request came from.
func TestBehindNAT(t *testing.T) {
	b := newBench(t)
	p := udpPeer(t).dial(b)
	p.send(strings.Replace(p.registration("ana", 1), p.via("regana1"), "Via: SIP/2.0/UDP 192.168.1.7:5060;branch=z9hG4bKnat;rport", 1))
	via := p.response(401, wire.REGISTER).Via()
	if got, _ := via.Params.Get("received"); got != "127.0.0.1" {
		t.Errorf("received %q", got)
	}
	if got, _ := via.Params.Get("rport"); got != fmt.Sprint(p.addr.Port()) {
		t.Errorf("rport %q", got)
	}
}
