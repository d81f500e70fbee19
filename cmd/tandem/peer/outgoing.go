package peer

import (
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"net/netip"
	"time"

	"github.com/pion/rtp"
)

const frameTime = 20 * time.Millisecond

// outgoing is the stream sent. Media.watch guards it.
type outgoing struct {
	source  Source
	said    int // samples of source already sent
	ssrc    uint32
	seq     uint16
	stamp   uint32
	marker  bool // on the next packet: the first of a talkspurt
	packets uint32
	octets  uint32
	digits  []byte // not yet sent
	tone    *digit // being sent
	chance  *rand.Rand
	late    []byte // packet held back to be sent after the next
	frame   [frameSamples]int16
}

// digit is one RFC 4733 event under way.
type digit struct {
	event    uint8
	stamp    uint32
	duration uint16 // in timestamp units
	ends     int    // end packets sent
}

// Times of a digit sent: 100 ms of tone, three end packets, 60 ms of pause.
const (
	digitFrames = 5
	endPackets  = 3
)

func newOutgoing(o MediaOptions) outgoing {
	seed := o.Impairment.Seed
	return outgoing{
		source: o.Source,
		ssrc:   rand.Uint32(),
		seq:    uint16(rand.Uint32()),
		stamp:  rand.Uint32(),
		marker: true,
		chance: rand.New(rand.NewPCG(seed, seed^0x9e3779b97f4a7c15)),
	}
}

// Say changes what is said from the next frame on; nil stops sending packets, as a dead phone does.
func (m *Media) Say(s Source) {
	m.watch.Lock()
	defer m.watch.Unlock()
	if m.out.source == nil {
		m.out.marker = true
	}
	m.out.source, m.out.said = s, 0
}

// SendDTMF sends digits (0-9, *, #, A-D) as RFC 4733 events in place of the audio, one after the other, and returns at
// once.
func (m *Media) SendDTMF(digits string) error {
	m.watch.Lock()
	defer m.watch.Unlock()
	if m.event == 0 {
		return errors.New("send DTMF: telephone-event was not agreed on")
	}
	for _, d := range []byte(digits) {
		if _, ok := eventOf(d); !ok {
			return errors.New("send DTMF: " + string(d) + " is no digit")
		}
	}
	m.out.digits = append(m.out.digits, digits...)
	return nil
}

// ChangeSSRC goes on with another SSRC, sequence and timestamp, as after a restart of the sender.
func (m *Media) ChangeSSRC() {
	m.watch.Lock()
	defer m.watch.Unlock()
	m.out.ssrc, m.out.seq, m.out.stamp, m.out.marker = rand.Uint32(), uint16(rand.Uint32()), rand.Uint32(), true
}

// Impair changes what the network does to packets from now on.
func (m *Media) Impair(i Impairment) {
	m.watch.Lock()
	defer m.watch.Unlock()
	m.options.Impairment = i
}

// Inject sends raw bytes from the RTP socket to the other side's RTP address.
func (m *Media) Inject(data []byte) error {
	if m.rtp == nil {
		return errors.New("inject: the audio is with an engine")
	}
	_, err := m.rtp.WriteToUDPAddrPort(data, m.RemoteAddr())
	return err
}

// send is the clock: a frame every 20 ms by absolute deadlines, so that a late one is caught up and the rate holds.
func (m *Media) send() {
	timer := time.NewTimer(frameTime)
	defer timer.Stop()
	report := time.Now().Add(m.options.RTCP)
	for next := time.Now().Add(frameTime); ; next = next.Add(frameTime) {
		timer.Reset(time.Until(next) + m.delay())
		select {
		case <-m.done:
			return
		case <-timer.C:
		}
		m.tick()
		if m.options.RTCP > 0 && time.Now().After(report) {
			report = time.Now().Add(m.options.RTCP)
			m.sendReport()
		}
	}
}

// delay is this frame's jitter.
func (m *Media) delay() time.Duration {
	m.watch.Lock()
	defer m.watch.Unlock()
	most := min(m.options.Impairment.Jitter, frameTime-time.Millisecond)
	if most <= 0 {
		return 0
	}
	return time.Duration(m.out.chance.Int64N(int64(most)))
}

// tick sends the packets of one frame.
func (m *Media) tick() {
	m.watch.Lock()
	defer m.watch.Unlock()
	o := &m.out
	silent := o.source == nil && o.tone == nil && len(o.digits) == 0
	if !m.started || !m.granted || silent {
		o.stamp += frameSamples // the clock runs on, the next packet starts a talkspurt
		o.marker = true
		return
	}
	switch {
	case o.tone != nil:
		m.sendDigit()
	case len(o.digits) > 0 && m.event != 0:
		m.startDigit()
	case o.source != nil:
		m.sendFrame()
	}
	o.stamp += frameSamples
}

func (m *Media) sendFrame() {
	o := &m.out
	o.source(o.said, o.frame[:])
	o.said += frameSamples
	encode := encoders(m.codec)
	payload := make([]byte, frameSamples)
	for i, s := range o.frame {
		payload[i] = encode(s)
	}
	m.packet(m.payload, o.stamp, payload)
}

func (m *Media) startDigit() {
	o := &m.out
	event, _ := eventOf(o.digits[0])
	o.digits = o.digits[1:]
	o.tone = &digit{event: event, stamp: o.stamp}
	o.marker = true // RFC 4733 2.5.1.1
	m.sendDigit()
}

// sendDigit sends one packet of an event: updates of growing duration, then three ends with the same one.
func (m *Media) sendDigit() {
	o, t := &m.out, m.out.tone
	const volume, end = 10, 0x80
	flags := byte(volume)
	if t.duration < digitFrames*frameSamples {
		t.duration += frameSamples
	} else {
		flags |= end
		t.ends++
	}
	payload := []byte{t.event, flags, 0, 0}
	binary.BigEndian.PutUint16(payload[2:], t.duration)
	m.packet(m.event, t.stamp, payload)
	if t.ends == endPackets {
		o.tone = nil
		o.marker = true
	}
}

// packet sends one RTP packet through the impaired network.
func (m *Media) packet(pt uint8, stamp uint32, payload []byte) {
	o := &m.out
	p := rtp.Packet{
		Header:  rtp.Header{Version: 2, Marker: o.marker, PayloadType: pt, SequenceNumber: o.seq, Timestamp: stamp, SSRC: o.ssrc},
		Payload: payload,
	}
	o.seq++
	o.marker = false
	o.packets++
	o.octets += uint32(len(payload))
	data, err := p.Marshal()
	if err != nil {
		return
	}
	bad := m.options.Impairment
	switch {
	case o.chance.Float64() < bad.Loss:
	case o.late == nil && o.chance.Float64() < bad.Reorder:
		o.late = data
		return
	default:
		m.write(data, m.remote)
	}
	if o.late != nil {
		m.write(o.late, m.remote)
		o.late = nil
	}
}

// write ignores errors: a refused datagram is a lost one.
func (m *Media) write(data []byte, to netip.AddrPort) { _, _ = m.rtp.WriteToUDPAddrPort(data, to) }

const eventDigits = "0123456789*#ABCD"

// eventOf is the RFC 4733 event of a key.
func eventOf(key byte) (uint8, bool) {
	for i := range len(eventDigits) {
		if eventDigits[i] == key {
			return uint8(i), true
		}
	}
	return 0, false
}
