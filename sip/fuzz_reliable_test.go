package sip

import (
	"strings"
	"testing"
	"unicode"

	wire "github.com/emiago/sipgo/sip"
)

// FuzzReliable: whatever a carrier writes into RSeq, RAck and the Contact of a
// redirection is read without harm, and bounded.
func FuzzReliable(f *testing.F) {
	f.Add("1", "1 1 INVITE", "<sip:+34600777888@a>;q=0.5")
	f.Add("4294967295", " 4294967295  1\tinvite ", "<tel:+34-600>;q=NaN, *")
	f.Add("-1", "1 INVITE", "\"x\" <sip:%00%0d@a;user=phone>;q=1e400")
	f.Fuzz(func(t *testing.T, rseq, rack, contact string) {
		for _, text := range []string{rseq, rack, contact} {
			if strings.ContainsAny(text, "\r\n\x00") || len(text) > maxMessage {
				return // the guard lets no such line ends through
			}
		}
		common := "\r\nVia: SIP/2.0/UDP a;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>;tag=2\r\nCall-ID: x\r\n"
		one, err := wire.ParseMessage([]byte("PRACK sip:a@b SIP/2.0" + common + "CSeq: 2 PRACK\r\nRAck: " + rack + "\r\nContent-Length: 0\r\n\r\n"))
		if err != nil {
			return
		}
		other, err := wire.ParseMessage([]byte("SIP/2.0 302 Moved" + common + "CSeq: 1 INVITE\r\nRequire: 100rel\r\nRSeq: " + rseq + "\r\nContact: " + contact + "\r\nContent-Length: 0\r\n\r\n"))
		if err != nil {
			return
		}
		l := &leg{dlg: dialog{inviteSeq: 1}}
		req, res := one.(*wire.Request), other.(*wire.Response)
		n := rseqOf(res)
		if n > 1<<31-1 || !reliable(res) {
			t.Fatalf("RSeq %q is %d", rseq, n)
		}
		if l.fits(req, res) && !strings.Contains(rack, "INVITE") {
			t.Fatalf("%q acknowledges %q", rack, rseq)
		}
		to := movedTo(res)
		if len(to) > maxNumber || strings.ContainsFunc(to, unicode.IsControl) {
			t.Fatalf("%q moves to %q", contact, to)
		}
	})
}
