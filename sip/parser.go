package sip

import (
	"strings"

	wire "github.com/emiago/sipgo/sip"
)

// lenientParser returns a parser that keeps a header that it cannot read as
// plain text instead of giving up the whole message. The header then counts as
// missing, and the sender gets a 400 where it would wait in vain. The length of
// a body is not up for interpretation: that header stays strict.
func lenientParser() *wire.Parser {
	headers := wire.HeadersParser{}
	for name, parse := range wire.DefaultHeadersParser() {
		if name == "content-length" || name == "l" {
			headers[name] = parse
			continue
		}
		headers[name] = func(given []byte, text string) (wire.Header, error) {
			h, err := parse(given, text)
			if err == nil || more(err) {
				tidy(h)
				return h, err
			}
			return wire.NewHeader(string(given), text), nil
		}
	}
	return wire.NewParser(wire.WithHeadersParsers(headers))
}

// more reports whether a header parser stopped at a comma, behind which another
// value of the same header follows. The library tells so by an error whose type
// it keeps to itself.
func more(err error) bool { return err.Error() == "comma detected" }

// tidy takes the white space off parameters that may stand round ";" and "="
// (RFC 3261 section 7.3.1) and that the library keeps.
func tidy(h wire.Header) {
	switch h := h.(type) {
	case *wire.FromHeader:
		trim(h.Params)
	case *wire.ToHeader:
		trim(h.Params)
	case *wire.ViaHeader:
		trim(h.Params)
	case *wire.ContactHeader:
		trim(h.Params)
	}
}

func trim(params wire.HeaderParams) {
	for i := range params {
		params[i].K, params[i].V = strings.TrimSpace(params[i].K), strings.TrimSpace(params[i].V)
	}
}
