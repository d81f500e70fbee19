package config

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const phc = "$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHRzb21l$RdescudvJCsgt3ub+b4dWRWJTmaaJObG"

func TestMeaningFaults(t *testing.T) {
	cases := map[string]struct {
		text  string
		wants []want
	}{
		"listener":                 {"sip: {listen: [\"sip://a:1\", \"udp://a\", \"udp://a:70000\", \"udp://:5060\", \"udp://a b:1\"]}\n", []want{{"1:16: sip.listen[0]", "not a SIP listener", ""}, {"1:29: sip.listen[1]", "not an address", ""}, {"1:40: sip.listen[2]", "0 to 65535", ""}, {"1:57: sip.listen[3]", "no host", ""}, {"1:72: sip.listen[4]", "neither a name", ""}}},
		"no listener":              {"sip: {listen: []}\n", []want{{"1:15: sip.listen", "has no listener", ""}}},
		"listener twice":           {"sip:\n  listen:\n    - udp://127.0.0.1:5060\n    - tcp://127.0.0.1:5060\n    - udp://127.0.0.1:5060\n", []want{{"5:7: sip.listen[2]", "udp port 5060 is taken by sip.listen[0]", ""}}},
		"listener within wildcard": {"sip: {listen: [\"tcp://127.0.0.1:5060\", \"ws://[::]:5060\"]}\n", []want{{"1:40: sip.listen[1]", "tcp port 5060", ""}}},
		"listener and http":        {"sip: {listen: [\"tcp://0.0.0.0:8080\"]}\nhttp: {listen: \"127.0.0.1:8080\"}\n", []want{{"2:16: http.listen", "taken by sip.listen[0]", ""}}},
		"http listener":            {"http: {listen: 8080}\n", []want{{"1:16: http.listen", "host:port", ""}}},
		"tls without certificate":  {"sip: {listen: [\"tls://0.0.0.0:5061\", \"wss://0.0.0.0:5062\"]}\n", []want{{"1:16: sip.listen[0]", "tls needs a certificate", "sip.tls.cert"}, {"1:38: sip.listen[1]", "wss needs", ""}}},
		"certificate without key":  {"http:\n  tls: {cert: \"/nope.pem\"}\nsip:\n  tls: {key: \"k.pem\"}\n", []want{{"2:8: http.tls.key", "required beside cert", ""}, {"2:15: http.tls.cert", "cannot be read", ""}, {"4:8: sip.tls.cert", "required beside key", ""}, {"4:14: sip.tls.key", "cannot be read", ""}}},
		"hosts":                    {"sip: {domain: \"a b\", external: \"1.2.3\"}\nmedia: {external: \"-x\"}\n", []want{{"1:15: sip.domain", "neither a host name", ""}, {"1:32: sip.external", "neither", ""}, {"2:19: media.external", "neither", ""}}},
		"no user agent":            {"sip: {user_agent: \"\"}\n", []want{{"1:19: sip.user_agent", "not be empty", ""}}},
		"no data":                  {"data: \"\"\n", []want{{"1:7: data", "not be empty", ""}}},
		"ports not a range":        {"media: {ports: 20000}\n", []want{{"1:16: media.ports", "not a range", ""}}},
		"ports reversed":           {"media: {ports: 29999-20000}\n", []want{{"1:16: media.ports", "reversed", "20000-29999"}}},
		"ports odd":                {"media: {ports: 20001-29999}\n", []want{{"1:16: media.ports", "even port", ""}}},
		"ports too few":            {"media: {ports: 20000-20001}\n", []want{{"1:16: media.ports", "too small", ""}}},
		"ports reserved":           {"media: {ports: 100-2001}\n", []want{{"1:16: media.ports", "below 1024", ""}}},
		"ports over sip":           {"media: {ports: 5000-6001}\n", []want{{"1:16: media.ports", "port 5060 of sip.listen[0]", ""}}},
		"ports over http":          {"media: {ports: 8000-9001}\n", []want{{"1:16: media.ports", "port 8080 of http.listen", ""}}},
		"jitter":                   {"media: {jitter: {min: 300ms}}\n", []want{{"1:17: media.jitter", "longer than max", ""}}},
		"country":                  {"account: {country: Spain}\nmedia: {country_tones: XX}\n", []want{{"1:20: account.country", "ISO 3166-1", ""}, {"2:24: media.country_tones", "ISO 3166-1", ""}}},
		"time zone":                {"account: {timezone: Local}\n", []want{{"1:21: account.timezone", "IANA", ""}}},
		"public url":               {"http: {public_url: \"ftp://x\"}\n", []want{{"1:20: http.public_url", "not the address of a site", ""}}},
		"public url query":         {"http: {public_url: \"https://x/?a=b\"}\n", []want{{"1:20: http.public_url", "not the address", ""}}},
		"trunk":                    {"trunks:\n  - name: \"a b\"\n    address: \"x:99999\"\n    codecs: [PCMA, PCMA, opus]\n    allow: [10.0.0.1/8, carrier.example]\n", []want{{"2:11: trunks[0].name", "not a name", ""}, {"3:14: trunks[0].address", "1 to 65535", ""}, {"4:20: trunks[0].codecs[1]", "twice", ""}, {"4:26: trunks[0].codecs[2]", "not one of PCMA, PCMU, G722", ""}, {"5:13: trunks[0].allow[0]", "bits set", ""}, {"5:25: trunks[0].allow[1]", "not an address", ""}}},
		"trunk address":            {"trunks: [{name: a, address: \"sip:x\"}]\n", []want{{"1:29: trunks[0].address", "port", ""}}},
		"trunk host":               {"trunks: [{name: a, address: \"a/b\"}]\n", []want{{"1:29: trunks[0].address", "host or host:port", ""}}},
		"trunk empty name":         {"trunks: [{name: \"\", address: x}]\n", []want{{"1:17: trunks[0].name", "must not be empty", ""}}},
		"trunk no codec":           {"trunks: [{name: a, address: x, codecs: []}]\n", []want{{"1:40: trunks[0].codecs", "no codec", ""}}},
		"trunk twice":              {"trunks:\n  - {name: a, address: x}\n  - {name: a, address: y}\n", []want{{"3:12: trunks[1].name", "used twice, first on line 2", ""}}},
		"trunk credentials":        {"trunks:\n  - name: a\n    address: x\n    auth: {username: u}\n    register: {password: p}\n", []want{{"4:11: trunks[0].auth.password", "required beside", ""}, {"5:15: trunks[0].register.username", "required beside", ""}}},
		"number":                   {"numbers:\n  - {number: \"34910000001\"}\n  - {number: \"+34 910 000 001\"}\n  - {number: \"+3491\"}\n  - {number: \"910000001\"}\n  - {number: ring}\n", []want{{"2:14: numbers[0].number", "not", ""}, {"3:14: numbers[1].number", "not in E.164", "write +34910000001"}, {"4:14: numbers[2].number", "not a possible", ""}, {"5:14: numbers[3].number", "not in E.164", ""}, {"6:14: numbers[4].number", "not a possible", ""}}},
		"number unquoted":          {"numbers: [{number: +34910000001}]\n", []want{{"1:20: numbers[0].number", "not a number", "quotes"}}},
		"number twice":             {"numbers:\n  - {number: \"+34910000001\"}\n  - {number: \"+34910000001\"}\n", []want{{"3:14: numbers[1].number", "used twice", ""}}},
		"number dangling":          {"trunks: [{name: carrier, address: x}]\nplaybooks: [{name: sales}]\nnumbers: [{number: \"+34910000001\", trunks: [carier, carrier, carrier, \"\"], playbook: sale}]\n", []want{{"3:45: numbers[0].trunks[0]", "not among the trunks", "carrier"}, {"3:62: numbers[0].trunks[2]", "twice", ""}, {"3:71: numbers[0].trunks[3]", "must not be empty", ""}, {"3:86: numbers[0].playbook", "not among the playbooks", "sales"}}},
		"dangling behind fault":    {"trunks: [{name: [x], address: x}]\nnumbers: [{number: \"+34910000001\", trunks: [carrier]}]\n", []want{{"1:17: trunks[0].name", "must be a text", ""}}},
		"dangling secret":          {"trunks: [{name: OPEN-SESAME, address: x}]\nnumbers: [{number: \"+34910000001\", trunks: [\"${SECRET}\"]}]\n", []want{{"2:45: numbers[0].trunks[0]", `"${SECRET}" is not among`, ""}}},
		"domain":                   {"users: [{name: ana, sip_password: long-enough}]\n", []want{{"1:1: sip.domain", "required when there are users", ""}}},
		"user name":                {"sip: {domain: x}\nusers:\n  - name: Ana\n    sip_password: long-enough\n  - name: \"123\"\n    sip_password: long-enough\n", []want{{"3:11: users[0].name", "not a user name", ""}, {"5:11: users[1].name", "all digits", ""}}},
		"user twice":               {"sip: {domain: x}\nusers:\n  - {name: ana, extension: \"101\", password: \"" + phc + "\"}\n  - {name: ana, extension: \"101\", password: \"" + phc + "\"}\n", []want{{"4:12: users[1].name", "used twice", ""}, {"4:28: users[1].extension", "used twice", ""}}},
		"extension":                {"sip: {domain: x}\nusers:\n  - {name: a, sip_password: long-enough, extension: \"1\"}\n  - {name: b, sip_password: long-enough, extension: 1a2}\n  - {name: c, sip_password: long-enough, extension: \"112\"}\n  - {name: d, sip_password: long-enough, extension: \"911\"}\n", []want{{"3:53: users[0].extension", "not an extension", ""}, {"4:53: users[1].extension", "not an extension", ""}, {"5:53: users[2].extension", "emergency", ""}, {"6:53: users[3].extension", "emergency", ""}}},
		"emergency in France":      {"account: {country: FR}\nsip: {domain: x}\nusers: [{name: a, sip_password: long-enough, extension: \"17\"}]\n", []want{{"3:57: users[0].extension", "emergency", ""}}},
		"passwords":                {"sip: {domain: x}\nusers:\n  - {name: a, sip_password: \"\"}\n  - {name: b, sip_password: \"${SHORT}\"}\n  - {name: c, sip_password: \"${EMPTY}\"}\n  - {name: d, password: OPEN_SESAME}\n", []want{{"3:29: users[0].sip_password", "must not be empty", ""}, {"5:29: users[2].sip_password", "must not be empty", ""}, {"6:25: users[3].password", "not an argon2id hash", "users hash"}}},
		"role":                     {"sip: {domain: x}\nusers: [{name: a, sip_password: long-enough, role: boss}]\ncoaching: {roles: [admin, admin, nobody]}\n", []want{{"2:52: users[0].role", "not one of salesperson", ""}, {"3:27: coaching.roles[1]", "twice", ""}, {"3:34: coaching.roles[2]", "not one of", ""}}},
		"playbook twice":           {"playbooks: [{name: p}, {name: p}]\n", []want{{"1:31: playbooks[1].name", "used twice", ""}}},
		"playbook dangling":        {"playbooks: [{name: p, users: [ana], main_number: \"+34910000001\"}]\n", []want{{"1:31: playbooks[0].users[0]", "not among the users", ""}, {"1:50: playbooks[0].main_number", "not among the numbers", ""}}},
		"redirect":                 {"numbers: [{number: \"+34910000001\"}]\nplaybooks:\n  - {name: p, closed: {redirect: boss}}\n  - {name: q, closed: {redirect: \"+34910000001\"}}\n  - {name: r, closed: {redirect: \"910 000 001\"}}\n", []want{{"3:34: playbooks[0].closed.redirect", "not a possible", ""}, {"4:34: playbooks[1].closed.redirect", "own numbers", ""}, {"5:34: playbooks[2].closed.redirect", "own numbers", ""}}},
		"offer timeout":            {"playbooks: [{name: p, reception: {timeout: 20s, offer_timeout: 30s}}]\n", []want{{"1:64: playbooks[0].reception.offer_timeout", "longer than timeout (20s)", ""}}},
		"reception":                {"playbooks: [{name: p, reception: {strategy: ringall, on_reject: never, answer: late}}]\n", []want{{"1:45: playbooks[0].reception.strategy", "not one of", "ring-all"}, {"1:65: playbooks[0].reception.on_reject", "missed, next", ""}, {"1:80: playbooks[0].reception.answer", "immediate, early", ""}}},
		"wav":                      {"recording: {announce: none.wav}\nplaybooks: [{name: p, closed: {prompt: /}, reception: {hold_music: none.wav}}]\n", []want{{"1:23: recording.announce", `file "none.wav" cannot be read`, ""}, {"2:40: playbooks[0].closed.prompt", "not a regular file", ""}, {"2:68: playbooks[0].reception.hold_music", "cannot be read", ""}}},
		"recordings are data":      {"data: d\nrecording: {directory: d}\n", []want{{"2:24: recording.directory", "data folder itself", ""}}},
		"crm token":                {"crm: {provider: pipedrive}\n", []want{{"1:6: crm.token", "required for pipedrive", ""}}},
		"crm app beside token":     {"crm: {token: x, oauth: {client_id: a, client_secret: b, refresh_token: c}}\n", []want{{"1:24: crm.oauth", "beside crm.token", ""}}},
		"crm app in part":          {"crm: {oauth: {client_id: a, client_secret: b}}\n", []want{{"1:14: crm.oauth", "incomplete", "refresh_token"}}},
		"crm app of Pipedrive":     {"crm: {provider: pipedrive, oauth: {client_id: a, client_secret: b, refresh_token: c}}\n", []want{{"1:35: crm.oauth", "not for pipedrive", "crm.token"}}},
		"crm url":                  {"crm: {base_url: \"//x\"}\n", []want{{"1:17: crm.base_url", "not the address", ""}}},
		"crm url with a password":  {"crm: {base_url: \"https://u:OPEN_SESAME@x\"}\nhttp: {public_url: \"https://u:OPEN_SESAME@x\"}\n", []want{{"1:17: crm.base_url", "must not hold", "crm.token"}, {"2:20: http.public_url", "must not hold", ""}}},
		"too many listeners":       {"sip: {listen: [" + strings.Repeat("\"udp://a:1\",", 101) + "]}\n", []want{{"1:15: sip.listen", "more than 100 listeners", ""}}},
		"too many elements":        {"users: [" + strings.Repeat("x,", 5001) + "]\n", []want{{"1:8: users", "more than 5000 elements", ""}}},
		"crm private":              {"crm: {base_url: \"http://127.0.0.1:99\"}\n", []want{{"1:17: crm.base_url", "private or loopback", "allow_private"}}},
		"crm localhost":            {"crm: {base_url: \"http://LocalHost\"}\n", []want{{"1:17: crm.base_url", "private or loopback", ""}}},
		"calling hours":            {"dialer: {calling_hours: [\"08:00-12:00\", \"11:00-13:00\"]}\n", []want{{"1:41: dialer.calling_hours[1]", "overlaps", ""}}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) { checkFaults(t, c.text, c.wants) })
	}
}

