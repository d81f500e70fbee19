package sdp

import (
	"fmt"
	"slices"

	"tandem/media/codec"
)

// defaultPtime is the packet time of everything we send, in milliseconds.
const defaultPtime = 20

// defaultEvent is the payload type at which we offer telephone events, the one
// that nearly everybody uses.
const defaultEvent = 101

func (l Local) laws() []codec.Law {
	if len(l.Laws) == 0 {
		return []codec.Law{codec.PCMA, codec.PCMU}
	}
	return l.Laws
}

func (l Local) event() uint8 {
	if l.TelephoneEvent == 0 {
		return defaultEvent
	}
	return l.TelephoneEvent
}

// Answer answers a peer's offer (RFC 3264 section 6): as many streams in the same
// order, all but the audio declined; one codec, so that it never changes
// mid-call; the direction mirrored and narrowed to what local wants. The error
// wraps ErrNoAudio, ErrSRTP, ErrPlain or ErrNoCommonCodec.
func Answer(local Local, offer Description) ([]byte, Chosen, error) {
	if err := offer.usable(); err != nil {
		return nil, Chosen{}, err
	}
	keys, err := local.agreeKeys(&offer, false)
	if err != nil {
		return nil, Chosen{}, err
	}
	format, law, ok := choose(offer.Formats, local.laws(), local.Preferred)
	if !ok {
		return nil, Chosen{}, fmt.Errorf("%w in %s", ErrNoCommonCodec, offer.Streams[offer.Audio].Formats)
	}
	c := local.agree(offer, format, law)
	c.Keys = keys
	c.TelephoneEvent = offer.TelephoneEvent
	if local.event() == NoPayloadType {
		c.TelephoneEvent = NoPayloadType
	}
	return local.writeAnswer(offer, c), c, nil
}

// Accept takes a peer's answer to the offer that Offer made of the same local.
// Only what was offered can be agreed on. The error wraps ErrNoAudio, ErrSRTP, ErrPlain
// or ErrNoCommonCodec.
func Accept(local Local, answer Description) (Chosen, error) {
	if err := answer.usable(); err != nil {
		return Chosen{}, err
	}
	keys, err := local.agreeKeys(&answer, true)
	if err != nil {
		return Chosen{}, err
	}
	format, law, ok := choose(answer.Formats, local.laws(), nil)
	if !ok {
		return Chosen{}, fmt.Errorf("%w in %s", ErrNoCommonCodec, answer.Streams[answer.Audio].Formats)
	}
	c := local.agree(answer, format, law)
	c.Keys = keys
	if local.event() != NoPayloadType {
		c.TelephoneEvent = answer.TelephoneEvent
	}
	return c, nil
}

// usable tells why a description's audio cannot be talked about, if so.
func (d *Description) usable() error {
	if d.Audio >= len(d.Streams) || d.Port == 0 {
		return ErrNoAudio
	}
	return nil
}

// agree fills in what offer and answer have in common.
func (l Local) agree(d Description, f Format, law codec.Law) Chosen {
	c := Chosen{
		Law:            law,
		PayloadType:    f.PayloadType,
		TelephoneEvent: NoPayloadType,
		ComfortNoise:   d.ComfortNoise,
		Remote:         d.Remote(),
		RemoteRTCP:     d.RTCP,
		RTCPMux:        l.RTCPMux && d.RTCPMux,
		Direction:      l.Direction & d.effective().Mirror(),
		Ptime:          d.Ptime,
	}
	if c.RTCPMux {
		c.RemoteRTCP = c.Remote
	}
	if c.Ptime == 0 {
		c.Ptime = defaultPtime
	}
	return c
}

// choose picks a format that we speak: by our preference if we have one, else the
// first in the peer's order.
func choose(formats []Format, laws, preferred []codec.Law) (Format, codec.Law, bool) {
	for _, want := range preferred {
		for _, f := range formats {
			if law, ok := f.law(); ok && law == want && slices.Contains(laws, law) {
				return f, law, true
			}
		}
	}
	for _, f := range formats {
		if law, ok := f.law(); ok && slices.Contains(laws, law) {
			return f, law, true
		}
	}
	return Format{}, 0, false
}
