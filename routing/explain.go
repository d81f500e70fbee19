package routing

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"tandem/call"
)

// Explanation is what would happen to a call from or to a number.
type Explanation struct {
	Number   string    `json:"number"` // E.164
	At       time.Time `json:"at"`
	Contact  *Contact  `json:"contact"`  // whose number it is
	Inbound  []Finding `json:"inbound"`  // a call from that number, or to it when it is our own
	Outbound []Finding `json:"outbound"` // a call to that number
}

// Finding is one step of a decision.
type Finding struct {
	What string `json:"what"` // number, hours, closed, strategy, asked, later, passed_over, waits, ...
	User string `json:"user,omitempty"`
	Why  string `json:"why"`
}

// Crew says whom a call would be offered to at the moment.
type Crew interface {
	Prospect(ctx context.Context, req call.Request) (Prospect, error)
}

// ExplainerOptions are what the explainer works with.
type ExplainerOptions struct {
	Directory *Directory
	Offices   *Offices
	Floor     Crew
	Contacts  Contacts
	Chooser   *Chooser
}

// Explainer says what would happen to a call, by the same decisions that are
// made about calls.
type Explainer struct{ ExplainerOptions }

// NewExplainer returns an explainer; all of its options are needed.
func NewExplainer(o ExplainerOptions) (*Explainer, error) {
	if o.Directory == nil || o.Offices == nil || o.Floor == nil || o.Contacts == nil || o.Chooser == nil {
		return nil, errors.New("explainer: an option is missing")
	}
	return &Explainer{o}, nil
}

// present is how far from now a time may be for the floor of now to say who
// would be asked.
const present = 5 * time.Second

// Explain is about a call from or to a number at a time. Who would be asked is
// known for the present alone. *InvalidError: that is no number.
func (x *Explainer) Explain(ctx context.Context, number string, at time.Time) (Explanation, error) {
	e164, ok := x.Directory.Normalize(number)
	if !ok {
		return Explanation{}, &InvalidError{Field: "number", Why: "is no phone number"}
	}
	e := Explanation{Number: e164, At: at.UTC(), Inbound: []Finding{}, Outbound: []Finding{}}
	if own, ours := x.Directory.Number(e164); ours {
		e.Outbound = []Finding{{What: "refused", Why: "it is one of our own numbers"}}
		var err error
		e.Inbound, err = x.received(ctx, own, Contact{}, at)
		return e, err
	}
	c, err := x.Contacts.ContactByNumber(ctx, e164)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return Explanation{}, fmt.Errorf("explain %s: %w", e164, err)
	}
	known := Finding{What: "contact", Why: "unknown: a call from it makes a new contact"}
	if err == nil {
		e.Contact = &c
		known.Why = "known as " + c.Name
		if c.Owner != "" {
			known.Why += ", whose salesperson is " + c.Owner
		}
	}
	if e.Inbound, err = x.inbound(ctx, c, at); err != nil {
		return Explanation{}, err
	}
	e.Inbound = slices.Insert(e.Inbound, 0, known)
	e.Outbound, err = x.outbound(ctx, e164, c)
	return e, err
}

// inbound is what becomes of a call from a contact: on the number that they
// called last, else on each number that receives calls.
func (x *Explainer) inbound(ctx context.Context, c Contact, at time.Time) ([]Finding, error) {
	if own, ours := x.Directory.Number(c.LastNumber); ours {
		return x.received(ctx, own, c, at)
	}
	list := []Finding{}
	for _, own := range x.Directory.Account().Numbers {
		findings, err := x.received(ctx, own, c, at)
		if err != nil {
			return nil, err
		}
		list = append(list, findings...)
	}
	return list, nil
}

