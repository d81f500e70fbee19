package bolt

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"tandem/routing"
)

// Contact implements routing.Contacts. An ID that was merged into another
// finds the contact that stayed.
func (s *Store) Contact(ctx context.Context, id string) (c routing.Contact, err error) {
	err = s.view(ctx, func(t *txn) error {
		c, err = t.contact(id)
		return err
	})
	return c, err
}

// ContactByNumber implements routing.Contacts.
func (s *Store) ContactByNumber(ctx context.Context, number string) (c routing.Contact, err error) {
	err = s.view(ctx, func(t *txn) error {
		c, err = t.contactByNumber(number)
		return err
	})
	return c, err
}

// Contacts implements routing.Contacts. Names match whatever their case and
// accents and the order of the words; numbers match whatever spaces and dashes the query has. A page
// looks at no more than scanMax contacts, as with Calls.
func (s *Store) Contacts(ctx context.Context, f routing.ContactFilter) (items []routing.Contact, next string, err error) {
	want := contactMatcher(f)
	if f.Number != "" {
		return s.contactsByNumber(ctx, f.Number, want)
	}
	q := query{page: f.Page, want: want}
	if f.FollowUp != nil && *f.FollowUp {
		q.index, q.key = indexFollowUp, present
	}
	err = s.view(ctx, func(t *txn) error {
		items, next = t.contacts.list(t, q)
		return nil
	})
	return items, next, err
}

// contactsByNumber lists the one contact that may have the number.
func (s *Store) contactsByNumber(ctx context.Context, number string, want func(string) bool) ([]routing.Contact, string, error) {
	items := []routing.Contact{}
	err := s.view(ctx, func(t *txn) error {
		id := string(t.value(bucketNumbers, number))
		if id == "" || !want(string(t.value(t.contacts.digests(), id))) {
			return nil
		}
		c, err := t.contacts.get(t, id)
		if err != nil {
			t.report(t.contacts.name, id, err)
			return nil
		}
		items = append(items, c)
		return nil
	})
	return items, "", err
}

func contactMatcher(f routing.ContactFilter) func(string) bool {
	words := strings.Fields(fold(f.Query))
	number := strings.Map(func(r rune) rune {
		if strings.ContainsRune(" -.()/", r) {
			return -1
		}
		return r
	}, f.Query)
	named := func(name string) bool {
		return !slices.ContainsFunc(words, func(word string) bool { return !strings.Contains(name, word) })
	}
	return func(digest string) bool {
		d := strings.Split(digest, digestMark)
		return len(d) == 5 &&
			(f.FollowUp == nil || *f.FollowUp == (d[0] == present)) &&
			(f.Query == "" || named(d[1]) || number != "" && strings.Contains(d[2], number)) &&
			(f.Owner == "" || f.Owner == d[3]) &&
			(f.DoNotCall == nil || *f.DoNotCall == (d[4] == present))
	}
}

// CreateContact implements routing.Contacts.
func (s *Store) CreateContact(ctx context.Context, c routing.Contact) error {
	return change(ctx, s, func(t *txn) error {
		if t.value(t.contacts.name, c.ID) != nil {
			return fmt.Errorf("contact %s: %w", c.ID, routing.ErrConflict)
		}
		return t.createContact(c)
	})
}

// ChangeContact implements routing.Contacts. change runs in the writer's
// goroutine and may run more than once; ID and creation time stay what they are.
func (s *Store) ChangeContact(ctx context.Context, id string, change func(*routing.Contact) error) (routing.Contact, error) {
	return update(ctx, s, func(t *txn) (routing.Contact, error) {
		old, err := t.contact(id)
		if err != nil {
			return old, err
		}
		c := old
		c.Numbers = slices.Clone(old.Numbers)
		if err := change(&c); err != nil {
			return old, err
		}
		c.ID, c.CreatedAt = old.ID, old.CreatedAt
		return c, t.putContact(&old, c)
	})
}

// ChangeContacts implements routing.ContactStore. change runs in the writer's
// goroutine and may run more than once.
func (s *Store) ChangeContacts(ctx context.Context, change func(routing.ContactLedger) error) error {
	_, err := update(ctx, s, func(t *txn) (struct{}, error) { return struct{}{}, change(ledger{t}) })
	return err
}

// ledger is a transaction as a routing.ContactLedger.
type ledger struct{ *txn }

// ByNumber implements routing.ContactLedger.
func (l ledger) ByNumber(number string) (routing.Contact, error) { return l.contactByNumber(number) }

// PutContact implements routing.ContactLedger.
func (l ledger) PutContact(c routing.Contact) error {
	old, err := l.contacts.get(l.txn, c.ID)
	if errors.Is(err, routing.ErrNotFound) {
		return l.createContact(c)
	}
	if err != nil {
		return err
	}
	return l.putContact(&old, c)
}

func (t *txn) contactByNumber(number string) (routing.Contact, error) {
	id := t.value(bucketNumbers, number)
	if id == nil {
		return routing.Contact{}, fmt.Errorf("contact with number %.40q: %w", number, routing.ErrNotFound)
	}
	return t.contacts.get(t, string(id))
}

func (t *txn) createContact(c routing.Contact) error { return t.putContact(nil, c) }

// putContact stores a contact; routing.ErrConflict when one of its numbers
// belongs to another.
func (t *txn) putContact(old *routing.Contact, c routing.Contact) error {
	for i, number := range c.Numbers {
		if number == "" || slices.Contains(c.Numbers[:i], number) {
			return fmt.Errorf("contact %s: number %q is empty or given twice: %w", c.ID, number, routing.ErrConflict)
		}
		if owner := t.value(bucketNumbers, number); owner != nil && string(owner) != c.ID {
			return fmt.Errorf("contact %s: number %s belongs to contact %s: %w", c.ID, number, owner, routing.ErrConflict)
		}
	}
	if err := t.contacts.put(t, old, c); err != nil {
		return err
	}
	var had []string
	if old != nil {
		had = old.Numbers
	}
	for _, number := range had {
		if slices.Contains(c.Numbers, number) {
			continue
		}
		if err := t.delete(bucketNumbers, number); err != nil {
			return err
		}
	}
	for _, number := range c.Numbers {
		if slices.Contains(had, number) {
			continue
		}
		if err := t.put(bucketNumbers, number, []byte(c.ID)); err != nil {
			return err
		}
	}
	return nil
}
