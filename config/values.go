package config

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/nyaruka/phonenumbers"
)

// The errors of this file are predicates ("is not a duration") without the
// value: the decoder puts the value before them, unless it is secret.

// Secret is a text that is never printed: it shows itself as asterisks in every
// format, log and JSON. Convert it with string(s) where it is used.
type Secret string

// String hides the value; an empty secret stays empty.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return "******"
}

// GoString hides the value from %#v.
func (s Secret) GoString() string { return strconv.Quote(s.String()) }

// LogValue hides the value from log/slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText hides the value from JSON and every other text encoder.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Country is an ISO 3166-1 alpha-2 code, in capitals.
type Country string

// UnmarshalText accepts the countries that have telephone numbers of their own.
func (c *Country) UnmarshalText(text []byte) error {
	s := string(text)
	if len(s) != 2 || !phonenumbers.GetSupportedRegions()[s] {
		return errors.New("is not a country: write its ISO 3166-1 code in capitals, such as ES")
	}
	*c = Country(s)
	return nil
}

// Zone is the IANA name of a time zone.
type Zone string

// UnmarshalText accepts zones that can be loaded; Local is refused, because it
// means something else on every machine.
func (z *Zone) UnmarshalText(text []byte) error {
	s := string(text)
	if s == "" || s == "Local" {
		return errors.New("is not a time zone: write an IANA name, such as Europe/Madrid")
	}
	if _, err := time.LoadLocation(s); err != nil {
		return errors.New("is not a time zone that is known: write an IANA name, such as Europe/Madrid")
	}
	*z = Zone(s)
	return nil
}

// Location loads the zone. It cannot fail for a zone out of a checked file,
// unless the time zone database has gone since.
func (z Zone) Location() (*time.Location, error) {
	loc, err := time.LoadLocation(string(z))
	if err != nil {
		return nil, fmt.Errorf("time zone %s: %w", z, err)
	}
	return loc, nil
}

// units are the units of durations, longest first.
func units() []unit {
	return []unit{
		{"d", 24 * time.Hour}, {"h", time.Hour}, {"m", time.Minute}, {"s", time.Second}, {"ms", time.Millisecond},
	}
}

type unit struct {
	name   string
	length time.Duration
}

// parseDuration reads 500ms, 20s, 5m, 36h, 90d, sums such as 1h30m, and 0.
func parseDuration(s string) (time.Duration, error) {
	wrong := errors.New("is not a duration: write it with a unit, such as 500ms, 20s, 5m, 36h or 90d")
	if s == "0" {
		return 0, nil
	}
	if strings.HasPrefix(s, "-") {
		return 0, errors.New("must not be negative")
	}
	var total time.Duration
	for rest := s; ; {
		digits := rest[:len(rest)-len(strings.TrimLeft(rest, "0123456789"))]
		rest = rest[len(digits):]
		name := rest[:len(rest)-len(strings.TrimLeft(rest, "dhms"))]
		rest = rest[len(name):]
		length := unitLength(name)
		n, err := strconv.ParseInt(digits, 10, 64)
		if err != nil || length == 0 {
			return 0, wrong
		}
		if n > int64((math.MaxInt64-total)/length) {
			return 0, errors.New("is too long for a duration")
		}
		total += time.Duration(n) * length
		if rest == "" {
			return total, nil
		}
	}
}

func unitLength(name string) time.Duration {
	for _, u := range units() {
		if u.name == name {
			return u.length
		}
	}
	return 0
}

// formatDuration writes a duration with the longest unit that divides it.
func formatDuration(d time.Duration) string {
	for _, u := range units() {
		if d != 0 && d%u.length == 0 {
			return strconv.FormatInt(int64(d/u.length), 10) + u.name
		}
	}
	if d == 0 {
		return "0"
	}
	return d.String()
}

// parsePrefix reads a CIDR; a bare address is the network of that address alone.
func parsePrefix(s string) (netip.Prefix, error) {
	if addr, err := netip.ParseAddr(s); err == nil && addr.Zone() == "" {
		return netip.PrefixFrom(addr.Unmap(), addr.Unmap().BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return netip.Prefix{}, errors.New("is not an address or network: write 203.0.113.7 or 203.0.113.0/24")
	}
	if p.Masked() != p {
		return netip.Prefix{}, fmt.Errorf("has bits set beyond its length: did you mean %s?", p.Masked())
	}
	return p, nil
}
