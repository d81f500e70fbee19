package config

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// PortRange is a range of UDP ports, both ends included.
type PortRange struct {
	First, Last int
}

// UnmarshalText reads "20000-29999".
func (r *PortRange) UnmarshalText(text []byte) error {
	first, last, found := strings.Cut(string(text), "-")
	a, errA := parsePort(strings.TrimSpace(first))
	b, errB := parsePort(strings.TrimSpace(last))
	if !found || errA != nil || errB != nil {
		return errors.New("is not a range of ports: write first-last, such as 20000-29999")
	}
	*r = PortRange{First: a, Last: b}
	return nil
}

// MarshalText writes the form that UnmarshalText reads.
func (r PortRange) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// String is the range as first-last.
func (r PortRange) String() string { return fmt.Sprintf("%d-%d", r.First, r.Last) }

// Pairs is how many RTP ports, each with its RTCP port, the range holds.
func (r PortRange) Pairs() int { return (r.Last - r.First + 1) / 2 }

// contains reports whether the range holds a port.
func (r PortRange) contains(port int) bool { return port >= r.First && port <= r.Last }

// HostPort is an address to listen on. Host may be an IP address (IPv6 without
// brackets), a name, or empty for every address; port 0 lets the system choose.
type HostPort struct {
	Host string
	Port int
}

// UnmarshalText reads "host:port", "[::1]:port" and ":port".
func (h *HostPort) UnmarshalText(text []byte) error {
	host, port, err := net.SplitHostPort(string(text))
	if err != nil {
		return errors.New("is not an address to listen on: write host:port, such as 127.0.0.1:8080")
	}
	n, err := parsePort(port)
	if err != nil {
		return err
	}
	if host != "" && !isHost(host) {
		return errors.New("has a host that is neither a name nor an IP address")
	}
	*h = HostPort{Host: host, Port: n}
	return nil
}

// MarshalText writes the form that UnmarshalText reads.
func (h HostPort) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// String is the address as net.Listen takes it.
func (h HostPort) String() string { return net.JoinHostPort(h.Host, strconv.Itoa(h.Port)) }

// Listen is an address for SIP: transport://host:port.
type Listen struct {
	Transport Transport
	Host      string // IP address (IPv6 without brackets) or name
	Port      int    // 0 lets the system choose
}

// UnmarshalText reads "udp://0.0.0.0:5060", "wss://[::]:5443".
func (l *Listen) UnmarshalText(text []byte) error {
	scheme, rest, found := strings.Cut(string(text), "://")
	if !found || !slices.Contains(Transport("").choices(), scheme) {
		return errors.New("is not a SIP listener: write transport://host:port with transport udp, tcp, tls, ws or wss")
	}
	var at HostPort
	if err := at.UnmarshalText([]byte(rest)); err != nil {
		return err
	}
	if at.Host == "" {
		return errors.New("has no host: write 0.0.0.0 for every address")
	}
	*l = Listen{Transport: Transport(scheme), Host: at.Host, Port: at.Port}
	return nil
}

// MarshalText writes the form that UnmarshalText reads.
func (l Listen) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// String is the listener as transport://host:port.
func (l Listen) String() string { return string(l.Transport) + "://" + l.Address() }

// Address is host:port as net.Listen takes it.
func (l Listen) Address() string { return net.JoinHostPort(l.Host, strconv.Itoa(l.Port)) }

func parsePort(s string) (int, error) {
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil || strings.HasPrefix(s, "+") {
		return 0, errors.New("has a port that is not a number from 0 to 65535")
	}
	return int(n), nil
}

// hostLabel is one part of a host name (RFC 1123 2.1), underscore allowed as
// it occurs in private zones.
const hostLabel = `[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?`

// isHost reports whether s is an IP address without brackets or a host name.
func isHost(s string) bool {
	if _, err := netip.ParseAddr(s); err == nil {
		return true
	}
	if strings.Trim(s, "0123456789.") == "" || len(s) > 253 {
		return false
	}
	return regexp.MustCompile(`^` + hostLabel + `(?:\.` + hostLabel + `)*\.?$`).MatchString(s)
}
