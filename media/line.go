package media

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"sync"
	"time"

	"tandem/call"
	"tandem/media/sdp"
)

// bindAttempts is how many pairs are tried when others hold ports of our range.
const bindAttempts = 16

// ErrUnknownLeg says that a leg has no media.
var ErrUnknownLeg = errors.New("unknown leg")

// line is a leg as signalling sees it: its ports and its side of the SDP. The
// worker's side is leg.
type line struct {
	worker *worker
	leg    *leg
	port   uint16

	mu     sync.Mutex // orders the offers and answers of one leg
	local  sdp.Local
	policy sdp.Policy
	trunk  bool
	secure ciphers
	body   []byte // as we described ourselves last
}

// Open implements call.Media. The error wraps what sdp says of a description that
// cannot be used, or ErrNoPorts.
func (e *Engine) Open(id call.LegID, spec call.MediaSpec) ([]byte, error) {
	l, err := e.open(id, spec)
	if err != nil {
		return nil, fmt.Errorf("media: leg %s: %w", id, err)
	}
	return l.body, nil
}

func (e *Engine) open(id call.LegID, spec call.MediaSpec) (*line, error) {
	l, rtp, rtcp, err := e.bind(id)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", call.ErrExhausted, err)
	}
	discard := func(err error) (*line, error) {
		e.mu.Lock()
		e.vacate(id.Call())
		e.mu.Unlock()
		err = errors.Join(err, rtp.Close(), rtcp.Close())
		e.ports.putUnused(l.port)
		return nil, err
	}
	if err := l.describe(e, spec); err != nil {
		return discard(err)
	}
	agreed, err := l.begin(spec.Remote)
	if err != nil {
		return discard(err)
	}
	l.leg = newLeg(id, e.settings.Load(), rtp, rtcp)
	l.leg.private = spec.Private
	e.mu.Lock()
	if e.lines[id] != nil {
		e.mu.Unlock()
		return discard(errors.New("already open"))
	}
	e.lines[id] = l
	e.mu.Unlock()
	if !l.worker.do(func(now time.Duration) { e.seat(now, l, agreed) }) {
		e.mu.Lock()
		delete(e.lines, id)
		e.mu.Unlock()
		return discard(errStopped)
	}
	return l, nil
}

// seat takes the leg into its room; it runs in the worker.
func (e *Engine) seat(now time.Duration, l *line, agreed *terms) {
	if err := l.worker.attach(now, l.leg); err != nil {
		// The leg stays silent; the watchdog and signalling end its call.
		e.log.Error("watch sockets", "leg_id", l.leg.id, "error", err)
	}
	if agreed != nil {
		l.leg.agree(now, agreed)
	}
}

