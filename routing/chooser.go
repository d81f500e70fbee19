package routing

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"tandem/call"
)

// ErrNoNumber says that none of the account's numbers has a trunk that is up and free.
var ErrNoNumber = errors.New("no number can be called from now")

// Rule is why an outbound call shows the number that it shows.
type Rule string

// The rules, in the order in which they are tried.
const (
	RuleLastCalled Rule = "last_called" // the number that the contact called last
	RuleLastTalked Rule = "last_talked" // the contact never called: the one through which we talked last
	RuleCountry    Rule = "country"     // a number of the contact's country
	RuleMain       Rule = "main_number" // the playbook's
	RuleAny        Rule = "any"
	RuleAsked      Rule = "asked" // by whoever makes the call
)

// Outgoing is a call that needs a number to show.
type Outgoing struct {
	Number   string  // E.164, who is called
	Contact  Contact // zero when the number is nobody's
	Playbook string  // of the user who calls, or empty
	Asked    string  // a number of ours that must be shown, or empty
	// Emergency calls go out by a trunk that is up even when its channels are
	// all taken; when none is up, by any.
	Emergency bool
}

// ChosenNumber is the number that a call shows, why, and what may carry it.
type ChosenNumber struct {
	Number string
	Rule   Rule
	Trunks []string // up and free, in order of preference
}

// History finds what was said with a contact before.
type History interface {
	// Calls lists calls, newest first. next is empty on the last page.
	Calls(ctx context.Context, f CallFilter) (items []call.Record, next string, err error)
}

// ChooserOptions are what the chooser works with.
type ChooserOptions struct {
	Directory *Directory
	History   History
	// Usable reports whether a trunk is up and has a free channel. It must not block.
	Usable func(trunk string) bool
}

// Chooser picks the account's number from which somebody is called.
type Chooser struct{ ChooserOptions }

// NewChooser returns a chooser; all of its options are needed.
func NewChooser(o ChooserOptions) (*Chooser, error) {
	if o.Directory == nil || o.History == nil || o.Usable == nil {
		return nil, errors.New("chooser: an option is missing")
	}
	return &Chooser{o}, nil
}

// Choose returns the first number that a rule names and a trunk can carry now.
// ErrNoNumber when there is none; *InvalidError when the number that was asked
// for is not ours.
func (c *Chooser) Choose(ctx context.Context, out Outgoing) (ChosenNumber, error) {
	if out.Asked != "" {
		return c.asked(out.Asked)
	}
	for _, rule := range []func(context.Context, Outgoing) ([]string, Rule, error){c.history, c.country, c.main, c.any} {
		numbers, name, err := rule(ctx, out)
		if err != nil {
			return ChosenNumber{}, fmt.Errorf("number for a call to %s: %w", out.Number, err)
		}
		for _, number := range numbers {
			if trunks := c.trunks(number); len(trunks) > 0 {
				return ChosenNumber{Number: number, Rule: name, Trunks: trunks}, nil
			}
		}
	}
	if out.Emergency {
		return c.whatever()
	}
	return ChosenNumber{}, ErrNoNumber
}

// whatever is the first number that has a trunk at all.
func (c *Chooser) whatever() (ChosenNumber, error) {
	for _, n := range c.Directory.Account().Numbers {
		if len(n.Trunks) > 0 {
			return ChosenNumber{Number: n.Number, Rule: RuleAny, Trunks: n.Trunks}, nil
		}
	}
	return ChosenNumber{}, ErrNoNumber
}

// asked takes the number that the caller wants shown.
func (c *Chooser) asked(raw string) (ChosenNumber, error) {
	number, _ := c.Directory.Normalize(raw)
	if _, ours := c.Directory.Number(number); !ours {
		return ChosenNumber{}, &InvalidError{Field: "number", Why: "is not one of the account's own"}
	}
	trunks := c.trunks(number)
	if len(trunks) == 0 {
		return ChosenNumber{}, ErrNoNumber
	}
	return ChosenNumber{Number: number, Rule: RuleAsked, Trunks: trunks}, nil
}

// trunks returns what can carry a call from a number now; nothing for a number
// that is not ours any more.
func (c *Chooser) trunks(number string) []string {
	own, _ := c.Directory.Number(number)
	var list []string
	for _, trunk := range own.Trunks {
		if c.Usable(trunk) {
			list = append(list, trunk)
		}
	}
	return list
}

// history is the number that the contact called last or, when they never
// called, the one through which we talked with them last.
func (c *Chooser) history(ctx context.Context, out Outgoing) ([]string, Rule, error) {
	if out.Contact.LastNumber != "" || out.Contact.ID == "" {
		return []string{out.Contact.LastNumber}, RuleLastCalled, nil
	}
	calls, _, err := c.History.Calls(ctx, CallFilter{
		Contact: out.Contact.ID, Direction: call.Outbound, Result: call.ResultCompleted, Page: Page{Limit: 1},
	})
	if err != nil || len(calls) == 0 {
		return nil, RuleLastTalked, err
	}
	return []string{calls[0].Number}, RuleLastTalked, nil
}

// country is the numbers of the contact's country: the playbook's main number,
// its other numbers, all others.
func (c *Chooser) country(_ context.Context, out Outgoing) ([]string, Rule, error) {
	country := out.Contact.Country
	if country == "" {
		country = CountryOf(out.Number)
	}
	p, _ := c.Directory.Playbook(out.Playbook)
	var first, own, others []string
	for _, n := range c.Directory.Account().Numbers {
		switch {
		case country == "" || CountryOf(n.Number) != country:
		case n.Number == p.MainNumber:
			first = append(first, n.Number)
		case n.Playbook == out.Playbook:
			own = append(own, n.Number)
		default:
			others = append(others, n.Number)
		}
	}
	return slices.Concat(first, own, others), RuleCountry, nil
}

// main is the playbook's main number.
func (c *Chooser) main(_ context.Context, out Outgoing) ([]string, Rule, error) {
	p, _ := c.Directory.Playbook(out.Playbook)
	return []string{p.MainNumber}, RuleMain, nil
}

// any is every number, as configured.
func (c *Chooser) any(context.Context, Outgoing) ([]string, Rule, error) {
	var list []string
	for _, n := range c.Directory.Account().Numbers {
		list = append(list, n.Number)
	}
	return list, RuleAny, nil
}
