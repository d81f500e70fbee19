package daemon_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"tandem/cmd/tandem/peer"
)

const (
	siegeUsers = 12
	siegeCalls = 20 // at one time, at most
)

// siege is a house with a whole sales floor, whose callers and salespeople do
// whatever comes to their minds.
type siege struct {
	*house
	phones []*peer.Phone
	desks  chan *desk // of salespeople who call out, and are free
	seed   uint64

	mu     sync.Mutex
	random *rand.Rand
	legs   []*peer.Call // of the round, at all peers
	rung   int          // phones that were called in the round
}

// siegeSettings describe the floor.
func siegeSettings(reception string) settings { return floorOf(siegeUsers, reception) }

// floorOf describes a floor of so many salespeople.
func floorOf(size int, reception string) settings {
	var users, names []string
	for i := range size {
		name := fmt.Sprintf("user%d", i)
		users = append(users, fmt.Sprintf("- { name: %s, extension: %q, sip_password: secret-%s }", name, fmt.Sprint(200+i), name))
		names = append(names, name)
	}
	return settings{
		users: strings.Join(users, "\n"), members: strings.Join(names, ", "),
		reception: "timeout: 60s, offer_timeout: 60s, answer: " + reception,
		closed:    "redirect: \"" + outsideNumber + "\"",
	}
}

// man registers the salespeople's phones; it is done once for all rounds.
func (s *siege) man() {
	s.t.Helper()
	s.carrier.Handle(s.pickUp)
	s.register(siegeUsers, s.pickUp)
}

// register opens the phones of so many salespeople.
func (s *siege) register(size int, onCall func(*peer.Call)) {
	s.t.Helper()
	for i := range size {
		name := fmt.Sprintf("user%d", i)
		p, err := peer.NewPhone(peer.Options{
			Name: name, Server: s.sip, Domain: "pbx.test", User: name, Password: "secret-" + name, OnCall: onCall,
			Media: peer.MediaOptions{Source: peer.Tone(anaTone)},
		})
		s.must(err)
		s.t.Cleanup(func() { p.Close() })
		ctx, cancel := wait()
		_, err = p.Register(ctx, time.Hour)
		cancel()
		s.must(err)
		s.phones = append(s.phones, p)
	}
}

// upTo is a random time below most.
func (s *siege) upTo(most time.Duration) time.Duration { return time.Duration(s.choice(int(most))) }

// choice is a random number below n.
func (s *siege) choice(n int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.random.IntN(n)
}

func (s *siege) note(c *peer.Call) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.legs = append(s.legs, c)
	if c.Incoming {
		s.rung++
	}
}

// begin forgets the round before.
func (s *siege) begin() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.legs, s.rung = nil, 0
}

// all returns the round's calls, as the peers have them.
func (s *siege) all() []*peer.Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]*peer.Call(nil), s.legs...)
}

// pickUp is what a phone, or somebody outside, does with a call. Errors are
// left aside: the switch may be dead at any moment.
func (s *siege) pickUp(c *peer.Call) {
	s.note(c)
	if s.choice(10) == 0 {
		_ = c.Trying() // and is slow to ring
		lasts(c, s.upTo(400*time.Millisecond))
	}
	if c.Ring() != nil || !lasts(c, s.upTo(400*time.Millisecond)) {
		return
	}
	switch n := s.choice(10); {
	case n == 0:
		_ = c.Reject(486)
		return
	case n < 3:
		return // rings on
	}
	if c.Answer() != nil || s.choice(3) > 0 || !lasts(c, s.upTo(4*time.Second)) {
		return
	}
	leave(c)
}

// dial is one contact's call.
func (s *siege) dial(ctx context.Context, from string) {
	if !pause(ctx, s.upTo(800*time.Millisecond)) {
		return
	}
	to := salesNumber
	if s.choice(5) == 0 {
		to = closedNumber
	}
	c, err := s.carrier.Call(ctx, peer.CallOptions{From: from, To: to, Server: s.sip})
	if err != nil {
		return
	}
	s.note(c)
	if s.choice(3) > 0 || !lasts(c, s.upTo(4*time.Second)) {
		return
	}
	leave(c)
}

// leave hangs up or gives up.
func leave(c *peer.Call) {
	if c.State() != peer.Answered {
		_ = c.Cancel() // may be answered or over by now
		return
	}
	ctx, cancel := wait()
	defer cancel()
	_ = c.Hangup(ctx)
}

// lasts reports whether a call is still there after so long.
func lasts(c *peer.Call, d time.Duration) bool {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	_, err := c.WaitEnded(ctx)
	return err != nil
}

// pause waits; false when ctx ended first.
func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}
