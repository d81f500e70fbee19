//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"tandem/cmd/tandem/peer"
)

// The addresses that both sides know of beforehand: a trunk is known by its source.
const (
	carrierHost = "127.0.0.2"
	salesNumber = "+34910000001"
	password    = "a-phone's-secret"
)

// layout is what scenarios differ in around the switch.
type layout struct {
	phones   int      // salespeople, each with a phone
	coaches  int      // supervisors, each with a phone
	record   bool     // conversations are recorded
	carrier  []string // codecs of the carrier
	phone    []string // codecs of the phones
	muted    bool     // nobody sends audio
	unmanned bool     // no phone registers: callers wait
	guarded  bool     // limits and log are the defaults
}

// configuration is the file of a switch for the layout, with every limit out of
// the way unless it is guarded. Its media ports end where those begin that the kernel gives to the
// phones.
func (l layout) configuration(dir, carrier string) string {
	var users, names strings.Builder
	for i := range l.phones {
		fmt.Fprintf(&users, "  - { name: %s, extension: %q, sip_password: %s }\n", userName(i), extension(i), password)
		fmt.Fprintf(&names, "%s, ", userName(i))
	}
	for i := range l.coaches {
		fmt.Fprintf(&users, "  - { name: %s, sip_password: %s, role: supervisor }\n", coachName(i), password)
	}
	limits := "limits: { failed_auth_per_minute: 100000, requests_per_second: 100000 }\nlog: { level: warn }\n"
	if l.guarded {
		limits = ""
	}
	return fmt.Sprintf(`account: { name: Bench, country: ES, timezone: Europe/Madrid }
data: %q
sip:
  listen: ["udp://127.0.0.1:0"]
  domain: pbx.test
  max_calls: 3000
  max_calls_per_second: 5000
media: { ports: 10000-32767 }
http: { listen: "127.0.0.1:0" }
recording: { enabled: %t }
%strunks:
  - { name: carrier, address: %q, allow: [%s/32], keepalive: 0s, max_calls: 3000, calls_per_second: 5000 }
numbers:
  - { number: %q, trunks: [carrier], playbook: sales }
users:
%splaybooks:
  - name: sales
    users: [%s]
    wrap_up: 0s
    reception: { timeout: 10m, offer_timeout: 10m }
`, dir, l.record, limits, carrier, carrierHost, salesNumber, users.String(), strings.TrimSuffix(names.String(), ", "))
}

func userName(i int) string { return fmt.Sprintf("user%d", i) }

func coachName(i int) string { return fmt.Sprintf("coach%d", i) }

// salesFloor is a carrier and the salespeople's phones around one switch.
type salesFloor struct {
	crowd   *crowd
	carrier *peer.Carrier
	phones  []*peer.Phone
	coaches []*peer.Phone

	mu    sync.Mutex
	calls map[string]chan *peer.Call // that somebody took, by what they are expected by
}

// openCarrier makes the floor with its carrier, as the switch's configuration
// names the carrier's address.
func openCarrier(l layout) (*salesFloor, error) {
	c, err := newCrowd(l.muted)
	if err != nil {
		return nil, err
	}
	f := &salesFloor{crowd: c, calls: make(map[string]chan *peer.Call)}
	f.carrier, err = peer.NewCarrier(peer.Options{
		Bind: carrierHost + ":0", Domain: "carrier.test", OnCall: f.pickUp,
		Media: peer.MediaOptions{Codecs: l.carrier, Engine: c},
	})
	if err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return f, nil
}

// openPhones registers the salespeople's phones, a few at a time.
func (f *salesFloor) openPhones(ctx context.Context, l layout, server string) error {
	if l.unmanned {
		return nil
	}
	for i := range l.phones + l.coaches {
		o := peer.Options{
			Server: server, Domain: "pbx.test", User: userName(i), Password: password, OnCall: f.answer,
			Media: peer.MediaOptions{Codecs: l.phone, Engine: f.crowd},
		}
		if i >= l.phones {
			o.User = coachName(i - l.phones)
		}
		p, err := peer.NewPhone(o)
		if err != nil {
			return err
		}
		f.phones = append(f.phones, p)
	}
	f.coaches = f.phones[l.phones:]
	return each(ctx, len(f.phones), registering, func(ctx context.Context, i int) error {
		_, err := f.phones[i].Register(ctx, time.Hour)
		return err
	})
}

