package sip

import (
	"fmt"
	"net"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	wire "github.com/emiago/sipgo/sip"

	"tandem/call"
)

const (
	lag      = 5 * time.Millisecond  // of what a distant peer sends
	rings    = 20 * time.Millisecond // after the INVITE
	decides  = 40 * time.Millisecond // after the INVITE
	sweepEnd = 60 * time.Millisecond
	allOver  = 3 * timerAbsent // no transaction lasts longer, nor does a timer of a leg
)

// lateStore is a memory whose dialogs are durable after a while.
type lateStore struct {
	*memory
	after time.Duration
}

func (s lateStore) SaveDialog(d call.Dialog, stored func()) {
	s.memory.SaveDialog(d, func() {})
	if s.after == 0 {
		stored()
		return
	}
	time.AfterFunc(s.after, stored)
}

// waits is how long a late store holds a message back.
func waits(late time.Duration) time.Duration { return min(late, durableLimit) }

// distant is a socket whose datagrams take a while, so that they cross ours.
type distant struct {
	*port
	post chan parcel
}

type parcel struct {
	data []byte
	to   net.Addr
	due  time.Time
}

func (d *distant) WriteTo(b []byte, to net.Addr) (int, error) {
	d.post <- parcel{append([]byte{}, b...), to, time.Now().Add(lag)}
	return len(b), nil
}

func (d *distant) carry() {
	for p := range d.post {
		time.Sleep(time.Until(p.due))
		_, _ = d.port.WriteTo(p.data, p.to) // a hub always takes it
	}
}

// scene is a bubble's network, with an Agent at 10.0.0.1 whose store is late.
type scene struct {
	*bench
	t     *testing.T
	hub   *hub
	ends  []func()
	parts sync.WaitGroup
	over  chan struct{}
	crowd int // goroutines before the call
}

func newScene(t *testing.T, late time.Duration, trunks ...Trunk) *scene {
	t.Helper()
	s := &scene{t: t, hub: newHub(), over: make(chan struct{})}
	s.bench = &bench{lines: newLines(), store: newMemory(), watch: newWatcher()}
	opt := s.options(trunks)
	opt.Dialogs = lateStore{s.store, late}
	if err := opt.check(); err != nil {
		t.Fatal(err)
	}
	conn := s.hub.open("10.0.0.1:5060")
	agent, err := assemble(opt, []*socket{{network: "udp", packet: conn, addr: conn.addr}})
	if err != nil {
		t.Fatal(err)
	}
	s.Agent = agent
	s.ends = append(s.ends, s.settled(t))
	return s
}

// peer opens a distant peer.
func (s *scene) peer(addr string) *peer {
	d := &distant{s.hub.open(addr), make(chan parcel, 64)}
	s.parts.Go(d.carry)
	s.ends = append(s.ends, func() { close(d.post); _ = d.Close() })
	return packetPeer(s.t, d).dial(s.bench)
}

// listen hands a peer's messages to it until the scene is over.
func (s *scene) listen(p *peer, hear func(wire.Message)) {
	s.parts.Go(func() {
		for {
			select {
			case m := <-p.inbox:
				hear(m)
			case <-s.over:
				return
			}
		}
	})
}

// begin waits until nothing of the preparations is left, and notes what runs.
func (s *scene) begin() {
	time.Sleep(allOver)
	synctest.Wait()
	s.crowd = crowd()
}

// empty fails unless nothing of the call is left once every transaction is over.
func (s *scene) empty() {
	s.t.Helper()
	time.Sleep(allOver)
	synctest.Wait()
	if n := crowd(); n != s.crowd {
		s.t.Errorf("%d goroutines, were %d", n, s.crowd)
	}
	s.legs.mu.Lock()
	left := []int{len(s.legs.byID), len(s.legs.byTag), len(s.legs.merged), len(s.legs.hosts)}
	s.legs.mu.Unlock()
	s.farewells.mu.Lock()
	left = append(left, s.farewells.count)
	s.farewells.mu.Unlock()
	s.open.mu.Lock()
	left = append(left, s.open.all, len(s.open.hosts))
	s.open.mu.Unlock()
	dialogs, _ := s.store.Dialogs(s.t.Context())
	for _, n := range append(left, len(dialogs)) {
		if n != 0 {
			s.t.Errorf("left of legs, tags, merged, hosts, farewells, places, their hosts: %v; stored %+v", left, dialogs)
			return
		}
	}
}

func (s *scene) end() {
	close(s.over)
	for _, end := range s.ends {
		end()
	}
	s.parts.Wait()
}

// crowd counts the goroutines of the caller's bubble.
func crowd() int {
	buf := make([]byte, 256<<10)
	all := string(buf[:runtime.Stack(buf, true)])
	_, own, _ := strings.Cut(all[:strings.IndexByte(all, '\n')], "synctest bubble ")
	return strings.Count(all, "synctest bubble "+own)
}

// instants are the moments of a sweep: from the start, and from a later one
// when the store is late.
func instants(from time.Duration) []time.Duration {
	var all []time.Duration
	for at := time.Duration(0); at <= sweepEnd; at += time.Millisecond {
		all = append(all, at)
		if from > 0 {
			all = append(all, from+at)
		}
	}
	return all
}

