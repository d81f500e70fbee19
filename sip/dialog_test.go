package sip

import "testing"

func TestPlace(t *testing.T) {
	for text, want := range map[string]string{
		"sip:ana@192.0.2.2:5062;transport=tcp;ob": "sip:ana@192.0.2.2:5062;transport=tcp;ob",
		"SIPS:ana@[2001:db8::1]:5061":             "sips:ana@[2001:db8::1]:5061",
		"sip:192.0.2.2":                           "sip:192.0.2.2",
		"sip:a?b@c.test;lr?Subject=x":             "sip:a?b@c.test;lr",
		"sip:a@c.test?Subject=x":                  "sip:a@c.test",
		"sip::5060":                               "",
		"sip:a@":                                  "",
		"sip:a@c.test:65536":                      "",
		"sip:a@c.test:-1":                         "",
		"sip:a@c.test;x= y":                       "",
		"tel:+34600111222":                        "",
		"*":                                       "",
	} {
		uri := parsedURI(t, text)
		got, ok := place(&uri)
		if ok != (want != "") || ok && got.String() != want {
			t.Errorf("%s leads to %q, %v; want %q", text, got.String(), ok, want)
		}
	}
}
