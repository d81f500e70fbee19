package media

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"tandem/call"
	"tandem/media/sdp"
)

// offer describes audio at an address; more lines follow it.
func offer(address string, port int, formats string, more ...string) []byte {
	family := "IP4"
	if strings.Contains(address, ":") {
		family = "IP6"
	}
	return fmt.Appendf(nil, "v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN %s %s\r\nt=0 0\r\nm=audio %d RTP/AVP %s\r\n%s",
		family, address, port, formats, strings.Join(more, ""))
}

// What is refused is refused for the offer's sake (488), never for want of ports
// (503), and leaves every port as it was.
func TestRefusedOffersLeaveNoPortBehind(t *testing.T) {
	const here, afar, third = "127.0.0.1", "198.51.100.7", "203.0.113.7"
	trunk := func(body []byte, source string) call.MediaSpec {
		return call.MediaSpec{Remote: body, Source: source, Trunk: "carrier"}
	}
	phone := func(body []byte, source string) call.MediaSpec {
		return call.MediaSpec{Remote: body, Source: source}
	}
	tests := map[string]struct {
		spec call.MediaSpec
		want error
	}{
		"no common codec":         {phone(offer(here, 4000, "18 3"), here), sdp.ErrNoCommonCodec},
		"port 0":                  {phone(offer(here, 0, "8"), here), sdp.ErrNoAudio},
		"port 65536":              {phone(offer(here, 65536, "8"), here), sdp.ErrBadSDP},
		"500 streams":             {phone(offer(here, 4000, "8", strings.Repeat("m=audio 4000 RTP/AVP 8\r\n", 499)), here), sdp.ErrBadSDP},
		"ptime 0":                 {phone(offer(here, 4000, "8", "a=ptime:0\r\n"), here), sdp.ErrBadSDP},
		"multicast":               {phone(offer("224.0.0.1", 4000, "8"), here), sdp.ErrRemote},
		"multicast with TTL":      {trunk(offer("224.0.0.1/127", 4000, "8"), afar), sdp.ErrBadSDP},
		"multicast, IPv6":         {trunk(offer("ff02::1", 4000, "8"), afar), sdp.ErrRemote},
		"broadcast":               {trunk(offer("255.255.255.255", 4000, "8"), afar), sdp.ErrRemote},
		"loopback from afar":      {trunk(offer(here, 4000, "8"), afar), sdp.ErrRemote},
		"loopback, IPv6":          {trunk(offer("::1", 4000, "8"), afar), sdp.ErrRemote},
		"loopback, mapped":        {trunk(offer("::ffff:127.0.0.1", 4000, "8"), afar), sdp.ErrRemote},
		"our media port":          {phone(offer(here, 24002, "8"), here), sdp.ErrRemote},
		"our address, SIP":        {trunk(offer("192.0.2.77", 5060, "8"), afar), sdp.ErrRemote},
		"our address, a neighbor": {phone(offer("192.0.2.77", 4000, "8"), "10.1.2.3"), sdp.ErrRemote},
		"a third host":            {phone(offer(third, 4000, "8"), afar), sdp.ErrRemote},
		"a third host, nearby":    {trunk(offer(third, 4000, "8"), here), sdp.ErrRemote},
		"nonsense":                {phone([]byte("hello"), here), sdp.ErrBadSDP},
		"empty":                   {phone([]byte{}, here), sdp.ErrBadSDP},
	}
	eachIO(t, func(t *testing.T, io func() (PacketIO, error)) {
		e := startEngine(t, Options{
			PacketIO: io, From: 24000, To: 24007, External: netip.MustParseAddr("192.0.2.77"),
		})
		for name, tc := range tests {
			for range 20 {
				_, err := e.Open("call-1", tc.spec)
				if !errors.Is(err, tc.want) || errors.Is(err, call.ErrExhausted) {
					t.Fatalf("%s: %v, want %v", name, err, tc.want)
				}
			}
		}
		fourLegsFit(t, e)
	})
}

func TestNoCommonCodecAThousandTimesLeavesEveryPortFree(t *testing.T) {
	e := startEngine(t, Options{From: 24000, To: 24007})
	for n := range 1000 {
		_, err := e.Open(call.ID("call").Leg(n), call.MediaSpec{Remote: offer("127.0.0.1", 4000, "18"), Source: "127.0.0.1"})
		if !errors.Is(err, sdp.ErrNoCommonCodec) || errors.Is(err, call.ErrExhausted) {
			t.Fatalf("offer %d: %v", n, err)
		}
	}
	fourLegsFit(t, e)
}

// fourLegsFit checks that an engine of four pairs of ports has no leg and room for
// four, no more.
func fourLegsFit(t *testing.T, e *Engine) {
	t.Helper()
	if n := e.Legs(); n != 0 {
		t.Errorf("%d legs left", n)
	}
	for i := range 4 {
		if _, err := e.Open(call.ID("call").Leg(i+1), call.MediaSpec{}); err != nil {
			t.Fatalf("leg %d of 4: %v", i+1, err)
		}
	}
	if _, err := e.Open("call-5", call.MediaSpec{}); !errors.Is(err, ErrNoPorts) || !errors.Is(err, call.ErrExhausted) {
		t.Errorf("a fifth leg in four pairs: %v", err)
	}
	e.Close("call-1")
	if _, err := e.Open("call-5", call.MediaSpec{}); !errors.Is(err, ErrNoPorts) {
		t.Errorf("a port that rests was used again: %v", err)
	}
}
