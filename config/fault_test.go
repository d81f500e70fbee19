package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	_ "time/tzdata"
)

// testEnv is the environment of the tests. OPEN_SESAME is what may never show.
func testEnv(name string) (string, bool) {
	value, ok := map[string]string{
		"ANA_SIP_PASSWORD": "ana-says-open",
		"EVA_SIP_PASSWORD": "eva-says-open",
		"HUBSPOT_TOKEN":    "pat-eu1-0000",
		"SHORT":            "abc",
		"EMPTY":            "",
		"SECRET":           "OPEN_SESAME",
		"MANY":             "60",
	}[name]
	return value, ok
}

// want is one fault: position, key, and a part of message and hint.
type want struct {
	at      string // line:column: key
	message string
	hint    string
}

func checkFaults(t *testing.T, text string, wants []want) {
	t.Helper()
	_, err := Parse(filepath.Join(t.TempDir(), "t.yaml"), []byte(text), testEnv)
	faults, _ := errors.AsType[Faults](err)
	if len(faults) != len(wants) {
		t.Fatalf("got %d faults, want %d:\n%v", len(faults), len(wants), err)
	}
	for i, w := range wants {
		f := faults[i]
		if got := fmt.Sprintf("%d:%d: %s", f.Line, f.Column, f.Key); got != w.at {
			t.Errorf("fault %d is at %q, want %q (%s)", i, got, w.at, f.Message)
		}
		if !strings.Contains(f.Message, w.message) {
			t.Errorf("fault %d: message %q lacks %q", i, f.Message, w.message)
		}
		if !strings.Contains(f.Hint, w.hint) {
			t.Errorf("fault %d: hint %q lacks %q", i, f.Hint, w.hint)
		}
		if strings.Contains(f.String()+f.Hint, "OPEN_SESAME") {
			t.Errorf("fault %d shows a secret: %s", i, f)
		}
	}
}