// hoursText is a playbook whose hours begin on line 4.
func hoursText(lines ...string) string {
	return "playbooks:\n  - name: p\n    hours:\n      " + strings.Join(lines, "\n      ") + "\n"
}

func TestHoursFaults(t *testing.T) {
	const h = "playbooks[0].hours."
	cases := map[string]struct {
		lines []string
		wants []want
	}{
		"time zone":         {[]string{"timezone: Europe/Madird"}, []want{{"4:17: " + h + "timezone", "not a time zone", ""}}},
		"day":               {[]string{"weekly: {monday: []}"}, []want{{"4:16: " + h + "weekly.monday", "not a day", ""}}},
		"interval":          {[]string{`weekly: {mon: ["9-14", "24:00-02:00", "25:00-26:00", "09:00-09:00"]}`}, []want{{"4:22: " + h + "weekly.mon[0]", "not an interval", ""}, {"4:30: " + h + "weekly.mon[1]", "not an interval", ""}, {"4:45: " + h + "weekly.mon[2]", "not an interval", ""}, {"4:60: " + h + "weekly.mon[3]", "is empty", ""}}},
		"interval alone":    {[]string{`weekly: {mon: "09:00-14:00"}`}, []want{{"4:21: " + h + "weekly.mon", "not a list of intervals", ""}}},
		"same days":         {[]string{`weekly: {"mon,tue": [], mon-tue: []}`}, []want{{"4:31: " + h + "weekly.mon-tue", "means the same", ""}}},
		"overlap":           {[]string{`weekly: {mon: ["09:00-14:00", "13:59-15:00"]}`}, []want{{"4:37: " + h + "weekly.mon[1]", `"13:59-15:00" overlaps "09:00-14:00" on line 4`, ""}}},
		"overlap of keys":   {[]string{"weekly:", `  fri: ["15:00-17:00"]`, `  mon-fri: ["16:00-18:00"]`}, []want{{"6:19: " + h + "weekly.mon-fri[0]", "on line 5", ""}}},
		"later is earlier":  {[]string{"weekly:", `  tue: ["01:00-03:00"]`, `  mon: ["22:00-02:00"]`}, []want{{"6:15: " + h + "weekly.mon[0]", `overlaps "01:00-03:00" on line 5`, ""}}},
		"over the week end": {[]string{`weekly: {sun: ["00:30-05:00"], sat: ["22:00-01:00"]}`}, []want{{"4:44: " + h + "weekly.sat[0]", "overlaps", ""}}},
		"inside a long one": {[]string{`weekly: {mon: ["08:00-20:00", "09:00-10:00", "12:00-13:00"]}`}, []want{{"4:37: " + h + "weekly.mon[1]", "overlaps", ""}, {"4:52: " + h + "weekly.mon[2]", "overlaps", ""}}},
		"dates":             {[]string{"holidays: [2026-02-30, 2026-12-25, 2026-12-25, christmas]"}, []want{{"4:18: " + h + "holidays[0]", "not a date", ""}, {"4:42: " + h + "holidays[2]", "twice", ""}, {"4:54: " + h + "holidays[3]", "not a date", ""}}},
		"exceptions":        {[]string{`exceptions: {2026-12-24: open, 2026-13-01: [], 2026-12-26: ["22:00-03:00"], 2026-12-27: ["02:00-04:00"]}`}, []want{{"4:32: " + h + "exceptions.2026-12-24", "not a list of intervals", ""}, {"4:38: " + h + "exceptions.2026-13-01", "not a date", ""}, {"4:96: " + h + "exceptions.2026-12-27[0]", "overlaps", ""}}},
		"touching is fine":  {[]string{`weekly: {mon-sun: ["00:00-08:00", "08:00-24:00"]}`}, nil},
		"overnight is fine": {[]string{`weekly: {mon-sun: ["22:00-06:00", "06:00-22:00"]}`}, nil},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) { checkFaults(t, hoursText(c.lines...), c.wants) })
	}
}

