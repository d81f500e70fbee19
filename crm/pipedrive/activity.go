package pipedrive

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"tandem/crm"
)

const (
	pageSize  = 100
	mostPages = 50 // of activities that are looked through for a call
	// skew is how far Pipedrive's clock may be behind ours.
	skew = 24 * time.Hour
)

// activity logs the call as an activity, once.
func (c *Client) activity(ctx context.Context, a crm.Activity, refs crm.Refs) (crm.Refs, error) {
	first := c.begun.first(a, crm.StepActivity)
	if refs.Activity != "" {
		return refs, nil
	}
	owner, err := ownerOf(a)
	if err != nil {
		return refs, err
	}
	person, err := idOf("contact", cmp.Or(refs.Contact, "0"))
	if err != nil {
		return refs, err
	}
	id := 0
	if !first {
		id, err = c.findActivity(ctx, a, owner, person)
	}
	if id == 0 && err == nil {
		id, err = c.addActivity(ctx, a, owner, person)
	}
	if err == nil {
		refs.Activity = strconv.Itoa(id)
	}
	return refs, err
}

func (c *Client) addActivity(ctx context.Context, a crm.Activity, owner, person int) (int, error) {
	var made struct {
		ID int `json:"id"`
	}
	_, err := c.ask(ctx, request{
		cost: costAddActivity, method: http.MethodPost, path: v2 + "/activities",
		body: activityOf(a, c.types.key(ctx, c), owner, person),
	}, &made)
	switch {
	case err != nil && person != 0 && missesPerson(err):
		return 0, &crm.Fault{Kind: crm.FaultNoContact, Err: err,
			Say: fmt.Sprintf("Pipedrive does not have person %d any more: %v", person, err)}
	case err != nil:
		return 0, blameOwner(err, owner)
	}
	return identified(made.ID)
}

// missesPerson reports whether a request was refused because its person is gone.
func missesPerson(err error) bool {
	why := strings.ToLower(err.Error())
	gone := strings.Contains(why, "not found") || strings.Contains(why, "deleted") || strings.Contains(why, "does not exist")
	status := statusOf(err)
	return status == http.StatusNotFound || status == http.StatusGone ||
		status == http.StatusBadRequest && gone && (strings.Contains(why, "person") || strings.Contains(why, "participant"))
}

// findActivity returns the activity of a call that an earlier attempt may have
// made; 0: there is none. It looks at the person's, or else the owner's, that
// changed since the call, the newest first.
func (c *Client) findActivity(ctx context.Context, a crm.Activity, owner, person int) (int, error) {
	query := url.Values{
		"updated_since": {a.EndedAt.Add(-skew).UTC().Format(time.RFC3339)},
		"sort_by":       {"add_time"}, "sort_direction": {"desc"}, "limit": {strconv.Itoa(pageSize)},
	}
	switch {
	case person != 0:
		query.Set("person_id", strconv.Itoa(person))
	case owner != 0:
		query.Set("owner_id", strconv.Itoa(owner))
	}
	for range mostPages {
		var found []struct {
			ID   int    `json:"id"`
			Note string `json:"note"`
		}
		cursor, err := c.ask(ctx, request{
			cost: costListActivities, method: http.MethodGet, path: v2 + "/activities", query: query,
		}, &found)
		if err != nil {
			return 0, err
		}
		for _, activity := range found {
			if activity.ID > 0 && strings.Contains(activity.Note, mark(a)) {
				return activity.ID, nil
			}
		}
		if cursor == "" {
			return 0, nil
		}
		if cursor == query.Get("cursor") {
			return 0, garbled("Pipedrive: the list of activities goes round in circles")
		}
		query.Set("cursor", cursor)
	}
	return 0, &crm.Fault{Kind: crm.FaultRefused, Say: fmt.Sprintf("Pipedrive: whether the call is logged already could not be told among %d activities, "+
		"so it is not logged again; it would be the one that says %q", mostPages*pageSize, mark(a))}
}

// complete writes the notes and the disposition taken meanwhile.
func (c *Client) complete(ctx context.Context, a crm.Activity, refs crm.Refs) (crm.Refs, error) {
	id, err := idOf("activity", refs.Activity)
	if err != nil {
		return refs, err
	}
	_, err = c.ask(ctx, request{
		cost: costEditActivity, method: http.MethodPatch, path: v2 + "/activities/" + strconv.Itoa(id),
		body: edited(a),
	}, nil)
	if status := statusOf(err); status == http.StatusNotFound || status == http.StatusGone {
		return refs, &crm.Fault{Kind: crm.FaultRefused, Err: err,
			Say: fmt.Sprintf("activity %d is not in Pipedrive any more: its notes stay here", id)}
	}
	return refs, err
}
