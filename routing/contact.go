package routing

import (
	"fmt"
	"slices"
	"time"
)

// Contact is a person outside, known by phone numbers.
type Contact struct {
	ID         string    `json:"id"` // ULID
	Name       string    `json:"name"`
	Numbers    []string  `json:"numbers"` // E.164; no number belongs to two contacts
	Country    string    `json:"country"` // ISO 3166-1 alpha-2, empty when unknown
	Owner      string    `json:"owner"`   // user, or empty
	FollowUp   bool      `json:"follow_up"`
	LastNumber string    `json:"last_number"` // the account's number that the contact called last, E.164
	DoNotCall  bool      `json:"do_not_call"`
	Notes      string    `json:"notes"`
	CreatedAt  time.Time `json:"created_at"`
}

// ContactFilter selects contacts; zero fields select all.
type ContactFilter struct {
	Number    string // E.164, exact
	Query     string // parts of a name, in any order, or of a number; case and accents ignored
	Owner     string
	FollowUp  *bool
	DoNotCall *bool
	Page      Page
}

// Page is the place in a listing: newest first, at most Limit items after Cursor.
type Page struct {
	Limit  int
	Cursor string // as returned with the page before; empty: the first page
}

// learn adds to a contact what it does not have, and returns the names of what
// it learned.
func (c *Contact) learn(from Contact) (changed []string, err error) {
	numbers := slices.Clone(c.Numbers)
	for _, number := range from.Numbers {
		if !slices.Contains(numbers, number) {
			numbers = append(numbers, number)
		}
	}
	if len(numbers) > maxNumbers {
		return nil, &InvalidError{Field: "numbers", Why: fmt.Sprintf("would be more than %d", maxNumbers)}
	}
	note := func(field string, learned bool) {
		if learned {
			changed = append(changed, field)
		}
	}
	note("name", fill(&c.Name, from.Name, c.nameless() && !from.nameless()))
	note("numbers", len(numbers) > len(c.Numbers))
	c.Numbers = numbers
	note("country", fill(&c.Country, from.Country, c.Country == ""))
	note("owner", fill(&c.Owner, from.Owner, c.Owner == ""))
	note("follow_up", raise(&c.FollowUp, from.FollowUp))
	note("do_not_call", raise(&c.DoNotCall, from.DoNotCall))
	note("notes", fill(&c.Notes, from.Notes, c.Notes == ""))
	return changed, nil
}

// nameless reports whether a contact is called by its number for want of a name.
func (c *Contact) nameless() bool { return c.Name == "" || slices.Contains(c.Numbers, c.Name) }

// fill takes over a value where one is wanting, and reports whether it did.
func fill(to *string, from string, wanting bool) bool {
	if !wanting || from == "" || *to == from {
		return false
	}
	*to = from
	return true
}

// raise takes over a flag that is set, and reports whether that is new.
func raise(to *bool, from bool) bool {
	if *to || !from {
		return false
	}
	*to = true
	return true
}
