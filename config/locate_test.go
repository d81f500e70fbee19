package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A client finds its switch although the file was broken since, and although
// its shell lacks the secrets.
func TestLocate(t *testing.T) {
	tests := map[string]struct {
		text, fault string
	}{
		"good":          {text: "data: state\naccount: {timezone: Europe/Madrid}\n"},
		"broken":        {text: "data: state\naccount: {timezone: Europe/Madrid}\nsip: {max_calls: many}\nusers: [{name: X Y}]\nbogus: 1\n"},
		"unset secrets": {text: "data: state\naccount: {timezone: Europe/Madrid}\nusers: [{name: ana, sip_password: \"${NOT_SET}\"}]\n"},
		"no data":       {text: "data: \"\"\n", fault: ":1:7: data:"},
		"unset data":    {text: "data: \"${NOT_SET}\"\n", fault: ":1:7: data:"},
		"zone":          {text: "account: {timezone: Mars}\n", fault: "account.timezone"},
		"not YAML":      {text: "data: [\n", fault: "1:"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "tandem.yaml")
			if err := os.WriteFile(file, []byte(tc.text), 0o600); err != nil {
				t.Fatal(err)
			}
			cfg, err := Locate(file, func(string) (string, bool) { return "", false })
			if tc.fault != "" {
				if err == nil || !strings.Contains(err.Error(), tc.fault) {
					t.Fatalf("want a fault with %q, got %v", tc.fault, err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if want := filepath.Join(filepath.Dir(file), "state"); cfg.Data != want || cfg.Account.Timezone != "Europe/Madrid" {
				t.Errorf("data %s, zone %s", cfg.Data, cfg.Account.Timezone)
			}
		})
	}
	if _, err := Locate("/nowhere/tandem.yaml", os.LookupEnv); err == nil {
		t.Error("a file that is not there was read")
	}
}
