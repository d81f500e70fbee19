package sip

import (
	"log/slog"
	"net/netip"
	"sync"
	"time"

	wire "github.com/emiago/sipgo/sip"
)

// guard stands between the network and sipgo: what is dropped here was never
// parsed, has no transaction and leaves no trace in the library's tables.
// Strangers are answered here too, from the bytes that they sent.
type guard struct {
	rates *rates
	bans  *bans
	doors *places // TCP connections
	log   *slog.Logger
	meter *meter
	began time.Time

	trusted  func(netip.Addr) bool     // whether the address is a trunk's
	phone    func(netip.AddrPort) bool // whether a phone is registered from exactly there
	familiar func(netip.Addr) bool     // whether a phone or a dialog is at that address, or we sent a request there
	digest   *digestServer
	closed   func(netip.AddrPort) // a TCP connection of that peer is over

	mu     sync.Mutex
	logged time.Duration // when the last sample was logged
}

// newGuard makes the guard of an Agent.
func newGuard(a *Agent) *guard {
	limits := a.opt.Limits
	return &guard{
		rates: newRates(limits.RequestsPerSecond), bans: newBans(limits.FailedAuthPerMinute, limits.Ban),
		doors: newPlaces(), log: a.log, meter: a.meter, began: time.Now(), digest: a.digest,
		trusted: a.isTrunk, phone: a.registrar.knows, familiar: a.familiar, closed: a.registrar.lost,
	}
}

// now is the time since the guard began, which no clock step moves.
func (g *guard) now() time.Duration { return time.Since(g.began) }

// verdictOn is what becomes of a message: it passes, it is answered from its
// own bytes, or it is dropped. The last two have a reason, unless the message
// is a stranger's REGISTER that is merely asked for credentials.
type verdictOn struct {
	pass   bool
	status int // of the answer; 0: none
	why    reason
}

func dropped(why reason) verdictOn              { return verdictOn{why: why} }
func answered(status int, why reason) verdictOn { return verdictOn{status: status, why: why} }

// judge decides about one whole message. It allocates nothing for what it drops.
func (g *guard) judge(data []byte, from netip.AddrPort, now time.Duration) verdictOn {
	host := from.Addr()
	trusted := g.trusted(host)
	if why := shape(data, g.limit(trusted)); why != reasonNone {
		return dropped(why)
	}
	if trusted {
		return framed(data)
	}
	if g.bans.host(host, now) && !g.phone(from) {
		return dropped(reasonBanned)
	}
	familiar := g.familiar(host)
	if isResponse(data) {
		if familiar && statusLine(data) {
			return verdictOn{pass: true}
		}
		return dropped(reasonResponse)
	}
	if !g.rates.request(host, now) {
		return dropped(reasonRate)
	}
	if familiar {
		return framed(data)
	}
	return g.stranger(data, host, now)
}

// limit is how long a message may be.
func (g *guard) limit(trusted bool) int {
	if trusted {
		return maxTrunkMessage
	}
	return maxMessage
}

// framed judges a message of somebody whom we know: what the parser would drop
// without a word gets its answer here.
func framed(data []byte) verdictOn {
	if isResponse(data) && !statusLine(data) {
		return dropped(reasonGarbage)
	}
	if status := faultOf(data); status != 0 {
		return answered(status, reasonFraming)
	}
	return verdictOn{pass: true}
}

// stranger judges a request of somebody whom we do not know. A REGISTER gets
// its challenge; only one that answers a challenge that was sent to the same
// address goes on, so that no forged address ever does. An INVITE is refused.
// To everything else nothing comes back.
func (g *guard) stranger(data []byte, host netip.Addr, now time.Duration) verdictOn {
	register := isMethod(data, "REGISTER")
	switch {
	case !register && !isMethod(data, "INVITE"):
		return dropped(reasonStranger)
	case !g.rates.answer(host, now):
		return dropped(reasonRate)
	case faultOf(data) != 0:
		return dropped(reasonFraming)
	case register && g.holds(data, host):
		return verdictOn{pass: true}
	case register:
		return answered(401, reasonNone)
	case !g.rates.refusal(now):
		return dropped(reasonRate)
	}
	return answered(403, reasonStranger)
}

// holds reports whether a REGISTER answers a challenge of ours that is not too
// old and went to that address.
func (g *guard) holds(data []byte, host netip.Addr) bool {
	head := headOf(data)
	for at := 0; at < len(head); {
		var value []byte
		if value, at = field(head, at, "authorization", ""); value == nil {
			return false
		}
		made, ours := g.digest.opened(string(nonceOf(value)), host)
		if ours && time.Since(made) <= nonceLife {
			return true
		}
	}
	return false
}

// answer builds the answer that a verdict asks for; nil when there is none to
// give. Over UDP a refusal is never longer than what it answers, lest somebody
// else be flooded with it.
func (g *guard) answer(data []byte, from netip.AddrPort, v verdictOn, udp bool) []byte {
	var more []wire.Header
	if v.status == 401 {
		head := headOf(data)
		given, _ := field(head, 0, "authorization", "")
		agent, _ := field(head, 0, "user-agent", "")
		more = g.digest.challenges(given != nil, string(agent), time.Now(), from.Addr())
	}
	out := statelessAnswer(data, v.status, from, more...)
	if udp && v.status == 403 && len(out) > len(data) {
		return nil
	}
	if out != nil {
		g.meter.received(wire.RequestMethod(methodOf(data)))
		g.meter.sent(v.status)
	}
	return out
}

// refused counts a message, and logs at most one a second.
func (g *guard) refused(why reason, data []byte, from netip.AddrPort, now time.Duration) {
	if why == reasonNone {
		return
	}
	g.meter.reject(why)
	g.mu.Lock()
	silent := g.logged > 0 && now-g.logged < sampleEvery
	if !silent {
		g.logged = now
	}
	g.mu.Unlock()
	if silent {
		return
	}
	g.log.Warn("sip message refused", slog.String("reason", why.label()), slog.String("source", from.String()),
		slog.String("sample", cut(string(data[:min(len(data), maxLogged)]))))
}
