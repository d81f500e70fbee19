package sip

import (
	"bytes"
	"net/netip"
	"testing"
	"time"
)

// Whatever the bytes, the reader of raw headers stays within them, comes to an
// end, and finds no line end in a value other than that of a folded line.
func FuzzField(f *testing.F) {
	f.Add([]byte("Via: a\r\n b\r\nv:c\r\n"), "via", "v")
	f.Add([]byte("AUTHORIZATION : Digest nonce=\"x\"\r\n\r\n"), "authorization", "")
	f.Add([]byte(":\r\n \r\n:"), "via", "v")
	f.Fuzz(func(t *testing.T, head []byte, name, compact string) {
		for at := 0; at < len(head); {
			value, next := field(head, at, name, compact)
			if next <= at {
				t.Fatalf("from %d to %d", at, next)
			}
			for rest := value; ; {
				_, after, found := bytes.Cut(rest, []byte("\r\n"))
				if !found {
					break
				}
				if len(after) == 0 || after[0] != ' ' && after[0] != '\t' {
					t.Fatalf("%q is more than a header", value)
				}
				rest = after
			}
			_ = nonceOf(value)
			_ = received(value, netip.MustParseAddrPort("192.0.2.9:5060"), len(value)%2 == 0)
			at = next
		}
	})
}

// Nobody holds a nonce that was not made for him.
func FuzzNonce(f *testing.F) {
	s := newDigestServer("pbx.test", here)
	host := netip.MustParseAddr("192.0.2.9")
	f.Add("")
	f.Add(s.nonce(time.Now(), netip.MustParseAddr("192.0.2.8")))
	f.Fuzz(func(t *testing.T, nonce string) {
		if _, ours := s.opened(nonce, host); ours {
			t.Errorf("%q was never made", nonce)
		}
	})
}
