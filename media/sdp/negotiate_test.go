package sdp

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tandem/media/codec"
)

func TestOffer(t *testing.T) {
	l := local()
	golden(t, "offer.sdp", Offer(l))
	l.Laws, l.TelephoneEvent, l.Direction = []codec.Law{codec.PCMU}, NoPayloadType, SendOnly
	l.RTCP, l.RTCPMux = 20009, true
	golden(t, "offer_narrow.sdp", Offer(l))
}

// Two of us agree, whatever each of them wants, and see each other's choice.
func TestOfferAnswerAccept(t *testing.T) {
	both := [][]codec.Law{nil, {codec.PCMA}, {codec.PCMU}, {codec.PCMU, codec.PCMA}}
	directions := []Direction{Inactive, SendOnly, RecvOnly, SendRecv}
	for _, laws := range both {
		for _, theirs := range both {
			for _, we := range directions {
				for _, they := range directions {
					a, b := local(), local()
					a.Laws, b.Laws, a.Direction, b.Direction = laws, theirs, we, they
					b.Address, b.Port, b.TelephoneEvent = netip.MustParseAddr("192.0.2.2"), 30000, 96
					agree(t, a, b)
				}
			}
		}
	}
}

func agree(t *testing.T, a, b Local) {
	t.Helper()
	offer, err := Parse(Offer(a))
	if err != nil {
		t.Fatal(err)
	}
	body, chosen, err := Answer(b, offer)
	if len(a.Laws) == 1 && len(b.Laws) == 1 && a.Laws[0] != b.Laws[0] {
		if !errors.Is(err, ErrNoCommonCodec) {
			t.Errorf("%v and %v: %v", a.Laws, b.Laws, err)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	answer, err := Parse(body)
	if err != nil {
		t.Fatal(err)
	}
	accepted, err := Accept(a, answer)
	if err != nil {
		t.Fatal(err)
	}
	if accepted.Law != chosen.Law || accepted.PayloadType != chosen.PayloadType || accepted.TelephoneEvent != 101 || chosen.TelephoneEvent != 101 {
		t.Errorf("we have %+v, they have %+v", accepted, chosen)
	}
	if want := a.Direction & b.Direction.Mirror(); accepted.Direction != want || chosen.Direction != want.Mirror() {
		t.Errorf("%s against %s: we %s, they %s", a.Direction, b.Direction, accepted.Direction, chosen.Direction)
	}
	if accepted.Remote != netip.AddrPortFrom(b.Address, b.Port) || chosen.Remote != netip.AddrPortFrom(a.Address, a.Port) {
		t.Errorf("remotes %v and %v", accepted.Remote, chosen.Remote)
	}
	if accepted.RemoteRTCP.Port() != b.Port+1 {
		t.Errorf("RTCP to %v", accepted.RemoteRTCP)
	}
}

func TestDirections(t *testing.T) {
	for _, tt := range []struct {
		d, mirror       Direction
		name            string
		sends, receives bool
	}{
		{SendRecv, SendRecv, "sendrecv", true, true}, {SendOnly, RecvOnly, "sendonly", true, false},
		{RecvOnly, SendOnly, "recvonly", false, true}, {Inactive, Inactive, "inactive", false, false},
	} {
		if tt.d.Mirror() != tt.mirror || tt.d.String() != tt.name || tt.d.Sends() != tt.sends || tt.d.Receives() != tt.receives {
			t.Errorf("%s mirrors to %s", tt.d, tt.d.Mirror())
		}
	}
}

func TestHoldAndResume(t *testing.T) {
	for _, tt := range []struct {
		lines []string
		held  bool
		want  Direction
	}{
		{[]string{"m=audio 6000 RTP/AVP 0"}, false, SendRecv},
		{[]string{"a=sendonly", "m=audio 6000 RTP/AVP 0"}, true, RecvOnly},
		{[]string{"a=sendonly", "m=audio 6000 RTP/AVP 0", "a=sendrecv"}, false, SendRecv},
		{[]string{"m=audio 6000 RTP/AVP 0", "a=inactive"}, true, Inactive},
		{[]string{"m=audio 6000 RTP/AVP 0", "a=recvonly"}, false, SendOnly},
		{[]string{"m=audio 6000 RTP/AVP 0", "c=IN IP4 0.0.0.0", "a=inactive"}, true, Inactive},
		{[]string{"m=audio 6000 RTP/AVP 0", "c=IN IP6 ::"}, true, RecvOnly},
	} {
		d, err := Parse(body(tt.lines...))
		if err != nil {
			t.Fatal(err)
		}
		if _, c, err := Answer(local(), d); err != nil || d.Held() != tt.held || c.Direction != tt.want {
			t.Errorf("%v: held %v, %s, %v", tt.lines, d.Held(), c.Direction, err)
		}
	}
}

func TestTelephoneEventsCanBeLeftOut(t *testing.T) {
	d, err := Parse(read(t, "carrier.sdp"))
	if err != nil {
		t.Fatal(err)
	}
	l := local()
	l.TelephoneEvent = NoPayloadType
	answer, c, err := Answer(l, d)
	if err != nil || c.TelephoneEvent != NoPayloadType || strings.Contains(string(answer), "telephone-event") {
		t.Errorf("%+v, %v\n%s", c, err, answer)
	}
	if c, err := Accept(l, d); err != nil || c.TelephoneEvent != NoPayloadType {
		t.Errorf("%+v, %v", c, err)
	}
}

func TestCheckRemote(t *testing.T) {
	policy := func(source string) Policy {
		return Policy{
			Source: netip.MustParseAddr(source), Own: []netip.Addr{netip.MustParseAddr("192.0.2.1")},
			FirstOwn: 20000, LastOwn: 29999,
		}
	}
	for _, tt := range []struct {
		remote, source string
		sameHost, ok   bool
	}{
		{"203.0.113.5:4000", "203.0.113.5", false, true},
		{"203.0.113.5:4000", "203.0.113.9", false, true},
		{"203.0.113.5:4000", "203.0.113.9", true, false},
		{"10.1.2.3:4000", "203.0.113.9", true, true},
		{"203.0.113.5:0", "203.0.113.5", false, false},
		{"0.0.0.0:4000", "203.0.113.5", true, true},
		{"[::]:4000", "203.0.113.5", false, true},
		{"224.1.1.1:4000", "203.0.113.5", false, false},
		{"[ff02::1]:4000", "203.0.113.5", false, false},
		{"255.255.255.255:4000", "203.0.113.5", false, false},
		{"127.0.0.1:4000", "203.0.113.5", false, false},
		{"[::1]:4000", "203.0.113.5", false, false},
		{"[::ffff:127.0.0.1]:4000", "203.0.113.5", false, false},
		{"127.0.0.1:4000", "127.0.0.1", true, true},
		{"127.0.0.1:4000", "192.0.2.1", true, true},
		{"127.0.0.1:20000", "127.0.0.1", false, false},
		{"192.0.2.1:20500", "203.0.113.5", false, false},
		{"[::ffff:192.0.2.1]:29999", "203.0.113.5", false, false},
		{"192.0.2.1:4000", "192.0.2.1", true, true},
		{"192.0.2.1:5060", "203.0.113.5", false, false},
		{"[::ffff:192.0.2.1]:5060", "203.0.113.5", false, false},
		{"169.254.169.254:80", "203.0.113.5", false, false},
		{"[fe80::1]:4000", "fe80::2", false, true},
	} {
		p := policy(tt.source)
		p.SameHost = tt.sameHost
		err := CheckRemote(netip.MustParseAddrPort(tt.remote), p)
		if (err == nil) != tt.ok || err != nil && !errors.Is(err, ErrRemote) {
			t.Errorf("%s from %s, same host %v: %v", tt.remote, tt.source, tt.sameHost, err)
		}
	}
	if err := CheckRemote(netip.AddrPort{}, policy("127.0.0.1")); !errors.Is(err, ErrRemote) {
		t.Errorf("no address: %v", err)
	}
}

// What parses can be answered or is refused with a named reason; an answer has the
// offer's streams in its order, parses again, and is accepted.
func FuzzParse(f *testing.F) {
	files, err := filepath.Glob("testdata/*.sdp")
	if err != nil || len(files) == 0 {
		f.Fatal("no seeds", err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		offer, err := Parse(data)
		if err != nil {
			if !errors.Is(err, ErrBadSDP) && !errors.Is(err, ErrNoAudio) {
				t.Fatalf("unnamed error %v", err)
			}
			return
		}
		body, chosen, err := Answer(local(), offer)
		if err != nil {
			if !errors.Is(err, ErrNoAudio) && !errors.Is(err, ErrSRTP) && !errors.Is(err, ErrNoCommonCodec) {
				t.Fatalf("unnamed error %v", err)
			}
			return
		}
		answer, err := Parse(body)
		if err != nil {
			t.Fatalf("our own answer: %v\n%s", err, body)
		}
		if len(answer.Streams) != len(offer.Streams) || answer.Audio != offer.Audio {
			t.Fatalf("%d streams answered with %d\n%s", len(offer.Streams), len(answer.Streams), body)
		}
		for i, m := range answer.Streams {
			if m.Kind != offer.Streams[i].Kind || (i == offer.Audio) != (m.Port != 0) {
				t.Fatalf("stream %d: %+v for %+v", i, m, offer.Streams[i])
			}
		}
		accepted, err := Accept(local(), answer)
		if err != nil || accepted.Law != chosen.Law || accepted.PayloadType != chosen.PayloadType || accepted.TelephoneEvent != chosen.TelephoneEvent {
			t.Fatalf("accepted %+v of %+v: %v", accepted, chosen, err)
		}
	})
}

func BenchmarkParseAnswer(b *testing.B) {
	data, err := os.ReadFile("testdata/softphone.sdp")
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		offer, err := Parse(data)
		if err != nil {
			b.Fatal(err)
		}
		if _, _, err := Answer(local(), offer); err != nil {
			b.Fatal(err)
		}
	}
}
