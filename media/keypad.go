package media

import (
	"time"

	"tandem/media/dtmf"
)

const (
	// pressLength is how long a key is told to a listener of a mix: 100 ms.
	pressLength = 5 * dtmf.Step
	// keyPause is what listeners need to tell two keys apart.
	keyPause = 60 * time.Millisecond
	// maxKeys bounds the keys that wait; those beyond are lost.
	maxKeys = 16
)

// keypad tells a peer keys one after another, however fast they were pressed.
// The zero value is idle.
type keypad struct {
	press   dtmf.Sender
	began   uint32 // timestamp of the key press
	waiting [maxKeys]byte
	count   int           // of waiting
	rested  time.Duration // when the next key may begin
}

// add lets a key wait for its turn.
func (k *keypad) add(key byte) {
	if k.count < maxKeys {
		k.waiting[k.count] = key
		k.count++
	}
}

// busy tells whether a key is being told at this tick; the next one that waits
// is begun when it is time.
func (k *keypad) busy(now time.Duration) bool {
	if k.press.Busy() || k.count == 0 || now < k.rested {
		return k.press.Busy()
	}
	_ = k.press.Start(k.waiting[0], pressLength) // it came out of dtmf, so it is a key
	copy(k.waiting[:], k.waiting[1:k.count])
	k.count--
	return true
}
