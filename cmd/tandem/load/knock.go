//go:build linux

package main

import (
	"net/netip"
	"slices"
	"time"

	"github.com/zaf/g711"
)

// Where audio is mixed or transcoded, no mark of ours arrives. Two streams that
// hear each other so knock instead: a loud packet a second, silence between.
const (
	knockEvery = 50   // packets
	loud       = 1000 // mean of the samples' amount, of a packet that is no silence
)

// knocks is what a stream needs for that.
type knocks struct {
	other  *stream // nil: it does not knock
	silent [frameSamples]byte
	sent   int   // packets since the last knock
	at     int64 // when it knocked, Unix nanoseconds; 0: the other heard it
}

// pair lets the streams of two addresses knock for each other from now on.
func (c *crowd) pair(a, b netip.AddrPort) {
	c.mu.Lock()
	defer c.mu.Unlock()
	first, second := c.at(a), c.at(b)
	if first == nil || second == nil {
		return // one of the calls is over, and is counted as such
	}
	first.knocks.other, second.knocks.other = second, first
	for _, s := range []*stream{first, second} {
		hush(s.knocks.silent[:], s.datagram[1]&0x7f)
	}
}

// at returns the stream of an address, or nil. The crowd's lock must be held.
func (c *crowd) at(addr netip.AddrPort) *stream {
	for _, s := range c.streams {
		if s.addr == addr {
			return s
		}
	}
	return nil
}

// hush fills a payload with silence.
func hush(payload []byte, payloadType uint8) {
	encode := g711.EncodeUlawFrame
	if payloadType == 8 { // PCMA (RFC 3551 6)
		encode = g711.EncodeAlawFrame
	}
	for i := range payload {
		payload[i] = encode(0)
	}
}

// next returns the payload of a packet of a stream that knocks, and notes when
// that is a loud one.
func (k *knocks) next(loudly []byte) []byte {
	if k.sent++; k.sent < knockEvery {
		return k.silent[:]
	}
	k.sent, k.at = 0, time.Now().UnixNano()
	return loudly
}

// heard returns how long the other's knock took that this packet may be.
func (k *knocks) heard(packet []byte, at int64) (time.Duration, bool) {
	if k.other == nil || k.other.knocks.at == 0 || !isLoud(packet[headerBytes:], packet[1]&0x7f) {
		return 0, false
	}
	took := time.Duration(at - k.other.knocks.at)
	k.other.knocks.at = 0
	return took, true
}

// isLoud reports whether a payload of G.711 is no silence.
func isLoud(payload []byte, payloadType uint8) bool {
	decode := g711.DecodeUlawFrame
	if payloadType == 8 {
		decode = g711.DecodeAlawFrame
	}
	sum := 0
	for _, b := range payload {
		v := int(decode(b))
		sum += max(v, -v)
	}
	return sum > loud*len(payload)
}

// mixed reports whether the sides of a call have no codec in common.
func (l layout) mixed() bool {
	return !slices.ContainsFunc(l.carrier, func(c string) bool { return slices.Contains(l.phone, c) })
}
