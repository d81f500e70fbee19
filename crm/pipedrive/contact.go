package pipedrive

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"tandem/crm"
)

// newest is how many of the persons added last are looked through for one whom
// the search does not find yet.
const newest = 100

// phone is one of a person's numbers.
type phone struct {
	Value   string `json:"value"`
	Primary bool   `json:"primary"`
	Label   string `json:"label"`
}

// person is a person as a request says and as a list shows them.
type person struct {
	ID      int     `json:"id,omitempty"`
	Name    string  `json:"name"`
	OwnerID int     `json:"owner_id,omitempty"`
	Phones  []phone `json:"phones"`
}

// contact finds the person whose number it is, or adds them. Of several, the
// one who was added first is taken, so that all calls of a number are in one
// place. A call without a number, and one of a stranger whom nobody wants as a
// contact, are logged without a person.
func (c *Client) contact(ctx context.Context, a crm.Activity, refs crm.Refs) (crm.Refs, error) {
	if a.Number == "" || refs.Contact != "" {
		return refs, nil
	}
	id, err := c.searchPerson(ctx, a.Number)
	if err != nil {
		return refs, err
	}
	if id == 0 && a.Create {
		id, err = c.addPerson(ctx, a)
	}
	if err != nil {
		return refs, err
	}
	if id != 0 {
		refs.Contact = strconv.Itoa(id)
	}
	return refs, nil
}

// searchPerson returns the ID of the person with a number; 0: nobody.
func (c *Client) searchPerson(ctx context.Context, number string) (int, error) {
	for _, term := range searchTerms(number) {
		var found struct {
			Items []struct {
				Item struct {
					ID     int      `json:"id"`
					Phones []string `json:"phones"`
				} `json:"item"`
			} `json:"items"`
		}
		_, err := c.ask(ctx, request{
			cost: costSearch, method: http.MethodGet, path: v2 + "/persons/search",
			query: url.Values{"term": {term}, "fields": {"phone"}, "limit": {"100"}},
		}, &found)
		if err != nil {
			return 0, err
		}
		first := 0
		for _, hit := range found.Items {
			theirs := slices.ContainsFunc(hit.Item.Phones, func(typed string) bool {
				return isNumber(typed, number, c.country)
			})
			if theirs && hit.Item.ID > 0 && (first == 0 || hit.Item.ID < first) {
				first = hit.Item.ID
			}
		}
		if first != 0 {
			return first, nil
		}
	}
	return 0, nil
}

// addPerson adds a person, unless they are among those added last: the search
// is behind by moments, and the answer to an earlier attempt may be lost.
func (c *Client) addPerson(ctx context.Context, a crm.Activity) (int, error) {
	owner, err := ownerOf(a)
	if err != nil {
		return 0, err
	}
	var last []person
	_, err = c.ask(ctx, request{
		cost: costListPersons, method: http.MethodGet, path: v2 + "/persons",
		query: url.Values{"sort_by": {"add_time"}, "sort_direction": {"desc"}, "limit": {strconv.Itoa(newest)}},
	}, &last)
	if err != nil {
		return 0, err
	}
	slices.Reverse(last)
	for _, p := range last {
		if p.ID > 0 && slices.ContainsFunc(p.Phones, func(t phone) bool { return isNumber(t.Value, a.Number, c.country) }) {
			return p.ID, nil
		}
	}
	var made person
	_, err = c.ask(ctx, request{
		cost: costAddPerson, method: http.MethodPost, path: v2 + "/persons",
		body: person{
			Name: shortened(cmp.Or(a.Name, a.Number)), OwnerID: owner,
			Phones: []phone{{Value: a.Number, Primary: true, Label: "work"}},
		},
	}, &made)
	if err != nil {
		return 0, blameOwner(err, owner)
	}
	return identified(made.ID)
}
