package hubspot

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"tandem/crm"
)

// contact finds the contact whose number it is, or makes one. Of several the
// oldest is taken, so that all calls of a number are in one place. A call
// without a number, and one of a stranger whom nobody wants as a contact, belong
// to nobody.
func (c *Client) contact(ctx context.Context, a crm.Activity, refs crm.Refs) (crm.Refs, error) {
	if a.Number == "" || refs.Contact != "" {
		return refs, nil
	}
	id, err := c.contactWith(ctx, a.Number)
	if err != nil || id != "" || !a.Create {
		refs.Contact = id
		return refs, err
	}
	v, err := person(a)
	if err != nil {
		return refs, err
	}
	refs.Contact, err = c.once(ctx, contacts, a, v, func() (string, error) { return c.contactWith(ctx, a.Number) })
	return refs, adviseOwner(err, a.Owner)
}

// contactWith returns the ID of the contact with a number (E.164), or nothing.
// HubSpot searches by what it has calculated from the numbers, which leaves the
// country out, so that every hit is checked.
func (c *Client) contactWith(ctx context.Context, e164 string) (string, error) {
	digits := national(e164)
	found, err := c.find(ctx, contacts, []string{"phone", "mobilephone"},
		equals("hs_searchable_calculated_phone_number", digits),
		equals("hs_searchable_calculated_mobile_number", digits),
		equals("phone", e164),
		equals("mobilephone", e164))
	if err != nil {
		return "", err
	}
	theirs := slices.DeleteFunc(found, func(r record) bool {
		return !isNumber(r.Properties.Phone, e164, c.country) && !isNumber(r.Properties.Mobile, e164, c.country)
	})
	if len(theirs) == 0 {
		return "", nil
	}
	oldest := slices.MinFunc(theirs, func(a, b record) int {
		return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(len(a.ID), len(b.ID)), cmp.Compare(a.ID, b.ID))
	})
	return identified(oldest.ID)
}

// person is a new contact: the name as far as it is known, else the number.
func person(a crm.Activity) (values, error) {
	first, last, _ := strings.Cut(strings.TrimSpace(cmp.Or(a.Name, a.Number)), " ")
	v := values{"phone": a.Number, "firstname": first}
	if last = strings.TrimSpace(last); last != "" {
		v["lastname"] = last
	}
	return v, own(v, a.Owner)
}