// impatient is a carrier's end that calls, and notes the answers to each method.
type impatient struct {
	*peer
	mu     sync.Mutex
	heard  map[wire.RequestMethod]string
	tags   map[string]bool
	strays int // requests that came, and none should
}

// hear plays the caller's part: it acknowledges what ends its INVITE, and hangs
// up when that is an answer.
func (c *impatient) hear(m wire.Message) {
	c.mu.Lock()
	defer c.mu.Unlock()
	res, ok := m.(*wire.Response)
	if !ok {
		c.strays++
		return
	}
	method := res.CSeq().MethodName
	c.heard[method] += fmt.Sprint(res.StatusCode, " ")
	if method != wire.INVITE {
		return
	}
	c.tags[tagOf(res.To().Params)] = true
	switch {
	case res.StatusCode >= 300:
		c.send(c.ackText(res, "sweep", "sweep"))
	case res.StatusCode >= 200:
		c.send(c.within(res, "ACK", 1, "ack"))
		c.send(c.within(res, "BYE", 2, "bye"))
	}
}

// Whenever the caller's CANCEL comes, before, with or after our 180 and our
// final response, and however late the store is: the caller has one end of its
// INVITE, the call hears of it once, and nothing is left.
func TestCancelSweep(t *testing.T) {
	for _, late := range []time.Duration{0, 20 * time.Millisecond, 200 * time.Millisecond} {
		for _, refuse := range []bool{false, true} {
			final := max(decides, waits(late)) + waits(late)
			for _, at := range instants(final - sweepEnd/2) {
				t.Run(fmt.Sprintf("refuse %v/store %v/at %v", refuse, late, at), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) { cancelAt(t, at, late, refuse) })
				})
			}
		}
	}
}

// cancelAt is one step of the sweep.
func cancelAt(t *testing.T, at, late time.Duration, refuse bool) {
	s := newScene(t, late, Trunk{Name: "carrier", Address: "10.0.0.2"})
	defer s.end()
	c := &impatient{peer: s.peer("10.0.0.2:5060"), heard: map[wire.RequestMethod]string{}, tags: map[string]bool{}}
	s.listen(c.peer, c.hear)
	s.begin()
	time.AfterFunc(at, func() { c.send(c.cancelText("sweep", "sweep")) })
	c.send(c.invite("sweep", "sweep"))
	leg := (<-s.lines.arrivals).Leg
	time.AfterFunc(rings-lag, func() { s.Progress(leg, 180, nil) })
	time.AfterFunc(decides-lag, func() {
		if refuse {
			s.Release(leg, call.Cause{Kind: call.CauseBusy})
			return
		}
		s.Answer(leg, []byte(testSDP))
	})
	s.empty()
	c.check(t, s.lines, refuse)
}

var (
	inviteHeard = regexp.MustCompile(`^(100 )?(180 )?(200|486|487) $`)
	cancelHeard = regexp.MustCompile(`^(200|481) $`)
)

// check judges what the caller and the call have heard; a call that released the
// leg may hear nothing any more.
func (c *impatient) check(t *testing.T, l *lines, released bool) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	end := inviteHeard.FindStringSubmatch(c.heard[wire.INVITE])
	if end == nil || !cancelHeard.MatchString(c.heard[wire.CANCEL]) || len(c.tags) != 1 || c.strays != 0 {
		t.Fatalf("heard %v with tags %v and %d requests", c.heard, c.tags, c.strays)
	}
	var want []call.CauseKind
	bye := ""
	switch end[3] {
	case "487":
		want = []call.CauseKind{call.CauseCancelled}
	case "200":
		want, bye = []call.CauseKind{call.CauseNormal}, "200 "
	}
	if c.heard[wire.BYE] != bye || end[3] == "487" && c.heard[wire.CANCEL] != "200 " {
		t.Errorf("heard %v", c.heard)
	}
	var got []call.CauseKind
	for len(l.inputs) > 0 {
		gone, ok := (<-l.inputs).(call.LegGone)
		if !ok {
			t.Fatal("the call heard something other than the end of its leg")
		}
		got = append(got, gone.Cause.Kind)
	}
	if !slices.Equal(got, want) && (!released || got != nil) {
		t.Errorf("caller heard %s, the call %v", end[3], got)
	}
}

// A CANCEL that belongs to nothing, sound or not, is refused and leaves nothing:
// neither a transaction nor its place.
func TestCancelOfNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, 0, Trunk{Name: "carrier", Address: "10.0.0.2"})
		defer s.end()
		p := s.peer("10.0.0.2:5060")
		s.begin()
		for _, c := range []struct {
			from, to string
			status   int
		}{
			{"", "", 481},
			{"sip:+", "http:+", 416},
			{"Max-Forwards: 70", "Max-Forwards: 700", 400},
		} {
			branch := fmt.Sprint("nothing", c.status)
			p.send(strings.Replace(p.cancelText("nothing", branch), c.from, c.to, 1))
			if res := p.final(wire.CANCEL); res.StatusCode != c.status {
				t.Errorf("%s: %d, want %d", c.to, res.StatusCode, c.status)
			}
		}
		s.empty()
	})
}
