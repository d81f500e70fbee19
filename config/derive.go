package config

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"path/filepath"
	"strconv"
)

// deriveDefaults fills in the defaults that follow from other keys.
func (v *validator) deriveDefaults() {
	c := v.cfg
	if c.Media.External == "" {
		c.Media.External = c.SIP.External
	}
	if c.Media.CountryTones == "" {
		c.Media.CountryTones = c.Account.Country
	}
	if c.HTTP.PublicURL == "" {
		c.HTTP.PublicURL = publicURL(c.HTTP)
	}
	if c.CRM.Provider == "" {
		c.CRM.Provider = NoCRM
		if c.CRM.Token != "" || c.CRM.OAuth != (OAuth{}) {
			c.CRM.Provider = HubSpot
		}
	}
	for i := range c.Users {
		if c.Users[i].Display == "" {
			c.Users[i].Display = c.Users[i].Name
		}
	}
	for i := range c.Playbooks {
		p := &c.Playbooks[i]
		if p.Hours != nil && p.Hours.Timezone == "" {
			p.Hours.Timezone = c.Account.Timezone
		}
		if !v.given(fmt.Sprintf("playbooks[%d].recording.retention", i)) {
			p.Recording.Retention = c.Recording.Retention
		}
		if r := &p.Reception; !v.given(fmt.Sprintf("playbooks[%d].reception.offer_timeout", i)) {
			r.OfferTimeout = min(r.OfferTimeout, r.Timeout)
		}
	}
}

// publicURL is the address of the console on this machine.
func publicURL(h HTTP) string {
	u := url.URL{Scheme: "http", Host: h.Listen.String()}
	if h.TLS.Cert != "" {
		u.Scheme = "https"
	}
	if addr, err := netip.ParseAddr(h.Listen.Host); h.Listen.Host == "" || err == nil && addr.IsUnspecified() {
		u.Host = net.JoinHostPort("127.0.0.1", strconv.Itoa(h.Listen.Port))
	}
	return u.String()
}

// resolvePaths makes every path absolute, or relative to the working folder
// where base is: base is the folder of the configuration file.
func (v *validator) resolvePaths(base string) {
	c := v.cfg
	resolve := func(path *string) {
		if *path != "" && !filepath.IsAbs(*path) {
			*path = filepath.Join(base, *path)
		}
	}
	for _, path := range []*string{
		&c.Data, &c.Recording.Directory, &c.Recording.Announce, &c.Recording.Archive.Directory,
		&c.SIP.TLS.Cert, &c.SIP.TLS.Key, &c.HTTP.TLS.Cert, &c.HTTP.TLS.Key,
	} {
		resolve(path)
	}
	if c.Recording.Directory == "" {
		c.Recording.Directory = filepath.Join(c.Data, "recordings")
	}
	for i := range c.Trunks {
		t := &c.Trunks[i].TLS
		resolve(&t.CA)
		resolve(&t.Cert)
		resolve(&t.Key)
	}
	for i := range c.Playbooks {
		resolve(&c.Playbooks[i].Closed.Prompt)
		resolve(&c.Playbooks[i].Reception.HoldMusic)
	}
}
