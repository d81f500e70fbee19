package sip

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	wire "github.com/emiago/sipgo/sip"

	"tandem/call"
)

func TestOptionsAreChecked(t *testing.T) {
	sound := Options{Lines: newLines(), Domain: "pbx.test", Listen: []Listen{{"udp", "127.0.0.1:0"}}}
	for name, spoil := range map[string]func(*Options){
		"no lines":      func(o *Options) { o.Lines = nil },
		"no domain":     func(o *Options) { o.Domain = "" },
		"no listener":   func(o *Options) { o.Listen = nil },
		"bad network":   func(o *Options) { o.Listen = []Listen{{"sctp", "127.0.0.1:0"}} },
		"bad address":   func(o *Options) { o.Listen = []Listen{{"udp", "127.0.0.1:none"}} },
		"bad external":  func(o *Options) { o.External = "not an address" },
		"bad trunk":     func(o *Options) { o.Directory.Trunks = []Trunk{{Name: "x"}} },
		"twice a trunk": func(o *Options) { o.Directory.Trunks = []Trunk{{Name: "x", Address: "a"}, {Name: "x", Address: "b"}} },
		"twice a user":  func(o *Options) { o.Directory.Users = []User{{Name: "a"}, {Name: "a"}} },
	} {
		o := sound
		spoil(&o)
		if a, err := New(o); err == nil {
			a.Close()
			t.Errorf("%s: no error", name)
		}
	}
	taken, err := New(sound)
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	sound.Listen = []Listen{{"udp", taken.Addrs()[0].String()}}
	if a, err := New(sound); err == nil {
		a.Close()
		t.Error("a taken port was opened twice")
	}
}

// An Agent on the wildcard address tells each peer the address that faces it,
// and its requests leave from the port that it listens on.
func TestWildcard(t *testing.T) {
	b := &bench{lines: newLines(), store: newMemory(), watch: newWatcher()}
	opt := b.options(nil)
	opt.Listen = []Listen{{"udp", "0.0.0.0:0"}, {"tcp", "0.0.0.0:0"}}
	agent, err := New(opt)
	if err != nil {
		t.Fatal(err)
	}
	b.Agent = agent
	t.Cleanup(b.serve(t))
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	port := agent.Addrs()[0].Port()
	b.registrar.table.load([]call.Binding{{User: "ana", ContactURI: "sip:ana@1.2.3.4", Transport: "udp",
		Source: addrOf(conn.LocalAddr()), Expires: time.Now().Add(time.Hour)}}, time.Now())
	b.Invite("01J-2", call.Target{User: "ana"}, []byte(testSDP))
	buf := make([]byte, 65535)
	n, from, err := conn.ReadFrom(buf)
	if err != nil {
		t.Fatal(err)
	}
	msg, err := wire.ParseMessage(buf[:n])
	if err != nil {
		t.Fatal(err)
	}
	want := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), port)
	via, contact := msg.Via(), msg.(*wire.Request).Contact()
	if addrOf(from) != want || via.Host != "127.0.0.1" || via.Port != int(port) || contact.Address.Host != "127.0.0.1" || contact.Address.Port != int(port) {
		t.Errorf("from %s, Via %s, Contact %s, want %s", from, via, contact, want)
	}
}

// Behind NAT the external address is what peers are told.
func TestExternal(t *testing.T) {
	a := &Agent{opt: Options{External: "203.0.113.9"}, sockets: []*socket{{network: "udp", addr: netip.MustParseAddrPort("0.0.0.0:5060")}}}
	if got := a.contact("", hop{"udp", netip.MustParseAddrPort("192.0.2.1:5060")}).Value(); got != "<sip:203.0.113.9:5060>" {
		t.Errorf("Contact %s", got)
	}
}

