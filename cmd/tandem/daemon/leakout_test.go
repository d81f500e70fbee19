package daemon_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"tandem/call"
	"tandem/cmd/tandem/peer"
)

// ways is in how many ways a passing call to somebody outside goes; the last
// digit of the number says which.
const ways = 10

// desk is a salesperson who calls out, one call after another.
type desk struct {
	user  string
	phone *peer.Phone
	rings chan *peer.Call // calls that the switch made to the phone
}

// callOut seats the salespeople, and those outside who are called.
func (s *siege) callOut() {
	s.desks = make(chan *desk, len(s.phones))
	for i, p := range s.phones {
		d := &desk{user: "user" + strconv.Itoa(i), phone: p, rings: make(chan *peer.Call, callers*ways)}
		p.Handle(func(c *peer.Call) {
			_ = c.Ring() // it may be over already
			d.rings <- c
		})
		s.desks <- d
	}
	s.carrier.Handle(outside)
}

// outside is what somebody outside does with a call. Errors are left aside: the
// caller may be gone at any moment.
func outside(c *peer.Call) {
	number := peer.ParseAddress(c.Invite().URI).User()
	n, _ := strconv.Atoi(number[len(number)-6:])
	switch n % ways {
	case 4:
		_ = c.Reject(600)
		return
	case 6:
		_ = c.Reject(404)
		return
	case 7:
		_ = c.Progress()
	default:
		_ = c.Ring()
	}
	if n%ways == 8 {
		_ = c.Reject(480)
		return
	}
	if !lasts(c, time.Duration(n/ways)*time.Millisecond) || c.Answer() != nil {
		return
	}
	if n%ways == 5 && lasts(c, 60*time.Millisecond) {
		leave(c)
	}
}

// dialing is one short call that a phone dials. One that is refused because the
// call before it is not over for the switch, or because the switch has too much
// to do for a moment, is dialed again.
func (s *siege) dialing(n int) bool {
	d := <-s.desks
	defer func() { s.desks <- d }()
	ctx, cancel := wait()
	defer cancel()
	for pause(ctx, 0) {
		c, err := d.phone.Dial(ctx, peer.CallOptions{To: contactOf(n % 500)})
		if err != nil {
			s.t.Error(err)
			return false
		}
		s.stays(ctx, n, c)
		s.leaves(ctx, n, c)
		if n%ways < 3 {
			return false // it may be given up before the switch knows who dials
		}
		if end, _ := c.WaitEnded(ctx); end.Code != 486 && end.Code != 503 {
			return true
		}
		pause(ctx, 10*time.Millisecond)
	}
	s.t.Errorf("call %d cannot be dialed", n)
	return false
}

// ordering is one short call that is asked for on the screen.
func (s *siege) ordering(n int) bool {
	d := <-s.desks
	defer func() { s.desks <- d }()
	ctx, cancel := wait()
	defer cancel()
	number := contactOf(n % 500)
	id, err := s.ordered(ctx, d.user, number)
	if err != nil {
		s.t.Errorf("call %d: %v", n, err)
		return false
	}
	if n%ways == 0 {
		s.api.Do(http.MethodDelete, "/calls/"+string(id), nil)
		return true
	}
	c := d.called(ctx, number)
	switch {
	case c == nil:
		s.t.Errorf("call %d: the phone of %s does not ring", n, d.user)
		return true
	case n%ways == 9:
		_ = c.Reject(486) // or it is over
	case c.Answer() == nil:
		s.stays(ctx, n, c)
	}
	if n%ways < 3 {
		s.api.Do(http.MethodDelete, "/calls/"+string(id), nil)
		lasts(c, time.Second)
	}
	if c.State() != peer.Ended {
		s.leaves(ctx, n, c)
	}
	return true
}

// ordered asks for a call until the user is free for it, and the switch takes it.
func (s *siege) ordered(ctx context.Context, user, number string) (call.ID, error) {
	status, body := s.api.Do(http.MethodPost, "/calls", order{"user": user, "to": number})
	for (status == http.StatusConflict || status == http.StatusServiceUnavailable) && pause(ctx, 10*time.Millisecond) {
		status, body = s.api.Do(http.MethodPost, "/calls", order{"user": user, "to": number})
	}
	if status != http.StatusAccepted {
		return "", fmt.Errorf("not made: %d %s", status, body)
	}
	var rec call.Record
	err := json.Unmarshal(body, &rec)
	return rec.ID, err
}

// called returns the switch's call to the phone that is about a number, or nil.
// What rings from calls that were given up is over.
func (d *desk) called(ctx context.Context, number string) *peer.Call {
	for {
		select {
		case c := <-d.rings:
			if c.From().User() == number {
				return c
			}
		case <-ctx.Done():
			return nil
		}
	}
}

// stays keeps a call for as long as its way wants: not at all, until the first
// sign, for a moment that is swept over ringing and answer, with a hold, or
// until the other side has said what it has to say.
func (s *siege) stays(ctx context.Context, n int, c *peer.Call) {
	switch n % ways {
	case 0:
	case 1:
		if _, err := c.WaitMessage(ctx, func(*peer.Message) bool { return true }); err != nil {
			s.t.Errorf("call %d: %v", n, err)
		}
	case 2:
		lasts(c, time.Duration(n/ways%sweep)*time.Millisecond)
	case 3:
		if lasts(c, 100*time.Millisecond) && c.State() == peer.Answered {
			_ = c.Hold(ctx) // may cross the end
		}
	default:
		lasts(c, 200*time.Millisecond)
	}
}
