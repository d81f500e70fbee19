package media

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"time"

	"github.com/pion/rtcp"
)

const (
	// reportInterval is the mean time between two RTCP reports (RFC 3550 section 6.2).
	reportInterval = 5 * time.Second
	// compensation undoes what reconsideration does to the mean (RFC 3550 section 6.3.1).
	compensation = 1.21828
	// reportSpacing bounds how often a peer's reports are read.
	reportSpacing = 50 * time.Millisecond
	// ntpEpoch is 1970 in seconds of NTP time, which begins in 1900.
	ntpEpoch = 2208988800
)

// reports is the RTCP of one leg.
type reports struct {
	name string        // CNAME, random for each leg (RFC 7022)
	next time.Duration // when ours is due
	told uint32        // packets sent as of our last report

	read      time.Duration // when the peer's newest was read
	from      netip.AddrPort
	senderNTP uint32 // middle of its newest sender report's time
	senderAt  time.Duration
	heard     bool // there was one
	roundTrip time.Duration
	byes      int
	counted   uint64 // losses that the metrics know of
}

// interval is half to one and a half times the mean; the first is half of that.
func (r *reports) interval(first bool) time.Duration {
	mean := float64(reportInterval)
	if first {
		mean /= 2
	}
	return time.Duration(mean * (0.5 + rand.Float64()) / compensation)
}

// report sends our report when it is due.
func (l *leg) report(now time.Duration) {
	r := &l.reports
	if now < r.next {
		return
	}
	r.next = now + r.interval(false)
	l.countLosses()
	l.sendReport(l.compound(now))
	r.told = l.out.packets
}

// countLosses brings the metrics up to date.
func (l *leg) countLosses() {
	c := &l.room.host.counters
	if lost := l.in.lost(); lost > l.reports.counted {
		c.lost.Add(lost - l.reports.counted)
		l.reports.counted = lost
	}
	if l.in.begun {
		c.jitter.observe(l.in.meanDeviation())
	}
}

// compound builds SR or RR and SDES (RFC 3550 sections 6.4 and 6.5).
func (l *leg) compound(now time.Duration) []rtcp.Packet {
	var blocks []rtcp.ReceptionReport
	if l.in.begun {
		blocks = []rtcp.ReceptionReport{l.block(now)}
	}
	var first rtcp.Packet = &rtcp.ReceiverReport{SSRC: l.out.ssrc, Reports: blocks}
	if l.out.packets != l.reports.told {
		first = &rtcp.SenderReport{
			SSRC: l.out.ssrc, NTPTime: ntp(l.room.host.epoch.Add(now)), RTPTime: l.out.due(now),
			PacketCount: l.out.packets, OctetCount: l.out.octets, Reports: blocks,
		}
	}
	return []rtcp.Packet{first, &rtcp.SourceDescription{Chunks: []rtcp.SourceDescriptionChunk{{
		Source: l.out.ssrc,
		Items:  []rtcp.SourceDescriptionItem{{Type: rtcp.SDESCNAME, Text: l.reports.name}},
	}}}}
}

// block reports what was received (RFC 3550 section 6.4.1, appendix A.3).
func (l *leg) block(now time.Duration) rtcp.ReceptionReport {
	in, r := &l.in, &l.reports
	expected, received := in.totals()
	interval := expected - in.reportedExpected
	lost := int64(interval) - int64(received-in.reportedReceived)
	in.reportedExpected, in.reportedReceived = expected, received
	block := rtcp.ReceptionReport{
		SSRC: in.ssrc, LastSequenceNumber: in.highest - 1<<16, Jitter: in.jitter >> 4,
		TotalLost: uint32(min(in.lost(), 0x7FFFFF)),
	}
	if lost > 0 {
		block.FractionLost = uint8(min(lost*256/int64(interval), 255))
	}
	if r.heard {
		block.LastSenderReport = r.senderNTP
		block.Delay = uint32((now - r.senderAt) * 65536 / time.Second)
	}
	return block
}

