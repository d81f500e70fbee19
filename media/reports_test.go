package media

import (
	"math"
	"net/netip"
	"testing"
	"time"

	"github.com/pion/rtcp"

	"tandem/media/codec"
)

// reportsOf parses what RTCP an end was sent.
func (x *end) reportsOf() (all []rtcp.Packet) {
	x.desk.t.Helper()
	for _, b := range x.rtcp {
		packets, err := rtcp.Unmarshal(b)
		if err != nil {
			x.desk.t.Fatal(err)
		}
		if err := rtcp.CompoundPacket(packets).Validate(); err != nil {
			x.desk.t.Fatal(err)
		}
		all = append(all, packets...)
	}
	return all
}

func TestReportsTellWhatWasSentAndReceived(t *testing.T) {
	d := newDesk(t)
	contact, person := d.leg(contactLeg, codec.PCMA), d.leg(personLeg, codec.PCMA)
	d.wire(both(contactLeg, personLeg)...)
	for i := range 3000 {
		d.advance(tickLength)
		person.say(pattern(i))
		if p := contact.next(pattern(i)); i%4 != 0 || i == 0 {
			contact.send(contact.addr, p)
		}
	}
	if n := len(contact.rtcp); n < 9 || n > 30 {
		t.Errorf("%d reports in a minute, want one in about 5 s", n)
	}
	var last *rtcp.SenderReport
	for _, p := range contact.reportsOf() {
		if sr, ok := p.(*rtcp.SenderReport); ok {
			last = sr
		}
	}
	if last == nil || len(last.Reports) != 1 {
		t.Fatalf("no sender report with a block: %+v", last)
	}
	block := last.Reports[0]
	if block.SSRC != contact.ssrc || block.FractionLost < 60 || block.FractionLost > 68 || block.TotalLost < 500 {
		t.Errorf("a loss of one in four is reported as %+v", block)
	}
	if last.SSRC != contact.got[0].ssrc || last.PacketCount < 2000 || last.OctetCount != last.PacketCount*160 {
		t.Errorf("what was sent is reported as %+v", last)
	}
	q := contact.leg.in.quality(0)
	if math.Abs(q.Loss-0.25) > 0.01 || q.MOS > 3 || q.MOS < 1 {
		t.Errorf("quality %+v of a loss of one in four", q)
	}
	if q := person.leg.in.quality(0); q.Loss != 0 || q.MOS < 4.3 || q.MOS > 4.5 {
		t.Errorf("quality %+v of a clean line", q)
	}
}

func TestReportsMeasureTheRoundTrip(t *testing.T) {
	d := newDesk(t)
	contact, person := d.leg(contactLeg, codec.PCMA), d.leg(personLeg, codec.PCMA)
	d.wire(both(contactLeg, personLeg)...)
	d.talk(20*time.Second, 0, contact, person)
	var sr *rtcp.SenderReport
	sentAt := d.now
	for sr == nil {
		contact.rtcp = nil
		d.talk(tickLength, 0, person)
		for _, p := range contact.reportsOf() {
			if got, ok := p.(*rtcp.SenderReport); ok {
				sr, sentAt = got, d.now-tickLength
			}
		}
	}
	d.advance(sentAt + 380*time.Millisecond - d.now)
	b, err := rtcp.Marshal([]rtcp.Packet{&rtcp.ReceiverReport{SSRC: contact.ssrc, Reports: []rtcp.ReceptionReport{{
		SSRC: sr.SSRC, LastSenderReport: uint32(sr.NTPTime >> 16), Delay: 65536 / 5, // 200 ms
	}}}})
	if err != nil {
		t.Fatal(err)
	}
	stranger := netip.MustParseAddrPort("198.51.100.66:4001")
	contact.leg.receiveReport(d.now, stranger, b)
	if contact.leg.reports.roundTrip != 0 {
		t.Error("a stranger's report was read")
	}
	contact.leg.receiveReport(d.now, netip.AddrPortFrom(contact.addr.Addr(), 4001), b)
	if got := contact.leg.reports.roundTrip; got < 150*time.Millisecond || got > 210*time.Millisecond {
		t.Errorf("round trip of %v, want about 180ms", got)
	}
}

func TestCloseSaysGoodbye(t *testing.T) {
	d := newDesk(t)
	contact, person := d.leg(contactLeg, codec.PCMA), d.leg(personLeg, codec.PCMA)
	d.wire(both(contactLeg, personLeg)...)
	d.talk(100*time.Millisecond, 0, person)
	d.w.detach(d.now, contact.leg)
	all := contact.reportsOf()
	if len(all) == 0 {
		t.Fatal("no RTCP")
	}
	bye, ok := all[len(all)-1].(*rtcp.Goodbye)
	if !ok || bye.Sources[0] != contact.got[0].ssrc {
		t.Errorf("the last report is %+v", all[len(all)-1])
	}
}

func TestOpinion(t *testing.T) {
	tests := []struct {
		loss  float64
		delay time.Duration
		low   float64
		high  float64
	}{
		{0, 0, 4.40, 4.42},
		{0, 100 * time.Millisecond, 4.3, 4.4},
		{0, 400 * time.Millisecond, 3.0, 3.6},
		{0.01, 20 * time.Millisecond, 4.2, 4.4},
		{0.05, 20 * time.Millisecond, 3.6, 4.1},
		{0.2, 20 * time.Millisecond, 2.0, 3.0},
		{1, time.Second, 1, 1.1},
	}
	for _, tc := range tests {
		if got := opinion(tc.loss, tc.delay); got < tc.low || got > tc.high {
			t.Errorf("loss %v, delay %v: %.2f, want %v to %v", tc.loss, tc.delay, got, tc.low, tc.high)
		}
	}
}