// bind finds the leg's worker, the one of its call or else the one with the
// fewest calls, and a pair of ports.
func (e *Engine) bind(id call.LegID) (l *line, rtp, rtcp Socket, err error) {
	l = &line{worker: e.house(id.Call())}
	now := time.Since(e.epoch)
	for range bindAttempts {
		if l.port, err = e.ports.take(now); err != nil {
			break
		}
		if rtp, err = l.worker.io.Bind(e.options.Bind, l.port); err == nil {
			if rtcp, err = l.worker.io.Bind(e.options.Bind, l.port+1); err == nil {
				return l, rtp, rtcp, nil
			}
			err = errors.Join(err, rtp.Close())
		}
		e.ports.put(now, l.port) // somebody else's: leave it alone for as long as can be
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.vacate(id.Call())
	return nil, nil, nil, err
}

// house returns the worker of a call and counts one more leg there.
func (e *Engine) house(id call.ID) *worker {
	e.mu.Lock()
	defer e.mu.Unlock()
	h := e.homes[id]
	if h == nil {
		h = &home{worker: slices.MinFunc(e.workers, func(a, b *worker) int { return e.calls[a] - e.calls[b] })}
		e.homes[id] = h
		e.calls[h.worker]++
	}
	h.legs++
	return h.worker
}

// describe fills in our side of the SDP.
func (l *line) describe(e *Engine, spec call.MediaSpec) error {
	o, s := &e.options, e.settings.Load()
	encryption, err := s.encryption(spec)
	if err != nil {
		return err
	}
	addr := s.External
	if !addr.IsValid() && o.Bind.IsValid() && !o.Bind.IsUnspecified() {
		addr = o.Bind
	}
	if !addr.IsValid() {
		addr = localFor(spec.Source)
	}
	laws := s.Codecs[spec.Trunk]
	l.local = sdp.Local{
		ID: rand.Uint64N(1 << 62), Version: 1, Address: addr, Port: l.port, RTCPMux: true,
		Laws: laws, Preferred: laws, Direction: sdp.SendRecv,
		Encryption: encryption,
	}
	if encryption != sdp.EncryptionOff {
		l.local.Crypto = sdp.NewCrypto()
	}
	l.policy = sdp.Policy{Own: append(slices.Clip(e.own), addr), FirstOwn: o.From, LastOwn: o.To}
	l.trunk = spec.Trunk != ""
	l.comesFrom(spec.Source)
	return nil
}

// comesFrom takes note of the signalling peer's host. A phone, and a peer on this
// machine, has no business naming a third one for its media.
func (l *line) comesFrom(source string) {
	host, err := netip.ParseAddr(source)
	if err != nil {
		return
	}
	l.policy.Source = host
	l.policy.SameHost = !l.trunk || host.IsLoopback()
}

// begin answers the peer's offer, or makes ours when there is none.
func (l *line) begin(remote []byte) (*terms, error) {
	if remote == nil {
		l.body = sdp.Offer(l.local)
		return nil, nil
	}
	return l.answer(remote)
}

// answer agrees to an offer of the peer and keeps the answer as our description.
func (l *line) answer(remote []byte) (*terms, error) {
	peer, err := l.parse(remote)
	if err != nil {
		return nil, err
	}
	body, chosen, err := sdp.Answer(l.local, peer)
	if err != nil {
		return nil, err
	}
	if err := sdp.CheckRemote(chosen.Remote, l.policy); err != nil {
		return nil, err
	}
	if l.body != nil && !bytes.Equal(body, l.body) {
		l.local.Version++ // RFC 3264 section 8
		if body, chosen, err = sdp.Answer(l.local, peer); err != nil {
			return nil, err
		}
	}
	agreed, err := l.termsOf(chosen, &peer, false)
	if err != nil {
		return nil, err
	}
	l.body = body
	return agreed, nil
}

// parse reads a description of the peer.
func (l *line) parse(body []byte) (sdp.Description, error) {
	if l.local.Encryption >= sdp.EncryptionPreferred {
		return sdp.ParseSecure(body)
	}
	return sdp.Parse(body)
}

// termsOf reads the outcome of a negotiation.
func (l *line) termsOf(c sdp.Chosen, peer *sdp.Description, offered bool) (*terms, error) {
	protection, err := l.secure.agree(c.Keys)
	if err != nil {
		return nil, err
	}
	t := termsOf(c, peer, offered)
	t.srtp = protection
	return t, nil
}

// Accept implements call.Media.
func (e *Engine) Accept(id call.LegID, body []byte, source string) error {
	l := e.line(id)
	if l == nil {
		return fmt.Errorf("media: leg %s: %w", id, ErrUnknownLeg)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.comesFrom(source)
	agreed, err := l.accept(body)
	if err != nil {
		return fmt.Errorf("media: leg %s: %w", id, err)
	}
	l.agree(agreed)
	return nil
}

// accept agrees to what the peer answered.
func (l *line) accept(body []byte) (*terms, error) {
	peer, err := l.parse(body)
	if err != nil {
		return nil, err
	}
	chosen, err := sdp.Accept(l.local, peer)
	if err != nil {
		return nil, err
	}
	if err := sdp.CheckRemote(chosen.Remote, l.policy); err != nil {
		return nil, err
	}
	return l.termsOf(chosen, &peer, true)
}

// Reoffer implements call.Media. An offer that cannot be used changes nothing.
func (e *Engine) Reoffer(id call.LegID, body []byte) (answer []byte, held bool, err error) {
	l := e.line(id)
	if l == nil {
		return nil, false, fmt.Errorf("media: leg %s: %w", id, ErrUnknownLeg)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if body == nil {
		l.offer()
		return l.body, false, nil // who asks for an offer wants to talk
	}
	agreed, err := l.answer(body)
	if err != nil {
		return nil, false, fmt.Errorf("media: leg %s: %w", id, err)
	}
	l.agree(agreed)
	return l.body, !agreed.sends, nil
}

// offer describes ourselves anew.
func (l *line) offer() {
	body := sdp.Offer(l.local)
	if !bytes.Equal(body, l.body) {
		l.local.Version++
		body = sdp.Offer(l.local)
	}
	l.body = body
}

// agree hands the outcome to the worker.
func (l *line) agree(t *terms) {
	l.worker.do(func(now time.Duration) {
		if l.leg.room != nil {
			l.leg.agree(now, t)
			l.leg.room.route(now)
		}
	})
}

func (e *Engine) line(id call.LegID) *line {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.lines[id]
}
