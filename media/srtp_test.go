package media

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtcp"

	"tandem/call"
	"tandem/media/codec"
	"tandem/media/sdp"
	"tandem/media/srtp"
)

// safePhone is a phone that speaks SRTP under a key of its own.
type safePhone struct {
	*phone
	key sdp.Crypto
	out *srtp.Sender
	in  *srtp.Receiver
}

func newSafePhone(t testing.TB, suite string) *safePhone {
	t.Helper()
	p := &safePhone{phone: newPhone(t, codec.PCMA)}
	p.rekey(suite)
	return p
}

// rekey gives the phone a new key.
func (p *safePhone) rekey(suite string) {
	p.t.Helper()
	for _, key := range sdp.NewCrypto() {
		if key.Suite == suite {
			p.key = key
		}
	}
	p.key.Tag = 4
	own, _ := srtp.SuiteOf(suite)
	var err error
	if p.out, err = srtp.NewSender(own, p.key.Key); err != nil {
		p.t.Fatal(err)
	}
}

// offer describes the phone over a protocol, with its key.
func (p *safePhone) offer(proto string) []byte {
	body := strings.Replace(string(p.sdp("sendrecv", 101)), "RTP/AVP", proto, 1)
	return fmt.Appendf(nil, "%sa=crypto:%s\r\n", body, p.key)
}

// answered aims the phone at what the engine said and takes its key.
func (p *safePhone) answered(body []byte) sdp.Crypto {
	p.t.Helper()
	p.phone.answered(body)
	d, err := sdp.Parse(body)
	if err != nil {
		p.t.Fatal(err)
	}
	for _, key := range d.Crypto {
		if key.Suite == p.key.Suite {
			own, _ := srtp.SuiteOf(key.Suite)
			if p.in, err = srtp.NewReceiver(own, key.Key, nil); err != nil {
				p.t.Fatal(err)
			}
			return key
		}
	}
	p.t.Fatalf("no key in %s", body)
	return sdp.Crypto{}
}

func (p *safePhone) open(e *Engine, id call.LegID, proto string) {
	p.t.Helper()
	body, err := e.Open(id, call.MediaSpec{Remote: p.offer(proto), User: "ana", Source: "127.0.0.1", Secure: true})
	if err != nil {
		p.t.Fatal(err)
	}
	p.answered(body)
}

// sealed is the phone's next packet of audio.
func (p *safePhone) sealed(payload []byte) []byte {
	p.t.Helper()
	b, err := p.out.Protect(p.packet(uint8(p.law), payload))
	if err != nil {
		p.t.Fatal(err)
	}
	return b
}

func (p *safePhone) say(payload []byte) { p.write(p.sealed(payload)) }

// hear returns the next RTP packet that comes; all that comes has to be SRTP.
func (p *safePhone) hear() packet {
	p.t.Helper()
	for {
		b := p.next()
		if isRTCP(b) {
			continue
		}
		plain, err := p.in.Unprotect(b)
		if err != nil {
			p.t.Fatalf("%x: %v", b, err)
		}
		got, ok := parsePacket(plain)
		if !ok {
			p.t.Fatalf("not RTP: %x", plain)
		}
		return got
	}
}

// next returns the next datagram.
func (p *safePhone) next() []byte {
	p.t.Helper()
	if err := p.udp.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		p.t.Fatal(err)
	}
	b := make([]byte, 2048)
	n, err := p.udp.Read(b)
	if err != nil {
		p.t.Fatal(err)
	}
	return b[:n]
}

func safeEngine(t *testing.T, wanted Encryption) *Engine {
	t.Helper()
	return startEngine(t, Options{
		UserEncryption: map[string]Encryption{"ana": wanted}, TrunkEncryption: map[string]Encryption{"carrier": wanted},
	})
}

// conversation has both sides say and hear numbered packets.
func conversation(t *testing.T, contact *phone, person *safePhone, from, to int) {
	t.Helper()
	for i := from; i < to; i++ {
		person.say(pattern(i))
		if got := contact.hear(); !bytes.Equal(got.payload, pattern(i)) {
			t.Fatalf("packet %d to the contact: %x", i, got.payload)
		}
		contact.say(pattern(i))
		if got := person.hear(); !bytes.Equal(got.payload, pattern(i)) {
			t.Fatalf("packet %d to the person: %x", i, got.payload)
		}
	}
}

// wired connects a contact in plain RTP with a person in SRTP.
func wiredSafely(t *testing.T, e *Engine, suite, proto string) (call.ID, *phone, *safePhone) {
	t.Helper()
	id := call.ID("call")
	contact, person := newPhone(t, codec.PCMA), newSafePhone(t, suite)
	contact.open(e, id.Leg(1))
	person.open(e, id.Leg(2), proto)
	e.Wire(id, both(id.Leg(1), id.Leg(2)))
	e.Tap(id, "", "", nil) // waits until the wiring is in force
	return id, contact, person
}

