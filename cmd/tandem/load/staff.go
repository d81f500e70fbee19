//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"tandem/cmd/tandem/peer"
)

const (
	soakUsers  = 24
	secondary  = 6 // of them have two phones
	earlyLine  = "+34910000002"
	nightLine  = "+34910000003"
	outside    = "+34600000001"
	soakExpiry = 60 * time.Second
	// soakWait is how long a caller waits for a salesperson; soakSilence ends a
	// conversation without RTP.
	soakWait    = 8 * time.Second
	soakSilence = 4 * time.Second
)

// soakConfiguration is the file of the switch that is soaked. The night's
// playbook opens on a day that is far away.
func soakConfiguration(dir, carrier string, now time.Time) string {
	var users, names strings.Builder
	for i := range soakUsers {
		fmt.Fprintf(&users, "  - { name: %s, extension: %q, sip_password: %s }\n", userName(i), fmt.Sprint(200+i), password)
		fmt.Fprintf(&names, "%s, ", userName(i))
	}
	return fmt.Sprintf(`account: { name: Soak, country: ES, timezone: Europe/Madrid }
data: %q
sip: { listen: ["udp://127.0.0.1:0"], domain: pbx.test }
media: { ports: 10000-31999, timeout: %s }
http: { listen: "127.0.0.1:0" }
recording: { enabled: true }
limits: { failed_auth_per_minute: 100000, requests_per_second: 10000 }
log: { level: error }
trunks:
  - { name: carrier, address: %q, allow: [%s/32], max_calls: 200, calls_per_second: 50 }
numbers:
  - { number: %q, trunks: [carrier], playbook: sales }
  - { number: %q, trunks: [carrier], playbook: early }
  - { number: %q, trunks: [carrier], playbook: night }
users:
%s%s`, dir, soakSilence, carrier, carrierHost, salesNumber, earlyLine, nightLine, users.String(),
		soakPlaybooks(strings.TrimSuffix(names.String(), ", "), now))
}

func soakPlaybooks(users string, now time.Time) string {
	return fmt.Sprintf(`playbooks:
  - { name: sales, users: [%[1]s], wrap_up: 500ms, reception: { timeout: %[2]s, offer_timeout: %[2]s } }
  - { name: early, users: [%[1]s], wrap_up: 500ms, reception: { answer: early, timeout: %[2]s, offer_timeout: %[2]s } }
  - { name: night, users: [%[1]s], hours: { weekly: { %[3]s: ["09:00-14:00"] } }, closed: { redirect: %[4]q } }
`, users, soakWait, strings.ToLower(now.AddDate(0, 0, 3).Weekday().String()[:3]), outside)
}

// staff are the salespeople's phones and the carrier.
type staff struct {
	seed    uint64
	carrier *peer.Carrier
	phones  []*peer.Phone
	fates   sync.WaitGroup // of phones that lost their power
}

// soakMedia is the audio of everyone; next to nothing of what is heard is kept.
func soakMedia() peer.MediaOptions {
	return peer.MediaOptions{Source: peer.Tone(440), Capture: frameTime, EarlySend: true}
}

// hireStaff opens the carrier.
func hireStaff(seed uint64) (*staff, error) {
	s := &staff{seed: seed}
	carrier, err := peer.NewCarrier(peer.Options{
		Bind: carrierHost + ":0", Domain: "carrier.test", Media: soakMedia(), OnCall: s.redirected,
	})
	s.carrier = carrier
	return s, err
}

// equip registers the phones.
func (s *staff) equip(ctx context.Context, server string) error {
	for i := range soakUsers + secondary {
		if err := s.install(server, userName(i%soakUsers)); err != nil {
			return err
		}
	}
	return each(ctx, len(s.phones), registering, func(ctx context.Context, i int) error {
		return s.phones[i].StayRegistered(ctx, soakExpiry)
	})
}

// install gives a salesperson a phone.
func (s *staff) install(server, name string) error {
	p, err := peer.NewPhone(peer.Options{
		Server: server, Domain: "pbx.test", User: name, Password: password, Media: soakMedia(),
	})
	if err != nil {
		return err
	}
	p.Handle(func(c *peer.Call) { s.ring(p, c) })
	s.phones = append(s.phones, p)
	return nil
}

// Close switches everything off.
func (s *staff) Close() error {
	s.fates.Wait()
	errs := []error{s.carrier.Close()}
	for _, p := range s.phones {
		errs = append(errs, p.Close())
	}
	return errors.Join(errs...)
}

// planOf finds out which call this is by its caller; those who withhold their
// number are taken at once.
func (s *staff) planOf(c *peer.Call) plan {
	var n int
	if _, err := fmt.Sscanf(user(c.From().URI), "+346%d", &n); err != nil {
		return plan{deed: withheld, byCaller: true}
	}
	return planCall(s.seed, n)
}

// ring is what a phone does with a call; the call may be over at any moment.
func (s *staff) ring(phone *peer.Phone, c *peer.Call) {
	p := s.planOf(c)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	_ = c.Trying()
	_ = c.Ring()
	if p.unanswered() {
		return
	}
	if err := within(ctx, c, p.rings); err != nil {
		return
	}
	if p.deed == declines {
		_ = c.Reject(p.code)
		return
	}
	if c.Answer() != nil {
		return
	}
	if _, err := c.WaitRequest(ctx, "ACK"); err != nil {
		return
	}
	switch {
	case p.deed == vanishes:
		s.fates.Go(func() { s.vanish(phone, p) })
	case p.deed == falls || p.byCaller:
	default:
		converse(ctx, c, p)
		_ = c.Hangup(ctx)
	}
}

// vanish takes a phone's power away in the midst of a conversation, and gives it
// back.
func (s *staff) vanish(phone *peer.Phone, p plan) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	_ = pause(ctx, p.lasts) // shorter than our patience, as below
	phone.Vanish()
	_ = pause(ctx, p.rings)
	if phone.Return() == nil {
		_ = phone.StayRegistered(ctx, soakExpiry) // else it stays away, as phones do
	}
}

// redirected is what happens outside to calls that come after hours.
func (s *staff) redirected(c *peer.Call) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	_ = c.Ring()
	if err := within(ctx, c, time.Duration(rand.Int64N(int64(time.Second)))); err != nil {
		return
	}
	if rand.IntN(4) == 0 {
		_ = c.Reject(486)
		return
	}
	if c.Answer() != nil {
		return
	}
	if err := within(ctx, c, time.Second+time.Duration(rand.Int64N(int64(3*time.Second)))); err == nil {
		_ = c.Hangup(ctx)
	}
}

// wander lets phones register anew, or leave and come back, now and then.
func (s *staff) wander(ctx context.Context, r *rand.Rand) {
	for pause(ctx, between(r, 500*time.Millisecond, 2*time.Second)) == nil {
		p := s.phones[r.IntN(len(s.phones))]
		if r.IntN(3) > 0 {
			_, _ = p.Register(ctx, soakExpiry) // fails while the phone is without power
			continue
		}
		if p.Unregister(ctx) == nil && pause(ctx, between(r, 0, 2*time.Second)) == nil {
			_, _ = p.Register(ctx, soakExpiry)
		}
	}
}

var errOver = errors.New("the call is over")

// within waits for a time, or less when the call ends: then the error is errOver.
func within(ctx context.Context, c *peer.Call, d time.Duration) error {
	short, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	if _, err := c.WaitEnded(short); err == nil {
		return errOver
	}
	return ctx.Err()
}