func TestMetrics(t *testing.T) {
	p := udpPeer(t)
	b := &bench{lines: newLines(), store: newMemory(), watch: newWatcher()}
	reg := prometheus.NewRegistry()
	opt := b.options([]Trunk{carrierAt(p)})
	opt.Metrics = reg
	opt.Listen = []Listen{{"udp", "127.0.0.1:0"}}
	agent, err := New(opt)
	if err != nil {
		t.Fatal(err)
	}
	b.Agent = agent
	t.Cleanup(b.serve(t))
	p.dial(b)
	p.register("ana", "secret", 1)
	thief := udpPeerAt(t, "127.0.0.2").dial(b)
	thief.send(thief.invite("theft", "theft"))
	thief.response(403, wire.INVITE)
	b.watch.want(t, "trunk carrier true")
	want := `
# HELP tandem_calls_refused_total Inbound calls answered 503 with Retry-After, of which there is no record.
# TYPE tandem_calls_refused_total counter
tandem_calls_refused_total{reason="draining"} 0
tandem_calls_refused_total{reason="full"} 0
tandem_calls_refused_total{reason="rate"} 0
# HELP tandem_registrations Registered phones.
# TYPE tandem_registrations gauge
tandem_registrations 1
# HELP tandem_registrations_unstored Registrations that the store does not have yet.
# TYPE tandem_registrations_unstored gauge
tandem_registrations_unstored 0
# HELP tandem_sip_dialogs Legs in a dialog or on their way to one.
# TYPE tandem_sip_dialogs gauge
tandem_sip_dialogs 0
# HELP tandem_sip_rejected_total SIP messages refused or dropped.
# TYPE tandem_sip_rejected_total counter
` + rejections("stranger") + `# HELP tandem_sip_requests_total SIP requests received.
# TYPE tandem_sip_requests_total counter
tandem_sip_requests_total{method="INVITE"} 1
tandem_sip_requests_total{method="REGISTER"} 2
# HELP tandem_sip_responses_total SIP responses sent.
# TYPE tandem_sip_responses_total counter
tandem_sip_responses_total{code="200"} 1
tandem_sip_responses_total{code="401"} 1
tandem_sip_responses_total{code="403"} 1
# HELP tandem_sip_transactions Server transactions; over UDP they stay for 32 s.
# TYPE tandem_sip_transactions gauge
tandem_sip_transactions 2
# HELP tandem_sip_unstored_total Messages sent before their dialog was on disk, because the disk was slow.
# TYPE tandem_sip_unstored_total counter
tandem_sip_unstored_total 0
# HELP tandem_trunk_up 1 when the trunk answers.
# TYPE tandem_trunk_up gauge
tandem_trunk_up{trunk="carrier"} 1
`
	// A response is counted just after it is sent.
	err = testutil.GatherAndCompare(reg, strings.NewReader(want))
	for deadline := time.Now().Add(patience); err != nil && time.Now().Before(deadline); {
		runtime.Gosched()
		err = testutil.GatherAndCompare(reg, strings.NewReader(want))
	}
	if err != nil {
		t.Error(err)
	}
}

// flaky is a listener that fails in ways that pass, then for good.
type flaky struct {
	net.Listener
	errs []error
}

func (f *flaky) Accept() (net.Conn, error) {
	err := f.errs[0]
	f.errs = f.errs[1:]
	return nil, err
}

func TestListenerOutlivesErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := testGuard(t)
		l := &guardedListener{Listener: &flaky{errs: []error{syscall.EMFILE, syscall.ENFILE, syscall.ECONNABORTED, net.ErrClosed}},
			guard: g, ready: func() {}}
		_, err := l.Accept()
		if n := testutil.ToFloat64(g.meter.refused[reasonAccept]); !errors.Is(err, net.ErrClosed) || n != 3 {
			t.Errorf("%v after %v errors", err, n)
		}
	})
}

// noisy is a socket whose reads fail now and then.
type noisy struct {
	net.PacketConn
	reads int
}

func (n *noisy) ReadFrom(b []byte) (int, net.Addr, error) {
	if n.reads++; n.reads < 3 {
		return 0, nil, syscall.ECONNREFUSED
	}
	return copy(b, sound), &net.UDPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 5060}, nil
}

func TestSocketOutlivesErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &guardedPacket{PacketConn: &noisy{}, guard: testGuard(t), ready: func() {}}
		buf := make([]byte, 2048)
		if n, from, err := c.ReadFrom(buf); err != nil || string(buf[:n]) != sound || from.String() != "192.0.2.1:5060" {
			t.Errorf("%q from %v: %v", buf[:n], from, err)
		}
	})
}

// A listener that stops by itself ends Run with an error.
func TestListenerStops(t *testing.T) {
	b := &bench{lines: newLines(), store: newMemory(), watch: newWatcher()}
	opt := b.options(nil)
	opt.Listen = []Listen{{"udp", "127.0.0.1:0"}}
	agent, err := New(opt)
	if err != nil {
		t.Fatal(err)
	}
	_ = agent.sockets[0].packet.Close()
	if err := agent.Run(context.Background()); err == nil {
		t.Error("no error")
	}
}

// BYEs of calls that were released just before still go out.
func TestCloseSaysFarewell(t *testing.T) {
	p := udpPeer(t)
	b := &bench{lines: newLines(), store: newMemory(), watch: newWatcher()}
	opt := b.options([]Trunk{carrierAt(p)})
	opt.Listen = []Listen{{"udp", "127.0.0.1:0"}}
	agent, err := New(opt)
	if err != nil {
		t.Fatal(err)
	}
	b.Agent = agent
	end := b.serve(t)
	p.dial(b)
	in := arrived(t, b, p, "farewell")
	b.Answer(in.Leg, []byte("answer"))
	ok := p.response(200, wire.INVITE)
	p.send(p.within(ok, "ACK", 1, "ack"))
	b.Release(in.Leg, call.Cause{Kind: call.CauseDrained})
	go func() { p.reply(p.request(wire.BYE), 200, "") }()
	end()
	if left, _ := b.store.Dialogs(t.Context()); len(left) != 0 {
		t.Errorf("still stored: %+v", left)
	}
}

// rejections is what the metric shows when one message was refused.
func rejections(why string) string {
	var rows []string
	for r := reasonNone + 1; r < reasons; r++ {
		n := 0
		if r.label() == why {
			n = 1
		}
		rows = append(rows, fmt.Sprintf("tandem_sip_rejected_total{reason=%q} %d\n", r.label(), n))
	}
	slices.Sort(rows)
	return strings.Join(rows, "")
}
