package config

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/nyaruka/phonenumbers"
)

// minPassword is the least length of a sound phone password, in characters: it
// stands open to guessing from everywhere that can reach the listener.
const minPassword = 8

func (v *validator) data() {
	if v.given("data") && v.cfg.Data == "" {
		v.fault("data", "must not be empty", "leave the key out for ./data")
	}
}

func (v *validator) trunks() {
	for i, t := range v.cfg.Trunks {
		path := fmt.Sprintf("trunks[%d]", i)
		v.label(path+".name", t.Name)
		v.carrierAddress(path+".address", t.Address)
		v.credentials(path+".register", t.Register.Username, t.Register.Password)
		v.credentials(path+".auth", t.Auth.Username, t.Auth.Password)
		once(v, path+".codecs", t.Codecs)
		once(v, path+".allow", t.Allow)
		if len(t.Codecs) == 0 && v.sound(path+".codecs") {
			v.fault(path+".codecs", "has no codec", "leave the key out for PCMA and PCMU")
		}
		v.trunkSecurity(path, t)
		if t.Allow != nil && len(t.Allow) == 0 && v.sound(path+".allow") {
			v.warn(path+".allow", "is empty: nobody may call in through this trunk")
		}
		if slices.ContainsFunc(t.Allow, func(p netip.Prefix) bool { return p.IsValid() && p.Bits() == 0 }) {
			v.warn(path+".allow", "lets the whole Internet call in as this carrier")
		}
	}
}

// trunkSecurity checks how a trunk is encrypted.
func (v *validator) trunkSecurity(path string, t Trunk) {
	v.certificate(path+".tls", TLS{Cert: t.TLS.Cert, Key: t.TLS.Key})
	v.file(path+".tls.ca", t.TLS.CA)
	if t.Transport == TrunkTLS {
		return
	}
	switch t.SRTP {
	case SRTPRequired:
		v.warn(path+".srtp", "without transport tls the keys of SRTP would travel unencrypted, and the switch does not start")
	case SRTPOptional:
		v.warn(path+".srtp", "without transport tls the keys of SRTP travel unencrypted")
	case SRTPOff:
	}
	if t.TLS != (PeerTLS{}) {
		v.warn(path+".tls", "is not used: the transport is "+string(t.Transport))
	}
}

func (v *validator) credentials(path, username string, password Secret) {
	if username != "" && password == "" {
		v.fault(path+".password", "is required beside username", "")
	}
	if username == "" && password != "" {
		v.fault(path+".username", "is required beside password", "")
	}
}

func (v *validator) numbers() {
	c := v.cfg
	trunks := v.collect("trunks", "name", pick(c.Trunks, func(t Trunk) string { return t.Name }))
	playbooks := v.collect("playbooks", "name", pick(c.Playbooks, func(p Playbook) string { return p.Name }))
	v.collect("numbers", "number", pick(c.Numbers, func(n Number) string { return n.Number }))
	for i, n := range c.Numbers {
		path := fmt.Sprintf("numbers[%d]", i)
		v.ownNumber(path+".number", n.Number)
		v.referAll(path+".trunks", n.Trunks, trunks)
		v.refer(path+".playbook", n.Playbook, playbooks)
		if len(n.Trunks) == 0 && v.sound(path+".trunks") {
			v.warn(path, "has no trunks: no call can go out from this number")
		}
		if n.Playbook == "" && v.sound(path+".playbook") {
			v.warn(path, "has no playbook: nobody receives its calls")
		}
	}
}

// ownNumber checks that a number is in E.164 and possible in its country.
func (v *validator) ownNumber(path, number string) {
	if !v.sound(path) || number == "" {
		return
	}
	normal, ok := v.normal(number)
	switch {
	case !ok:
		v.fault(path, v.shown(path)+" is not a possible telephone number", "write it in E.164, such as +34910000001")
	case normal != number:
		v.fault(path, v.shown(path)+" is not in E.164", v.unlessSecret(path, number, "write "+normal))
	}
}

// unlessSecret gives a hint about a value, unless it came from a placeholder.
func (v *validator) unlessSecret(path, value, hint string) string {
	if v.spots[path].text != value {
		return ""
	}
	return hint
}

// normal is a number in E.164, read with the account's country.
func (v *validator) normal(number string) (string, bool) {
	parsed, err := phonenumbers.Parse(number, string(v.cfg.Account.Country))
	if err != nil || !phonenumbers.IsPossibleNumber(parsed) || len(number) > 40 {
		return "", false
	}
	return phonenumbers.Format(parsed, phonenumbers.E164), true
}

func (v *validator) users() {
	c := v.cfg
	v.collect("users", "name", pick(c.Users, func(u User) string { return u.Name }))
	v.collect("users", "extension", pick(c.Users, func(u User) string { return u.Extension }))
	for i, u := range c.Users {
		path := fmt.Sprintf("users[%d]", i)
		v.userName(path+".name", u.Name)
		v.extension(path+".extension", u.Extension)
		v.passwords(path, u)
	}
}

