package sip

import (
	"log/slog"
	"net/netip"
	"strings"
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
	said  *samples // what of it was logged
	meter *meter
	began time.Time

	trusted  func(netip.Addr) bool     // whether the address is a trunk's
	phone    func(netip.AddrPort) bool // whether a phone is registered from exactly there
	home     func(netip.Addr) bool     // whether a phone is registered from that address
	familiar func(netip.Addr) bool     // whether a phone or a dialog is at that address, or we sent a request there
	digest   *digestServer
	proofs   *proofs
	closed   func(netip.AddrPort) // a TCP connection of that peer is over
}

// newGuard makes the guard of an Agent.
func newGuard(a *Agent) *guard {
	limits := a.opt.Limits
	return &guard{
		rates: newRates(limits.RequestsPerSecond), bans: newBans(limits.FailedAuthPerMinute, limits.Ban),
		doors: newPlaces(), log: a.log, said: newSamples(), meter: a.meter, began: time.Now(), digest: a.digest,
		trusted: a.isTrunk, phone: a.registrar.knows, home: a.registrar.table.near, familiar: a.familiar, closed: a.registrar.lost, proofs: a.proofs,
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
	return g.judgeAs(data, from, now, g.trusted(from.Addr()))
}

// judgeAs is judge where it is known whether the message is a trunk's.
func (g *guard) judgeAs(data []byte, from netip.AddrPort, now time.Duration, trusted bool) verdictOn {
	host := from.Addr()
	if why := shape(data, g.limit(trusted)); why != reasonNone {
		return dropped(why)
	}
	if trusted {
		return framed(data)
	}
	if g.bans.host(host, now) && !g.home(host) {
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
// its challenge. Only what answers a challenge that was sent to the same address
// goes on, so that no forged address ever does. Any other INVITE is refused. To
// everything else nothing comes back.
func (g *guard) stranger(data []byte, host netip.Addr, now time.Duration) verdictOn {
	register := isMethod(data, "REGISTER")
	switch {
	case !register && !isMethod(data, "INVITE"):
		return dropped(reasonStranger)
	case !g.rates.answer(host, now):
		return dropped(reasonRate)
	case faultOf(data) != 0:
		return dropped(reasonFraming)
	case g.holds(data, host):
		return verdictOn{pass: true}
	case register:
		return answered(401, reasonNone)
	case !g.rates.refusal(now):
		return dropped(reasonRate)
	}
	return answered(403, reasonStranger)
}

// holds reports whether a request answers a challenge of ours that is not too
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
// give. A stranger never gets more bytes than it sent, lest somebody else be
// flooded with them in its name; those whom we know get their 400 whole.
func (g *guard) answer(data []byte, from netip.AddrPort, v verdictOn) []byte {
	var out []byte
	switch v.status {
	case 401:
		out = g.challenge(data, from)
	case 403:
		out = shortest(data, 403, from)
	default:
		out = statelessAnswer(data, v.status, from, false)
	}
	if out != nil {
		g.meter.received(wire.RequestMethod(methodOf(data)))
		g.meter.sent(v.status)
	}
	return out
}

// challenge asks for credentials with as much as the REGISTER has room for: all
// algorithms, or MD5 alone, which every phone knows, at last in short forms.
// What is smaller is no phone's, and gets nothing.
func (g *guard) challenge(data []byte, from netip.AddrPort) []byte {
	head := headOf(data)
	given, _ := field(head, 0, "authorization", "")
	agent, _ := field(head, 0, "user-agent", "")
	all := g.digest.challenges(given != nil, string(agent), time.Now(), from.Addr())
	if out := statelessAnswer(data, 401, from, false, all...); len(out) <= len(data) {
		return out
	}
	// An algorithm that is not named is MD5 (RFC 7616 section 3.3).
	brief := header("WWW-Authenticate", strings.Replace(all[0].Value(), "algorithm=MD5,", "", 1))
	return shortest(data, 401, from, brief)
}

// shortest builds an answer that is no longer than what it answers, in short
// forms if need be; nil when even these are too long.
func shortest(data []byte, status int, from netip.AddrPort, more ...wire.Header) []byte {
	for _, terse := range []bool{false, true} {
		if out := statelessAnswer(data, status, from, terse, more...); len(out) <= len(data) {
			return out
		}
	}
	return nil
}

// refused counts a message, and logs a sample now and then.
func (g *guard) refused(why reason, data []byte, from netip.AddrPort, now time.Duration) {
	if why == reasonNone {
		return
	}
	g.meter.reject(why)
	if !g.said.take(from.Addr(), now) {
		return
	}
	g.log.Warn("sip message refused", slog.String("reason", why.label()), slog.String("source", from.String()),
		slog.String("sample", cut(string(data[:min(len(data), maxLogged)]))))
}
