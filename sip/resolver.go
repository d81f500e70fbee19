package sip

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// Resolver asks DNS; *net.Resolver is one.
type Resolver interface {
	LookupSRV(ctx context.Context, service, proto, name string) (string, []*net.SRV, error)
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

func systemResolver() Resolver { return net.DefaultResolver }

// maxTargets bounds what one name may resolve to.
const maxTargets = 16

// splitAddress splits host[:port]; port 0 means that none was given.
func splitAddress(address string) (host string, port uint16, err error) {
	if ip, err := netip.ParseAddr(strings.Trim(address, "[]")); err == nil {
		return ip.String(), 0, nil
	}
	host, text, err := net.SplitHostPort(address)
	if err != nil {
		host, text = address, ""
	}
	if host == "" || strings.ContainsAny(host, " /@<>\"") {
		return "", 0, errors.New("not host[:port]")
	}
	if text == "" {
		return host, 0, nil
	}
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil || n == 0 {
		return "", 0, fmt.Errorf("port %q", text)
	}
	return host, uint16(n), nil
}

// defaultPort is where a transport is served when nobody says otherwise (RFC 3261
// section 19.1.2).
func defaultPort(transport string) uint16 {
	if secured(transport) {
		return 5061
	}
	return 5060
}

// literal returns the address when it needs no DNS.
func literal(address, transport string) (netip.AddrPort, bool) {
	host, port, err := splitAddress(address)
	if err != nil {
		return netip.AddrPort{}, false
	}
	ip, err := netip.ParseAddr(strings.Trim(host, "[]"))
	if err != nil {
		return netip.AddrPort{}, false
	}
	if port == 0 {
		port = defaultPort(transport)
	}
	return netip.AddrPortFrom(ip.Unmap(), port), true
}

// resolve finds where a trunk is (RFC 3263 section 4): a port means plain
// address records; without one SRV records are asked first, their targets in
// the order of priority and weight.
func resolve(ctx context.Context, dns Resolver, address, transport string) ([]netip.AddrPort, error) {
	if at, ok := literal(address, transport); ok {
		return []netip.AddrPort{at}, nil
	}
	host, port, err := splitAddress(address)
	if err != nil {
		return nil, err
	}
	if port == 0 {
		if found := resolveSRV(ctx, dns, host, transport); len(found) > 0 {
			return found, nil
		}
		port = defaultPort(transport)
	}
	return resolveHost(ctx, dns, host, port)
}

// resolveSRV returns the targets of a name's SRV records, if it has any.
func resolveSRV(ctx context.Context, dns Resolver, host, transport string) []netip.AddrPort {
	service := "sip"
	if secured(transport) {
		service, transport = "sips", "tcp" // RFC 3263 section 4.1
	}
	_, records, err := dns.LookupSRV(ctx, service, transport, host)
	if err != nil {
		return nil // no SRV records: the name itself is asked for
	}
	var found []netip.AddrPort
	for _, r := range records {
		if len(found) >= maxTargets {
			break
		}
		at, err := resolveHost(ctx, dns, strings.TrimSuffix(r.Target, "."), r.Port)
		if err == nil {
			found = append(found, at...)
		}
	}
	return found
}

func resolveHost(ctx context.Context, dns Resolver, host string, port uint16) ([]netip.AddrPort, error) {
	ips, err := dns.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, fmt.Errorf("resolve %s: %w", host, err)
	}
	var v4, v6 []netip.AddrPort
	for _, ip := range ips[:min(len(ips), maxTargets)] {
		at := netip.AddrPortFrom(ip.Unmap(), port)
		if at.Addr().Is4() {
			v4 = append(v4, at)
			continue
		}
		v6 = append(v6, at)
	}
	if all := append(v4, v6...); len(all) > 0 {
		return all, nil
	}
	return nil, fmt.Errorf("resolve %s: no address", host)
}
