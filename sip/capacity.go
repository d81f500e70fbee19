package sip

import (
	"strconv"
	"strings"
	"time"

	wire "github.com/emiago/sipgo/sip"

	"tandem/call"
)

// A trunk that is full for a moment may say for how long; nothing shorter or
// longer is believed.
const (
	shortestPause = time.Second
	longestPause  = 2 * time.Minute
)

// TrunkUsable reports whether a call may go out through a trunk now: it is up,
// asked for no pause, and has a free channel.
func (a *Agent) TrunkUsable(name string) bool {
	l := a.trunks.link(name)
	return l != nil && a.TrunkUp(name) && l.free(a.legs.through(name), a.guard.now(), false)
}

// seize takes a channel of the leg's trunk; false when it has none now. The leg
// itself is counted already.
func (l *leg) seize() bool {
	link := l.a.trunks.link(l.trunk)
	return link == nil || link.free(l.a.legs.through(l.trunk)-1, l.a.guard.now(), true)
}

// noChannel is why a call cannot go out through a trunk, so that another is tried.
func noChannel() call.Cause {
	return call.Cause{Kind: call.CauseUnreachable, Code: 503, Q850: 34, Text: "Trunk has no channel free"}
}

// free reports whether the trunk takes another call besides those that it has;
// take counts that call against its calls a second.
func (l *link) free(calls int, now time.Duration, take bool) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now < l.paused || l.trunk.MaxCalls > 0 && calls >= l.trunk.MaxCalls {
		return false
	}
	rate := l.trunk.CallsPerSecond
	if rate <= 0 {
		return true
	}
	left := l.left
	ok := left.take(now, time.Second/time.Duration(rate), rate)
	if take {
		l.left = left
	}
	return ok
}

// pause keeps calls from a trunk that answered 503 with Retry-After (RFC 3261
// section 21.5.4).
func (t *trunks) pause(name string, res *wire.Response) {
	l := t.link(name)
	value, asked := valueOf(res, "Retry-After", "")
	if l == nil || !asked || res.StatusCode != 503 {
		return
	}
	digits, _, _ := strings.Cut(value, ";")
	digits, _, _ = strings.Cut(digits, "(")
	n, err := strconv.ParseUint(strings.TrimSpace(digits), 10, 32)
	if err != nil {
		return
	}
	span := min(max(time.Duration(n)*time.Second, shortestPause), longestPause)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.paused = max(l.paused, t.a.guard.now()+span)
}

// through returns how many live legs a trunk has, in both directions.
func (t *legs) through(trunk string) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.trunks[trunk]
}