// received is what becomes of a call to one of the account's numbers.
func (x *Explainer) received(ctx context.Context, own AccountNumber, c Contact, at time.Time) ([]Finding, error) {
	p, ok := x.Directory.Playbook(own.Playbook)
	if !ok {
		return []Finding{{What: "number", Why: own.Number + " takes no calls: 404"}}, nil
	}
	opening := x.Offices.At(p.Name, at)
	list := []Finding{
		{What: "number", Why: own.Number + " is received by " + p.Name},
		{What: "hours", Why: opening.Why + until(opening, p.Hours)},
	}
	if !opening.Open {
		then := "the caller hears the message and is hung up"
		if p.Closed.Redirect != "" {
			then = "the caller hears the message and is redirected to " + p.Closed.Redirect
		}
		return append(list, Finding{What: "closed", Why: then}), nil
	}
	list = append(list, Finding{What: "strategy", Why: strategy(p.Reception)})
	if away := time.Since(at); away > present || away < -present {
		return list, nil
	}
	users, err := x.users(ctx, p, c.Owner)
	return append(list, users...), err
}

// until says when an opening ends.
func until(o Opening, h *Hours) string {
	if o.Next == nil {
		return ""
	}
	change := "closes"
	if !o.Open {
		change = "opens"
	}
	return fmt.Sprintf("; %s %s", change, o.Next.In(h.Zone()).Format("Mon 2006-01-02 15:04 MST"))
}

// strategy writes how a playbook receives calls.
func strategy(r call.Reception) string {
	s := fmt.Sprintf("%s, missed after %s", r.Strategy, r.Timeout)
	if r.Strategy != call.RingAll {
		s = fmt.Sprintf("%s, each rings %s, missed after %s", r.Strategy, r.OfferTimeout, r.Timeout)
	}
	if r.PreferOwner {
		s += "; the contact's own salesperson first"
	}
	return s
}

// users says who would be asked at the moment, in which order, and who not.
func (x *Explainer) users(ctx context.Context, p Playbook, owner string) ([]Finding, error) {
	prospect, err := x.Floor.Prospect(ctx, call.Request{
		Playbook: p.Name, Owner: owner, Strategy: p.Reception.Strategy, PreferOwner: p.Reception.PreferOwner,
	})
	if err != nil {
		return nil, fmt.Errorf("explain playbook %s: %w", p.Name, err)
	}
	var list []Finding
	for _, user := range prospect.Asked {
		list = append(list, Finding{What: "asked", User: user, Why: prospect.Why})
	}
	if len(list) == 0 {
		list = append(list, Finding{What: "waits", Why: "nobody is available"})
	}
	for _, user := range prospect.Later {
		list = append(list, Finding{What: "later", User: user, Why: "when the call is not taken before"})
	}
	for _, one := range prospect.Passed {
		if !slices.Contains(prospect.Later, one.User) {
			list = append(list, Finding{What: "passed_over", User: one.User, Why: one.Why})
		}
	}
	return list, nil
}

// outbound is what becomes of a call to a number.
func (x *Explainer) outbound(ctx context.Context, number string, c Contact) ([]Finding, error) {
	country := CountryOf(number)
	if country == "" {
		country = "no country"
	}
	list := []Finding{{What: "country", Why: country}}
	if c.DoNotCall {
		return append(list, Finding{What: "refused", Why: "the contact is not to be called"}), nil
	}
	seen := make(map[string]bool)
	for _, p := range x.Directory.Account().Playbooks {
		choice, err := x.Chooser.Choose(ctx, Outgoing{Number: number, Contact: c, Playbook: p.Name})
		if errors.Is(err, ErrNoNumber) {
			list = append(list, Finding{What: "refused", Why: "no number of ours has a trunk that is up and free"})
			return list, nil
		}
		if err != nil {
			return nil, err
		}
		why := fmt.Sprintf("%s shows %s (%s) through %s", p.Name, choice.Number, choice.Rule, choice.Trunks[0])
		if !seen[why] {
			list = append(list, Finding{What: "number", Why: why})
		}
		seen[why] = true
	}
	return list, nil
}
