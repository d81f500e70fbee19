package sip

import (
	"strconv"
	"strings"

	wire "github.com/emiago/sipgo/sip"
)

// maxMoved is how many places of a redirection are looked at.
const maxMoved = 16

// movedTo returns the number that a redirection prefers (RFC 3261 section
// 21.3), or nothing. Where its host is does not matter: the number goes out by
// our own trunks, or not at all.
func movedTo(res *wire.Response) string {
	switch res.StatusCode {
	case 300, 301, 302:
	default:
		return ""
	}
	best, number := -1.0, ""
	for i, h := range res.GetHeaders("Contact") {
		c, ok := h.(*wire.ContactHeader)
		if !ok || i == maxMoved {
			break
		}
		scheme := c.Address.Scheme
		if scheme != "sip" && scheme != "sips" && scheme != "tel" || c.Address.Wildcard {
			continue
		}
		dialed, ok := dialedOf(&c.Address)
		if q := preference(c); ok && dialed != "" && q > best {
			best, number = q, dialed
		}
	}
	return number
}

// preference reads the q of a Contact: 0 to 1, and 1 when there is none that can
// be read (section 20.10).
func preference(c *wire.ContactHeader) float64 {
	value, given := param(c.Params, "q")
	q, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
	if !given || err != nil || !(q >= 0 && q <= 1) {
		return 1
	}
	return q
}
