package sip

import (
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	wire "github.com/emiago/sipgo/sip"

	"tandem/call"
)

// assurance is what becomes of our provisional responses to an INVITE whose
// sender wants them reliable (RFC 3262 section 3): each comes again until its
// PRACK is here, one at a time.
type assurance struct {
	wanted  bool
	rseq    uint32           // of the last response that was made
	waiting []*wire.Response // the first went out and has no PRACK yet
	agreed  bool             // our SDP went out in one: it is the answer, or the offer that the PRACK answers
	final   func()           // the answer, once none with SDP waits
	pause   time.Duration
	spent   time.Duration
	timer   *time.Timer
}

// stop ends the repetitions.
func (r *assurance) stop() {
	if r.timer != nil {
		r.timer.Stop()
	}
	r.final = nil
}

// assure sends a provisional response reliably, after those before it. The
// first one has to hold our offer when the INVITE had none (section 5), and our
// SDP goes out once.
func (l *leg) assure(status int, sdp []byte) {
	r := &l.in.rel
	if r.agreed {
		sdp = nil
	}
	if l.in.late && !r.agreed && sdp == nil {
		return
	}
	if sdp != nil {
		r.agreed, l.sdp = true, sdp
	}
	r.rseq++
	res := l.a.response(l.in.req, status, sdp, l.contact(), header("Allow", allowValue), header("Require", reliably),
		header("RSeq", strconv.FormatUint(uint64(r.rseq), 10)))
	r.waiting = append(r.waiting, res)
	if len(r.waiting) == 1 {
		l.assureNext()
	}
}

// assureNext sends the oldest response that waits.
func (l *leg) assureNext() {
	r := &l.in.rel
	if len(r.waiting) == 0 || l.stage != stageEarly {
		return
	}
	r.pause, r.spent = timerT1, 0
	l.assureAgain(r.waiting[0])
}

// assureAgain sends a response until its PRACK is here, and refuses the call
// after 64*T1 without one.
func (l *leg) assureAgain(res *wire.Response) {
	r := &l.in.rel
	if l.stage != stageEarly || len(r.waiting) == 0 || r.waiting[0] != res {
		return
	}
	if r.spent >= timerAbsent {
		why := call.Cause{Kind: call.CauseFailed, Code: 504, Q850: 102, Text: "No PRACK"}
		l.ended(l.a.response(l.in.req, 504, nil, header("Reason", byeReason(why))))
		l.gone(why)
		return
	}
	if err := l.a.reply(l.in.req, l.in.tx, res); err != nil {
		l.a.log.Debug("provisional response", l.attrs(), slog.Int("status", res.StatusCode), slog.Any("err", err))
	}
	pause := min(r.pause, timerAbsent-r.spent)
	r.spent += pause
	r.pause *= 2
	r.timer = l.after(pause, func() { l.assureAgain(res) })
}

// acknowledges takes a PRACK (section 3): one that belongs to no response which
// waits for it is refused.
func (l *leg) acknowledges(req *wire.Request, tx *wire.ServerTx) {
	if l.in == nil || len(l.in.rel.waiting) == 0 || !l.fits(req, l.in.rel.waiting[0]) {
		l.a.respond(req, tx, 481)
		return
	}
	r := &l.in.rel
	r.waiting[0], r.waiting = nil, r.waiting[1:]
	r.timer.Stop()
	if !l.settles(req, tx) {
		return
	}
	if final := r.final; final != nil && !r.binds() {
		r.final = nil
		final()
		return
	}
	l.assureNext()
}

// fits reports whether a PRACK belongs to a response.
func (l *leg) fits(req *wire.Request, res *wire.Response) bool {
	words := strings.Fields(headerValue(req, "RAck"))
	want := fmt.Sprintf("%s %d INVITE", headerValue(res, "RSeq"), l.dlg.inviteSeq)
	return len(words) == 3 && strings.Join(words, " ") == want
}

// settles answers a PRACK and takes the SDP in it: the answer to our offer, or
// an offer once ours was answered. false when the call cannot go on.
func (l *leg) settles(req *wire.Request, tx *wire.ServerTx) bool {
	sdp := sdpOf(req)
	switch {
	case l.in.late && l.in.rel.agreed && l.stage == stageEarly:
		l.a.respond(req, tx, 200)
		if sdp == nil {
			why := call.Cause{Kind: call.CauseFailed, Code: 488, Q850: 65, Text: "No SDP answer"}
			l.ended(l.a.response(l.in.req, 488, nil))
			l.gone(why)
			return false
		}
		l.in.late, l.theirs = false, sdp
		l.post(call.LegAccepted{Leg: l.id, SDP: sdp})
	case sdp == nil:
		l.a.respond(req, tx, 200)
	case !l.in.rel.agreed || l.renewal != nil || l.stage != stageEarly:
		l.a.respond(req, tx, 488) // its offer meets another one
	default:
		l.renewal = &renewal{req: req, tx: tx}
		l.post(call.LegOffered{Leg: l.id, SDP: sdp})
	}
	return true
}

// binds reports whether a response with SDP waits for its PRACK: until it is
// here the INVITE must not be answered (section 3).
func (r *assurance) binds() bool {
	for _, res := range r.waiting {
		if sdpOf(res) != nil {
			return true
		}
	}
	return false
}