func TestFiles(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, data []byte) {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cert, key := keyPair(t)
	_, other := keyPair(t)
	write("cert.pem", cert)
	write("key.pem", key)
	write("other.pem", other)
	write("music.wav", []byte("RIFF\x24\x00\x00\x00WAVEfmt "))
	write("text.wav", []byte("not a wave at all"))
	write("short.wav", []byte("RIFF"))
	write("password", []byte("from-a-file\r\n"))
	text := "sip: {listen: [\"tls://127.0.0.1:5061\"], domain: x, tls: {cert: cert.pem, key: key.pem}}\n" +
		"recording: {announce: music.wav}\n" +
		"users: [{name: ana, sip_password: \"${file:password}\"}]\n"
	cfg, err := Parse(filepath.Join(dir, "t.yaml"), []byte(text), testEnv)
	if err != nil {
		t.Fatal(err)
	}
	if got := string(cfg.Users[0].SIPPassword); got != "from-a-file" {
		t.Errorf("password %q", got)
	}
	if want := filepath.Join(dir, "music.wav"); cfg.Recording.Announce != want {
		t.Errorf("announce %q, want %q", cfg.Recording.Announce, want)
	}
	for from, message := range map[string]string{"music.wav": "text.wav", "recording: {announce: music.wav}": "recording: {announce: short.wav}", "key.pem": "other.pem"} {
		if _, err := Parse(filepath.Join(dir, "t.yaml"), []byte(strings.Replace(text, from, message, 1)), testEnv); err == nil {
			t.Errorf("%s is accepted", message)
		}
	}
}

