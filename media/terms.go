package media

import (
	"net/netip"

	"tandem/media/codec"
	"tandem/media/sdp"
)

// content is what a payload type stands for.
type content uint8

const (
	unknown content = iota
	voice           // G.711
	noise           // comfort noise (RFC 3389)
	event           // telephone event (RFC 4733)
)

// terms are what both sides of a leg agreed on.
type terms struct {
	remote, control netip.AddrPort // where the peer's SDP wants RTP and RTCP

	law                codec.Law // of what we send
	audio, event, calm uint8     // payload types of what we send, or sdp.NoPayloadType
	sends, receives    bool      // as we see it

	srtp *protection // nil: plain RTP

	contents [128]content   // by payload type, of what may come
	laws     [128]codec.Law // of those that are voice
}

// termsOf reads the outcome of a negotiation. Of our own offer every law that the
// peer's answer kept may come.
func termsOf(c sdp.Chosen, peer *sdp.Description, offered bool) *terms {
	t := &terms{
		remote: c.Remote, control: c.RemoteRTCP,
		law: c.Law, audio: c.PayloadType, event: c.TelephoneEvent, calm: c.ComfortNoise,
		sends: c.Direction.Sends() && !c.Remote.Addr().IsUnspecified(), receives: c.Direction.Receives(),
	}
	if t.control.Addr() != t.remote.Addr() { // a third host is nobody's to name
		t.control = netip.AddrPortFrom(t.remote.Addr(), t.remote.Port()+1)
	}
	if offered {
		for _, f := range peer.Formats {
			if law, ok := codec.LawOf(f.PayloadType); ok && f.Name == law.String() {
				t.allow(f.PayloadType, voice, law)
			}
		}
	}
	t.allow(c.TelephoneEvent, event, 0)
	t.allow(c.ComfortNoise, noise, 0)
	t.allow(c.PayloadType, voice, c.Law)
	return t
}

func (t *terms) allow(payloadType uint8, what content, law codec.Law) {
	if int(payloadType) < len(t.contents) {
		t.contents[payloadType], t.laws[payloadType] = what, law
	}
}

// payloadType returns how we send a kind of content, if the peer takes it.
func (t *terms) payloadType(what content) (uint8, bool) {
	pt := t.audio
	switch what {
	case event:
		pt = t.event
	case noise:
		pt = t.calm
	case voice, unknown:
	}
	return pt, pt != sdp.NoPayloadType
}