// sendReport sends to the peer's RTCP port, or beside RTP when they share one.
// The peer's address is the one that the latch trusts.
func (l *leg) sendReport(packets []rtcp.Packet) {
	target := l.latch.target()
	if l.terms == nil || !target.IsValid() || target.Addr().IsUnspecified() {
		return
	}
	b, err := rtcp.Marshal(packets)
	if err == nil {
		b, err = l.protectReport(b)
	}
	if err != nil {
		l.room.host.counters.unsent.Add(1)
		return
	}
	socket, to := l.rtcp, l.terms.control
	if l.terms.control == l.terms.remote {
		socket, to = l.rtp, target
	} else if target.Addr() != to.Addr() {
		to = l.reports.behindNAT(target)
	}
	if err := socket.Send(to, b); err != nil {
		l.room.host.counters.unsent.Add(1)
	}
}

// behindNAT returns where a peer's RTCP is whose SDP does not know: where its own
// comes from, before that the port after RTP's.
func (r *reports) behindNAT(target netip.AddrPort) netip.AddrPort {
	if r.from.Addr() == target.Addr() {
		return r.from
	}
	return netip.AddrPortFrom(target.Addr(), target.Port()+1)
}

// receiveReport takes a datagram of RTCP. Only the peer's host is listened to, and
// not more often than anything sane would send.
func (l *leg) receiveReport(now time.Duration, from netip.AddrPort, b []byte) {
	r := &l.reports
	if from.Addr() != l.latch.target().Addr() || len(b) > maxDatagram || now-r.read < reportSpacing && r.read > 0 {
		return
	}
	b, ok := l.unprotectReport(b)
	if !ok {
		return
	}
	r.read, r.from = now, from
	packets, err := rtcp.Unmarshal(b)
	if err != nil {
		l.room.host.counters.malformed.Add(1)
		return
	}
	for _, p := range packets {
		switch p := p.(type) {
		case *rtcp.SenderReport:
			r.heard, r.senderNTP, r.senderAt = true, uint32(p.NTPTime>>16), now
			l.measure(now, p.Reports)
		case *rtcp.ReceiverReport:
			l.measure(now, p.Reports)
		case *rtcp.Goodbye:
			r.byes++ // signalling says when a call is over
		}
	}
}

// measure takes the round trip from the report on our stream (RFC 3550 section 6.4.1).
func (l *leg) measure(now time.Duration, blocks []rtcp.ReceptionReport) {
	for _, b := range blocks {
		if b.SSRC != l.out.ssrc || b.LastSenderReport == 0 {
			continue
		}
		units := int32(uint32(ntp(l.room.host.epoch.Add(now))>>16) - b.LastSenderReport - b.Delay)
		if trip := time.Duration(units) * time.Second / 65536; trip >= 0 && trip < 10*time.Second {
			l.reports.roundTrip = trip
		}
	}
}

// close says goodbye and frees the ports.
func (l *leg) close(now time.Duration) {
	l.countLosses()
	if l.out.begun {
		l.sendReport(append(l.compound(now), &rtcp.Goodbye{Sources: []uint32{l.out.ssrc}}))
	}
	// Closing a UDP socket frees it whatever it returns.
	_, _ = l.rtp.Close(), l.rtcp.Close()
}

// ntp is a time as RTCP writes it: seconds since 1900 in the upper half.
func ntp(t time.Time) uint64 {
	seconds := uint64(t.Unix() + ntpEpoch)
	return seconds<<32 | uint64(t.Nanosecond())<<32/uint64(time.Second)
}

// cname makes a name that says nothing about who has it.
func cname() string {
	var b [16]byte
	binary.NativeEndian.PutUint64(b[:], rand.Uint64())
	binary.NativeEndian.PutUint64(b[8:], rand.Uint64())
	const letters = "abcdefghijklmnopqrstuvwxyz234567"
	for i := range b {
		b[i] = letters[b[i]%32]
	}
	return string(b[:])
}
