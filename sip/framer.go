package sip

import (
	"bytes"
	"strconv"
)

// framer follows the message boundaries of a TCP stream (RFC 3261 section
// 18.3) without keeping bodies: a header section that grows too long, has no
// or two different Content-Length values, or does not look like SIP ends it.
type framer struct {
	head []byte // header section as far as it came
	body int    // bytes of the body still to come
}

// feed takes the next bytes; false when the stream cannot be SIP.
func (f *framer) feed(data []byte, limit int) bool {
	for len(data) > 0 {
		if f.body > 0 {
			n := min(f.body, len(data))
			f.body -= n
			data = data[n:]
			continue
		}
		if len(f.head) == 0 {
			if data[0] == '\r' || data[0] == '\n' { // keepalive (RFC 5626 section 3.5.1)
				data = data[1:]
				continue
			}
		}
		rest, ok := f.header(data, limit)
		if !ok {
			return false
		}
		data = rest
	}
	return true
}

// header takes bytes of a header section and returns what is after it.
func (f *framer) header(data []byte, limit int) (rest []byte, ok bool) {
	before := len(f.head)
	f.head = append(f.head, data...)
	end := bytes.Index(f.head[max(0, before-3):], []byte("\r\n\r\n"))
	if end < 0 {
		return nil, len(f.head) <= limit
	}
	end += max(0, before-3) + 4
	head := f.head[:end]
	length, ok := contentLength(head)
	if !ok || end+length > limit || !looksLikeSIP(head) {
		return nil, false
	}
	f.body = length
	f.head = nil
	return data[end-before:], true
}

// contentLength returns the one Content-Length of a header section. A stream
// needs it, and two that differ would let a peer smuggle a message.
// ok is false without one (length -1) and when there is no making sense of it
// (length 0).
func contentLength(head []byte) (length int, ok bool) {
	length = -1
	for line := range bytes.SplitSeq(head, []byte("\r\n")) {
		name, value, found := bytes.Cut(line, []byte(":"))
		name = bytes.TrimSpace(name)
		if !found || !bytes.EqualFold(name, []byte("Content-Length")) && !bytes.EqualFold(name, []byte("l")) {
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
