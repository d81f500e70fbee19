package media

import (
	"net/netip"
	"time"
)

const (
	// latchWindow is how long after an answer a source other than the announced
	// one may prove itself, if nobody has yet.
	latchWindow = 10 * time.Second
	// latchPackets is how many consecutive packets prove it.
	latchPackets = 3
	// latchQuiet is how long a locked source must have been silent before a new
	// answer lets another one take its place.
	latchQuiet = 500 * time.Millisecond
)

// latch decides from where a leg's RTP is taken and where ours goes: symmetric
// RTP (RFC 4961) for peers behind NAT, without letting a stranger in.
type latch struct {
	announced netip.AddrPort // by the peer's SDP
	locked    netip.AddrPort // zero until a source is trusted
	heard     time.Duration  // when the locked source was heard last
	until     time.Duration  // end of the window, which a lock closes

	candidate netip.AddrPort
	ssrc      uint32
	seq       uint16
	streak    int
}

// announce takes the address of a new SDP. A changed address unlocks; the same
// one keeps the lock, so that refreshing a session gives a stranger no chance.
func (l *latch) announce(now time.Duration, addr netip.AddrPort) {
	if addr != l.announced {
		l.announced, l.locked = addr, netip.AddrPort{}
	}
	l.until, l.streak = now+latchWindow, 0
}

// target returns where our packets go; not valid before there is an address.
func (l *latch) target() netip.AddrPort {
	if l.locked.IsValid() {
		return l.locked
	}
	return l.announced
}

// admit tells whether a packet of an agreed payload type may be used. A packet
// from elsewhere changes nothing until its source is trusted. The announced
// address always is: whoever was quicker than the peer has to give way.
func (l *latch) admit(now time.Duration, from netip.AddrPort, p *packet) bool {
	if from == l.locked || from == l.announced {
		l.lock(now, from)
		return true
	}
	if now >= l.until || (l.locked.IsValid() && now-l.heard < latchQuiet) {
		return false
	}
	if l.streak > 0 && from == l.candidate && p.ssrc == l.ssrc && p.seq == l.seq+1 {
		l.streak++
	} else {
		l.candidate, l.ssrc, l.streak = from, p.ssrc, 1
	}
	l.seq = p.seq
	if l.streak < latchPackets {
		return false
	}
	l.lock(now, from)
	return true
}

// lock trusts a source, until another address is announced or, with a new answer,
// the source has fallen silent.
func (l *latch) lock(now time.Duration, from netip.AddrPort) {
	if from != l.locked {
		l.until = 0
	}
	l.locked, l.heard, l.streak = from, now, 0
}
