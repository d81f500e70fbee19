package srtp

// windowSize is how far behind the newest packet one may be (RFC 3711 section
// 3.3.2 asks for 64 at least).
const windowSize = 128

// window remembers which of the newest packets there were. The zero value knows
// of none.
type window struct {
	begun     bool
	highest   uint64
	low, high uint64 // bit i: highest-i, and highest-64-i
}

// fresh tells whether a packet may be new.
func (w *window) fresh(index uint64) bool {
	if !w.begun || index > w.highest {
		return true
	}
	switch age := w.highest - index; {
	case age < 64:
		return w.low>>age&1 == 0
	case age < windowSize:
		return w.high>>(age-64)&1 == 0
	}
	return false
}

// mark takes note of a packet that is fresh.
func (w *window) mark(index uint64) {
	if !w.begun {
		w.begun, w.highest = true, index
	}
	if index > w.highest {
		w.shift(index - w.highest)
		w.highest = index
	}
	if age := w.highest - index; age < 64 {
		w.low |= 1 << age
	} else {
		w.high |= 1 << (age - 64)
	}
}

// shift makes room for n newer packets, one at least.
func (w *window) shift(n uint64) {
	if n >= 64 {
		w.high, w.low = w.low<<(n-64), 0 // all zero from 128 on
		return
	}
	w.high, w.low = w.high<<n|w.low>>(64-n), w.low<<n
}

// guess returns the index of a sequence number, the one nearest to the newest
// (RFC 3711 section 3.3.1); false when it is from before the first.
func (w *window) guess(seq uint16) (uint64, bool) {
	index := int64(w.highest) + int64(int16(seq-uint16(w.highest)))
	return uint64(index), index >= 0 && index <= maxIndex
}
