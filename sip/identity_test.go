package sip

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	wire "github.com/emiago/sipgo/sip"
)

// parsed reads an INVITE with the given From, Request-URI and further headers.
func parsed(t *testing.T, uri, from string, extra ...string) *wire.Request {
	t.Helper()
	lines := append([]string{"INVITE " + uri + " SIP/2.0", "Via: SIP/2.0/UDP a;branch=z9hG4bK1", "From: " + from,
		"To: <sip:+34910000009@pbx.test>", "Call-ID: x", "CSeq: 1 INVITE"}, extra...)
	msg, err := wire.ParseMessage([]byte(strings.Join(append(lines, "Content-Length: 0", "", ""), "\r\n")))
	if err != nil {
		t.Fatal(err)
	}
	return msg.(*wire.Request)
}

func TestCaller(t *testing.T) {
	const from = `"María" <sip:+34600111222@c.test>;tag=1`
	long := strings.Repeat("ñ", 100)
	for _, c := range []struct {
		name    string
		from    string
		extra   []string
		trusted bool
		want    caller
	}{
		{"plain", from, nil, true, caller{number: "+34600111222", name: "María"}},
		{"tel", `<tel:+34-600-111-222;phone-context=x>;tag=1`, nil, true, caller{number: "+34-600-111-222"}},
		{"escaped, with parameters", `<sip:%2B34600%3Bx=1;phone-context=+34@c.test;user=phone>;tag=1`, nil, true, caller{number: "+34600"}},
		{"asserted", from, []string{`P-Asserted-Identity: "Pepe" <sip:+34911@c.test>, <tel:+34912>`}, true, caller{number: "+34911", name: "Pepe"}},
		{"asserted, not trusted", from, []string{"P-Asserted-Identity: <sip:+34911@c.test>"}, false, caller{number: "+34600111222", name: "María"}},
		{"privacy", from, []string{"Privacy: header;id"}, true, caller{withheld: true}},
		{"privacy none", from, []string{"Privacy: none"}, true, caller{number: "+34600111222", name: "María"}},
		{"anonymous", `"Anonymous" <sip:anonymous@anonymous.invalid>;tag=1`, nil, true, caller{withheld: true}},
		{"restricted", `<sip:Restricted@c.test>;tag=1`, nil, true, caller{withheld: true}},
		{"no user", `<sip:c.test>;tag=1`, nil, true, caller{withheld: true}},
		{"diversion", from, []string{"Diversion: <sip:+34913@c.test>;reason=no-answer, <tel:+34914>"}, true,
			caller{number: "+34600111222", name: "María", diverted: "+34914"}},
		{"history", from, []string{"History-Info: <sip:+34915@c.test>;index=1, <sip:us@pbx.test>;index=1.1"}, true,
			caller{number: "+34600111222", name: "María", diverted: "+34915"}},
		{"history of one", from, []string{"History-Info: <sip:+34915@c.test>;index=1"}, true, caller{number: "+34600111222", name: "María"}},
		{"quoted name", `"A \"B\" C" <sip:1@c.test>;tag=1`, nil, true, caller{number: "1", name: `A "B" C`}},
		{"long name", `"` + long + `" <sip:1@c.test>;tag=1`, nil, true, caller{number: "1", name: long[:2*maxName]}},
		{"dangerous name", "\"a\x1b[31m\u202eb\x00\xff\" <sip:1@c.test>;tag=1", nil, true, caller{number: "1", name: "a[31mb"}},
	} {
		if got := callerOf(parsed(t, "sip:1@pbx.test", c.from, c.extra...), c.trusted); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}

func TestCalled(t *testing.T) {
	for uri, want := range map[string]string{
		"sip:+34910000001@pbx.test": "+34910000001", "tel:+34910000001": "+34910000001", "sip:pbx.test": "+34910000009",
		"sip:910000001;phone-context=+34@pbx.test;user=phone": "910000001", "sips:%2b34@pbx.test": "+34",
	} {
		if got := calledOf(parsed(t, uri, "<sip:a@b>;tag=1")); got != want {
			t.Errorf("%s: %q, want %q", uri, got, want)
		}
	}
}

func TestSplitList(t *testing.T) {
	got := splitList(`"a,b\"," <sip:x,y@z>;q=1 , c,`)
	if strings.Join(got, "|") != `"a,b\"," <sip:x,y@z>;q=1|c|` {
		t.Errorf("%q", got)
	}
}

func FuzzIdentity(f *testing.F) {
	f.Add(`"María" <sip:+34600111222@c.test>;tag=1`, "tel:+34;phone-context=x")
	f.Add("\"a\x1b[31m\u202e\" <sip:%00%0d%0a@c>", `"x\" <sip:,`)
	f.Fuzz(func(t *testing.T, from, other string) {
		for _, value := range append(splitList(from), splitList(other)...) {
			uri, name, ok := parseNameAddr(value)
			if !ok {
				continue
			}
			for _, shown := range []string{numberOf(&uri), displayName(name)} {
				if !utf8.ValidString(shown) || utf8.RuneCountInString(shown) > maxName || strings.ContainsFunc(shown, unicode.IsControl) {
					t.Errorf("%q gives %q", value, shown)
				}
			}
			written := "From: " + nameAddr(name, "sip:"+userPart(numberOf(&uri))+"@pbx.test") + ";tag=x"
			if strings.ContainsAny(written, "\r\n\x00") {
				t.Errorf("%q breaks the line: %q", value, written)
			}
			var back wire.Uri
			params := wire.NewParams()
			if _, err := wire.ParseAddressValue(strings.TrimPrefix(written, "From: "), &back, &params); err != nil || back.Host != "pbx.test" || tagOf(params) != "x" {
				t.Errorf("%q is not read back: %q: %v, %+v", value, written, err, back)
			}
		}
	})
}
