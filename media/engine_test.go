package media

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"tandem/call"
	"tandem/media/codec"
	"tandem/media/sdp"
	"tandem/media/tone"
)

// both lets two legs hear each other.
func both(a, b call.LegID) []call.Edge {
	return []call.Edge{{Listener: a, Speaker: b}, {Listener: b, Speaker: a}}
}

func TestPassThroughOverTheNetwork(t *testing.T) {
	eachIO(t, func(t *testing.T, io func() (PacketIO, error)) {
		e := startEngine(t, Options{PacketIO: io})
		id := call.ID("call")
		contact, person := newPhone(t, codec.PCMA), newPhone(t, codec.PCMA)
		contact.open(e, id.Leg(1))
		person.open(e, id.Leg(2))
		e.Wire(id, both(id.Leg(1), id.Leg(2)))
		e.Tap(id, "", "", nil) // waits until the wiring is in force
		var last packet
		for i := range 50 {
			person.say(pattern(i))
			got := contact.hear()
			if !bytes.Equal(got.payload, pattern(i)) {
				t.Fatalf("packet %d: payload changed: %x", i, got.payload)
			}
			if i > 0 && (got.seq != last.seq+1 || got.timestamp != last.timestamp+160 || got.ssrc != last.ssrc) {
				t.Fatalf("packet %d: stream broken: %+v after %+v", i, got, last)
			}
			if got.ssrc == person.ssrc {
				t.Fatal("the speaker's SSRC came through")
			}
			last = got
		}
	})
}

func TestMusicThenConversationIsOneStream(t *testing.T) {
	eachIO(t, func(t *testing.T, io func() (PacketIO, error)) {
		lines := newInbox()
		e := startEngine(t, Options{PacketIO: io, Lines: lines, Sounds: map[call.Sound]tone.Clip{"music": clipOf(600, 20)}})
		id := call.ID("call")
		contact, person := newPhone(t, codec.PCMU), newPhone(t, codec.PCMU)
		contact.open(e, id.Leg(1))
		e.Play(id.Leg(1), "music", true)
		var f codec.Frame
		last := contact.hear()
		for range 40 {
			got := contact.hear()
			codec.New(codec.PCMU).Decode(&f, got.payload)
			if tone.Power(f[:], 600) < -12 || !got.follows(last) {
				t.Fatalf("no music, or a broken stream: %+v after %+v", got, last)
			}
			last = got
		}
		person.open(e, id.Leg(2))
		e.Hush(id.Leg(1))
		e.Wire(id, both(id.Leg(1), id.Leg(2)))
		e.Tap(id, "", "", nil)
		said := 0
		for heard := 0; heard < 30; {
			person.say(pattern(said))
			said++
			got := contact.hear()
			if !got.follows(last) {
				t.Fatalf("broken stream: %+v after %+v", got, last)
			}
			last = got
			if bytes.Equal(got.payload[4:], pattern(int(got.payload[3]))[4:]) {
				heard++
			}
		}
	})
}

// follows tells whether a packet is the next of a stream; only a machine that
// stood still makes it jump, in whole frames and with the marker.
func (p packet) follows(last packet) bool {
	step := p.timestamp - last.timestamp
	return p.ssrc == last.ssrc && p.seq == last.seq+1 && (step == 160 || p.marker && step%160 == 0)
}

func TestPlayEnds(t *testing.T) {
	lines := newInbox()
	e := startEngine(t, Options{Lines: lines, Sounds: map[call.Sound]tone.Clip{"closed": clipOf(600, 5)}})
	contact := newPhone(t, codec.PCMA)
	contact.open(e, "call-1")
	e.Play("call-1", "closed", false)
	for range 5 {
		contact.hear()
	}
	lines.wait(t, call.PlayEnded{Leg: "call-1", Sound: "closed"})
}

