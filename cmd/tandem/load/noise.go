//go:build linux

package main

import (
	"context"
	"math/rand/v2"
	"time"

	"tandem/cmd/tandem/peer"
)

// pester sends to the SIP port what no telephone sends: junk, halves of
// messages, and requests of strangers. Answers are not read.
func pester(ctx context.Context, server string, r *rand.Rand) error {
	raw, err := peer.NewRaw("127.0.0.9:0")
	if err != nil {
		return err
	}
	methods := []string{"OPTIONS", "INVITE", "REGISTER", "BYE", "CANCEL", "ACK", "SUBSCRIBE", "NOTIFY", "REFER", "UPDATE", "PUBLISH"}
	for pause(ctx, between(r, 20*time.Millisecond, 300*time.Millisecond)) == nil {
		message := raw.Template(methods[r.IntN(len(methods))], "sip:"+salesNumber+"@pbx.test", "stranger").Bytes()
		switch r.IntN(4) {
		case 0:
			message = junk(r)
		case 1:
			message = message[:r.IntN(len(message))]
		case 2:
			message[r.IntN(len(message))] = byte(r.Uint32())
		}
		if err := raw.Send(server, message); err != nil {
			return err
		}
	}
	return raw.Close()
}

// browse asks the API for what screens show, and returns the first refusal.
func (s *switchProcess) browse(ctx context.Context, r *rand.Rand) error {
	pages := []string{
		"/calls?active=true", "/calls?limit=50", "/calls?result=completed", "/tasks?state=open", "/contacts?limit=100",
		"/users", "/registrations", "/trunks", "/playbooks", "/numbers",
	}
	for pause(ctx, between(r, 50*time.Millisecond, time.Second)) == nil {
		if _, err := s.get(ctx, "/api/v1"+pages[r.IntN(len(pages))]); err != nil && ctx.Err() == nil {
			return err
		}
	}
	return nil
}

// subscribe follows the events for a while, leaves and comes again.
func (s *switchProcess) subscribe(ctx context.Context, r *rand.Rand) {
	for pause(ctx, between(r, 0, time.Second)) == nil {
		stay, leave := context.WithTimeout(ctx, between(r, 10*time.Millisecond, 5*time.Second))
		_, _ = s.get(stay, "/api/v1/events") // ends by leaving
		leave()
	}
}
