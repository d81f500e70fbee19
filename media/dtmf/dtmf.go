// Package dtmf owns key presses carried in RTP as telephone events (RFC 4733):
// it reads a stream of event packets into keys, each exactly once, and makes the
// packets of a key press. Inband tones are not looked for.
package dtmf

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
)

// Flash is the key that stands for a hook flash, event 16.
const Flash = '!'

// keys lists the keys by event code (RFC 4733 section 3.2).
const keys = "0123456789*#ABCD!"

// PayloadSize is the length of one event's payload in bytes.
const PayloadSize = 4

// ErrShort says that a payload has less than PayloadSize bytes.
var ErrShort = errors.New("telephone event shorter than 4 bytes")

// Event is the payload of one telephone-event packet (RFC 4733 section 2.3).
type Event struct {
	Code     uint8  // 0-9 digits, 10 *, 11 #, 12-15 A-D, 16 flash
	End      bool   // the key has been let go
	Volume   uint8  // power below 0 dBm0, in dB, 0-63
	Duration uint16 // since the event's timestamp, in samples of the RTP clock
}

// Parse reads the first event of a payload. The reserved bit is ignored, as the
// RFC wants; codes beyond the keys are returned as they are.
func Parse(payload []byte) (Event, error) {
	if len(payload) < PayloadSize {
		return Event{}, fmt.Errorf("%w: %d", ErrShort, len(payload))
	}
	return Event{
		Code:     payload[0],
		End:      payload[1]&0x80 != 0,
		Volume:   payload[1] & 0x3F,
		Duration: binary.BigEndian.Uint16(payload[2:]),
	}, nil
}

// Marshal returns the event's payload.
func (e Event) Marshal() [PayloadSize]byte {
	p := [PayloadSize]byte{e.Code, e.Volume & 0x3F}
	if e.End {
		p[1] |= 0x80
	}
	binary.BigEndian.PutUint16(p[2:], e.Duration)
	return p
}

// Key returns the key of the event; false when the code is not a key.
func (e Event) Key() (byte, bool) {
	if int(e.Code) >= len(keys) {
		return 0, false
	}
	return keys[e.Code], true
}

// Code returns the event code of a key: 0-9 * # A-D (or a-d) and Flash.
func Code(key byte) (uint8, bool) {
	if key >= 'a' && key <= 'd' {
		key -= 'a' - 'A'
	}
	i := strings.IndexByte(keys, key)
	return uint8(max(i, 0)), i >= 0
}
