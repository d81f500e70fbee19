package sip

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	wire "github.com/emiago/sipgo/sip"

	"tandem/call"
)

// turn is what a callee says, and how long after the INVITE.
type turn struct {
	after  time.Duration
	status int
}

// callee answers INVITEs by a plan, and notes how each of them ended.
type callee struct {
	*peer
	plans [][]turn // for the first INVITE and those that follow

	mu      sync.Mutex
	invited []*invited
}

// invited is one INVITE that a callee got.
type invited struct {
	req   *wire.Request
	final int    // what it was answered with in the end
	heard string // the methods of the requests that followed
}

const proxyChallenge = `Proxy-Authenticate: Digest realm="carrier", nonce="abc", algorithm=MD5, qop="auth"`

// hear plays the callee's part.
func (c *callee) hear(m wire.Message) {
	req, ok := m.(*wire.Request)
	if !ok {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if req.IsInvite() {
		i := &invited{req: req}
		for _, turn := range c.plans[min(len(c.invited), len(c.plans)-1)] {
			time.AfterFunc(turn.after, func() {
				c.mu.Lock()
				defer c.mu.Unlock()
				c.say(i, turn.status)
			})
		}
		c.invited = append(c.invited, i)
		return
	}
	i := c.about(req)
	if i == nil {
		c.t.Errorf("to no INVITE: %s", req)
		return
	}
	i.heard += string(req.Method) + " "
	switch req.Method {
	case wire.CANCEL:
		c.reply(req, 200, "callee")
		c.say(i, 487)
	case wire.BYE:
		c.reply(req, 200, "")
	}
}

// about returns the INVITE that a request belongs to, or nil.
func (c *callee) about(req *wire.Request) *invited {
	for _, i := range c.invited {
		if req.CallID().Value() != i.req.CallID().Value() {
			continue
		}
		if req.CSeq().SeqNo == i.req.CSeq().SeqNo || req.Method == wire.BYE && i.final == 200 {
			return i
		}
	}
	return nil
}

// say answers an INVITE that has no final response yet.
func (c *callee) say(i *invited, status int) {
	if i.final != 0 {
		return
	}
	switch status {
	case 200:
		c.reply(i.req, status, "callee", testSDP)
	case 407:
		c.reply(i.req, status, "callee", proxyChallenge)
	default:
		c.reply(i.req, status, "callee")
	}
	if status >= 200 {
		i.final = status
	}
}

// check fails unless every INVITE came to one end that both sides know of.
func (c *callee) check() {
	c.t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, i := range c.invited {
		rest := strings.Replace(i.heard, "CANCEL ", "", 1)
		want := "ACK "
		if i.final == 200 {
			want = "ACK BYE "
		}
		if i.final == 0 || rest != want || i.final == 487 && rest == i.heard {
			c.t.Errorf("%s answered its INVITE with %d and heard %q", c.addr, i.final, i.heard)
		}
	}
}

const ms = time.Millisecond

// Whenever we release a call that we make, before, with or after what the
// phones or the carrier answer, and however late the store is: each of them has
// one end of its INVITE, the call hears nothing more, and nothing is left.
func TestReleaseSweep(t *testing.T) {
	answers := []turn{{10 * ms, 100}, {20 * ms, 180}, {40 * ms, 200}}
	for _, c := range []struct {
		name   string
		phones [][][]turn
		trunk  [][]turn
	}{
		{"answers", [][][]turn{{answers}}, nil},
		{"is busy", [][][]turn{{{{10 * ms, 100}, {20 * ms, 180}, {40 * ms, 486}}}}, nil},
		{"answers at once", [][][]turn{{{{40 * ms, 200}}}}, nil},
		{"three phones", [][][]turn{{answers}, {{{20 * ms, 180}, {42 * ms, 200}}}, {{{5 * ms, 100}, {30 * ms, 486}}}}, nil},
		{"carrier", nil, [][]turn{answers}},
		{"carrier asks", nil, [][]turn{{{5 * ms, 100}, {10 * ms, 407}}, {{5 * ms, 100}, {10 * ms, 180}, {20 * ms, 200}}}},
	} {
		for _, late := range []time.Duration{0, 20 * ms, 200 * ms} {
			for _, at := range instants(waits(late)) {
				t.Run(fmt.Sprintf("%s/store %v/at %v", c.name, late, at), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) { releaseAt(t, at, late, c.phones, c.trunk) })
				})
			}
		}
	}
}

// releaseAt is one step of the sweep.
func releaseAt(t *testing.T, at, late time.Duration, phones [][][]turn, trunk [][]turn) {
	s, callees, to := calling(t, late, phones, trunk)
	defer s.end()
	s.begin()
	leg := call.NewID(time.Now()).Leg(2)
	s.Invite(leg, to, []byte(testSDP))
	time.Sleep(at)
	s.Release(leg, call.Cause{Kind: call.CauseCancelled})
	before := len(s.lines.inputs)
	s.empty()
	if n := len(s.lines.inputs); n != before {
		t.Errorf("the call heard %d more", n-before)
	}
	for _, c := range callees {
		c.check()
	}
}

// calling sets a scene with ana's phones, or with a carrier.
func calling(t *testing.T, late time.Duration, phones [][][]turn, trunk [][]turn) (*scene, []*callee, call.Target) {
	s := newScene(t, late, Trunk{Name: "carrier", Address: "10.0.0.2", Auth: Credentials{"acme", "trunkpw"}})
	if trunk != nil {
		c := &callee{peer: s.peer("10.0.0.2:5060"), plans: trunk}
		s.listen(c.peer, c.hear)
		return s, []*callee{c}, call.Target{Trunk: "carrier", Number: "+34600111222", CallerID: "+34910000001"}
	}
	var callees []*callee
	for i, plans := range phones {
		c := &callee{peer: s.peer(fmt.Sprintf("10.0.0.%d:5060", 3+i)), plans: plans}
		if res := c.register("ana", "secret", 1, "Expires: 3600"); res.StatusCode != 200 {
			t.Fatalf("register: %d", res.StatusCode)
		}
		s.listen(c.peer, c.hear)
		callees = append(callees, c)
	}
	return s, callees, call.Target{User: "ana"}
}

// A phone that answers a call which is no more has its answer acknowledged
// before it is hung up, however late the store is.
func TestAnswerToNoCall(t *testing.T) {
	for _, late := range []time.Duration{0, 20 * ms, 200 * ms} {
		t.Run(late.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, callees, to := calling(t, late, [][][]turn{{{{40 * ms, 200}}}}, nil)
				defer s.end()
				s.begin()
				s.lines.gone.Store(true)
				s.Invite(call.NewID(time.Now()).Leg(2), to, []byte(testSDP))
				s.empty()
				callees[0].check()
				if n := len(callees[0].invited); n != 1 {
					t.Errorf("%d INVITEs", n)
				}
			})
		})
	}
}