// keyPair makes a certificate and its key, both PEM.
func keyPair(t *testing.T) (cert, key []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalECPrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: keyDER})
}

func TestWarnings(t *testing.T) {
	text := "sip: {domain: x, max_calls: 2000}\n" +
		"media: {ports: 20000-20100}\n" +
		"trunks: [{name: c, address: x, srtp: required, allow: []}, {name: d, address: x, allow: [\"::/0\"]}]\n" +
		"numbers: [{number: \"+34910000001\"}]\n" +
		"users: [{name: ana}, {name: bea, sip_password: short}]\n" +
		"crm: {provider: none, token: x}\n" +
		"dialer: {calling_hours: []}\n" +
		"playbooks:\n  - name: p\n    hours:\n      holidays: [2026-12-25]\n      exceptions: {2026-12-25: closed}\n"
	cfg, err := Parse("t.yaml", []byte(text), testEnv)
	if err != nil {
		t.Fatal(err)
	}
	wants := []string{
		"t.yaml:2:16: media.ports: port 20100", "t.yaml:2:16: media.ports: the range has room for 25 calls",
		"t.yaml:3:38: trunks[0].srtp: without transport tls", "t.yaml:3:55: trunks[0].allow: is empty",
		"t.yaml:3:89: trunks[1].allow: lets the whole Internet",
		"t.yaml:4:11: numbers[0]: has no trunks", "t.yaml:4:11: numbers[0]: has no playbook",
		"t.yaml:5:9: users[0]: has neither", "t.yaml:5:48: users[1].sip_password: has fewer", "t.yaml:6:30: crm.token: is not used", "t.yaml:7:25: dialer.calling_hours: is empty",
		"t.yaml:9:5: playbooks[0]: has no users", "t.yaml:11:7: playbooks[0].hours: has no weekly hours",
		"t.yaml:11:18: playbooks[0].hours.holidays[0]: 2026-12-25 is a holiday and an exception",
	}
	if len(cfg.Warnings) != len(wants) {
		t.Fatalf("got %d warnings, want %d:\n%v", len(cfg.Warnings), len(wants), Faults(cfg.Warnings))
	}
	for i, want := range wants {
		if got := cfg.Warnings[i].String(); !strings.HasPrefix(got, want) {
			t.Errorf("warning %d: %q, want %q", i, got, want)
		}
	}
}

// TestCRMApp is HubSpot without a token, and of no use without a CRM.
func TestCRMApp(t *testing.T) {
	app := "oauth: {client_id: a, client_secret: OPEN_SESAME, refresh_token: c}}\n"
	cfg, err := Parse("t.yaml", []byte("crm: {"+app), testEnv)
	if err != nil || cfg.CRM.Provider != HubSpot || cfg.CRM.OAuth != (OAuth{"a", "OPEN_SESAME", "c"}) {
		t.Fatalf("got %+v, %v", cfg, err)
	}
	cfg, err = Parse("t.yaml", []byte("crm: {provider: none, "+app), testEnv)
	if err != nil || len(cfg.Warnings) != 1 || !strings.Contains(cfg.Warnings[0].String(), "crm.oauth: is not used") {
		t.Errorf("got %v, %v", cfg.Warnings, err)
	}
}
