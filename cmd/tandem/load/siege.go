//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"sync"
	"time"

	"tandem/cmd/tandem/peer"
)

// What a siege may cost the switch; a figure beyond is a failure. How long calls
// take to ring is reported only: it says as much about the machine.
const (
	siegeGrowth = 50e6 // bytes of memory more than before it
	siegeLog    = 1e6  // bytes of log a minute
)

const (
	siegePhones = 20
	siegePace   = 5               // calls a second
	siegeWarmUp = 3 * time.Second // calls before memory is compared
	siegeSample = 100 * time.Millisecond
	siegePool   = 4096     // messages built beforehand
	quadratic   = 32 << 10 // bytes of a message that is long to parse
	// relief is how long memory may take to come back after a siege, and
	// reliefMargin how much more than before may stay of it: the runtime keeps
	// what it may need again.
	relief       = time.Minute
	reliefMargin = 0.3
)

// siege is what strangers send while contacts call.
type siege struct {
	rate     int // datagrams a second
	messages func(*rand.Rand) ([][]byte, error)
	source   func(*rand.Rand) netip.Addr
}

// sieged is what a siege has shown beside its calls.
type sieged struct {
	sent          int64         // datagrams
	lost, refused int64         // of them by the kernel, and by the switch
	returned      float64       // bytes that came back for each that was sent
	most, after   int64         // bytes of memory during it and after the relief
	relieved      time.Duration // until memory was back; 0: it was not
	logged        float64       // bytes of log a minute
}

// sieges are the scenarios of that kind.
func sieges() []scenario {
	quiet := layout{carrier: []string{"PCMA"}, phone: []string{"PCMA"}, muted: true, guarded: true}
	var list []scenario
	for _, s := range []struct {
		name, title string
		siege       siege
	}{
		{"junk", "20,000 datagrams of junk a second, from anywhere", siege{20_000, junkPool, anywhere}},
		{"junk-few", "20,000 datagrams of junk a second, from 4 addresses", siege{20_000, junkPool, few}},
		{"quadratic", "20 datagrams of 32 kB of parameters a second", siege{20, parametersPool, fewOrCarrier}},
	} {
		list = append(list, scenario{name: s.name, title: s.title, layout: quiet, setup: true, pace: siegePace, siege: &s.siege})
	}
	return list
}

// anywhere is an address of this host that neither phones nor the carrier have.
func anywhere(r *rand.Rand) netip.Addr {
	n := r.Uint32()
	return netip.AddrFrom4([4]byte{127, 1 + byte(n>>16)%254, byte(n >> 8), 1 + byte(n)%254})
}

// few is one of four addresses.
func few(r *rand.Rand) netip.Addr { return netip.AddrFrom4([4]byte{127, 9, 9, 1 + byte(r.IntN(4))}) }

// fewOrCarrier is one of those, or the carrier's, forged.
func fewOrCarrier(r *rand.Rand) netip.Addr {
	if r.IntN(2) == 0 {
		return netip.MustParseAddr(carrierHost)
	}
	return few(r)
}

// junkPool is random bytes, and what scanners ask: by halves, or damaged.
func junkPool(r *rand.Rand) ([][]byte, error) {
	methods := []string{"INVITE", "REGISTER", "OPTIONS"}
	return pool(siegePool, func(raw *peer.Raw, i int) []byte {
		message := raw.Template(methods[r.IntN(len(methods))], "sip:"+salesNumber+"@pbx.test", fmt.Sprint("stranger", i)).Bytes()
		switch r.IntN(8) {
		case 0, 1, 2:
			return junk(r)
		case 3:
			return message[:1+r.IntN(len(message)-1)]
		case 4:
			message[r.IntN(len(message))] = byte(r.Uint32())
		}
		return message
	})
}

// parametersPool is requests that have one header of parameters without end.
func parametersPool(r *rand.Rand) ([][]byte, error) {
	methods := []string{"INVITE", "REGISTER", "OPTIONS", "SUBSCRIBE"}
	headers := []string{"Via", "From", "To", "Contact"}
	return pool(len(methods)*len(headers), func(raw *peer.Raw, i int) []byte {
		m := raw.Template(methods[i%len(methods)], "sip:"+salesNumber+"@pbx.test", "stranger")
		header := headers[i/len(methods)]
		m.Set(header, m.Get(header)+strings.Repeat(";a", (quadratic-len(m.Bytes()))/2))
		return m.Bytes()
	})
}

