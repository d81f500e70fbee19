//go:build linux

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"tandem/cmd/tandem/peer"
)

// neverLifts is every how manieth contact lets it ring, so that the user gives up.
const neverLifts = 4

// hearing is how often a call is asked whether both sides hear each other.
const hearing = 5 * time.Millisecond

// dialOut has a user call the nth contact by the API, who answers and hangs up
// once both hear each other, or does not answer until the user gives up.
func (p *play) dialOut(ctx context.Context, n int) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	d, err := p.floor.dialed(ctx, p.sw, n)
	p.mu.Lock()
	defer p.mu.Unlock()
	if err != nil {
		p.r.failures = append(p.r.failures, fmt.Errorf("call to %s: %w", caller(n), err))
		return
	}
	p.r.calls++
	p.r.ringing.observe(d.rang)
	p.r.ending.observe(d.ended)
	if d.answered {
		p.r.talking.observe(d.talked)
	}
}

// dialed is how long the parts of a call out took.
type dialed struct {
	answered bool
	rang     time.Duration // from the request until the user's phone had the INVITE
	talked   time.Duration // from the contact's 200 until the later side heard the other
	ended    time.Duration // from one side's BYE until the other had its BYE or CANCEL
}

func (f *salesFloor) dialed(ctx context.Context, sw *switchProcess, n int) (d dialed, err error) {
	lifted, reached := f.expect(caller(n)), f.expect(contactKey(caller(n)))
	asked := time.Now()
	if err := sw.dial(ctx, userName(n%len(f.phones)), caller(n)); err != nil {
		return d, err
	}
	phone, err := next(ctx, lifted)
	if err != nil {
		return d, fmt.Errorf("the user's phone: %w", err)
	}
	contact, err := next(ctx, reached)
	if err != nil {
		return d, fmt.Errorf("the contact: %w", err)
	}
	d.rang = phone.Invite().At.Sub(asked)
	if d.answered = n%neverLifts != 0; !d.answered {
		d.ended, err = parting(ctx, phone, contact)
		return d, err
	}
	if d.talked, err = f.untilHeard(ctx, phone, contact); err != nil {
		return d, err
	}
	d.ended, err = parting(ctx, contact, phone)
	return d, err
}

// dial asks the switch to call a number for a user.
func (s *switchProcess) dial(ctx context.Context, user, to string) error {
	body, err := json.Marshal(map[string]string{"user": user, "to": to})
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://tandem/api/v1/calls", bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := s.http.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != http.StatusAccepted {
		err = fmt.Errorf("%s: %s", res.Status, text)
	}
	return err
}

// pickUp is the contacts' side of calls out.
func (f *salesFloor) pickUp(c *peer.Call) {
	number := user(c.To().URI)
	var n int
	if _, err := fmt.Sscanf(number, "+346%d", &n); err != nil {
		return // the caller's wait ends in an error
	}
	if err := errors.Join(c.Trying(), c.Ring()); err != nil {
		return
	}
	if n%neverLifts != 0 {
		if err := c.Answer(); err != nil {
			return
		}
	}
	f.hand(contactKey(number), c)
}

// contactKey is what a contact's side of a call out is expected by.
func contactKey(number string) string { return "to " + number }

// next waits for one side of a call.
func next(ctx context.Context, made <-chan *peer.Call) (*peer.Call, error) {
	select {
	case c := <-made:
		return c, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// untilHeard returns how long after the contact's answer the later of the two
// received the first packet of the other.
func (f *salesFloor) untilHeard(ctx context.Context, phone, contact *peer.Call) (time.Duration, error) {
	answer := entry(contact, func(e peer.Entry) bool { return e.Sent && e.Message.Code == 200 })
	for {
		a, b := f.crowd.voiced(phone.Media().LocalAddr()), f.crowd.voiced(contact.Media().LocalAddr())
		if !a.IsZero() && !b.IsZero() {
			return max(a.Sub(answer), b.Sub(answer)), nil
		}
		if pause(ctx, hearing) != nil {
			return 0, fmt.Errorf("they hear each other: phone %v, contact %v: %w", !a.IsZero(), !b.IsZero(), context.Cause(ctx))
		}
	}
}

// parting has one side hang up and returns how long it took to the other.
func parting(ctx context.Context, first, second *peer.Call) (time.Duration, error) {
	if err := first.Hangup(ctx); err != nil {
		return 0, err
	}
	if _, err := second.WaitEnded(ctx); err != nil {
		return 0, err
	}
	said := entry(first, func(e peer.Entry) bool { return e.Sent && e.Message.Method == "BYE" })
	heard := entry(second, func(e peer.Entry) bool {
		return !e.Sent && (e.Message.Method == "BYE" || e.Message.Method == "CANCEL")
	})
	return heard.Sub(said), nil
}

// entry is when the first message of a kind passed, zero when there is none.
func entry(c *peer.Call, fits func(peer.Entry) bool) time.Time {
	for _, e := range c.Messages() {
		if fits(e) {
			return e.At
		}
	}
	return time.Time{}
}
