package peer

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"time"
)

// Stats measure the stream received.
type Stats struct {
	Packets        int
	Bytes          int              // of payload
	Lost           int              // missing sequence numbers that did not come later
	Reordered      int              // came after a successor
	Duplicates     int              // same sequence number as the one before
	SequenceJumps  int              // steps of more than 1: losses, or a sender that starts anew
	TimestampJumps int              // steps between audio packets that are not 160 per sequence number
	Markers        int              // packets with the marker bit
	SSRCs          []uint32         // in order of appearance; more than one: the stream was broken
	Sources        []netip.AddrPort // that packets came from
	PayloadTypes   map[uint8]int    // packets of each
	UnknownPayload int              // packets of a payload type that is neither PCMA, PCMU nor telephone-event
	Malformed      int              // datagrams that are no RTP
	MaxGap         time.Duration    // longest time between two arrivals
	Jitter         time.Duration    // interarrival jitter, RFC 3550 6.4.1

	Digits            string // keys received as RFC 4733 events
	EventEnds         int    // event packets with the end bit
	LastEventDuration uint16 // of the last end packet, in timestamp units

	SenderReports, ReceiverReports, Goodbyes int // RTCP received
	ReportsSent                              int // RTCP sent

	PacketsSent int

	jitter float64 // in timestamp units
}

// Continuous returns nil when everything received is one unbroken stream as its sender made it: one SSRC, and timestamps
// that go on by 160 for every sequence number. Packets lost on the way do not break it, Lost tells them.
func (s Stats) Continuous() error {
	switch {
	case s.Packets == 0:
		return errors.New("nothing received")
	case len(s.SSRCs) > 1:
		return fmt.Errorf("stream broken: %d SSRCs: %x", len(s.SSRCs), s.SSRCs)
	case s.TimestampJumps > 0:
		return fmt.Errorf("stream broken: %d timestamp jumps in %d packets", s.TimestampJumps, s.Packets)
	}
	return nil
}

// Unbroken is Continuous and nothing lost, reordered or doubled: what loopback should deliver.
func (s Stats) Unbroken() error {
	if err := s.Continuous(); err != nil {
		return err
	}
	if s.SequenceJumps+s.Reordered+s.Duplicates > 0 {
		return fmt.Errorf("stream broken: %d sequence jumps, %d lost, %d reordered, %d duplicates in %d packets",
			s.SequenceJumps, s.Lost, s.Reordered, s.Duplicates, s.Packets)
	}
	return nil
}

// Stats returns the measures up to now; they stay readable after the call.
func (m *Media) Stats() Stats {
	m.watch.Lock()
	defer m.watch.Unlock()
	s := m.in.stats
	s.SSRCs = slices.Clone(s.SSRCs)
	s.Sources = slices.Clone(s.Sources)
	s.PayloadTypes = maps.Clone(s.PayloadTypes)
	s.Jitter = time.Duration(s.jitter * float64(time.Second) / sampleRate)
	s.PacketsSent = int(m.out.packets)
	return s
}

// Heard returns the last of what was received, decoded, at most MediaOptions.Capture of it.
func (m *Media) Heard() []int16 {
	m.watch.Lock()
	defer m.watch.Unlock()
	return m.in.samples(max(0, m.in.total-len(m.in.capture)), m.in.total)
}

// samples copies [from, to) of all samples ever received out of the ring, which must still hold them.
func (in *incoming) samples(from, to int) []int16 {
	pcm := make([]int16, 0, to-from)
	for i := from; i < to; i++ {
		pcm = append(pcm, in.capture[i%len(in.capture)])
	}
	return pcm
}

// WaitPackets waits until n more RTP packets have come.
func (m *Media) WaitPackets(ctx context.Context, n int) error {
	start := m.Stats().Packets
	return m.wait(ctx, fmt.Sprintf("%d packets", n), func() (bool, error) { return m.in.stats.Packets >= start+n, nil })
}

// WaitDigits waits until the keys received, from the beginning of the call, end with digits.
func (m *Media) WaitDigits(ctx context.Context, digits string) error {
	return m.wait(ctx, "digits "+digits, func() (bool, error) {
		got := m.in.stats.Digits
		return len(got) >= len(digits) && got[len(got)-len(digits):] == digits, nil
	})
}

// WaitStats waits until the measures satisfy a condition.
func (m *Media) WaitStats(ctx context.Context, what string, holds func(Stats) bool) error {
	return m.wait(ctx, what, func() (bool, error) { return holds(m.in.stats), nil })
}

// wait is watch.until with an end when the call ends, and the reason in the error.
func (m *Media) wait(ctx context.Context, what string, holds func() (bool, error)) error {
	err := m.watch.until(ctx, func() (bool, error) {
		done, err := holds()
		if !done && err == nil && m.closed {
			err = errors.New("the call is over")
		}
		return done, err
	})
	if err != nil {
		return fmt.Errorf("waiting for %s: %w", what, err)
	}
	return nil
}