// Plain on one side, encrypted on the other, across the wrap of the sequence
// numbers, and a thousand packets with bad tags in between.
func TestSRTPConversation(t *testing.T) {
	for _, suite := range []string{sdp.SuiteAESCM, sdp.SuiteGCM} {
		for _, proto := range []string{"RTP/SAVP", "RTP/AVP"} {
			t.Run(suite+" over "+proto, func(t *testing.T) {
				e := safeEngine(t, EncryptionOptional)
				_, contact, person := wiredSafely(t, e, suite, proto)
				conversation(t, contact, person, 0, 30)
				for i := range 1000 {
					b := person.packet(uint8(person.law), pattern(i))
					person.seq-- // the number is still free
					person.write(append(b, make([]byte, 16)...))
					if i%100 == 0 {
						conversation(t, contact, person, i, i+1)
					}
				}
				conversation(t, contact, person, 30, 90)
				if n := e.workers[0].counters.forged.Load(); n == 0 {
					t.Error("no forgery was counted")
				}
			})
		}
	}
}

// A session refresh with the same keys changes nothing, a new key of the peer
// holds at once, and ours stays.
func TestSRTPRekey(t *testing.T) {
	e := safeEngine(t, EncryptionRequired)
	id, contact, person := wiredSafely(t, e, sdp.SuiteAESCM, "RTP/SAVP")
	conversation(t, contact, person, 0, 50) // its sequence numbers wrap
	in := person.in
	again := func(proto string) sdp.Crypto {
		t.Helper()
		body, _, err := e.Reoffer(id.Leg(2), person.offer(proto))
		if err != nil {
			t.Fatal(err)
		}
		e.Tap(id, "", "", nil)
		key := person.answered(body)
		person.in = in
		return key
	}
	first := again("RTP/SAVP")
	conversation(t, contact, person, 50, 60)
	person.rekey(sdp.SuiteAESCM)
	if second := again("RTP/SAVP"); !bytes.Equal(first.Key, second.Key) {
		t.Error("our key changed")
	}
	conversation(t, contact, person, 60, 70)
	if _, _, err := e.Reoffer(id.Leg(2), person.sdp("sendrecv", 101)); !errors.Is(err, sdp.ErrPlain) {
		t.Errorf("plain instead: %v", err)
	}
	conversation(t, contact, person, 70, 80)
}

// A packet that comes twice is passed on once.
func TestSRTPReplay(t *testing.T) {
	e := safeEngine(t, EncryptionRequired)
	_, contact, person := wiredSafely(t, e, sdp.SuiteGCM, "RTP/SAVP")
	conversation(t, contact, person, 0, 5)
	b := person.sealed(pattern(5))
	person.write(b)
	person.write(b)
	person.say(pattern(6))
	for i := 5; i < 7; i++ {
		if got := contact.hear(); !bytes.Equal(got.payload, pattern(i)) {
			t.Fatalf("packet %d: %x", i, got.payload)
		}
	}
}

// Our goodbye, and all RTCP with it, is encrypted.
func TestSRTCP(t *testing.T) {
	e := safeEngine(t, EncryptionRequired)
	id, contact, person := wiredSafely(t, e, sdp.SuiteAESCM, "RTP/SAVP")
	conversation(t, contact, person, 0, 5)
	report, err := rtcp.Marshal([]rtcp.Packet{&rtcp.ReceiverReport{SSRC: person.ssrc}})
	if err != nil {
		t.Fatal(err)
	}
	bad := append(bytes.Clone(report), make([]byte, 14)...)
	if report, err = person.out.ProtectRTCP(report); err != nil {
		t.Fatal(err)
	}
	person.write(bad)
	person.write(report)
	conversation(t, contact, person, 5, 6)
	var read time.Duration
	e.workers[0].ask(func(time.Duration) { read = e.line(id.Leg(2)).leg.reports.read })
	if read == 0 {
		t.Error("the report was not read")
	}
	if n := e.workers[0].counters.forged.Load(); n != 1 {
		t.Errorf("%d forgeries", n)
	}
}

