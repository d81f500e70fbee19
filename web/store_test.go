package web

import (
	"context"
	"slices"
	"strings"

	"tandem/call"
	"tandem/routing"
)

// book is the world's address book.
type book struct{ *world }

func (b book) Contact(_ context.Context, id string) (routing.Contact, error) {
	return b.first(func(c routing.Contact) bool { return c.ID == id })
}

func (b book) ContactByNumber(_ context.Context, number string) (routing.Contact, error) {
	return b.first(func(c routing.Contact) bool { return slices.Contains(c.Numbers, number) })
}

func (b book) first(match func(routing.Contact) bool) (routing.Contact, error) {
	if i := slices.IndexFunc(b.world.contacts, match); i >= 0 {
		return b.world.contacts[i], nil
	}
	return routing.Contact{}, routing.ErrNotFound
}

func (b book) Contacts(_ context.Context, f routing.ContactFilter) ([]routing.Contact, string, error) {
	var hits []routing.Contact
	for _, c := range b.world.contacts {
		if (f.Number == "" || slices.Contains(c.Numbers, f.Number)) && strings.Contains(strings.ToLower(c.Name), strings.ToLower(f.Query)) &&
			(f.FollowUp == nil || *f.FollowUp == c.FollowUp) && (f.DoNotCall == nil || *f.DoNotCall == c.DoNotCall) &&
			(f.Owner == "" || f.Owner == c.Owner) {
			hits = append(hits, c)
		}
	}
	return hits, "", nil
}

func (b book) CreateContact(ctx context.Context, c routing.Contact) error {
	for _, n := range c.Numbers {
		if _, err := b.ContactByNumber(ctx, n); err == nil {
			return routing.ErrConflict
		}
	}
	b.world.contacts = append(b.world.contacts, c)
	return nil
}

func (b book) ChangeContact(_ context.Context, id string, change func(*routing.Contact) error) (routing.Contact, error) {
	i := slices.IndexFunc(b.world.contacts, func(c routing.Contact) bool { return c.ID == id })
	if i < 0 {
		return routing.Contact{}, routing.ErrNotFound
	}
	c := b.world.contacts[i]
	if err := change(&c); err != nil {
		return routing.Contact{}, err
	}
	for j, other := range b.world.contacts {
		if j != i && slices.ContainsFunc(c.Numbers, func(n string) bool { return slices.Contains(other.Numbers, n) }) {
			return routing.Contact{}, routing.ErrConflict
		}
	}
	b.world.contacts[i] = c
	return c, nil
}

func (b book) ChangeContacts(_ context.Context, change func(routing.ContactLedger) error) error {
	return change(ledger(b))
}

// ledger is the world's address book in a transaction.
type ledger struct{ *world }

func (l ledger) ByNumber(number string) (routing.Contact, error) {
	return book(l).first(func(c routing.Contact) bool { return slices.Contains(c.Numbers, number) })
}

func (l ledger) PutContact(c routing.Contact) error {
	i := slices.IndexFunc(l.world.contacts, func(old routing.Contact) bool { return old.ID == c.ID })
	if i < 0 {
		l.world.contacts = append(l.world.contacts, c)
	} else {
		l.world.contacts[i] = c
	}
	return nil
}

func (b book) MergeContacts(ctx context.Context, keep, gone string, join func(*routing.Contact, routing.Contact) error) (routing.Merged, error) {
	other, err := b.Contact(ctx, gone)
	if err != nil {
		return routing.Merged{}, err
	}
	i := slices.IndexFunc(b.world.contacts, func(c routing.Contact) bool { return c.ID == keep })
	if i < 0 {
		return routing.Merged{}, routing.ErrNotFound
	}
	c := b.world.contacts[i]
	if err := join(&c, other); err != nil {
		return routing.Merged{}, err
	}
	b.world.contacts[i] = c
	b.world.contacts = slices.DeleteFunc(b.world.contacts, func(c routing.Contact) bool { return c.ID == gone })
	return routing.Merged{Contact: c, Gone: other}, nil
}

// desk is the world's list of tasks.
type desk struct{ *world }

func (d desk) Task(_ context.Context, id string) (routing.Task, error) {
	for _, t := range d.world.tasks {
		if t.ID == id {
			return t, nil
		}
	}
	return routing.Task{}, routing.ErrNotFound
}

func (d desk) Tasks(_ context.Context, f routing.TaskFilter) ([]routing.Task, string, error) {
	var hits []routing.Task
	for _, t := range d.world.tasks {
		if (f.User == "" || t.User == f.User) && (f.State == "" || t.State == f.State) && (f.Kind == "" || t.Kind == f.Kind) {
			hits = append(hits, t)
		}
	}
	return hits, "", nil
}

func (d desk) ChangeTask(ctx context.Context, id string, change func(*routing.Task) error) (routing.Task, *routing.Contact, error) {
	for i := range d.world.tasks {
		t := d.world.tasks[i]
		if t.ID != id {
			continue
		}
		if err := change(&t); err != nil {
			return routing.Task{}, nil, err
		}
		d.world.tasks[i] = t
		if t.State != call.TaskDone {
			return t, nil, nil
		}
		c, _ := book(d).Contact(ctx, t.ContactID)
		return t, &c, nil
	}
	return routing.Task{}, nil, routing.ErrNotFound
}

// safe is the world's tokens.
type safe struct{ *world }

func (s safe) AddToken(_ context.Context, t routing.Token) error {
	s.world.tokens = append(s.world.tokens, t)
	return nil
}

func (s safe) TokenByHash(_ context.Context, hash string) (routing.Token, error) {
	if s.fail != nil {
		return routing.Token{}, s.fail
	}
	for _, t := range s.world.tokens {
		if t.Hash == hash {
			return t, nil
		}
	}
	return routing.Token{}, routing.ErrNotFound
}

func (s safe) Tokens(context.Context) ([]routing.Token, error) { return s.world.tokens, nil }

func (s safe) RemoveToken(_ context.Context, id string) error {
	n := len(s.world.tokens)
	s.world.tokens = slices.DeleteFunc(s.world.tokens, func(t routing.Token) bool { return t.ID == id })
	if len(s.world.tokens) == n {
		return routing.ErrNotFound
	}
	return nil
}
