package daemon

import (
	"errors"
	"fmt"

	"tandem/config"
	"tandem/routing"
	"tandem/sip"
)

// phones translates who may register and which trunks there are.
func phones(cfg *config.Config) sip.Directory {
	var d sip.Directory
	for _, u := range cfg.Users {
		if u.SIPPassword != "" {
			d.Users = append(d.Users, sip.User{Name: u.Name, Password: string(u.SIPPassword)})
		}
	}
	for _, t := range cfg.Trunks {
		d.Trunks = append(d.Trunks, trunk(t, string(cfg.Account.Country)))
	}
	return d
}

func trunk(t config.Trunk, country string) sip.Trunk {
	out := sip.Trunk{
		Name: t.Name, Address: t.Address, Transport: string(t.Transport), Allow: t.Allow,
		Auth:     sip.Credentials{Username: t.Auth.Username, Password: string(t.Auth.Password)},
		CallerID: sip.CallerID(t.CallerID), TrustCallerID: t.TrustCallerID, Keepalive: t.Keepalive,
		Format: func(e164 string) string {
			return routing.Format(e164, routing.NumberFormat(t.NumberFormat), country)
		},
	}
	if t.Register.Username != "" {
		out.Register = &sip.Registration{
			Credentials: sip.Credentials{Username: t.Register.Username, Password: string(t.Register.Password)},
			Expires:     t.Register.Expires,
		}
	}
	return out
}

// listeners translates where SIP is served. It reports every listener and
// trunk whose transport this version does not speak.
func listeners(cfg *config.Config) ([]sip.Listen, error) {
	var list []sip.Listen
	var faults []error
	for _, l := range cfg.SIP.Listen {
		if l.Transport != config.UDP && l.Transport != config.TCP {
			faults = append(faults, fmt.Errorf("sip.listen %s: this version serves udp and tcp", l))
			continue
		}
		list = append(list, sip.Listen{Network: string(l.Transport), Addr: l.Address()})
	}
	for _, t := range cfg.Trunks {
		if t.Transport == config.TrunkTLS {
			faults = append(faults, fmt.Errorf("trunk %s: this version reaches trunks over udp and tcp", t.Name))
		}
		if t.SRTP == config.SRTPRequired {
			faults = append(faults, fmt.Errorf("trunk %s: this version has no SRTP", t.Name))
		}
	}
	return list, errors.Join(faults...)
}