func TestOfferAndAnswer(t *testing.T) {
	e := startEngine(t, Options{Codecs: map[string][]codec.Law{"carrier": {codec.PCMU, codec.PCMA}}})
	p := newPhone(t, codec.PCMA)

	ours, err := e.Open("call-1", call.MediaSpec{Trunk: "carrier", Source: "127.0.0.1"})
	if err != nil {
		t.Fatal(err)
	}
	d := parse(t, ours)
	if d.Formats[0].Name != "PCMU" || d.Formats[1].Name != "PCMA" || d.TelephoneEvent != 101 {
		t.Errorf("the offer to a trunk that prefers PCMU is %v", d.Formats)
	}
	p.answered(ours)
	if err := e.Accept("call-1", p.sdp("sendrecv", 97), ""); err != nil {
		t.Fatal(err)
	}
	e.Play("call-1", call.SoundRingback, true)
	if got := p.hear(); got.kind != uint8(codec.PCMA) {
		t.Errorf("payload type %d, the peer chose PCMA", got.kind)
	}

	held, on, err := e.Reoffer("call-1", p.sdp("sendonly", 97))
	if err != nil || !on {
		t.Fatalf("on hold: %v, %v", on, err)
	}
	again := parse(t, held)
	if again.Direction != sdp.RecvOnly || again.ID != d.ID || again.Version <= d.Version || again.Port != d.Port {
		t.Errorf("hold answered with %s", held)
	}
	if same, _, err := e.Reoffer("call-1", p.sdp("sendonly", 97)); err != nil || !bytes.Equal(same, held) {
		t.Errorf("the same offer got another answer: %s (%v)", same, err)
	}
	fresh, on, err := e.Reoffer("call-1", nil)
	if err != nil || on {
		t.Fatalf("on hold: %v, %v", on, err)
	}
	if back := parse(t, fresh); back.Direction != sdp.SendRecv || back.Version <= again.Version {
		t.Errorf("our own offer is %s", fresh)
	}
	for _, bad := range []string{"", "v=0", string(p.sdp("sendrecv", 101)[:40])} {
		if _, _, err := e.Reoffer("call-1", []byte(bad)); err == nil {
			t.Errorf("%q was answered", bad)
		}
	}
}

func parse(t *testing.T, body []byte) sdp.Description {
	t.Helper()
	d, err := sdp.Parse(body)
	if err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	return d
}

func TestAddressInSDP(t *testing.T) {
	external := netip.MustParseAddr("203.0.113.9")
	e := startEngine(t, Options{External: external})
	body, err := e.Open("call-1", call.MediaSpec{Source: "198.51.100.7"})
	if err != nil {
		t.Fatal(err)
	}
	if d := parse(t, body); d.Address != external {
		t.Errorf("SDP shows %v, want %v", d.Address, external)
	}
	if got := localFor("127.0.0.1"); !got.IsLoopback() {
		t.Errorf("towards loopback we are %v", got)
	}
	if got := localFor("no address"); !got.IsValid() {
		t.Errorf("towards nobody we are %v", got)
	}
}

func TestUnknownLegsAndCallsAreIgnored(t *testing.T) {
	e := startEngine(t, Options{})
	e.Play("none-1", "music", true)
	e.Hush("none-1")
	e.Wire("none", both("none-1", "none-2"))
	e.Tap("none", "none-1", "none-2", &reel{})
	e.Press("none-1", '5')
	e.Press("none-1", 'x')
	if q := e.Close("none-1"); q != (call.Quality{}) {
		t.Errorf("quality %+v of nothing", q)
	}
	if err := e.Accept("none-1", nil, ""); !errors.Is(err, ErrUnknownLeg) {
		t.Errorf("accept: %v", err)
	}
	if _, _, err := e.Reoffer("none-1", nil); !errors.Is(err, ErrUnknownLeg) {
		t.Errorf("reoffer: %v", err)
	}
	if _, err := e.Open("call-1", call.MediaSpec{}); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Open("call-1", call.MediaSpec{}); err == nil || e.Legs() != 1 {
		t.Errorf("the same leg twice: %v, %d legs", err, e.Legs())
	}
}

func TestMissingSoundEndsAtOnce(t *testing.T) {
	lines := newInbox()
	e := startEngine(t, Options{Lines: lines})
	p := newPhone(t, codec.PCMA)
	p.open(e, "call-1")
	e.Play("call-1", "nowhere", false)
	lines.wait(t, call.PlayEnded{Leg: "call-1", Sound: "nowhere"})
}

func TestKeyAndLossReachTheCall(t *testing.T) {
	lines := newInbox()
	e := startEngine(t, Options{Lines: lines, Timeout: 100 * time.Millisecond})
	p, other := newPhone(t, codec.PCMA), newPhone(t, codec.PCMA)
	p.open(e, "call-1")
	other.open(e, "call-2")
	e.Wire("call", both("call-1", "call-2"))
	b := p.packet(101, []byte{5, 0, 0, 160})
	b[1] |= 0x80
	p.write(b)
	lines.wait(t, call.Digit{Leg: "call-1", Key: '5'})
	lines.wait(t, call.MediaLost{Leg: "call-2"})
}

