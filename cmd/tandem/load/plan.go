//go:build linux

package main

import (
	"math/rand/v2"
	"slices"
	"time"

	"tandem/cmd/tandem/peer"
)

// deed is what becomes of a call of a soak.
type deed string

// The deeds.
const (
	talks    deed = "talks"    // answered, and one side hangs up
	declines deed = "declines" // the phone refuses it
	abandons deed = "abandons" // the caller gives up after the switch's 200: BYE
	cancels  deed = "cancels"  // the caller gives up in early mode: CANCEL
	crosses  deed = "crosses"  // the caller gives up when the phone is lifted
	outlasts deed = "outlasts" // nobody lifts until the switch gives up
	closed   deed = "closed"   // after hours, redirected through the carrier
	withheld deed = "withheld" // as talks, without a number
	vanishes deed = "vanishes" // the phone loses its power in the conversation
	falls    deed = "falls"    // the caller's RTP stops for good: the switch ends it
)

// deeds are how often, of 100 calls, each comes.
var deeds = [...]struct {
	deed  deed
	share int
}{
	{talks, 46}, {declines, 8}, {abandons, 8}, {cancels, 8}, {crosses, 5},
	{outlasts, 5}, {closed, 8}, {withheld, 5}, {vanishes, 3}, {falls, 4},
}

// results are what the switch may say of a deed. Any call may find nobody free
// and time out, reach a phone that vanishes while it rings, or be refused a
// second time: only the caller's own deeds are certain.
var results = map[deed][]string{
	talks:    {"completed", "no_answer", "cancelled"},
	declines: {"no_answer"},
	abandons: {"cancelled", "no_answer"},
	cancels:  {"cancelled", "no_answer"},
	crosses:  {"cancelled", "completed", "no_answer"},
	outlasts: {"no_answer"},
	closed:   {"office_closed"},
	withheld: {"completed", "no_answer", "cancelled"},
	vanishes: {"completed", "no_answer"},
	falls:    {"completed", "no_answer"},
}

// mishap is what happens in a conversation.
type mishap int

// The mishaps.
const (
	impairs   mishap = iota // loss, reordering and jitter
	restarts                // another SSRC
	pauses                  // no RTP for a while
	strangers               // RTP from elsewhere, and datagrams that are none, to the call's port
	holds                   // re-INVITE to hold and to resume
	updates                 // the same by UPDATE
	keys                    // DTMF
	mishapCount
)

// plan is a call of a soak: everything that chance decides about it.
type plan struct {
	number   int
	deed     deed
	rings    time.Duration // until the phone acts
	lasts    time.Duration // the conversation, or until the caller gives up
	byCaller bool          // who hangs up, and to whom mishaps happen
	code     int           // of a refusal
	mishaps  []mishap
	network  peer.Impairment
}

// planCall decides about the nth call; the same seed decides the same.
func planCall(seed uint64, n int) plan {
	r := rand.New(rand.NewPCG(seed, uint64(n)))
	p := plan{
		number: n, deed: planDeed(r), byCaller: r.IntN(2) == 0,
		rings: between(r, 0, 1500*time.Millisecond), lasts: between(r, time.Second, 9*time.Second),
		code: []int{486, 603, 600}[r.IntN(3)],
		network: peer.Impairment{
			Loss: r.Float64() / 5, Reorder: r.Float64() / 10, Jitter: between(r, 0, 19*time.Millisecond), Seed: r.Uint64(),
		},
	}
	for m := range mishapCount {
		if r.IntN(3) == 0 {
			p.mishaps = append(p.mishaps, m)
		}
	}
	if p.deed == abandons || p.deed == cancels {
		p.lasts = between(r, 0, 2*time.Second)
	}
	if p.deed == withheld {
		p.byCaller = true // the phone cannot know the plan
	}
	return p
}

func planDeed(r *rand.Rand) deed {
	at := r.IntN(100)
	for _, d := range deeds {
		if at -= d.share; at < 0 {
			return d.deed
		}
	}
	return talks
}

// between is a random time from low to below high.
func between(r *rand.Rand, low, high time.Duration) time.Duration {
	return low + time.Duration(r.Int64N(int64(high-low)))
}

// line is the account's number that is called.
func (p plan) line() string {
	if p.deed == cancels {
		return earlyLine
	}
	if p.deed == closed {
		return nightLine
	}
	return salesNumber
}

// unanswered reports whether the phone is left ringing.
func (p plan) unanswered() bool {
	return p.deed == abandons || p.deed == cancels || p.deed == outlasts
}

// allows reports whether the switch may give the call that result.
func (p plan) allows(result string) bool { return slices.Contains(results[p.deed], result) }
