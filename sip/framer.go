package sip

import (
	"bytes"
	"io"
	"strconv"
)

// framer finds the messages in a TCP stream (RFC 3261 section 18.3). A header
// section that grows too long, has no or two different Content-Length values,
// or does not look like SIP ends the stream.
type framer struct {
	buf     []byte // what was read and not handed over
	taken   int    // bytes at its start that the last message had
	scanned int    // bytes that hold no end of a header section
	breaks  int    // line ends between messages that no ping was made of
}

const readSize = 4096

// read takes more of the stream.
func (f *framer) read(from io.Reader) error {
	f.release()
	if cap(f.buf)-len(f.buf) < readSize {
		f.buf = append(make([]byte, 0, 2*cap(f.buf)+readSize), f.buf...)
	}
	n, err := from.Read(f.buf[len(f.buf) : len(f.buf)+readSize])
	f.buf = f.buf[:len(f.buf)+n]
	if n > 0 {
		return nil // an error comes again
	}
	return err
}

// release lets go of the last message.
func (f *framer) release() {
	if f.taken > 0 {
		f.buf = f.buf[:copy(f.buf, f.buf[f.taken:])]
		f.taken = 0
	}
}

// partial reports whether a message began that is not whole yet.
func (f *framer) partial() bool { return len(f.buf) > f.taken }

// next returns the next whole message, nil when more has to be read, and how
// many pings came before it. The message holds until next or read is called.
func (f *framer) next(limit int) (msg []byte, pings int, err error) {
	f.release()
	skip := 0
	for skip < len(f.buf) && (f.buf[skip] == '\r' || f.buf[skip] == '\n') {
		if f.buf[skip] == '\n' {
			f.breaks++
		}
		skip++
	}
	if skip > 0 {
		f.buf = f.buf[:copy(f.buf, f.buf[skip:])]
	}
	pings = f.breaks / 2
	f.breaks %= 2
	if len(f.buf) == 0 {
		return nil, pings, nil
	}
	f.breaks = 0
	msg, err = f.message(limit)
	return msg, pings, err
}

// message returns the message at the start of the buffer once it is whole.
func (f *framer) message(limit int) ([]byte, error) {
	end := bytes.Index(f.buf[f.scanned:], []byte("\r\n\r\n"))
	if end < 0 {
		if len(f.buf) > limit {
			return nil, errFraming
		}
		f.scanned = max(0, len(f.buf)-3)
		return nil, nil
	}
	end += f.scanned + 4
	length, ok := contentLength(f.buf[:end])
	if !ok || length > limit-end || shape(f.buf[:end], limit) != reasonNone {
		return nil, errFraming
	}
	if len(f.buf) < end+length {
		return nil, nil
	}
	f.taken, f.scanned = end+length, 0
	return f.buf[:f.taken], nil
}

// contentLength returns the one Content-Length of a header section. A stream
// needs it, and two that differ would let a peer smuggle a message.
// ok is false without one (length -1) and when there is no making sense of it
// (length 0).
func contentLength(head []byte) (length int, ok bool) {
	length = -1
	for line := range bytes.SplitSeq(head, []byte("\r\n")) {
		name, value, found := bytes.Cut(line, []byte(":"))
		if !found || !named(bytes.TrimSpace(name), "content-length", "l") {
			continue
		}
		n, err := strconv.Atoi(string(bytes.TrimSpace(value)))
		if err != nil || n < 0 || length >= 0 && length != n {
			return 0, false
		}
		length = n
	}
	return length, length >= 0
}