func TestStructureFaults(t *testing.T) {
	cases := map[string]struct {
		text  string
		wants []want
	}{
		"empty":                {"", []want{{"1:1: ", "is empty", "example"}}},
		"comments alone":       {"# nothing\n", []want{{"1:1: ", "is empty", ""}}},
		"a list":               {"- a\n", []want{{"1:1: ", "must be a mapping", ""}}},
		"a text":               {"tandem", []want{{"1:1: ", "must be a mapping", ""}}},
		"two documents":        {"data: a\n---\ndata: b\n", []want{{"3:1: ", "a second document", ""}}},
		"not YAML":             {"sip:\n  domain: 'x\n", []want{{"2:11: ", "not YAML", ""}}},
		"tab":                  {"sip:\n\tdomain: x\n", []want{{"2:1: ", "not YAML", "spaces"}}},
		"placeholder in flow":  {"crm: {token: ${SECRET}}\n", []want{{"1:15: ", "not YAML", "quotes"}}},
		"broken UTF-8":         {"data: a\naccount: {name: \"\xff\"}\n", []want{{"2:18: ", "UTF-8", ""}}},
		"NUL":                  {"data: a\x00b\n", []want{{"1:8: ", "UTF-8", ""}}},
		"too long":             {"# " + strings.Repeat("x", MaxSize), []want{{"0:0: ", "longer than", ""}}},
		"deep flow":            {"data: " + strings.Repeat("[", 10000), []want{{"1:23: ", "too deeply", ""}}},
		"deep block":           {strings.Repeat("- ", 10000), []want{{"1:33: ", "too deeply", ""}}},
		"deep indent":          {"a:\n" + strings.Repeat(" ", 300) + "b: 1\n", []want{{"2:301: ", "too deeply", ""}}},
		"many keys":            {strings.Repeat("a: 1\n", 5000), []want{{"2001:2: ", "more than 2000 keys", ""}}},
		"many keys in flow":    {"log: {" + strings.Repeat("a: 1,", 5000) + "}", []want{{"1:10008: ", "more than 2000 keys", ""}}},
		"anchor":               {"data: &d ./data\n", []want{{"1:7: data", "anchors", ""}}},
		"alias":                {"account:\n  name: &n x\n  country: *n\n", []want{{"2:9: account.name", "anchors", ""}, {"3:12: account.country", "anchors", ""}}},
		"merge key":            {"account:\n  <<: *base\n", []want{{"2:3: account.<<", "plain text", ""}}},
		"tag":                  {"data: !!str x\n", []want{{"1:7: data", "tags", ""}}},
		"complex key":          {"? a\n: 1\n", []want{{"1:1: ?", "plain text", ""}}},
		"unknown key":          {"sip:\n  domian: x\n", []want{{"2:3: sip.domian", "unknown key", `did you mean "domain"?`}}},
		"unknown top key":      {"zzz: 1\n", []want{{"1:1: zzz", "unknown key", "known here: account, data"}}},
		"unknown in list":      {"log: {level: info}\nusers:\n  - nmae: x\n", []want{{"1:1: sip.domain", "is required", ""}, {"3:5: users[0].nmae", "unknown key", "name"}, {"3:5: users[0].name", "is required", ""}}},
		"duplicate key":        {"data: a\nlog: {level: info, level: warn}\ndata: b\n", []want{{"2:20: log.level", "given twice, first on line 2", ""}, {"3:1: data", "given twice, first on line 1", ""}}},
		"no value":             {"sip:\n  domain:\n", []want{{"2:3: sip.domain", "has no value", "default"}}},
		"empty section":        {"users:\n", []want{{"1:1: users", "has no value", ""}}},
		"list for mapping":     {"sip: [x]\n", []want{{"1:6: sip", "must be a mapping of keys, not a list", ""}}},
		"text for mapping":     {"sip: x\n", []want{{"1:6: sip", "must be a mapping of keys, not a text", ""}}},
		"mapping for list":     {"trunks: {name: x}\n", []want{{"1:9: trunks", "must be a list, not a mapping", ""}}},
		"text for list":        {"sip: {listen: udp://0.0.0.0:5060}\n", []want{{"1:15: sip.listen", "must be a list, not a text", "[ ]"}}},
		"mapping for text":     {"data: {a: b}\n", []want{{"1:7: data", "must be a text, not a mapping", ""}}},
		"list for text":        {"data: [a]\n", []want{{"1:7: data", "must be a text, not a list", ""}}},
		"number for text":      {"account: {name: 5}\n", []want{{"1:17: account.name", "not a number", "quotes"}}},
		"bool for text":        {"account: {name: true}\n", []want{{"1:17: account.name", "not true or false", ""}}},
		"number for bool":      {"recording: {enabled: 1}\n", []want{{"1:22: recording.enabled", "not a number", ""}}},
		"yes":                  {"recording: {enabled: yes}\n", []want{{"1:22: recording.enabled", "must be true or false", "yes"}}},
		"text for number":      {"sip: {max_calls: many}\n", []want{{"1:18: sip.max_calls", "whole number, not a text", ""}}},
		"fraction":             {"sip: {max_calls: 1.5}\n", []want{{"1:18: sip.max_calls", "whole number", ""}}},
		"hexadecimal":          {"sip: {max_calls: 0x10}\n", []want{{"1:18: sip.max_calls", "decimal", ""}}},
		"quoted number":        {"sip: {max_calls: \"5\"}\n", []want{{"1:18: sip.max_calls", "not a text", ""}}},
		"infinity":             {"dialer: {abandonment_limit: .inf}\n", []want{{"1:29: dialer.abandonment_limit", "decimal", ""}}},
		"duration no unit":     {"media: {timeout: 30}\n", []want{{"1:18: media.timeout", "not a duration", ""}}},
		"duration unit":        {"media: {timeout: 30y}\n", []want{{"1:18: media.timeout", "not a duration", ""}}},
		"negative duration":    {"recording: {retention: -1d}\n", []want{{"1:24: recording.retention", "negative", ""}}},
		"endless duration":     {"recording: {retention: 9999999999d}\n", []want{{"1:24: recording.retention", "too long", ""}}},
		"duration too short":   {"media: {timeout: 0}\n", []want{{"1:18: media.timeout", "at least 100ms", ""}}},
		"duration too long":    {"media: {jitter: {max: 1m}}\n", []want{{"1:23: media.jitter.max", "at most 2s", ""}}},
		"too small":            {"sip: {max_calls: 0}\nlimits: {requests_per_second: -1}\n", []want{{"1:18: sip.max_calls", "at least 1", ""}, {"2:31: limits.requests_per_second", "at least 1", ""}}},
		"share above one":      {"dialer: {abandonment_limit: 3}\n", []want{{"1:29: dialer.abandonment_limit", "at most 1", ""}}},
		"choice":               {"log: {level: inof, format: xml}\n", []want{{"1:14: log.level", "not one of debug, info", `"info"`}, {"1:28: log.format", "not one of text, json", ""}}},
		"control character":    {"account: {name: \"a\\nb\"}\n", []want{{"1:17: account.name", "control character", ""}}},
		"missing variable":     {"data: ${NOT_THERE}\n", []want{{"1:7: data", "environment variable NOT_THERE is not set", ""}}},
		"bad placeholder":      {"data: \"a ${b\"\naccount: {name: \"${1x}\"}\n", []want{{"1:7: data", "without its }", ""}, {"2:17: account.name", "neither a variable", ""}}},
		"missing secret file":  {"data: ${file:nope}\n", []want{{"1:7: data", "file nope cannot be read: no such file", ""}}},
		"secret file a folder": {"data: ${file:/}\n", []want{{"1:7: data", "not a regular file", ""}}},
		"secret is bad value":  {"log: {level: \"${SECRET}\"}\n", []want{{"1:14: log.level", `"${SECRET}" is not one of`, ""}}},
		"secret as key":        {"crm: {token: 12345678}\n", []want{{"1:14: crm.token", "must be a text, not a number", ""}}},
		"mapping key value":    {"crm: {dispositions: {lost: x}}\n", []want{{"1:22: crm.dispositions.lost", "not one of completed", ""}}},
		"column in characters": {"account: {name: ñandú, country: XX}\n", []want{{"1:33: account.country", "not a country", ""}}},
		"every fault of all":   {"account: {country: es, timezone: Mars}\nsip: {max_calls: x, max_calls_per_second: x}\n", []want{{"1:20: account.country", "", ""}, {"1:34: account.timezone", "", ""}, {"2:18: sip.max_calls", "", ""}, {"2:43: sip.max_calls_per_second", "", ""}}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) { checkFaults(t, c.text, c.wants) })
	}
}

func TestFaultText(t *testing.T) {
	f := Fault{File: "t.yaml", Line: 3, Column: 5, Key: "sip.domain", Message: "is wrong", Hint: "mend it"}
	if got, want := f.String(), "t.yaml:3:5: sip.domain: is wrong"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := (Faults{f, {File: "t.yaml", Message: "gone"}}).Error(), "t.yaml:3:5: sip.domain: is wrong (mend it)\nt.yaml: gone"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestUnreadableFile(t *testing.T) {
	dir := t.TempDir()
	for _, path := range []string{filepath.Join(dir, "none.yaml"), dir} {
		_, err := Load(path, testEnv)
		faults, ok := errors.AsType[Faults](err)
		if !ok || len(faults) != 1 || faults[0].File != path || faults[0].Line != 0 {
			t.Errorf("Load(%s): %v", path, err)
		}
	}
	path := filepath.Join(dir, "long.yaml")
	if err := os.WriteFile(path, make([]byte, MaxSize+10), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(path, testEnv); err == nil || !strings.Contains(err.Error(), "longer than") {
		t.Errorf("a file that is too long: %v", err)
	}
}
