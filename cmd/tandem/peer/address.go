package peer

import (
	"crypto/rand"
	"net/netip"
	"strings"
)

// Address is a name-addr as in From, To, Contact and P-Asserted-Identity.
type Address struct {
	Display string // without quotes
	URI     string // sip:ana@host;transport=tcp
	Tag     string
}

// ParseAddress reads `"Ana" <sip:ana@host>;tag=1` and the bare form without angle brackets. It never fails: what cannot
// be understood becomes the URI.
func ParseAddress(value string) Address {
	value = strings.TrimSpace(value)
	open := indexOutsideQuotes(value, '<')
	if open < 0 { // RFC 3261 20.10: without brackets the parameters belong to the header
		uri, _, _ := strings.Cut(value, ";")
		return Address{URI: strings.TrimSpace(uri), Tag: parameter(value, "tag")}
	}
	uri, after, _ := strings.Cut(value[open+1:], ">")
	return Address{Display: unquote(strings.TrimSpace(value[:open])), URI: uri, Tag: parameter(after, "tag")}
}

// User returns the user part of the URI: an extension, a name or a number.
func (a Address) User() string {
	_, rest, ok := strings.Cut(a.URI, ":")
	if !ok {
		return ""
	}
	if user, _, ok := strings.Cut(rest, "@"); ok {
		user, _, _ = strings.Cut(user, ";")
		return user
	}
	if strings.HasPrefix(strings.ToLower(a.URI), "tel:") {
		number, _, _ := strings.Cut(rest, ";")
		return number
	}
	return ""
}

// String writes the name-addr form.
func (a Address) String() string {
	s := "<" + a.URI + ">"
	if a.Display != "" {
		s = `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(a.Display) + `" ` + s
	}
	if a.Tag != "" {
		s += ";tag=" + a.Tag
	}
	return s
}

// hostPort returns the host:port of a SIP URI, port 5060 when it names none.
func hostPort(uri string) string {
	_, rest, _ := strings.Cut(uri, ":")
	if _, host, ok := strings.Cut(rest, "@"); ok {
		rest = host
	}
	rest, _, _ = strings.Cut(rest, ";")
	rest, _, _ = strings.Cut(rest, "?")
	if strings.Contains(strings.TrimPrefix(rest, "["), "]:") || strings.Count(rest, ":") == 1 {
		return rest
	}
	return rest + ":5060"
}

// loopback reports whether host:port is an address on this machine's loopback.
func loopback(hostport string) bool {
	ap, err := netip.ParseAddrPort(hostport)
	return err == nil && ap.Addr().Unmap().IsLoopback()
}

// parameter returns the value of ;name=value, "" when absent.
func parameter(value, name string) string {
	for {
		i := indexOutsideQuotes(value, ';')
		if i < 0 {
			return ""
		}
		value = value[i+1:]
		part := value
		if end := indexOutsideQuotes(value, ';'); end >= 0 {
			part = value[:end]
		}
		key, v, _ := strings.Cut(part, "=")
		if strings.EqualFold(strings.TrimSpace(key), name) {
			return strings.Trim(strings.TrimSpace(v), `"`)
		}
	}
}

// splitList cuts a header value at its commas, those inside quotes and angle brackets apart.
func splitList(value string) []string {
	var list []string
	start, quoted, angle := 0, false, false
	for i := 0; i < len(value); i++ {
		switch c := value[i]; {
		case c == '\\' && quoted:
			i++
		case c == '"':
			quoted = !quoted
		case c == '<' && !quoted:
			angle = true
		case c == '>' && !quoted:
			angle = false
		case c == ',' && !quoted && !angle:
			list = append(list, strings.TrimSpace(value[start:i]))
			start = i + 1
		}
	}
	return append(list, strings.TrimSpace(value[start:]))
}

func indexOutsideQuotes(value string, want byte) int {
	quoted := false
	for i := 0; i < len(value); i++ {
		switch c := value[i]; {
		case c == '\\' && quoted:
			i++
		case c == '"':
			quoted = !quoted
		case c == want && !quoted:
			return i
		}
	}
	return -1
}

func unquote(s string) string {
	if len(s) < 2 || s[0] != '"' || s[len(s)-1] != '"' {
		return s
	}
	return strings.NewReplacer(`\\`, `\`, `\"`, `"`).Replace(s[1 : len(s)-1])
}

// token returns a random name for tags, branches and Call-IDs.
func token() string { return strings.ToLower(rand.Text()[:16]) }
