package daemon_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"tandem/call"
	"tandem/cmd/tandem/daemon/daemontest"
	"tandem/cmd/tandem/peer"
	"tandem/routing"
)

// How TestKillAtRandom is run: how many kills (5 when unset), and which random
// numbers (others each time when unset).
const (
	killsEnv = "TANDEM_KILLS"
	seedEnv  = "TANDEM_SEED"
)

// release is how long a peer may be left on a line that nobody holds: 64*T1.
const release = 32 * time.Second

// TestKillAtRandom kills the switch at random moments under calls in all their
// phases, starts it again each time, and looks for what the calls left behind.
func TestKillAtRandom(t *testing.T) {
	kills := number(t, killsEnv, 5)
	seed := uint64(number(t, seedEnv, int(rand.Uint32())))
	for i, reception := range []string{"immediate", "early"} {
		t.Run(reception, func(t *testing.T) {
			s := &siege{house: prepareHouse(t, siegeSettings(reception)), seed: seed, random: rand.New(rand.NewPCG(seed, uint64(i)))}
			s.fixPort()
			sw := s.spawn()
			s.man()
			var toll toll
			for round := range (kills + 1 - i) / 2 {
				sw = s.round(sw, round, &toll)
			}
			t.Logf("seed %d: %s", seed, toll)
		})
	}
}

// number is a variable of the environment.
func number(t *testing.T, name string, otherwise int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("%s=%s: want a number above 0", name, text)
	}
	return n
}

// toll is what all rounds together have shown.
type toll struct {
	kills, calls, live, interrupted, missed, recordings int
	unstored                                            int           // legs left on the line by a disk that was too slow for them
	slowest                                             time.Duration // from the process's start to its first answer
	released                                            time.Duration // from the process's start until the last peer was free
	lost                                                float64       // seconds of a conversation that its recording lacks, at most
}

func (l toll) String() string {
	return fmt.Sprintf("%d kills, %d legs at the peers of which %d were live, %d calls interrupted, %d missed, %d recordings; "+
		"%d legs left whose dialog a slow disk did not take in time; answers within %s, peers free within %s, recordings lack %.2f s at most",
		l.kills, l.calls, l.live, l.interrupted, l.missed, l.recordings,
		l.unstored, l.slowest.Round(time.Millisecond), l.released.Round(time.Millisecond), l.lost)
}

// round is one kill.
func (s *siege) round(sw *child, round int, toll *toll) *child {
	s.t.Helper()
	s.begin()
	before := s.calls()
	ctx, cancel := context.WithCancel(s.t.Context())
	var callers sync.WaitGroup
	for i := range 5 + s.choice(siegeCalls-4) {
		callers.Go(func() { s.dial(ctx, contactOf(i)) })
	}
	pause(ctx, 100*time.Millisecond+s.upTo(3*time.Second))
	hurried := s.api.Metrics().Sum("tandem_sip_unstored_total", "") > 0
	killed := time.Now()
	sw.kill()
	cancel()
	known, live := s.promised()
	toll.live += live
	started := time.Now()
	sw = s.spawn()
	toll.slowest = max(toll.slowest, time.Since(started))
	if up := time.Since(started); up > 10*time.Second {
		s.t.Errorf("round %d: the switch answered after %s", round, up)
	}
	s.answers(round)
	s.manned(round)
	toll.kills++
	toll.unstored += s.freed(round, killed, hurried)
	toll.released = max(toll.released, time.Since(started))
	callers.Wait()
	toll.calls += len(s.all())

	after := s.calls()
	s.resulted(round, after, before, known, killed, toll)
	s.followedUp(round, after)
	s.playable(round, after, before, killed, toll)
	s.rings(round)
	return sw
}

func contactOf(i int) string { return fmt.Sprintf("+34600%06d", i) }

