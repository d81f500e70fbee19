//go:build linux

package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"tandem/cmd/tandem/peer"
)

// callOut plays the caller's side of a call from its INVITE to its end. An error
// is something that the switch did which no plan allows.
func (s *staff) callOut(ctx context.Context, server string, p plan) error {
	ctx, cancel := context.WithTimeout(ctx, 2*patience)
	defer cancel()
	o := peer.CallOptions{From: caller(p.number), To: p.line(), Server: server}
	if p.deed == withheld {
		o.Anonymous, o.Privacy = true, "id"
	}
	c, err := s.carrier.Call(ctx, o)
	if err != nil {
		return err
	}
	if p.deed == cancels {
		return s.giveUp(ctx, c, p)
	}
	if err := c.WaitAnswered(ctx); err != nil {
		return failure(c, p, err)
	}
	switch p.deed {
	case abandons:
		_ = within(ctx, c, p.lasts)
		return hangUp(ctx, c)
	case crosses:
		_ = within(ctx, c, p.rings)
		return hangUp(ctx, c)
	case falls:
		_ = within(ctx, c, p.rings+p.lasts)
		c.Media().Say(nil)
	case talks, withheld:
		if p.byCaller {
			if err := within(ctx, c, p.rings); err == nil {
				converse(ctx, c, p)
				return hangUp(ctx, c)
			}
		}
	case declines, outlasts, closed, vanishes, cancels: // the others end it
	}
	if _, err := c.WaitEnded(ctx); err != nil {
		return fmt.Errorf("%s: the switch did not end the call of %s: %w", p.deed, caller(p.number), err)
	}
	return nil
}

// errRefused is of a call that the switch had no room for.
var errRefused = errors.New("refused with 503 and Retry-After")

// failure is why a call was not taken.
func failure(c *peer.Call, p plan, err error) error {
	if final := c.Final(); final != nil && final.Code == 503 && final.Get("Retry-After") != "" {
		return errRefused
	}
	return fmt.Errorf("%s: %w", p.deed, err)
}

// giveUp cancels a call in early mode. One that was answered at the same moment
// ends too: the peer releases it.
func (s *staff) giveUp(ctx context.Context, c *peer.Call, p plan) error {
	if err := c.WaitRinging(ctx); err != nil {
		return failure(c, p, err)
	}
	if err := within(ctx, c, p.lasts); err != nil {
		return ctx.Err()
	}
	if c.Cancel() != nil {
		return hangUp(ctx, c)
	}
	if _, err := c.WaitEnded(ctx); err != nil {
		return fmt.Errorf("%s: CANCEL from %s had no effect: %w", p.deed, caller(p.number), err)
	}
	return nil
}

// hangUp ends a call. A BYE that crossed the switch's own may be unknown to it
// (481): that is no failure, silence is.
func hangUp(ctx context.Context, c *peer.Call) error {
	if err := c.Hangup(ctx); err != nil {
		return fmt.Errorf("BYE of %s: %w", c.From().URI, err)
	}
	return nil
}

// converse talks for as long as the plan says, mishaps included.
func converse(ctx context.Context, c *peer.Call, p plan) {
	rest := p.lasts
	for _, m := range p.mishaps {
		part := p.lasts / time.Duration(mishapCount+1)
		rest -= part
		befall(ctx, c, p, m)
		if err := within(ctx, c, part); err != nil {
			return
		}
	}
	_ = within(ctx, c, rest)
}

// befall does to one side of a call what can go wrong with it. What the other
// side refuses, because the call is just over, is no failure.
func befall(ctx context.Context, c *peer.Call, p plan, m mishap) {
	media := c.Media()
	switch m {
	case impairs:
		media.Impair(p.network)
	case restarts:
		media.ChangeSSRC()
	case pauses:
		media.Say(nil)
		_ = within(ctx, c, p.rings)
		media.Say(peer.Tone(440))
	case strangers:
		_ = intrude(media.RemoteAddr().String(), p.network.Seed)
		_ = media.Inject([]byte("no RTP at all"))
	case holds:
		_ = c.Hold(ctx)
		_ = within(ctx, c, p.rings)
		_ = c.Resume(ctx)
	case updates:
		_ = c.Update(ctx, "sendonly")
		_ = within(ctx, c, p.rings)
		_ = c.Update(ctx, "sendrecv")
	case keys:
		_ = media.SendDTMF("12")
	case mishapCount:
	}
}

// intrude sends RTP of somebody else, and junk, to a media port.
func intrude(to string, seed uint64) error {
	raw, err := peer.NewRaw("127.0.0.3:0")
	if err != nil {
		return err
	}
	r := rand.New(rand.NewPCG(seed, 0))
	packet := make([]byte, headerBytes+frameSamples)
	packet[0], packet[1] = 2<<6, 8
	binary.BigEndian.PutUint32(packet[8:], r.Uint32())
	for seq := range 10 {
		binary.BigEndian.PutUint16(packet[2:], uint16(seq))
		if err := raw.Send(to, packet); err != nil {
			return err
		}
		if err := raw.Send(to, junk(r)); err != nil {
			return err
		}
	}
	return raw.Close()
}

// junk is random bytes, some of which begin like RTP or RTCP.
func junk(r *rand.Rand) []byte {
	data := make([]byte, 1+r.IntN(1400))
	for i := range data {
		data[i] = byte(r.Uint32())
	}
	if r.IntN(2) == 0 {
		data[0] = 2<<6 | data[0]&0x3f
	}
	return data
}
