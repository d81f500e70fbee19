package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

// reference is the specification's configuration, beside the project where the
// specification is at hand.
const reference = "../../shared/spec/tandem.yaml"

func referenceText(t *testing.T) []byte {
	t.Helper()
	data, err := os.ReadFile(reference)
	if err != nil {
		t.Skip("the specification is not at hand: ", err)
	}
	return data
}

func TestReference(t *testing.T) {
	referenceText(t)
	cfg, err := Load(reference, testEnv)
	if err != nil {
		t.Fatal(err)
	}
	if len(cfg.Warnings) > 0 {
		t.Errorf("warnings: %v", Faults(cfg.Warnings))
	}
	if got := string(cfg.Users[0].SIPPassword); got != "ana-says-open" {
		t.Errorf("ana's password is %q", got)
	}
	if !cfg.Recording.Enabled || cfg.Recording.Retention != 365*24*time.Hour {
		t.Errorf("recording: %+v", cfg.Recording)
	}
	if got := cfg.Playbooks[0].Hours.Weekly.Day(time.Wednesday); len(got) != 2 || got[1].String() != "15:30-19:00" {
		t.Errorf("Wednesday: %v", got)
	}
}

// The reference shows the defaults: leaving them out must not change anything.
func TestReferenceShowsDefaults(t *testing.T) {
	full, err := Parse(reference, referenceText(t), testEnv)
	if err != nil {
		t.Fatal(err)
	}
	bare, err := Parse(reference, []byte(`
account: {name: Acme Sales}
sip: {domain: pbx.acme.example}
recording: {enabled: true}
trunks: [{name: carrier, address: "sip.carrier.example:5060", allow: [203.0.113.0/24]}]
numbers: [{number: "+34910000001", trunks: [carrier], playbook: sales-es}]
users:
  - {name: ana, display: Ana García, extension: "101", sip_password: "${ANA_SIP_PASSWORD}"}
  - {name: eva, display: Eva Ruiz, role: supervisor, extension: "201", sip_password: "${EVA_SIP_PASSWORD}"}
playbooks:
  - name: sales-es
    users: [ana]
    main_number: "+34910000001"
    hours:
      weekly: {mon-thu: ["09:00-14:00", "15:30-19:00"], fri: ["09:00-15:00"]}
      holidays: [2026-12-25, 2027-01-01]
      exceptions: {2026-12-24: ["09:00-12:00"]}
crm: {token: "${HUBSPOT_TOKEN}", dispositions: {}}
`), testEnv)
	if err != nil {
		t.Fatal(err)
	}
	if changed := full.Changed(bare); len(changed) > 0 {
		t.Errorf("defaults differ from the reference: %v", changed)
	}
}

func TestDerivedDefaults(t *testing.T) {
	text := `
account: {country: FR, timezone: Europe/Paris}
data: store
sip: {domain: x, external: 198.51.100.1}
http: {listen: "0.0.0.0:9000"}
users: [{name: ana, sip_password: long-enough}]
trunks: [{name: open, address: a}, {name: shut, address: b, allow: []}, {name: one, address: c, allow: [10.1.2.3, "2001:db8::1"]}]
recording: {retention: 90d}
playbooks: [{name: p, hours: {weekly: {}}, reception: {timeout: 20s}}, {name: always, recording: {enabled: false, retention: 0}}]
`
	cfg, err := Parse("/etc/tandem/t.yaml", []byte(text), testEnv)
	if err != nil {
		t.Fatal(err)
	}
	got := []any{
		cfg.Data, cfg.Recording.Directory, cfg.Recording.Enabled, cfg.Media.External, cfg.Media.CountryTones, cfg.HTTP.PublicURL,
		cfg.Users[0].Display, cfg.CRM.Provider, cfg.Playbooks[0].Hours.Timezone, cfg.Playbooks[0].Reception.OfferTimeout,
		cfg.Playbooks[1].Hours == nil, cfg.Trunks[0].Allow == nil, cfg.Trunks[1].Allow != nil, fmt.Sprint(cfg.Trunks[2].Allow),
		cfg.Playbooks[0].Recording, cfg.Playbooks[1].Recording,
	}
	want := []any{
		"/etc/tandem/store", "/etc/tandem/store/recordings", false, "198.51.100.1", Country("FR"), "http://127.0.0.1:9000",
		"ana", NoCRM, Zone("Europe/Paris"), 20 * time.Second,
		true, true, true, "[10.1.2.3/32 2001:db8::1/128]",
		OwnRecording{Enabled: true, Retention: 90 * 24 * time.Hour}, OwnRecording{},
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("%d: got %v, want %v", i, got[i], want[i])
		}
	}
}

