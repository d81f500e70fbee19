package daemon

import (
	"errors"
	"fmt"

	"tandem/config"
	"tandem/media"
	"tandem/routing"
	"tandem/sip"
)

// phones translates who may register and which trunks there are.
func phones(cfg *config.Config) sip.Directory {
	var d sip.Directory
	for _, u := range cfg.Users {
		if u.SIPPassword != "" {
			d.Users = append(d.Users, sip.User{
				Name: u.Name, Password: string(u.SIPPassword), Secure: u.SRTP == config.SRTPRequired,
			})
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
		TLS:      sip.TrunkTLS{CA: t.TLS.CA, Client: sip.KeyPair{Cert: t.TLS.Cert, Key: t.TLS.Key}},
		Auth:     sip.Credentials{Username: t.Auth.Username, Password: string(t.Auth.Password)},
		CallerID: sip.CallerID(t.CallerID), TrustCallerID: t.TrustCallerID, Keepalive: t.Keepalive,
		MaxCalls: t.MaxCalls, CallsPerSecond: t.CallsPerSecond,
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
// trunk that this version cannot serve as it is asked to.
func listeners(cfg *config.Config) ([]sip.Listen, error) {
	var list []sip.Listen
	var faults []error
	for _, l := range cfg.SIP.Listen {
		if l.Transport == config.WS || l.Transport == config.WSS {
			faults = append(faults, fmt.Errorf("sip.listen %s: this version serves udp, tcp and tls", l))
			continue
		}
		list = append(list, sip.Listen{Network: string(l.Transport), Addr: l.Address()})
	}
	for _, t := range cfg.Trunks {
		if t.SRTP == config.SRTPRequired && t.Transport != config.TrunkTLS {
			faults = append(faults, fmt.Errorf("trunk %s: srtp required needs transport tls", t.Name))
		}
	}
	return list, errors.Join(faults...)
}

// encryption translates who has SRTP: trunks and users by their names.
func encryption(cfg *config.Config) (trunks, users map[string]media.Encryption) {
	kinds := map[config.SRTP]media.Encryption{
		config.SRTPOff: media.EncryptionOff, config.SRTPOptional: media.EncryptionOptional, config.SRTPRequired: media.EncryptionRequired,
	}
	trunks, users = make(map[string]media.Encryption), make(map[string]media.Encryption)
	for _, t := range cfg.Trunks {
		trunks[t.Name] = kinds[t.SRTP]
	}
	for _, u := range cfg.Users {
		users[u.Name] = kinds[u.SRTP]
	}
	return trunks, users
}
