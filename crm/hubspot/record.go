package hubspot

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"tandem/call"
	"tandem/crm"
	"tandem/crm/rest"
)

// object is a type of record.
type object string

const (
	contacts object = "contacts"
	calls    object = "calls"
)

// record is a contact or a call, as far as we read it.
type record struct {
	ID         string    `json:"id"`
	CreatedAt  time.Time `json:"createdAt"`
	Properties struct {
		Phone  string `json:"phone"`
		Mobile string `json:"mobilephone"`
	} `json:"properties"`
}

// values are a record's properties. HubSpot takes texts only, of numbers too.
type values map[string]string

// filter is one condition of a search.
type filter struct {
	Property string `json:"propertyName"`
	Operator string `json:"operator"`
	Value    string `json:"value"`
}

// conditions are filters that have to be met together.
type conditions struct {
	Filters []filter `json:"filters"`
}

func equals(property, value string) conditions {
	return conditions{[]filter{{Property: property, Operator: "EQ", Value: value}}}
}

// most is how many records a search returns; HubSpot has the oldest first.
const most = 100

// find returns the records that meet any of the conditions.
func (c *Client) find(ctx context.Context, o object, properties []string, either ...conditions) ([]record, error) {
	var found struct {
		Results []record `json:"results"`
	}
	_, err := c.rest.Do(ctx, rest.Request{
		Class: search, Method: http.MethodPost, Path: objectsPath + string(o) + "/search",
		// HubSpot wants all members, those that say nothing too.
		Body: rest.JSON(map[string]any{
			"filterGroups": either, "properties": properties, "sorts": []string{}, "limit": most, "after": "0",
		}),
	}, &found)
	return found.Results, err
}

// create makes a record. When the answer is lost, nobody knows whether it did.
func (c *Client) create(ctx context.Context, o object, key string, v values) (string, error) {
	var made record
	_, err := c.rest.Do(ctx, rest.Request{
		Method: http.MethodPost, Path: objectsPath + string(o),
		Body: rest.JSON(map[string]any{"properties": v, "associations": []string{}}),
	}, &made)
	if err == nil {
		made.ID, err = identified(made.ID)
	}
	if mayHaveWorked(err) {
		c.doubts.note(key)
	}
	return made.ID, err
}

// upsert makes a record that is marked with the call, or changes the one that
// an earlier attempt has made.
func (c *Client) upsert(ctx context.Context, o object, id call.ID, v values) (string, error) {
	var done struct {
		Results []record  `json:"results"`
		Errors  []problem `json:"errors"` // of status 207
	}
	answer, err := c.rest.Do(ctx, rest.Request{
		Method: http.MethodPost, Path: objectsPath + string(o) + "/batch/upsert",
		Body: rest.JSON(map[string]any{"inputs": []any{
			map[string]any{"id": string(id), "idProperty": markProperty, "properties": v},
		}}),
	}, &done)
	switch {
	case err != nil:
		return "", err
	case len(done.Errors) > 0:
		return "", done.Errors[0].fault(answer)
	case len(done.Results) != 1:
		return "", &crm.Fault{Kind: crm.FaultRetry, Say: answer.Say(fmt.Sprintf("%d records instead of one", len(done.Results)))}
	}
	return identified(done.Results[0].ID)
}

// change sets properties of a record; an empty value clears.
func (c *Client) change(ctx context.Context, o object, id string, v values) error {
	_, err := c.rest.Do(ctx, rest.Request{
		Method: http.MethodPatch, Path: objectsPath + string(o) + "/" + id,
		Body: rest.JSON(map[string]any{"properties": v}),
	}, nil)
	return err
}

// identified checks that a text is an ID of HubSpot's: it becomes part of paths.
func identified(id string) (string, error) {
	if id == "" || len(id) > 20 || strings.Trim(id, "0123456789") != "" {
		return "", &crm.Fault{Kind: crm.FaultRetry, Say: "HubSpot: what should be an ID is not an ID: does crm.base_url lead to the API?"}
	}
	return id, nil
}