func (v *validator) userName(path, name string) {
	if name == "" || !v.sound(path) {
		return
	}
	if !regexp.MustCompile(`^[a-z0-9._-]{1,64}$`).MatchString(name) {
		v.fault(path, v.shown(path)+" is not a user name", "lower-case letters, digits, '.', '_' and '-', at most 64")
	} else if strings.Trim(name, "0123456789") == "" {
		v.fault(path, v.shown(path)+" is all digits, as only extensions and telephone numbers are", "")
	}
}

func (v *validator) extension(path, extension string) {
	if extension == "" || !v.sound(path) {
		return
	}
	switch {
	case !regexp.MustCompile(`^[0-9]{2,6}$`).MatchString(extension):
		v.fault(path, v.shown(path)+" is not an extension", "two to six digits")
	case v.emergency(extension):
		v.fault(path, v.shown(path)+" is an emergency number", "")
	}
}

// emergency reports whether a number reaches help: those understood nearly
// everywhere by mobile networks, and the account's country's own.
func (v *validator) emergency(number string) bool {
	return slices.Contains([]string{"000", "110", "112", "118", "119", "911", "999"}, number) ||
		phonenumbers.IsEmergencyNumber(number, string(v.cfg.Account.Country))
}

// passwords checks the phone's password and the console's hash. Neither value
// is ever shown.
func (v *validator) passwords(path string, u User) {
	phone, login := path+".sip_password", path+".password"
	switch n := utf8.RuneCountInString(string(u.SIPPassword)); {
	case v.given(phone) && n == 0:
		v.fault(phone, "must not be empty", "leave the key out for a user without a phone")
	case v.given(phone) && n < minPassword:
		v.warn(phone, fmt.Sprintf("has fewer than %d characters: easy to guess", minPassword))
	}
	if u.Password != "" && !isArgon2id(string(u.Password)) {
		v.fault(login, "is not an argon2id hash", "make one with: tandem users hash")
	}
	if !v.given(phone) && u.Password == "" && v.sound(login) {
		v.warn(path, "has neither sip_password nor password: the user can neither register a phone nor log in")
	}
}

// isArgon2id recognises the PHC string form of an argon2id hash, version 19.
func isArgon2id(s string) bool {
	return regexp.MustCompile(`^\$argon2id\$v=19\$m=[1-9][0-9]{0,9},t=[1-9][0-9]{0,9},p=[1-9][0-9]{0,3}` +
		`\$[A-Za-z0-9+/]{11,86}\$[A-Za-z0-9+/]{16,172}$`).MatchString(s)
}

func (v *validator) crm() {
	c := v.cfg.CRM
	v.crmCredentials(c)
	if c.BaseURL == "" || !v.sound("crm.base_url") {
		return
	}
	u, ok := webURL(c.BaseURL)
	if ok && u.User != nil {
		v.fault("crm.base_url", "must not hold a user name or password", "the CRM's token goes into crm.token")
		return
	}
	if !ok {
		v.fault("crm.base_url", v.shown("crm.base_url")+" is not the address of an API", "write https:// and a host")
		return
	}
	if !c.AllowPrivate && isPrivate(u.Hostname()) {
		v.fault("crm.base_url", "leads to a private or loopback address", "set crm.allow_private if that is meant")
	}
}

// crmCredentials checks that there is one way to be let in by the CRM.
func (v *validator) crmCredentials(c CRM) {
	app := c.OAuth != (OAuth{})
	switch {
	case c.Provider == NoCRM && c.Token != "":
		v.warn("crm.token", "is not used, as provider is none")
	case c.Provider == NoCRM && app:
		v.warn("crm.oauth", "is not used, as provider is none")
	case c.Provider == NoCRM:
	case app && c.Provider != HubSpot:
		v.fault("crm.oauth", fmt.Sprintf("is not for %s", c.Provider), "give crm.token instead")
	case app && c.Token != "":
		v.fault("crm.oauth", "is given beside crm.token", "leave one of the two out")
	case app && (c.OAuth.ClientID == "" || c.OAuth.ClientSecret == "" || c.OAuth.RefreshToken == ""):
		v.fault("crm.oauth", "is incomplete", "give client_id, client_secret and refresh_token")
	case !app && c.Token == "":
		v.fault("crm.token", fmt.Sprintf("is required for %s", c.Provider), "")
	}
}

// isPrivate reports whether a host is known without a look-up to be on this
// machine or in a private network.
func isPrivate(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	a, err := netip.ParseAddr(host)
	if err != nil {
		return false
	}
	a = a.Unmap()
	return a.IsLoopback() || a.IsPrivate() || a.IsUnspecified() || a.IsLinkLocalUnicast()
}

// pick maps a list to one of its fields.
func pick[T any](list []T, field func(T) string) []string {
	values := make([]string, len(list))
	for i, e := range list {
		values[i] = field(e)
	}
	return values
}
