package routing

import (
	"strings"
	"testing"
)

func TestDirectory(t *testing.T) {
	d, err := NewDirectory(account(t))
	if err != nil {
		t.Fatal(err)
	}
	for raw, want := range map[string]Dialed{
		"101":          {Kind: KindExtension, User: "ana"},
		"112":          {Kind: KindEmergency, Number: "112"},
		"010":          {Kind: KindShort, Number: "010"},
		"600 111 222":  {Kind: KindE164, Number: "+34600111222"},
		"+34910000001": {Kind: KindE164, Number: "+34910000001"},
		"999":          {Kind: KindInvalid},
		"":             {Kind: KindInvalid},
	} {
		if got := d.Dialed(raw); got != want {
			t.Errorf("Dialed(%q) = %+v, want %+v", raw, got, want)
		}
	}
	if err := d.Replace(Account{Users: []User{{Name: ""}}}); err == nil {
		t.Error("took a faulty account")
	}
	if _, ok := d.User("ana"); !ok {
		t.Error("a faulty account replaced the good one")
	}
	if err := d.Replace(Account{Country: "GB"}); err != nil || d.Country() != "GB" {
		t.Errorf("Replace: %v, country %s", err, d.Country())
	}
	if _, ok := d.Number("+34910000001"); ok {
		t.Error("the old account's number is still there")
	}
}

func TestEmergencyComesBeforeExtensions(t *testing.T) {
	d, err := NewDirectory(Account{Country: "ES", Users: []User{{Name: "ana", Extension: "112"}, {Name: "bea", Extension: "010"}}})
	if err != nil {
		t.Fatal(err)
	}
	if got := d.Dialed("112"); got.Kind != KindEmergency {
		t.Errorf("112 is %+v", got)
	}
	if got := d.Dialed("010"); got.User != "bea" {
		t.Errorf("010 is %+v", got)
	}
}

func TestDirectoryRefuses(t *testing.T) {
	tests := []struct {
		account Account
		fault   string
	}{
		{Account{Users: []User{{Name: "ana"}, {Name: "ana"}}}, `user "ana"`},
		{Account{Users: []User{{Name: "ana", Extension: "1"}, {Name: "bea", Extension: "1"}}}, "extension 1 is ana's"},
		{Account{Playbooks: []Playbook{{Name: "p"}, {Name: "p"}}}, `playbook "p"`},
		{Account{Playbooks: []Playbook{{Name: "p", Users: []string{"x"}}}}, `no user "x"`},
		{Account{Numbers: []AccountNumber{{Number: "+34910000001", Playbook: "q"}}}, `no playbook "q"`},
		{Account{Country: "ES", Numbers: []AccountNumber{{Number: "910000001"}}}, "not in E.164"},
		{Account{Numbers: []AccountNumber{{Number: "+34910000001"}, {Number: "+34910000001"}}}, "named twice"},
	}
	for _, tt := range tests {
		if _, err := NewDirectory(tt.account); err == nil || !strings.Contains(err.Error(), tt.fault) {
			t.Errorf("%+v: %v, want %q", tt.account, err, tt.fault)
		}
	}
}
