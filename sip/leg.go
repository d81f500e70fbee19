package sip

import (
	"log/slog"
	"net/netip"
	"sync"
	"time"

	wire "github.com/emiago/sipgo/sip"

	"tandem/call"
)

// stage is how far a leg's INVITE got.
type stage uint8

const (
	stageEarly     stage = iota // no final response yet
	stageAnswered               // our 2xx is out, its ACK is not here
	stageConfirmed              // answered and acknowledged
	stageOver                   // ended by either side
)

// leg is one side of a call. Everything but user, trunk, from and gate belongs to the
// mailbox.
type leg struct {
	a     *Agent
	id    call.LegID
	key   call.LegID // of its stored dialog; one of several phones has its own
	user  string     // whose phone, or empty
	trunk string     // which trunk, or empty
	from  hop        // where the peer's INVITE came from; not set when we sent it
	box   mailbox
	gate  gate

	stage   stage
	dlg     dialog
	in      *inbound  // set when the peer sent the INVITE
	out     *outbound // set when we did
	unacked *unacked  // our 2xx that waits for its ACK
	renewal *renewal  // the peer's offer that waits for our answer
	hangup  *call.Cause

	sdp       []byte        // the last that we sent, offer or answer
	theirs    []byte        // the last that holds of the peer's
	offering  *offering     // our own re-INVITE
	session   *session      // nil until the leg is answered
	updates   bool          // the peer takes UPDATE
	least     time.Duration // the session interval that the peer asked for at least
	referral  *referral     // the peer's REFER that is not over
	referrals int           // how many there were
	orphan    bool          // its call does not exist
	leave     func()        // frees what an unanswered call of a user takes, or nil

	listed call.LegID   // under which legs knows it; guarded by legs
	tags   []string     // likewise
	hosts  []netip.Addr // where its peers are; guarded by legs
}

// legs finds a leg by its ID and by our tag in its dialog.
type legs struct {
	limit int // beyond which no other call begins

	mu     sync.Mutex
	byID   map[call.LegID]*leg
	byTag  map[string]*leg
	merged map[string]struct{} // INVITEs being served, whatever way they took
	hosts  map[netip.Addr]int  // legs by the address of their peer
	trunks map[string]int      // legs by their trunk
}

func newLegs() *legs {
	return &legs{limit: maxLegs, byID: map[call.LegID]*leg{}, byTag: map[string]*leg{}, merged: map[string]struct{}{}, hosts: map[netip.Addr]int{},
		trunks: map[string]int{}}
}

// claim takes a merge key; false when the same INVITE is being served already.
func (t *legs) claim(key string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, taken := t.merged[key]; taken {
		return false
	}
	t.merged[key] = struct{}{}
	return true
}

func (t *legs) unclaim(key string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.merged, key)
}

// add makes a leg known under its ID and tags; false when the ID is taken.
func (t *legs) add(l *leg, tags ...string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if l.listed == "" {
		if t.byID[l.id] != nil {
			return false
		}
		t.byID[l.id], l.listed = l, l.id
		t.trunks[l.trunk]++ // those without one are counted together
	}
	for _, tag := range tags {
		t.byTag[tag] = l
	}
	l.tags = append(l.tags, tags...)
	return true
}

// drop forgets a leg.
func (t *legs) drop(l *leg) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.byID[l.listed] == l {
		delete(t.byID, l.listed)
		if t.trunks[l.trunk]--; t.trunks[l.trunk] <= 0 {
			delete(t.trunks, l.trunk)
		}
	}
	for _, tag := range l.tags {
		delete(t.byTag, tag)
	}
	l.tags = nil
	t.part(l)
}

// keep leaves a leg known by one of its tags.
func (t *legs) keep(l *leg, tag string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, other := range l.tags {
		if other != tag {
			delete(t.byTag, other)
		}
	}
	l.tags = []string{tag}
}

func (t *legs) get(id call.LegID) *leg {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.byID[id]
}

// byDialog finds the leg whose tag a request carries in To.
func (t *legs) byDialog(req *wire.Request) *leg {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.byTag[tagOf(req.To().Params)]
}

// full reports whether there are as many legs as there may be.
func (t *legs) full() bool { return t.count() >= t.limit }

// count returns how many legs there are.
func (t *legs) count() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.byID)
}

// tagged reports whether a live leg has our tag.
func (t *legs) tagged(tag string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.byTag[tag] != nil
}

// Invite calls a target. LegProgress, LegAnswered or LegGone follow.
func (a *Agent) Invite(id call.LegID, to call.Target, sdp []byte) {
	l := a.newOutbound(id, to, sdp)
	if !a.legs.add(l) {
		a.log.Error("leg invited twice", slog.String("leg_id", string(id)))
		return
	}
	l.box.command(l.start)
}

