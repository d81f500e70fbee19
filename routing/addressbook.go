package routing

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"tandem/call"
)

// maxNumbers is how many numbers one contact may have.
const maxNumbers = 20

// AddressBookOptions are what the address book works with.
type AddressBookOptions struct {
	Contacts  ContactStore
	Directory *Directory
	Events    call.Publisher
}

// AddressBook changes contacts on behalf of people: it makes E.164 of the
// numbers they type, bounds what they write, and publishes what changed.
type AddressBook struct{ AddressBookOptions }

// NewAddressBook returns an address book; all of its options are needed.
func NewAddressBook(o AddressBookOptions) (*AddressBook, error) {
	if o.Contacts == nil || o.Directory == nil || o.Events == nil {
		return nil, errors.New("address book: an option is missing")
	}
	return &AddressBook{o}, nil
}

// ContactPatch is what somebody wants changed; nil leaves a field as it is.
type ContactPatch struct {
	Name      *string
	Numbers   *[]string // as people write them; at least one
	Country   *string   // ISO 3166-1 alpha-2, or empty
	Owner     *string   // user, or empty
	FollowUp  *bool
	DoNotCall *bool
	Notes     *string
}

// Create makes a contact. Numbers is required; the name is the first number
// and the country the first number's when they are not given.
// *InvalidError: a value cannot be taken; ErrConflict: a number is another
// contact's.
func (b *AddressBook) Create(ctx context.Context, p ContactPatch) (Contact, error) {
	at := time.Now().UTC()
	c := Contact{ID: newID(at), CreatedAt: at}
	if p.Numbers == nil {
		return Contact{}, &InvalidError{Field: "numbers", Why: "at least one is needed"}
	}
	if err := b.apply(&c, p); err != nil {
		return Contact{}, err
	}
	if err := b.Contacts.CreateContact(ctx, c); err != nil {
		return Contact{}, fmt.Errorf("create contact %s: %w", c.Name, err)
	}
	publishContact(b.Events, call.EventContactCreated, c, at)
	return c, nil
}

// Change changes a contact. Errors are those of Create, and ErrNotFound.
func (b *AddressBook) Change(ctx context.Context, id string, p ContactPatch) (Contact, error) {
	c, err := b.Contacts.ChangeContact(ctx, id, func(c *Contact) error { return b.apply(c, p) })
	if err != nil {
		return Contact{}, fmt.Errorf("change contact %s: %w", id, err)
	}
	publishContact(b.Events, call.EventContactChanged, c, time.Now())
	return c, nil
}

// SetDoNotCall says that a number's contact must not, or may again, be called.
// Who is unknown becomes a contact, so that nobody can call them by accident.
func (b *AddressBook) SetDoNotCall(ctx context.Context, number string, on bool) (Contact, error) {
	e164, ok := b.Directory.Normalize(number)
	if !ok {
		return Contact{}, &InvalidError{Field: "number", Why: "is no phone number"}
	}
	patch := ContactPatch{DoNotCall: &on}
	for range 2 { // somebody else may create the contact between the look and the act
		c, err := b.Contacts.ContactByNumber(ctx, e164)
		if err == nil {
			return b.Change(ctx, c.ID, patch)
		}
		if !errors.Is(err, ErrNotFound) {
			return Contact{}, fmt.Errorf("do not call %s: %w", e164, err)
		}
		numbers := []string{e164}
		created, err := b.Create(ctx, ContactPatch{Numbers: &numbers, DoNotCall: &on})
		if !errors.Is(err, ErrConflict) {
			return created, err
		}
	}
	return Contact{}, fmt.Errorf("do not call %s: %w", e164, ErrConflict)
}

// apply checks a patch and makes it part of a contact.
func (b *AddressBook) apply(c *Contact, p ContactPatch) error {
	if p.Numbers != nil {
		numbers, err := b.numbers(*p.Numbers)
		if err != nil {
			return err
		}
		c.Numbers = numbers
	}
	if p.Country != nil {
		if c.Country = strings.ToUpper(strings.TrimSpace(*p.Country)); !isCountry(c.Country) {
			return &InvalidError{Field: "country", Why: "is no ISO 3166-1 code of two letters"}
		}
	}
	if p.Owner != nil {
		if c.Owner = strings.TrimSpace(*p.Owner); c.Owner != "" {
			if _, known := b.Directory.User(c.Owner); !known {
				return &InvalidError{Field: "owner", Why: "is no user"}
			}
		}
	}
	if p.Name != nil {
		c.Name = CleanName(*p.Name)
	}
	if p.Notes != nil {
		c.Notes = cleanNotes(*p.Notes)
	}
	set(&c.FollowUp, p.FollowUp)
	set(&c.DoNotCall, p.DoNotCall)
	if c.Name == "" {
		c.Name = c.Numbers[0]
	}
	if c.Country == "" {
		c.Country = CountryOf(c.Numbers[0])
	}
	return nil
}

func set(to, from *bool) {
	if from != nil {
		*to = *from
	}
}

// isCountry reports whether s has the form of a country's code, or is empty.
func isCountry(s string) bool {
	return s == "" || len(s) == 2 && strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == ""
}

// numbers makes E.164 of what people wrote, each number once.
func (b *AddressBook) numbers(raw []string) ([]string, error) {
	if len(raw) == 0 || len(raw) > maxNumbers {
		return nil, &InvalidError{Field: "numbers", Why: fmt.Sprintf("must be 1 to %d", maxNumbers)}
	}
	list := make([]string, 0, len(raw))
	for _, one := range raw {
		e164, ok := b.Directory.Normalize(one)
		if !ok {
			return nil, &InvalidError{Field: "numbers", Why: fmt.Sprintf("%.40q is no phone number", one)}
		}
		if _, ours := b.Directory.Number(e164); ours {
			return nil, &InvalidError{Field: "numbers", Why: e164 + " is one of the account's own"}
		}
		if !slices.Contains(list, e164) {
			list = append(list, e164)
		}
	}
	return list, nil
}
