package hubspot

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"time"

	"tandem/call"
	"tandem/crm"
	"tandem/crm/rest"
)

// contactType is contacts' own type in properties that name one (an ID of
// HubSpot's object types).
const contactType = "0-1"

// activity logs the call, once. Its disposition is what HubSpot shows as the
// outcome.
func (c *Client) activity(ctx context.Context, a crm.Activity, refs crm.Refs) (crm.Refs, error) {
	if refs.Activity != "" {
		return refs, nil
	}
	v := logged(a, refs)
	outcome := c.outcomes.chosen(ctx, c.rest, a)
	if outcome == "" {
		outcome = c.outcomes.usual(ctx, c.rest, a)
	}
	if outcome != "" {
		v["hs_call_disposition"] = outcome
	}
	if err := own(v, a.Owner); err != nil {
		return refs, err
	}
	id, err := c.once(ctx, calls, a, v, func() (string, error) { return c.callOf(ctx, a.CallID) })
	refs.Activity = id
	if notFound(err) {
		return refs, lacksContact(err, refs)
	}
	return refs, adviseOwner(err, a.Owner)
}

// callOf returns the ID of HubSpot's record of a call, or nothing.
func (c *Client) callOf(ctx context.Context, id call.ID) (string, error) {
	found, err := c.find(ctx, calls, []string{"hs_call_external_id"}, equals("hs_call_external_id", string(id)))
	if err != nil || len(found) == 0 {
		return "", err
	}
	return identified(found[0].ID)
}

// associate makes the call the contact's. HubSpot takes it twice.
func (c *Client) associate(ctx context.Context, refs crm.Refs) error {
	if refs.Contact == "" {
		return nil
	}
	for _, id := range []string{refs.Activity, refs.Contact} {
		if _, err := identified(id); err != nil {
			return err
		}
	}
	_, err := c.rest.Do(ctx, rest.Request{
		Method: http.MethodPut,
		Path:   objectsPath + "calls/" + refs.Activity + "/associations/default/contacts/" + refs.Contact,
	}, nil)
	if notFound(err) {
		return lacksContact(err, refs)
	}
	return err
}

// lacksContact is what follows when HubSpot does not find a record that we name.
func lacksContact(err error, refs crm.Refs) error {
	if refs.Contact == "" {
		return err
	}
	return &crm.Fault{Kind: crm.FaultNoContact, Err: err, Say: fmt.Sprintf("contact %s is not in HubSpot any more: %v", refs.Contact, err)}
}

// recording says where the call can be listened to.
func (c *Client) recording(ctx context.Context, a crm.Activity, refs crm.Refs) error {
	if a.Recording == "" {
		return nil
	}
	return c.edit(ctx, refs, values{"hs_call_recording_url": a.Recording})
}

// complete writes what was added to the call meanwhile. An outcome is set only
// when one was chosen: what salespeople set in HubSpot itself stays.
func (c *Client) complete(ctx context.Context, a crm.Activity, refs crm.Refs) error {
	v := described(a, refs)
	if a.Recording != "" {
		v["hs_call_recording_url"] = a.Recording // it may have come after its step
	}
	if outcome := c.outcomes.chosen(ctx, c.rest, a); outcome != "" {
		v["hs_call_disposition"] = outcome
	}
	if err := own(v, a.Owner); err != nil {
		return err
	}
	return adviseOwner(c.edit(ctx, refs, v), a.Owner)
}

func (c *Client) edit(ctx context.Context, refs crm.Refs, v values) error {
	id, err := identified(refs.Activity)
	if err != nil {
		return err
	}
	err = c.change(ctx, calls, id, v)
	if notFound(err) {
		return &crm.Fault{Kind: crm.FaultRefused, Err: err, Say: fmt.Sprintf("call %s is not in HubSpot any more: what was added to it stays here", id)}
	}
	return err
}

// logged is a call as HubSpot first sees it.
func logged(a crm.Activity, refs crm.Refs) values {
	v := described(a, refs)
	maps.Copy(v, values{
		"hs_timestamp":        a.StartedAt.UTC().Format("2006-01-02T15:04:05.000Z"),
		"hs_call_direction":   strings.ToUpper(string(a.Direction)),
		"hs_call_from_number": a.From,
		"hs_call_to_number":   a.To,
		"hs_call_source":      "INTEGRATIONS_PLATFORM",
		"hs_call_external_id": string(a.CallID),
	})
	maps.DeleteFunc(v, func(_, value string) bool { return value == "" })
	return v
}

// described is what of a call may change after its end.
func described(a crm.Activity, refs crm.Refs) values {
	v := values{
		"hs_call_title":    a.Title,
		"hs_call_body":     a.Body,
		"hs_call_status":   statusName(a.Result),
		"hs_call_duration": strconv.FormatInt(int64(max(a.Duration, 0)/time.Millisecond), 10),
	}
	if refs.Contact != "" {
		v["hs_call_callee_object_id"] = refs.Contact
		v["hs_call_callee_object_type_id"] = contactType
	}
	return v
}

// own makes a record the salesperson's; nobody's when none is named.
func own(v values, owner string) error {
	if owner == "" {
		return nil
	}
	if _, err := identified(owner); err != nil {
		return &crm.Fault{Kind: crm.FaultRefused, Say: fmt.Sprintf("the user's crm_owner %.40q is not the ID of a HubSpot owner: "+
			"set it to the number that HubSpot shows under Settings > Users, and retry", owner)}
	}
	v["hubspot_owner_id"] = owner
	return nil
}
