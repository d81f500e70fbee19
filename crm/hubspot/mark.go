package hubspot

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"

	"tandem/crm"
	"tandem/crm/rest"
)

// markProperty names the call that a record was made for. Its values are
// unique, so that a request whose answer was lost may be sent again.
const markProperty = "softswitch_call_id"

// marks is which records can be marked, as far as it is known.
type marks struct {
	mu    sync.Mutex
	known map[object]bool
}

func newMarks() *marks { return &marks{known: make(map[object]bool)} }

func (m *marks) get(o object) (possible, known bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	possible, known = m.known[o]
	return possible, known
}

func (m *marks) set(o object, possible bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.known[o] = possible
}

// property is a property of a type of records.
type property struct {
	Name      string `json:"name"`
	Label     string `json:"label"`
	Group     string `json:"groupName"`
	Type      string `json:"type"`
	FieldType string `json:"fieldType"`
	Unique    bool   `json:"hasUniqueValue"`
}

// markable reports whether records can be marked; the property is made at
// first use. Where the token may not do that, calls are searched before they are
// made, for as long as the client lives.
func (c *Client) markable(ctx context.Context, o object) (bool, error) {
	if possible, known := c.marks.get(o); known {
		return possible, nil
	}
	made, err := c.makeProperty(ctx, o)
	fault, ours := errors.AsType[*crm.Fault](err)
	switch {
	case err == nil && made.Unique:
		c.marks.set(o, true)
		return true, nil
	case err == nil:
		c.unmark(o, "a property of that name is there and takes a value twice: delete it in HubSpot and restart")
		return false, nil
	case ours && refusesProperty(fault, statusOf(err)):
		c.unmark(o, fault.Say)
		return false, nil
	}
	return false, err
}

// refusesProperty reports whether a fault is about the property alone: records
// may be made without.
func refusesProperty(fault *crm.Fault, status int) bool {
	if fault.Kind == crm.FaultAccess {
		return status == http.StatusForbidden || status == http.StatusNotFound
	}
	return fault.Kind == crm.FaultRefused
}

// unmark has records made without marks from now on.
func (c *Client) unmark(o object, why string) {
	c.marks.set(o, false)
	c.log.Warn("HubSpot records cannot be marked with their call: each is searched before it is made, which takes longer",
		"records", string(o), "property", markProperty, "why", why)
}

// makeProperty makes the property, or returns the one that is there.
func (c *Client) makeProperty(ctx context.Context, o object) (property, error) {
	group, err := c.group(ctx, o)
	if err != nil {
		return property{}, err
	}
	var made property
	_, err = c.rest.Do(ctx, rest.Request{
		Method: http.MethodPost, Path: propertyPath + string(o),
		Body: rest.JSON(property{
			Name: markProperty, Label: "Softswitch call id", Group: group, Type: "string", FieldType: "text", Unique: true,
		}),
	}, &made)
	if statusOf(err) == http.StatusConflict {
		_, err = c.rest.Do(ctx, rest.Request{Method: http.MethodGet, Path: propertyPath + string(o) + "/" + markProperty}, &made)
	}
	return made, err
}

// group returns the group that the property belongs to.
func (c *Client) group(ctx context.Context, o object) (string, error) {
	var groups struct {
		Results []struct {
			Name string `json:"name"`
		} `json:"results"`
	}
	_, err := c.rest.Do(ctx, rest.Request{Method: http.MethodGet, Path: propertyPath + string(o) + "/groups"}, &groups)
	usual := map[object]string{contacts: "contactinformation", calls: "call"}[o]
	for _, g := range groups.Results {
		if g.Name == usual {
			return usual, err
		}
	}
	if len(groups.Results) == 0 {
		return usual, err
	}
	return groups.Results[0].Name, err
}

// once makes a record for a call unless it is there already. find looks for one
// that was made without a mark.
func (c *Client) once(ctx context.Context, o object, a crm.Activity, v values, find func() (string, error)) (string, error) {
	key := string(o) + " " + string(a.CallID)
	markable, err := c.markable(ctx, o)
	if err != nil {
		return "", err
	}
	if markable {
		id, err := c.upsert(ctx, o, a.CallID, v)
		if fault, ours := errors.AsType[*crm.Fault](err); ours && fault.Kind == crm.FaultRefused && strings.Contains(fault.Say, markProperty) {
			// Somebody deleted the property, or it was never what it should be.
			c.unmark(o, fault.Say)
			c.doubts.note(key)
			fault.Kind = crm.FaultRetry
		}
		return id, err
	}
	if err := c.doubts.settle(ctx, key, a.EndedAt); err != nil {
		return "", err
	}
	if id, err := find(); id != "" || err != nil {
		return id, err
	}
	return c.create(ctx, o, key, v)
}

// statusOf returns the status that an error came with; 0: none.
func statusOf(err error) int {
	var status rest.Status
	_ = errors.As(err, &status)
	return int(status)
}

// mayHaveWorked reports whether a request that makes something may have made it
// in spite of its error.
func mayHaveWorked(err error) bool {
	sure := []int{http.StatusTooManyRequests, http.StatusLocked, 477}
	fault, ours := errors.AsType[*crm.Fault](err)
	if !ours {
		return err != nil
	}
	return fault.Kind == crm.FaultRetry && !slices.Contains(sure, statusOf(err))
}