// What is offered, and what is refused, by setting and signalling.
func TestSRTPPolicy(t *testing.T) {
	plain, safe := newPhone(t, codec.PCMA), newSafePhone(t, sdp.SuiteAESCM)
	for _, c := range []struct {
		wanted Encryption
		secure bool
		proto  string // of our offer, "" when there is none
		keys   bool   // in it
		err    error
		plain  error // of an answer to a plain offer
		safe   error // of an answer to one of SRTP
	}{
		{EncryptionOff, true, "RTP/AVP", false, nil, nil, sdp.ErrSRTP},
		{EncryptionOff, false, "RTP/AVP", false, nil, nil, sdp.ErrSRTP},
		{EncryptionOptional, true, "RTP/AVP", true, nil, nil, nil},
		{EncryptionOptional, false, "RTP/AVP", false, nil, nil, nil},
		{EncryptionRequired, true, "RTP/SAVP", true, nil, sdp.ErrPlain, nil},
		{EncryptionRequired, false, "", false, ErrExposed, ErrExposed, ErrExposed},
	} {
		for _, spec := range []call.MediaSpec{{User: "ana"}, {Trunk: "carrier"}} {
			name := fmt.Sprintf("%d secure=%t %+v", c.wanted, c.secure, spec)
			e := safeEngine(t, c.wanted)
			spec.Secure, spec.Source = c.secure, "127.0.0.1"
			body, err := e.Open("c-1", spec)
			if !errors.Is(err, c.err) {
				t.Errorf("%s: %v", name, err)
			}
			if c.proto != "" && (!strings.Contains(string(body), c.proto+" ") || strings.Contains(string(body), "a=crypto") != c.keys) {
				t.Errorf("%s: offers %s", name, body)
			}
			spec.Remote = plain.sdp("sendrecv", 101)
			if _, err := e.Open("c-2", spec); !errors.Is(err, c.plain) {
				t.Errorf("%s, plain offer: %v", name, err)
			}
			spec.Remote = safe.offer("RTP/SAVP")
			if _, err := e.Open("c-3", spec); !errors.Is(err, c.safe) {
				t.Errorf("%s, safe offer: %v", name, err)
			}
		}
	}
}

// The peer's answer to our offer sets the keys.
func TestSRTPAccepted(t *testing.T) {
	e := safeEngine(t, EncryptionRequired)
	id := call.ID("call")
	contact, person := newPhone(t, codec.PCMA), newSafePhone(t, sdp.SuiteGCM)
	contact.open(e, id.Leg(1))
	body, err := e.Open(id.Leg(2), call.MediaSpec{User: "ana", Source: "127.0.0.1", Secure: true})
	if err != nil {
		t.Fatal(err)
	}
	person.key.Tag = person.answered(body).Tag
	if err := e.Accept(id.Leg(2), person.sdp("sendrecv", 101), "127.0.0.1"); !errors.Is(err, sdp.ErrPlain) {
		t.Errorf("plain answer: %v", err)
	}
	if err := e.Accept(id.Leg(2), person.offer("RTP/SAVP"), "127.0.0.1"); err != nil {
		t.Fatal(err)
	}
	e.Wire(id, both(id.Leg(1), id.Leg(2)))
	e.Tap(id, "", "", nil)
	conversation(t, contact, person, 0, 20)
}

// safeScene is a conversation both sides of which are encrypted.
func safeScene(t testing.TB, suite string) (slot func()) {
	t.Helper()
	s := newScene(t, 2, both(contactLeg, personLeg)...)
	var peers []*srtp.Sender
	for _, x := range s.ends {
		p := newSafePhone(t, suite)
		agreed, err := new(ciphers).agree(&sdp.Keys{Suite: suite, Ours: p.key.Key, Theirs: p.key.Key})
		if err != nil {
			t.Fatal(err)
		}
		x.leg.terms.srtp = agreed
		peers = append(peers, p.out)
	}
	buffer := make([]byte, maxDatagram+headerSize+srtp.MaxOverhead)
	return func() {
		for i, x := range s.ends {
			p := x.next(s.payload[:])
			b, err := peers[i].Protect(p.write(buffer))
			if err != nil {
				t.Fatal(err)
			}
			x.leg.receive(s.desk.now, x.addr, b)
		}
		s.desk.advance(tickLength)
	}
}

func TestSRTPAllocatesNothing(t *testing.T) {
	for _, suite := range []string{sdp.SuiteAESCM, sdp.SuiteGCM} {
		slot := safeScene(t, suite)
		for range 50 {
			slot()
		}
		if n := testing.AllocsPerRun(500, slot); n != 0 {
			t.Errorf("%s: %v allocations in 20 ms", suite, n)
		}
	}
}

// BenchmarkSRTP is 20 ms of a call that is encrypted on both sides; the peers'
// own encryption of their two packets is in it.
func BenchmarkSRTP(b *testing.B) {
	for _, suite := range []string{sdp.SuiteAESCM, sdp.SuiteGCM} {
		b.Run(suite, func(b *testing.B) {
			slot := safeScene(b, suite)
			b.ReportAllocs()
			for b.Loop() {
				slot()
			}
		})
	}
}