// Progress sends a provisional response, with early media when sdp is not nil.
func (a *Agent) Progress(id call.LegID, status int, sdp []byte) {
	a.command(id, func(l *leg) { l.progress(status, sdp) })
}

// Answer sends 200 with our SDP.
func (a *Agent) Answer(id call.LegID, sdp []byte) {
	a.command(id, func(l *leg) { l.answer(sdp) })
}

// Reanswer answers the peer's new offer: with sdp, or with 488 when it is nil.
func (a *Agent) Reanswer(id call.LegID, sdp []byte) {
	a.command(id, func(l *leg) { l.reanswer(sdp) })
}

// Release rejects, cancels or hangs up. Once it returns, nothing more is
// posted about the leg.
func (a *Agent) Release(id call.LegID, why call.Cause) {
	l := a.legs.get(id)
	if l == nil {
		return
	}
	l.gate.shutNow()
	a.farewells.add()
	l.box.command(func() {
		defer a.farewells.done()
		l.release(why)
	})
}

// command runs f in the mailbox of a leg; an unknown leg is ignored.
func (a *Agent) command(id call.LegID, f func(*leg)) {
	if l := a.legs.get(id); l != nil {
		l.box.command(func() { f(l) })
	}
}

// after runs f in the leg's mailbox when the time has passed.
func (l *leg) after(d time.Duration, f func()) *time.Timer {
	return time.AfterFunc(d, func() { l.box.command(f) })
}

// post hands an input to the call. A leg whose call no longer exists ends,
// unless another call takes it.
func (l *leg) post(in call.Input) {
	if !l.gate.post(l.a.opt.Lines, in, l.id, false) {
		l.orphaned()
	}
}

// gone tells the call that the leg ended by itself, and forgets the leg.
func (l *leg) gone(why call.Cause) {
	l.finish()
	l.gate.post(l.a.opt.Lines, call.LegGone{Leg: l.id, Cause: why}, l.id, true)
}

// finish ends everything that a leg keeps running and forgets it. INVITEs of
// ours that are still under way stay stored until they are over.
func (l *leg) finish() {
	if l.in != nil || l.stage == stageConfirmed {
		l.a.scribe.deleteDialog(l.key)
	}
	l.close()
}

// close is finish without deleting the stored dialog.
func (l *leg) close() {
	l.stage = stageOver
	l.settle()
	l.settled()
	if l.in != nil {
		l.in.rel.stop()
	}
	l.offering = nil
	if l.session != nil {
		l.session.stop()
		l.session = nil
	}
	if l.hangup != nil {
		l.hangup = nil
		l.a.farewells.done()
	}
	if r := l.renewal; r != nil {
		l.renewal = nil
		l.a.respond(r.req, r.tx, 487)
	}
	l.a.legs.drop(l)
}

// release ends a leg by our own decision, as its stage asks.
func (l *leg) release(why call.Cause) {
	switch {
	case l.stage == stageOver:
	case l.stage == stageEarly && l.in != nil:
		l.refuse(why)
	case l.stage == stageEarly:
		l.abandon(why)
	case l.telling():
		l.hangUpLater(why)
		l.after(partingLimit, l.depart)
	case l.stage == stageAnswered:
		// A callee must not send BYE before the ACK is here (RFC 3261
		// section 15); it follows as soon as it is, or when it is overdue.
		l.hangUpLater(why)
	default:
		l.bye(why)
	}
}

// hangUpLater keeps in mind that a BYE has to follow.
func (l *leg) hangUpLater(why call.Cause) {
	if l.hangup == nil {
		l.a.farewells.add()
	}
	l.hangup = &why
}

// settle frees what an unanswered call takes.
func (l *leg) settle() {
	if l.leave != nil {
		l.leave()
	}
}

// bye ends a confirmed dialog. What is stored of it goes once the peer knows.
func (l *leg) bye(why call.Cause) {
	req := l.dlg.bye()
	req.AppendHeader(header("Reason", byeReason(why)))
	l.a.askTrunk(l.trunk, req, l.a.nextHop(&l.dlg, l.trunk), func(*wire.Response) { l.a.scribe.deleteDialog(l.key) })
	l.close()
}

// attrs are what every log line about the leg carries.
func (l *leg) attrs() slog.Attr {
	return slog.Group("", slog.String("call_id", string(l.id.Call())), slog.String("leg_id", string(l.id)),
		slog.String("user", l.user), slog.String("trunk", l.trunk))
}