// pool builds messages of a stranger.
func pool(n int, build func(*peer.Raw, int) []byte) (messages [][]byte, err error) {
	raw, err := peer.NewRaw("127.0.0.9:0")
	if err != nil {
		return nil, err
	}
	for i := range n {
		messages = append(messages, build(raw, i))
	}
	return messages, raw.Close()
}

// besieged sets calls up, first in peace and then under siege, and waits for
// relief.
func (p *play) besieged(ctx context.Context) error {
	if err := p.inPeace(ctx); err != nil {
		return err
	}
	r := rand.New(rand.NewPCG(1, 2))
	messages, err := p.scenario.siege.messages(r)
	if err != nil {
		return err
	}
	to, err := netip.ParseAddrPort(p.sw.addr)
	if err != nil {
		return err
	}
	f, err := newFlood(to, messages, p.scenario.siege.rate, p.scenario.siege.source)
	if err != nil {
		return err
	}
	before, logging := p.sw.logged()
	var flooding error
	err = p.measure(ctx, func() { flooding = p.underSiege(ctx, f, r) })
	after, logged := p.sw.logged()
	s := &p.r.sieged
	var losing error
	s.lost, losing = p.sw.lost() // nothing before: the socket is new
	if err := errors.Join(err, flooding, f.Close(), logging, logged, losing); err != nil {
		return err
	}
	s.sent, s.logged = f.sent, float64(after-before)/p.r.window.Minutes()
	s.returned = float64(f.receivedBytes) / float64(max(1, f.sentBytes))
	return p.await(ctx)
}

// inPeace makes a few calls, so that what the switch needs for any call is not
// taken for the siege's.
func (p *play) inPeace(ctx context.Context) (err error) {
	if p.r.before, err = p.sw.metrics(ctx); err != nil {
		return err
	}
	p.paced(ctx, min(siegeWarmUp, p.window))
	if err := errors.Join(p.r.failures...); err != nil {
		return fmt.Errorf("calls in peace: %w", err)
	}
	if err := p.check(ctx); err != nil {
		return err
	}
	p.r = result{scenario: p.scenario}
	return p.rest()
}

// underSiege makes calls while the flood runs, and notes the memory's peak.
func (p *play) underSiege(ctx context.Context, f *flood, r *rand.Rand) error {
	stay, leave := context.WithCancel(ctx)
	var others sync.WaitGroup
	var flooding, watching error
	others.Go(func() { flooding = f.run(stay, r) })
	others.Go(func() { watching = p.watch(stay) })
	p.paced(ctx, p.window)
	leave()
	others.Wait()
	return errors.Join(flooding, watching)
}

// watch notes the most memory that the switch has until ctx ends.
func (p *play) watch(ctx context.Context) error {
	for pause(ctx, siegeSample) == nil {
		u, err := p.sw.usage()
		if err != nil {
			return err
		}
		p.r.sieged.most = max(p.r.sieged.most, u.RSS)
	}
	return nil
}

// await waits until memory is back.
func (p *play) await(ctx context.Context) error {
	for begin := time.Now(); ; {
		u, err := p.sw.usage()
		if err != nil {
			return err
		}
		p.r.sieged.after = u.RSS
		switch since := time.Since(begin); {
		case float64(u.RSS) <= (1+reliefMargin)*float64(p.r.idle):
			p.r.sieged.relieved = max(since, 1)
			return nil
		case since >= relief:
			return nil
		}
		if err := pause(ctx, siegeSample); err != nil {
			return err
		}
	}
}

// goals are what a result misses of what it has to reach.
func (r result) goals() (missed []error) {
	if r.scenario.siege == nil {
		return nil
	}
	s := r.sieged
	if s.most > r.idle+siegeGrowth {
		missed = append(missed, fmt.Errorf("memory grew from %.0f to %.0f MB", megabytes(r.idle), megabytes(s.most)))
	}
	if s.relieved == 0 {
		missed = append(missed, fmt.Errorf("memory was %.0f MB before and %.0f MB %v after", megabytes(r.idle), megabytes(s.after), relief))
	}
	if s.logged > siegeLog {
		missed = append(missed, fmt.Errorf("%.1f MB of log a minute", s.logged/1e6))
	}
	if s.sent == 0 || s.refused == 0 {
		missed = append(missed, fmt.Errorf("of %d datagrams the switch refused %d: that is no siege", s.sent, s.refused))
	}
	return missed
}
