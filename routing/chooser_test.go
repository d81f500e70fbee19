package routing

import (
	"context"
	"errors"
	"slices"
	"testing"

	"tandem/call"
)

// past is what was said with contacts before.
type past struct {
	calls []call.Record
	err   error
	asked []CallFilter
}

func (p *past) Calls(_ context.Context, f CallFilter) ([]call.Record, string, error) {
	p.asked = append(p.asked, f)
	return p.calls, "", p.err
}

// world has numbers in three countries on three trunks.
func world() Account {
	return Account{
		Country: "ES",
		Numbers: []AccountNumber{
			{Number: "+34910000001", Playbook: "iberia", Trunks: []string{"es", "spare"}},
			{Number: "+34910000002", Playbook: "export", Trunks: []string{"es"}},
			{Number: "+442079460001", Playbook: "export", Trunks: []string{"uk"}},
			{Number: "+16502530001", Playbook: "export", Trunks: []string{"us"}},
			{Number: "+34910000003", Playbook: "iberia"}, // no trunk
		},
		Playbooks: []Playbook{{Name: "iberia", MainNumber: "+34910000001"}, {Name: "export", MainNumber: "+16502530001"}},
	}
}

func newChooser(t *testing.T, history *past, down ...string) *Chooser {
	t.Helper()
	dir, err := NewDirectory(world())
	if err != nil {
		t.Fatal(err)
	}
	c, err := NewChooser(ChooserOptions{Directory: dir, History: history, Usable: func(trunk string) bool { return !slices.Contains(down, trunk) }})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestChoose(t *testing.T) {
	talked := &past{calls: []call.Record{{Number: "+16502530001"}}}
	tests := []struct {
		name    string
		out     Outgoing
		history *past
		down    []string
		number  string
		rule    Rule
	}{
		{"called us", Outgoing{Number: "+34600111222", Contact: Contact{ID: "c", LastNumber: "+442079460001"}, Playbook: "iberia"}, talked, nil, "+442079460001", RuleLastCalled},
		{"its trunk is down", Outgoing{Number: "+34600111222", Contact: Contact{ID: "c", LastNumber: "+442079460001"}, Playbook: "iberia"}, talked, []string{"uk"}, "+34910000001", RuleCountry},
		{"no longer ours", Outgoing{Number: "+34600111222", Contact: Contact{ID: "c", LastNumber: "+34919999999"}, Playbook: "iberia"}, talked, nil, "+34910000001", RuleCountry},
		{"never called, talked", Outgoing{Number: "+34600111222", Contact: Contact{ID: "c"}, Playbook: "iberia"}, talked, nil, "+16502530001", RuleLastTalked},
		{"playbook's own first", Outgoing{Number: "+34600111222", Contact: Contact{ID: "c"}, Playbook: "export"}, &past{}, nil, "+34910000002", RuleCountry},
		{"main number first", Outgoing{Number: "+16505550123", Playbook: "export"}, &past{}, nil, "+16502530001", RuleCountry},
		{"another playbook's", Outgoing{Number: "+447700900123", Playbook: "iberia"}, &past{}, nil, "+442079460001", RuleCountry},
		{"the contact's country, not the number's", Outgoing{Number: "+34600111222", Contact: Contact{ID: "c", Country: "GB"}, Playbook: "iberia"}, &past{}, nil, "+442079460001", RuleCountry},
		{"main number", Outgoing{Number: "+33612345678", Playbook: "export"}, &past{}, nil, "+16502530001", RuleMain},
		{"any", Outgoing{Number: "+33612345678", Playbook: "export"}, &past{}, []string{"us"}, "+34910000001", RuleAny},
		{"no playbook", Outgoing{Number: "+33612345678"}, &past{}, nil, "+34910000001", RuleAny},
		{"asked for", Outgoing{Number: "+33612345678", Playbook: "iberia", Asked: "0044 20 7946 0001"}, &past{}, nil, "+442079460001", RuleAsked},
	}
	for _, tt := range tests {
		got, err := newChooser(t, tt.history, tt.down...).Choose(t.Context(), tt.out)
		if err != nil || got.Number != tt.number || got.Rule != tt.rule || len(got.Trunks) == 0 {
			t.Errorf("%s: %+v, %v; want %s by %s", tt.name, got, err, tt.number, tt.rule)
		}
	}
}

func TestChooseTrunks(t *testing.T) {
	out := Outgoing{Number: "+34600111222", Playbook: "iberia"}
	got, err := newChooser(t, &past{}).Choose(t.Context(), out)
	if err != nil || !slices.Equal(got.Trunks, []string{"es", "spare"}) {
		t.Errorf("both up: %+v, %v", got, err)
	}
	got, err = newChooser(t, &past{}, "es").Choose(t.Context(), out)
	if err != nil || !slices.Equal(got.Trunks, []string{"spare"}) {
		t.Errorf("one up: %+v, %v", got, err)
	}
}

func TestChooseRefuses(t *testing.T) {
	ctx := t.Context()
	if _, err := newChooser(t, &past{}, "es", "spare", "uk", "us").Choose(ctx, Outgoing{Number: "+34600111222"}); !errors.Is(err, ErrNoNumber) {
		t.Errorf("all down: %v", err)
	}
	if _, err := newChooser(t, &past{}, "uk").Choose(ctx, Outgoing{Number: "+34600111222", Asked: "+442079460001"}); !errors.Is(err, ErrNoNumber) {
		t.Errorf("asked for, down: %v", err)
	}
	var invalid *InvalidError
	if _, err := newChooser(t, &past{}).Choose(ctx, Outgoing{Number: "+34600111222", Asked: "+34600111222"}); !errors.As(err, &invalid) {
		t.Errorf("not ours: %v", err)
	}
	broken := &past{err: errors.New("store is gone")}
	if _, err := newChooser(t, broken).Choose(ctx, Outgoing{Number: "+34600111222", Contact: Contact{ID: "c"}}); !errors.Is(err, broken.err) {
		t.Errorf("store failed: %v", err)
	}
}

func TestChooseAsksTheHistoryOfTheContact(t *testing.T) {
	history := &past{}
	c := newChooser(t, history)
	for _, contact := range []Contact{{ID: "c"}, {}} {
		if _, err := c.Choose(t.Context(), Outgoing{Number: "+34600111222", Contact: contact}); err != nil {
			t.Fatal(err)
		}
	}
	if len(history.asked) != 1 || history.asked[0].Contact != "c" || history.asked[0].Direction != call.Outbound || history.asked[0].Result != call.ResultCompleted {
		t.Errorf("asked %+v", history.asked)
	}
}