func TestPlaceholders(t *testing.T) {
	text := "account: {name: \"a ${SECRET} b ${MANY} $${SECRET} $5\"}\nsip: {max_calls: \"${MANY}\", user_agent: \"$$\"}\nrecording: {retention: \"${MANY}d\"}\ndata: |\n  ${MANY}\n"
	_, err := Parse("t.yaml", []byte(text), testEnv)
	if err == nil || !strings.Contains(err.Error(), "t.yaml:4:7: data") {
		t.Errorf("a line end in a path: %v", err)
	}
	cfg, err := Parse("t.yaml", []byte(text[:strings.Index(text, "data")]), testEnv)
	if err != nil {
		t.Fatal(err)
	}
	if cfg.Account.Name != "a OPEN_SESAME b 60 ${SECRET} $5" || cfg.SIP.UserAgent != "$$" {
		t.Errorf("texts: %q, %q", cfg.Account.Name, cfg.SIP.UserAgent)
	}
	if cfg.SIP.MaxCalls != 60 || cfg.Recording.Retention != 60*24*time.Hour {
		t.Errorf("values: %d, %v", cfg.SIP.MaxCalls, cfg.Recording.Retention)
	}
}

func TestExample(t *testing.T) {
	noEnv := func(string) (string, bool) { return "", false }
	cfg, err := Parse("t.yaml", Example(), noEnv)
	if err != nil {
		t.Fatal(err)
	}
	if len(cfg.Warnings) > 0 {
		t.Errorf("warnings: %v", Faults(cfg.Warnings))
	}
	if cfg.Users[0].SIPPassword == cfg.Users[1].SIPPassword || bytes.Equal(Example(), Example()) {
		t.Error("the example's passwords are not random")
	}
	for _, key := range allKeys("", reflect.TypeFor[Config]()) {
		if _, given := decoded(t, Example()).spots[key]; !given {
			t.Errorf("the example lacks %s", key)
		}
	}
}

// decoded reads a text as far as its positions.
func decoded(t *testing.T, text []byte) *decoder {
	t.Helper()
	root, fault := parseYAML(text)
	if fault != nil {
		t.Fatal(fault)
	}
	d := newDecoder(root, expander{getenv: testEnv})
	cfg := defaultConfig()
	d.decode(&cfg)
	return d
}

// allKeys lists every key of a section, lists by their first element.
func allKeys(path string, t reflect.Type) []string {
	var keys []string
	fields := fieldsOf(t)
	for _, key := range keysOf(t) {
		at, inner := join(path, key), fields[key].Type
		keys = append(keys, at)
		if inner.Kind() == reflect.Pointer {
			inner = inner.Elem()
		}
		if inner.Kind() == reflect.Slice {
			at, inner = at+"[0]", inner.Elem()
		}
		if inner.Kind() == reflect.Struct && !isText(inner) {
			keys = append(keys, allKeys(at, inner)...)
		}
	}
	return keys
}

// Every struct field has a description, and bounds that parse.
func TestFieldTags(t *testing.T) {
	var check func(t *testing.T, s reflect.Type)
	check = func(t *testing.T, s reflect.Type) {
		for _, f := range fieldsOf(s) {
			if len(f.Tag.Get("doc")) < 10 || !strings.HasSuffix(f.Tag.Get("doc"), ".") {
				t.Errorf("%s.%s has no description", s.Name(), f.Name)
			}
			for _, bound := range []string{"min", "max"} {
				if text, has := f.Tag.Lookup(bound); has {
					if err := parseInto(reflect.New(f.Type).Elem(), text); err != nil {
						t.Errorf("%s.%s: %s: %v", s.Name(), f.Name, bound, err)
					}
				}
			}
			inner := f.Type
			if inner.Kind() == reflect.Slice || inner.Kind() == reflect.Pointer {
				inner = inner.Elem()
			}
			if inner.Kind() == reflect.Struct && !isText(inner) {
				check(t, inner)
			}
		}
	}
	check(t, reflect.TypeFor[Config]())
}

