package sip

import (
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	wire "github.com/emiago/sipgo/sip"
)

const (
	maxName   = 64 // runes of a display name
	maxNumber = 64 // bytes of a number as it came from the wire
)

// caller is who calls, as the INVITE says it.
type caller struct {
	number   string
	name     string
	withheld bool
	diverted string
}

// callerOf reads the calling side of an INVITE. P-Asserted-Identity (RFC 3325)
// is believed only from a trunk that is trusted with it.
func callerOf(req *wire.Request, trusted bool) caller {
	from := req.From()
	c := caller{number: numberOf(&from.Address), name: displayName(from.DisplayName)}
	asserted := ""
	if trusted {
		asserted = firstValue(req, "P-Asserted-Identity")
	}
	if uri, name, ok := parseNameAddr(asserted); ok {
		c.number = numberOf(&uri)
		if name = displayName(name); name != "" {
			c.name = name
		}
	}
	c.withheld = wantsPrivacy(req) || anonymous(&from.Address, c.number)
	if c.withheld {
		c.number, c.name = "", ""
	}
	c.diverted = divertedFrom(req)
	return c
}

// calledOf returns the called number: the Request-URI's user, else To's.
func calledOf(req *wire.Request) string {
	if number := numberOf(&req.Recipient); number != "" {
		return number
	}
	return numberOf(&req.To().Address)
}

// numberOf returns the user part of a sip: or tel: URI without escapes and
// parameters, bounded and free of control characters.
func numberOf(uri *wire.Uri) string {
	user := uri.User
	if uri.Scheme == "tel" {
		user = uri.Raw()
	}
	user, _, _ = strings.Cut(user, ";")
	if plain, err := url.PathUnescape(user); err == nil {
		user = plain
		user, _, _ = strings.Cut(user, ";")
	}
	return clean(user, maxNumber)
}

// displayName returns a display name that is fit to be shown: unquoted, valid,
// of one line, at most 64 characters.
func displayName(raw string) string {
	raw = strings.Trim(strings.TrimSpace(raw), `"`)
	if strings.Contains(raw, `\`) {
		raw = unescape(raw)
	}
	return clean(raw, maxName)
}

// unescape undoes the quoted pairs of a quoted string (RFC 3261 section 25.1).
func unescape(s string) string {
	var b strings.Builder
	escaped := false
	for _, r := range s {
		if r == '\\' && !escaped {
			escaped = true
			continue
		}
		escaped = false
		b.WriteRune(r)
	}
	return b.String()
}

// clean drops what must never be shown, stored or sent on: control and
// formatting characters (line ends, ESC, text direction) and invalid UTF-8.
func clean(s string, limit int) string {
	var b strings.Builder
	n := 0
	for _, r := range s {
		if r == utf8.RuneError || unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || unicode.In(r, unicode.Zl, unicode.Zp) {
			continue
		}
		if n++; n > limit {
			break
		}
		b.WriteRune(r)
	}
	return strings.TrimSpace(b.String())
}

// wantsPrivacy reports whether the caller asked to stay unknown (RFC 3323).
func wantsPrivacy(req *wire.Request) bool {
	for _, h := range req.GetHeaders("Privacy") {
		fields := strings.FieldsFunc(h.Value(), func(r rune) bool { return r == ';' || r == ',' || r == ' ' })
		for _, f := range fields {
			switch strings.ToLower(f) {
			case "id", "header", "user":
				return true
			}
		}
	}
	return false
}

// anonymous reports whether an address names nobody.
func anonymous(from *wire.Uri, number string) bool {
	if strings.EqualFold(from.Host, "anonymous.invalid") {
		return true
	}
	switch strings.ToLower(number) {
	case "", "anonymous", "restricted", "unavailable", "private", "unknown":
		return true
	}
	return false
}

// divertedFrom returns the number that diverted the call to us first:
// Diversion (RFC 5806, newest entry on top) or History-Info (RFC 7044, oldest
// entry first); empty when the call came straight.
func divertedFrom(req *wire.Request) string {
	if all := req.GetHeaders("Diversion"); len(all) > 0 {
		entries := splitList(all[len(all)-1].Value())
		if uri, _, ok := parseNameAddr(entries[len(entries)-1]); ok {
			return numberOf(&uri)
		}
	}
	if all := req.GetHeaders("History-Info"); len(all) > 0 {
		entries := splitList(all[0].Value())
		uri, _, ok := parseNameAddr(entries[0])
		if ok && (len(all) > 1 || len(entries) > 1) {
			return numberOf(&uri)
		}
	}
	return ""
}

// firstValue returns the first entry of a header, or nothing.
func firstValue(req *wire.Request, name string) string {
	h := req.GetHeader(name)
	if h == nil {
		return ""
	}
	return splitList(h.Value())[0]
}

// splitList splits a header value at its commas, those in quotes and angle
// brackets apart. It returns at least one entry.
func splitList(value string) []string {
	var entries []string
	quoted, bracket, start := false, false, 0
	for i := 0; i < len(value); i++ {
		switch c := value[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '<':
			bracket = true
		case c == '>':
			bracket = false
		case c == ',' && !bracket:
			entries = append(entries, strings.TrimSpace(value[start:i]))
			start = i + 1
		}
	}
	return append(entries, strings.TrimSpace(value[start:]))
}

// parseNameAddr parses a name-addr or addr-spec.
func parseNameAddr(value string) (uri wire.Uri, name string, ok bool) {
	if value == "" {
		return uri, "", false
	}
	params := wire.NewParams()
	name, err := wire.ParseAddressValue(value, &uri, &params)
	return uri, name, err == nil
}

// quote writes a quoted string (RFC 3261 section 25.1).
func quote(s string) string {
	s = clean(s, maxName)
	s = strings.ReplaceAll(s, `\`, `\\`)
	return `"` + strings.ReplaceAll(s, `"`, `\"`) + `"`
}

// userPart writes a number or name as the user part of a SIP URI; what the
// grammar does not allow there is escaped (RFC 3261 section 25.1), and so is the
// slash, which some take for the start of a host.
func userPart(s string) string {
	const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.!~*'()&=+$,?"
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for _, c := range []byte(clean(s, maxNumber)) {
		if strings.IndexByte(plain, c) >= 0 {
			b.WriteByte(c)
			continue
		}
		b.WriteByte('%')
		b.WriteByte(hex[c>>4])
		b.WriteByte(hex[c&15])
	}
	return b.String()
}
