package daemon_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"tandem/call"
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

// settling is how long a change of a dialog may be on its way to the disk: the
// switch does not wait for it, so a kill in between leaves a leg that the next
// start does not know of. These are counted apart.
const settling = 300 * time.Millisecond

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
	unsettled                                           int           // legs left on the line whose dialog was not on the disk yet
	slowest                                             time.Duration // from the process's start to its first answer
	released                                            time.Duration // from the process's start until the last peer was free
	lost                                                float64       // seconds of a conversation that its recording lacks, at most
}

func (l toll) String() string {
	return fmt.Sprintf("%d kills, %d legs at the peers of which %d were live, %d calls interrupted, %d missed, %d recordings; "+
		"%d legs left whose dialog was on its way to the disk; answers within %s, peers free within %s, recordings lack %.2f s at most",
		l.kills, l.calls, l.live, l.interrupted, l.missed, l.recordings,
		l.unsettled, l.slowest.Round(time.Millisecond), l.released.Round(time.Millisecond), l.lost)
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
	s.manned(round)
	toll.kills++
	toll.unsettled += s.freed(round, killed)
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

// manned waits until the switch knows of all phones again: none registers anew.
func (s *siege) manned(round int) {
	s.t.Helper()
	s.api.eventually(fmt.Sprintf("all phones are known in round %d", round), func() bool {
		known := 0
		for _, u := range list[routing.UserState](s.api, "/users") {
			if u.Registered {
				known++
			}
		}
		return known == siegeUsers
	})
}

// freed waits until no peer is on the line any more. Calls that came to the new
// process, as callers repeat what was not answered, are ended by it. It returns
// how many legs were left whose dialog had changed right before the kill.
func (s *siege) freed(round int, killed time.Time) (unsettled int) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), release)
	defer cancel()
	for pause(ctx, 50*time.Millisecond) {
		live := list[call.Record](s.api, "/calls?active=true")
		for _, rec := range live {
			s.api.do(http.MethodDelete, "/calls/"+string(rec.ID), nil)
		}
		if len(live) == 0 && !slices.ContainsFunc(s.all(), onTheLine) {
			return 0
		}
	}
	for _, c := range s.all() {
		switch {
		case !onTheLine(c):
		case killed.Sub(changed(c, killed)) < settling:
			s.t.Logf("round %d: left on the line, killed at %s: %s", round, killed.Format("05.000"), story(c))
			unsettled++
		default:
			s.t.Errorf("round %d: left on the line, killed at %s: %s", round, killed.Format("05.000"), story(c))
		}
	}
	return unsettled
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

// changed is when the last message of a call before the kill came or went.
func changed(c *peer.Call, killed time.Time) (at time.Time) {
	for _, e := range c.Messages() {
		if e.At.Before(killed) {
			at = e.At
		}
	}
	return at
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
	s.api.eventually(fmt.Sprintf("a phone rings in round %d", round), func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.rung > 0
	})
	s.freed(round, time.Time{})
}

// calls returns all calls by ID.
func (s *siege) calls() map[call.ID]call.Record {
	s.t.Helper()
	byID := make(map[call.ID]call.Record)
	for _, rec := range every[call.Record](s.api, "/calls?limit=500") {
		byID[rec.ID] = rec
	}
	return byID
}

// every returns all pages of a listing; path has a query.
func every[T any](c *client, path string) []T {
	c.t.Helper()
	var items []T
	for cursor := ""; ; {
		var page struct {
			Items []T
			Next  string
		}
		body := c.want(http.StatusOK, http.MethodGet, path+"&cursor="+url.QueryEscape(cursor), nil)
		if err := json.Unmarshal(body, &page); err != nil {
			c.t.Fatalf("%s: %v", path, err)
		}
		items = append(items, page.Items...)
		if page.Next == "" {
			return items
		}
		cursor = page.Next
	}
}