// loudTape counts what is pushed, and notices a push after its end.
type loudTape struct {
	pushed chan struct{}
	over   atomic.Bool
	late   atomic.Bool
}

func (l *loudTape) Push(_, _ *[160]int16) bool {
	l.late.Store(l.late.Load() || l.over.Load())
	select {
	case l.pushed <- struct{}{}:
	default:
	}
	return true
}

func (l *loudTape) Skip(int) {}

func TestTapIsOverWhenItReturns(t *testing.T) {
	e := startEngine(t, Options{})
	p := newPhone(t, codec.PCMA)
	p.open(e, "call-1")
	for range 20 {
		tape := &loudTape{pushed: make(chan struct{}, 1)}
		e.Tap("call", "call-1", "call-2", tape)
		<-tape.pushed
		e.Tap("call", "", "", nil)
		tape.over.Store(true)
		e.Tap("call", "", "", nil)
		if tape.late.Load() {
			t.Fatal("a frame came after the end")
		}
	}
}

func TestStoppedEngineFreesItsPorts(t *testing.T) {
	eachIO(t, func(t *testing.T, io func() (PacketIO, error)) {
		e, err := New(Options{
			Lines: newInbox(), From: 25000, To: 25003, Bind: netip.MustParseAddr("127.0.0.1"), PacketIO: io, Workers: 2,
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range []call.LegID{"a-1", "b-1"} { // before Run, and each on its own worker
			if _, err := e.Open(id, call.MediaSpec{}); err != nil {
				t.Fatal(err)
			}
		}
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if err := e.Run(ctx); err != nil {
			t.Fatal(err)
		}
		for port := 25000; port < 25004; port++ {
			udp, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port})
			if err != nil {
				t.Fatalf("port %d is still taken: %v", port, err)
			}
			udp.Close()
		}
		if _, err := e.Open("c-1", call.MediaSpec{}); err == nil {
			t.Error("a stopped engine opened a leg")
		}
		if q := e.Close("a-1"); q != (call.Quality{}) {
			t.Errorf("quality %+v", q)
		}
	})
}