// coach has the nth supervisor join the conversation of a salesperson's phone.
func (f *salesFloor) coach(ctx context.Context, n int, talking *peer.Call) error {
	var place int
	if _, err := fmt.Sscanf(user(talking.To().URI), "user%d", &place); err != nil {
		return fmt.Errorf("whose phone is %s: %w", talking.To(), err)
	}
	c, err := f.coaches[n].Dial(ctx, peer.CallOptions{To: "*9" + extension(place)})
	if err != nil {
		return err
	}
	return c.WaitAnswered(ctx)
}

func extension(i int) string { return fmt.Sprint(10000 + i) }

// answer takes a call that reached a phone and hands it to whoever made it once
// the switch has acknowledged.
func (f *salesFloor) answer(c *peer.Call) {
	peer.AnswerAll(c)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if _, err := c.WaitRequest(ctx, "ACK"); err != nil {
		return // the caller's wait ends in an error
	}
	f.hand(user(c.From().URI), c)
}

// hand gives one side of a call to whoever expects it.
func (f *salesFloor) hand(key string, c *peer.Call) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if made := f.calls[key]; made != nil {
		made <- c
		delete(f.calls, key)
	}
}

// user is the user part of a SIP URI.
func user(uri string) string {
	_, rest, _ := strings.Cut(uri, ":")
	name, _, _ := strings.Cut(rest, "@")
	return name
}

// caller is the number of the nth contact.
func caller(n int) string { return fmt.Sprintf("+346%08d", n) }

// expect makes a place for one side of a call: the phone's by the contact's
// number, the contact's by contactKey.
func (f *salesFloor) expect(key string) <-chan *peer.Call {
	f.mu.Lock()
	defer f.mu.Unlock()
	made := make(chan *peer.Call, 1)
	f.calls[key] = made
	return made
}

// connect places a call from the nth contact and returns both sides of it once
// a phone has answered.
func (f *salesFloor) connect(ctx context.Context, server string, n int) (from, to *peer.Call, err error) {
	made := f.expect(caller(n))
	from, err = f.dial(ctx, server, n)
	if err != nil {
		return nil, nil, err
	}
	select {
	case to = <-made:
		return from, to, nil
	case <-ctx.Done():
		return nil, nil, fmt.Errorf("call from %s reached no phone: %w", caller(n), context.Cause(ctx))
	}
}

// dial places a call from the nth contact and returns once the switch, not a
// person, has answered it. A refusal is a peer.StatusError.
func (f *salesFloor) dial(ctx context.Context, server string, n int) (*peer.Call, error) {
	c, err := f.carrier.Call(ctx, peer.CallOptions{From: caller(n), To: salesNumber, Server: server})
	if err != nil {
		return nil, err
	}
	if err = c.WaitAnswered(ctx); err == nil {
		return c, nil
	}
	if final := c.Final(); final != nil {
		err = &peer.StatusError{Method: "INVITE", Response: final}
	}
	return c, err
}

// Close switches everything off.
func (f *salesFloor) Close() error {
	errs := []error{f.carrier.Close()}
	for _, p := range f.phones {
		errs = append(errs, p.Close())
	}
	return errors.Join(append(errs, f.crowd.Close())...)
}

// each calls f for 0 to n-1, at most width at a time, and returns all errors.
func each(ctx context.Context, n, width int, f func(ctx context.Context, i int) error) error {
	next := make(chan int)
	errs := make([]error, n)
	var wg sync.WaitGroup
	for range min(n, width) {
		wg.Go(func() {
			for i := range next {
				one, cancel := context.WithTimeout(ctx, patience)
				errs[i] = f(one, i)
				cancel()
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	wg.Wait()
	return errors.Join(errs...)
}
