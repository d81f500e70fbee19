package config

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"
)

// maxListeners is far more than a machine has addresses and transports.
const maxListeners = 100

// bound is one listening address of the file.
type bound struct {
	path    string
	network string // udp or tcp, as the kernel sees it
	host    string
	port    int
}

// bounds are the listening addresses that could be read, port 0 apart.
func (v *validator) bounds() []bound {
	var all []bound
	for i, l := range v.cfg.SIP.Listen {
		network := "tcp"
		if l.Transport == UDP {
			network = "udp"
		}
		all = append(all, bound{fmt.Sprintf("sip.listen[%d]", i), network, l.Host, l.Port})
	}
	all = append(all, bound{"http.listen", "tcp", v.cfg.HTTP.Listen.Host, v.cfg.HTTP.Listen.Port})
	usable := all[:0]
	for _, b := range all {
		if b.port != 0 && v.sound(b.path) {
			usable = append(usable, b)
		}
	}
	return usable
}

// listeners checks that no two listeners want the same address.
func (v *validator) listeners() {
	c := v.cfg
	if len(c.SIP.Listen) == 0 && v.sound("sip.listen") {
		v.fault("sip.listen", "has no listener", "leave the key out for udp and tcp on port 5060")
	}
	if len(c.SIP.Listen) > maxListeners {
		v.fault("sip.listen", fmt.Sprintf("has more than %d listeners", maxListeners), "")
		return
	}
	all := v.bounds()
	for i, b := range all {
		for _, other := range all[:i] {
			if b.network == other.network && b.port == other.port && sameHost(b.host, other.host) {
				v.fault(b.path, fmt.Sprintf("%s port %d is taken by %s", b.network, b.port, other.path), "")
			}
		}
	}
	v.host("sip.external", c.SIP.External)
	v.host("media.external", c.Media.External)
	v.host("sip.domain", c.SIP.Domain)
	if len(c.Users) > 0 && c.SIP.Domain == "" {
		v.fault("sip.domain", "is required when there are users", "the host of their SIP addresses, such as pbx.example.com")
	}
	if v.given("sip.user_agent") && c.SIP.UserAgent == "" {
		v.fault("sip.user_agent", "must not be empty", "")
	}
}

// sameHost reports whether two listeners on one port would meet: the same
// address, or one of them every address.
func sameHost(a, b string) bool {
	return a == b || everywhere(a) || everywhere(b)
}

func everywhere(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "" || err == nil && addr.IsUnspecified()
}

func (v *validator) host(path, host string) {
	if v.given(path) && v.sound(path) && host != "" && !isHost(host) {
		v.fault(path, v.shown(path)+" is neither a host name nor an IP address", "")
	}
}

// media checks the RTP ports against the listeners and the jitter buffer's bounds.
func (v *validator) media() {
	m := v.cfg.Media
	if m.Jitter.Min > m.Jitter.Max && v.sound("media.jitter.min") && v.sound("media.jitter.max") {
		v.fault("media.jitter", "min is longer than max", "")
	}
	if !v.sound("media.ports") {
		return
	}
	switch r := m.Ports; {
	case r.First > r.Last:
		v.fault("media.ports", "the range is reversed", fmt.Sprintf("write %d-%d", r.Last, r.First))
	case r.First < 1024:
		v.fault("media.ports", "ports below 1024 are reserved for well-known services", "")
	case r.First%2 != 0:
		v.fault("media.ports", "the range must begin with an even port: even ports carry RTP, the next odd one RTCP", "")
	case r.Pairs() < 2:
		v.fault("media.ports", "the range is too small: a call needs four ports", "")
	}
	v.mediaPorts()
}

// mediaPorts compares the range with the listeners and with sip.max_calls.
func (v *validator) mediaPorts() {
	r := v.cfg.Media.Ports
	for _, b := range v.bounds() {
		if r.contains(b.port) {
			v.fault("media.ports", fmt.Sprintf("the range holds port %d of %s", b.port, b.path), "")
		}
	}
	if !v.sound("media.ports") {
		return
	}
	if r.Last%2 == 0 {
		v.warn("media.ports", fmt.Sprintf("port %d is not used: it has no RTCP port after it", r.Last))
	}
	if calls := r.Pairs() / 2; calls < v.cfg.SIP.MaxCalls && (v.given("media.ports") || v.given("sip.max_calls")) {
		v.warn("media.ports", fmt.Sprintf("the range has room for %d calls, fewer than sip.max_calls (%d)", calls, v.cfg.SIP.MaxCalls))
	}
}

// certificates checks both certificates, and that listeners that need one have it.
func (v *validator) certificates() {
	c := v.cfg
	v.certificate("sip.tls", c.SIP.TLS)
	v.certificate("http.tls", c.HTTP.TLS)
	for i, l := range c.SIP.Listen {
		if l.Transport.secure() && c.SIP.TLS.Cert == "" && v.sound("sip.tls.cert") {
			v.fault(fmt.Sprintf("sip.listen[%d]", i), fmt.Sprintf("%s needs a certificate", l.Transport), "set sip.tls.cert and sip.tls.key")
		}
	}
}

func (v *validator) certificate(path string, t TLS) {
	cert, key := path+".cert", path+".key"
	if t.Cert == "" && t.Key == "" {
		return
	}
	if t.Cert == "" {
		v.fault(cert, "is required beside key", "")
	}
	if t.Key == "" {
		v.fault(key, "is required beside cert", "")
	}
	v.file(cert, t.Cert)
	v.file(key, t.Key)
	if !v.sound(cert) || !v.sound(key) {
		return
	}
	if _, err := tls.LoadX509KeyPair(t.Cert, t.Key); err != nil {
		v.fault(cert, "cannot be used with its key: "+strings.TrimPrefix(err.Error(), "tls: "), "")
	}
}

// publicURL checks the console's address.
func (v *validator) publicURL() {
	const path = "http.public_url"
	if !v.given(path) || !v.sound(path) {
		return
	}
	u, ok := webURL(v.cfg.HTTP.PublicURL)
	if ok && u.User != nil {
		v.fault(path, "must not hold a user name or password", "")
		return
	}
	if !ok || u.RawQuery != "" || u.Fragment != "" {
		v.fault(path, v.shown(path)+" is not the address of a site", "write http:// or https:// and a host")
	}
}

// webURL parses an absolute http or https URL.
func webURL(s string) (*url.URL, bool) {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || !isHost(u.Hostname()) {
		return nil, false
	}
	if port := u.Port(); port != "" {
		if _, err := parsePort(port); err != nil {
			return nil, false
		}
	}
	return u, true
}

// carrierAddress checks host or host:port of a trunk.
func (v *validator) carrierAddress(path, address string) {
	if !v.sound(path) || address == "" {
		return
	}
	host := strings.TrimSuffix(strings.TrimPrefix(address, "["), "]")
	if h, port, err := net.SplitHostPort(address); err == nil {
		host = h
		if n, err := parsePort(port); err != nil || n == 0 {
			v.fault(path, v.shown(path)+" has a port that is not a number from 1 to 65535", "")
			return
		}
	}
	if !isHost(host) {
		v.fault(path, v.shown(path)+" is not host or host:port", "")
	}
}