func TestOptionsAreChecked(t *testing.T) {
	good := Options{Lines: newInbox(), From: 26000, To: 26001}
	for name, spoil := range map[string]func(*Options){
		"no lines":        func(o *Options) { o.Lines = nil },
		"no ports":        func(o *Options) { o.From, o.To = 0, 0 },
		"an odd pair":     func(o *Options) { o.From, o.To = 26001, 26002 },
		"ports backwards": func(o *Options) { o.From, o.To = 26010, 26000 },
		"workers":         func(o *Options) { o.Workers = -1 },
		"jitter":          func(o *Options) { o.JitterMin, o.JitterMax = time.Second, 2*time.Second },
		"packet I/O":      func(o *Options) { o.PacketIO = func() (PacketIO, error) { return nil, errors.New("none") } },
	} {
		o := good
		spoil(&o)
		if _, err := New(o); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestMetrics(t *testing.T) {
	registry := prometheus.NewPedanticRegistry()
	e := startEngine(t, Options{Registerer: registry, Workers: 2})
	p, other := newPhone(t, codec.PCMA), newPhone(t, codec.PCMA)
	p.open(e, "call-1")
	other.open(e, "call-2")
	e.Wire("call", both("call-1", "call-2"))
	e.Tap("call", "", "", nil)
	for range 3 {
		p.say(pattern(1))
		other.hear()
	}
	p.seq += 5
	p.say(pattern(1))
	other.hear()
	e.Close("call-1")
	want := `
# HELP tandem_rtp_lost_packets_total RTP packets that never arrived.
# TYPE tandem_rtp_lost_packets_total counter
tandem_rtp_lost_packets_total 5
# HELP tandem_rtp_packets_total RTP packets accepted and sent.
# TYPE tandem_rtp_packets_total counter
tandem_rtp_packets_total{direction="received"} 4
tandem_rtp_packets_total{direction="sent"} 4
`
	if err := testutil.GatherAndCompare(registry, strings.NewReader(want), "tandem_rtp_packets_total", "tandem_rtp_lost_packets_total"); err != nil {
		t.Error(err)
	}
	if n, err := testutil.GatherAndCount(registry, "tandem_media_tick_lateness_seconds", "tandem_rtp_jitter_seconds", "tandem_media_legs"); err != nil || n != 3 {
		t.Errorf("%d of 3 metrics: %v", n, err)
	}
}

func TestOverload(t *testing.T) {
	d := newDesk(t)
	e := &Engine{workers: []*worker{d.w}}
	for range tickWindow {
		d.w.judge(time.Millisecond, 0)
	}
	for range tickWindow / 100 {
		d.w.judge(tickBudget+1, 0)
	}
	if e.Overloaded() {
		t.Error("overloaded by one slow tick in a hundred")
	}
	d.w.judge(tickBudget+1, 0)
	if !e.Overloaded() {
		t.Error("not overloaded by more than one in a hundred")
	}
	for range tickRecovery - 1 {
		d.w.judge(time.Millisecond, 0)
	}
	if !e.Overloaded() {
		t.Error("trusted again too soon")
	}
	d.w.judge(time.Millisecond, 0)
	if e.Overloaded() {
		t.Error("still overloaded after calm")
	}
	d.w.judge(tickBudget+1, 0)
	if e.Overloaded() {
		t.Error("what was long over counts again")
	}
}

func TestManyCallsComeAndGoAtOnce(t *testing.T) {
	eachIO(t, func(t *testing.T, io func() (PacketIO, error)) {
		e := startEngine(t, Options{PacketIO: io, Workers: 2, From: 28000, To: 28999})
		var callers sync.WaitGroup
		for n := range 16 {
			callers.Go(func() {
				for i := range 5 {
					id := call.ID(fmt.Sprintf("c%d/%d", n, i))
					a, b := id.Leg(1), id.Leg(2)
					for _, leg := range []call.LegID{a, b} {
						if _, err := e.Open(leg, call.MediaSpec{Remote: remote(), Source: "127.0.0.1"}); err != nil {
							t.Error(err)
						}
					}
					e.Play(a, call.SoundRingback, true)
					e.Wire(id, both(a, b))
					e.Tap(id, a, b, &mute{})
					e.Hush(a)
					if _, _, err := e.Reoffer(b, remote()); err != nil {
						t.Error(err)
					}
					e.Tap(id, "", "", nil)
					e.Close(a)
					e.Wire(id, nil)
					e.Close(b)
				}
			})
		}
		callers.Wait()
		if n := e.Legs(); n != 0 || len(e.homes) != 0 {
			t.Errorf("%d legs and %d calls left", n, len(e.homes))
		}
		for _, w := range e.workers {
			w.ask(func(time.Duration) {
				if len(w.rooms) != 0 || e.calls[w] != 0 {
					t.Errorf("%d rooms left, %d calls counted", len(w.rooms), e.calls[w])
				}
			})
		}
	})
}

// remote is the SDP of a peer that nobody listens for: the discard port.
func remote() []byte {
	return []byte("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 9 RTP/AVP 8\r\n")
}

func TestReconfigure(t *testing.T) {
	e := startEngine(t, Options{})
	if err := e.Reconfigure(Settings{JitterMin: time.Minute}); err == nil {
		t.Error("a delay of a minute was accepted")
	}
	if err := e.Reconfigure(Settings{Timeout: -1}); err == nil {
		t.Error("a negative timeout was accepted")
	}
	external := netip.MustParseAddr("203.0.113.9")
	for _, sound := range []call.Sound{"old", "new"} {
		if err := e.Reconfigure(Settings{
			External: external, Timeout: time.Minute,
			Codecs: map[string][]codec.Law{"carrier": {codec.PCMU}}, Sounds: map[call.Sound]tone.Clip{sound: clipOf(500, 1)},
		}); err != nil {
			t.Fatal(err)
		}
	}
	if _, ok := e.settings.Load().source("old", false); ok {
		t.Error("the old sound is still there")
	}
	if _, ok := e.settings.Load().source("new", false); !ok {
		t.Error("the new sound is missing")
	}
	body, err := e.Open("call-1", call.MediaSpec{Trunk: "carrier", Source: "198.51.100.7"})
	if err != nil {
		t.Fatal(err)
	}
	if d := parse(t, body); d.Address != external || len(d.Formats) != 2 || d.Formats[0].Name != "PCMU" {
		t.Errorf("the offer to a trunk that has PCMU alone is %s", body)
	}
	for _, w := range e.workers {
		w.ask(func(time.Duration) {
			if w.timeout != time.Minute {
				t.Errorf("timeout of %v", w.timeout)
			}
		})
	}
}
