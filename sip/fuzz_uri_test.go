package sip

import (
	"reflect"
	"strings"
	"testing"
	"unicode"

	wire "github.com/emiago/sipgo/sip"

	"tandem/call"
)

// FuzzURI: a URI that a peer gave us is written back as one that means the
// same, since a dialog's target is stored as text and called again after a
// crash; and the number that we read out of it is one that we can call.
func FuzzURI(f *testing.F) {
	for _, seed := range []string{
		"sip:+34600111222@192.0.2.1:5060;transport=tcp;lr", "sips:ana@[2001:db8::1]:5061;x=y?Subject=a&b=c", "tel:+34-600-111-222;phone-context=x",
		"sip:192.0.2.1", "sip:a%40b:pass@c.test;user=phone", "sip:%00%0d%0a@c", "sip:600;ext=1@c.test", "SIP:A@B;LR", "sip:a@b;;=;x=%3b", "sip:@b;@b", "sip:a:b:@c", "sip:a;lr?x", "tel://", "*",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var uri wire.Uri
		if len(text) > maxContact || strings.ContainsAny(text, "\r\n\x00") || wire.ParseUri(text, &uri) != nil {
			return // the guard lets no such line ends through
		}
		number := numberOf(&uri)
		if len([]rune(number)) > maxNumber || strings.ContainsFunc(number, unicode.IsControl) {
			t.Fatalf("%q has the number %q", text, number)
		}
		dialed := parsedURI(t, "sip:"+userPart(number)+"@pbx.test")
		if again := numberOf(&dialed); dialed.Host != "pbx.test" || again != withoutParameters(number) {
			t.Fatalf("%q is called as %q, which is %q", number, dialed.String(), again)
		}
		to, ok := place(&uri)
		if !ok {
			return
		}
		written := to.String()
		if back := parsedURI(t, written); !reflect.DeepEqual(back, to) || strings.ContainsAny(written, " \t<>") {
			t.Fatalf("%q is written as %q, which is %+v", text, written, back)
		}
		if to.Scheme != uri.Scheme || to.User != uri.User || to.Host != uri.Host || to.Port != uri.Port {
			t.Fatalf("%+v leads to %+v", uri, to)
		}
	})
}

func parsedURI(t *testing.T, text string) (uri wire.Uri) {
	t.Helper()
	if err := wire.ParseUri(text, &uri); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return uri
}

// withoutParameters is what a reader keeps of a number in which a semicolon was
// escaped.
func withoutParameters(number string) string {
	number, _, _ = strings.Cut(number, ";")
	return strings.TrimSpace(number)
}

// FuzzDialog: what is stored of a dialog is enough to end it after a crash: the
// same BYE, but for its number, goes the same way.
func FuzzDialog(f *testing.F) {
	f.Add("<sip:ana@192.0.2.2:5062;transport=tcp>", "<sip:p1.test;lr>", "<sip:p2.test:5070>", true)
	f.Add("sip:ana@[2001:db8::1];ob?X=y", "<sip:strict.test>, <sip:p2.test;lr>", "", false)
	f.Add("<sip::0>", "<sip::1>", "<tel:1>", false)
	f.Add("*", "<sip:>", `"q" <sips:x;maddr=y>`, true)
	f.Fuzz(func(t *testing.T, contact, first, second string, answered bool) {
		if strings.ContainsAny(contact+first+second, "\r\n\x00") {
			return
		}
		d, ok := dialogOf(contact, first, second, answered)
		if !ok {
			return
		}
		stored := d.record(call.LegID("leg"))
		old, err := restored(stored)
		if err != nil {
			t.Fatalf("stored as %+v: %v", stored, err)
		}
		before, after := d.bye(), old.bye()
		if b, a := before.String(), after.String(); a != b {
			t.Fatalf("before the crash\n%s\nafter it\n%s", b, a)
		}
	})
}

// dialogOf makes the dialog of an INVITE, or of a 200, with a Contact and routes.
func dialogOf(contact, first, second string, answered bool) (dialog, bool) {
	lines := []string{"INVITE sip:pbx.test SIP/2.0"}
	if answered {
		lines[0] = "SIP/2.0 200 OK"
	}
	lines = append(lines, "Via: SIP/2.0/UDP a;branch=z9hG4bK1", "From: <tel:+34600111222>;tag=1", "To: <sip:ana@pbx.test>;tag=2",
		"Call-ID: x", "CSeq: 1 INVITE", "Contact: "+contact, "Record-Route: "+first, "Record-Route: "+second, "Content-Length: 0", "", "")
	msg, err := lenientParser().ParseSIP([]byte(strings.Join(lines, "\r\n")))
	if err != nil {
		return dialog{}, false
	}
	switch msg := msg.(type) {
	case *wire.Request:
		msg.SetSource("[2001:db8::2]:5060")
		return answering(msg), true
	case *wire.Response:
		d := dialog{callID: "x", local: msg.From().Value(), localTag: "1"}
		d.answered(msg)
		return d, true
	}
	return dialog{}, false
}