func TestFind(t *testing.T) {
	none := func(string) (string, bool) { return "", false }
	set := func(string) (string, bool) { return "/from/env.yaml", true }
	t.Chdir(t.TempDir())
	if path, err := Find("x.yaml", set); path != "x.yaml" || err != nil {
		t.Errorf("flag: %q, %v", path, err)
	}
	if path, err := Find("", set); path != "/from/env.yaml" || err != nil {
		t.Errorf("environment: %q, %v", path, err)
	}
	if path, err := findIn("tandem.yaml", "other.yaml"); err == nil {
		t.Errorf("nothing there: %q", path)
	}
	if err := os.WriteFile("tandem.yaml", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if path, err := Find("", none); path != "tandem.yaml" || err != nil {
		t.Errorf("working folder: %q, %v", path, err)
	}
}

func TestSecretsStayHidden(t *testing.T) {
	u := User{Name: "ana", SIPPassword: "OPEN_SESAME"}
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("user", "user", u, "secret", u.SIPPassword)
	asJSON, err := json.Marshal(u)
	if err != nil {
		t.Fatal(err)
	}
	for _, shown := range []string{fmt.Sprint(u), fmt.Sprintf("%+v %#v %q %s", u, u, u.SIPPassword, u.SIPPassword), string(asJSON), log.String()} {
		if strings.Contains(shown, "SESAME") {
			t.Errorf("a secret shows: %s", shown)
		}
	}
	if Secret("").String() != "" {
		t.Error("an empty secret looks like one")
	}
}

func TestReload(t *testing.T) {
	base := "sip: {domain: x}\nusers: [{name: ana, sip_password: long-enough}]\n"
	load := func(text string) *Config {
		cfg, err := Parse(filepath.Join("/etc", "t.yaml"), []byte(text), testEnv)
		if err != nil {
			t.Fatal(err)
		}
		return cfg
	}
	old := load(base)
	cases := []struct{ text, changed, restart string }{
		{base, "[]", "[]"},
		{base + "log: {level: debug}\nmedia: {timeout: 10s}\n", "[media.timeout log.level]", "[]"},
		{strings.Replace(base, "ana", "eva", 1), "[users]", "[]"},
		{base + "data: other\n", "[data recording.directory]", "[data recording.directory]"},
		{strings.Replace(base, "x}", "y, listen: [\"udp://0.0.0.0:5070\"]}", 1), "[sip.listen sip.domain]", "[sip.listen sip.domain]"},
		{base + "media: {ports: 30000-39999, jitter: {max: 100ms}}\nhttp: {listen: \":8081\"}\n", "[media.ports media.jitter.max http.listen http.public_url]", "[media.ports http.listen http.public_url]"},
		{base + "limits: {ban: 1h}\nlog: {format: json}\n", "[limits.ban log.format]", "[limits.ban log.format]"},
		{base + "recording: {archive: {directory: /mnt/x}, command: [/x, \"{in}\", \"{out}.y\"]}\n", "[recording.archive.directory recording.command]", "[]"},
		{base + "recording: {directory: r}\n", "[recording.directory]", "[recording.directory]"},
	}
	for _, c := range cases {
		cfg := load(c.text)
		if got := fmt.Sprint(cfg.Changed(old)); got != c.changed {
			t.Errorf("%q: changed %s, want %s", c.text, got, c.changed)
		}
		if got := fmt.Sprint(cfg.RestartNeeded(old)); got != c.restart {
			t.Errorf("%q: restart %s, want %s", c.text, got, c.restart)
		}
		if cfg.Equal(old) != (c.changed == "[]") {
			t.Errorf("%q: Equal is wrong", c.text)
		}
	}
}
