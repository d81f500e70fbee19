package routing

import "time"

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
	Number   string // E.164, exact
	Query    string // part of a name or of a number, case ignored
	FollowUp *bool
	Page     Page
}

// Page is the place in a listing: newest first, at most Limit items after Cursor.
type Page struct {
	Limit  int
	Cursor string // as returned with the page before; empty: the first page
}