// promised returns what contacts were told whose call has come: each of these
// calls has to be on record. live is how many legs are up.
func (s *siege) promised() (known map[string]string, live int) {
	known = make(map[string]string)
	for _, c := range s.all() {
		if !c.Incoming && slices.ContainsFunc(c.Codes(), func(code int) bool { return code > 100 && code < 300 }) {
			known[c.From().User()] = story(c)
		}
		if c.State() != peer.Ended {
			live++
		}
	}
	return known, live
}

// back is how soon the switch has to answer once it runs again.
const back = 2 * time.Second

// answers fails unless the first request to the new process is answered.
func (s *siege) answers(round int) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), back)
	defer cancel()
	if res, err := s.phones[0].Options(ctx); err != nil || res.Code != http.StatusOK {
		s.t.Errorf("round %d: OPTIONS after the start: %v, %v", round, res, err)
	}
}

// manned waits until the switch knows of all phones again: none registers anew.
func (s *siege) manned(round int) {
	s.t.Helper()
	daemontest.Eventually(s.t, fmt.Sprintf("all phones are known in round %d", round), func() bool {
		known := 0
		for _, u := range daemontest.List[routing.UserState](s.api, "/users") {
			if u.Registered {
				known++
			}
		}
		return known == siegeUsers
	})
}

// freed waits until no peer is on the line any more. Calls that came to the new
// process, as callers repeat what was not answered, are ended by it.
// hurried says that the switch had to answer before its disk had the dialog: it
// returns how many legs that left.
func (s *siege) freed(round int, killed time.Time, hurried bool) (unstored int) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), release)
	defer cancel()
	for pause(ctx, 50*time.Millisecond) {
		live := daemontest.List[call.Record](s.api, "/calls?active=true")
		for _, rec := range live {
			s.api.Do(http.MethodDelete, "/calls/"+string(rec.ID), nil)
		}
		if len(live) == 0 && !slices.ContainsFunc(s.all(), onTheLine) {
			return 0
		}
	}
	for _, c := range s.all() {
		switch {
		case !onTheLine(c):
		case hurried:
			s.t.Logf("round %d: left on the line by a slow disk, killed at %s: %s", round, killed.Format("05.000"), story(c))
			unstored++
		default:
			s.t.Errorf("round %d: left on the line, killed at %s: %s", round, killed.Format("05.000"), story(c))
		}
	}
	return unstored
}

// onTheLine reports whether a peer is not free: its call goes on, or it had to
// give up waiting.
func onTheLine(c *peer.Call) bool {
	if c.State() != peer.Ended {
		return true
	}
	end, _ := c.WaitEnded(context.Background()) // returns at once
	return end.How == peer.ByTimeout
}

// story tells a call's messages in one line.
func story(c *peer.Call) string {
	text := fmt.Sprintf("incoming %t, from %s to %s, %s:", c.Incoming, c.From().User(), c.To().User(), c.State())
	for _, e := range c.Messages() {
		way := "<"
		if e.Sent {
			way = ">"
		}
		text += fmt.Sprintf(" %s%s", way, e.At.Format("05.000"))
		if e.Message.IsRequest() {
			text += " " + e.Message.Method
		} else {
			_, method := e.Message.CSeq()
			text += fmt.Sprintf(" %d/%s", e.Message.Code, method)
		}
	}
	return text
}

// rings fails unless a phone rings without having registered anew.
func (s *siege) rings(round int) {
	s.t.Helper()
	s.begin()
	c := s.call(func(o *peer.CallOptions) { o.From = contactOf(siegeCalls) })
	s.note(c)
	daemontest.Eventually(s.t, fmt.Sprintf("a phone rings in round %d", round), func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.rung > 0
	})
	s.freed(round, time.Time{}, false)
}

// calls returns all calls by ID.
func (s *siege) calls() map[call.ID]call.Record {
	s.t.Helper()
	byID := make(map[call.ID]call.Record)
	for _, rec := range daemontest.Every[call.Record](s.api, "/calls?limit=500") {
		byID[rec.ID] = rec
	}
	return byID
}
