package sip

import (
	"net/netip"
	"sync"
	"time"
)

const (
	strikeSpan   = time.Minute // wrong passwords are counted over
	hostStrikes  = 3           // that many times as many ban the source for all users
	maxOffenders = 20_000
	maxClaimed   = 64 // bytes of a claimed user name that count
)

// bans remembers who guessed passwords. Nobody gets in without having received
// a nonce of ours, so that no forged source address can have another banned.
type bans struct {
	limit int           // wrong passwords a minute
	span  time.Duration // length of a ban

	mu    sync.Mutex
	users map[offender]strikes
	hosts map[netip.Addr]strikes

	pruned time.Duration // when the tables were last looked through
}

// offender is a user name tried from a source.
type offender struct {
	user string
	host netip.Addr
}

// strikes counts wrong passwords. Times count from the start of the guard.
type strikes struct {
	since time.Duration
	count int
	until time.Duration // banned until
}

func newBans(perMinute int, span time.Duration) *bans {
	return &bans{limit: perMinute, span: span, users: map[offender]strikes{}, hosts: map[netip.Addr]strikes{}}
}

// fail counts a wrong password.
func (b *bans) fail(user string, from netip.Addr, now time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if (len(b.users) >= maxOffenders || len(b.hosts) >= maxOffenders) && now-b.pruned >= strikeSpan {
		b.prune(now)
	}
	who := offenderOf(user, from)
	if s, known := b.users[who]; known || len(b.users) < maxOffenders {
		b.users[who] = s.more(now, b.limit, b.span)
	}
	if s, known := b.hosts[who.host]; known || len(b.hosts) < maxOffenders {
		b.hosts[who.host] = s.more(now, hostStrikes*b.limit, b.span)
	}
}

// more is s after another wrong password.
func (s strikes) more(now time.Duration, limit int, span time.Duration) strikes {
	if s.count == 0 || now-s.since >= strikeSpan {
		s.since, s.count = now, 0
	}
	if s.count++; s.count >= limit {
		s.until = now + span
	}
	return s
}

// user reports whether a user name is banned at a source.
func (b *bans) user(user string, from netip.Addr, now time.Duration) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return now < b.users[offenderOf(user, from)].until
}

// host reports whether a source is banned for all users.
func (b *bans) host(from netip.Addr, now time.Duration) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return now < b.hosts[source(from)].until
}

// prune forgets what no longer counts.
func (b *bans) prune(now time.Duration) {
	b.pruned = now
	for who, s := range b.users {
		if s.over(now) {
			delete(b.users, who)
		}
	}
	for host, s := range b.hosts {
		if s.over(now) {
			delete(b.hosts, host)
		}
	}
}

// over reports whether strikes neither ban nor count any more.
func (s strikes) over(now time.Duration) bool { return now >= s.until && now-s.since >= strikeSpan }

func offenderOf(user string, from netip.Addr) offender {
	return offender{user[:min(len(user), maxClaimed)], source(from)}
}
