package pipedrive

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"tandem/crm"
)

const (
	logPage      = 50 // the most that Pipedrive gives
	mostLogPages = 20
)

// logBody is a call log as a request says it.
type logBody struct {
	UserID     int    `json:"user_id,omitempty"`
	ActivityID int    `json:"activity_id"`
	Subject    string `json:"subject"`
	Duration   string `json:"duration"` // seconds
	Outcome    string `json:"outcome"`
	From       string `json:"from_phone_number,omitempty"`
	To         string `json:"to_phone_number"`
	StartTime  string `json:"start_time"`
	EndTime    string `json:"end_time"`
	Note       string `json:"note"`
}

// logOf is the call log of an activity. It repeats the activity's text: nobody
// says which of the two stays.
func logOf(a crm.Activity, activity, owner int) logBody {
	return logBody{
		UserID: owner, ActivityID: activity,
		Subject: shortened(a.Title), Note: noteOf(a),
		Duration: strconv.Itoa(int(a.Duration.Round(time.Second).Seconds())), Outcome: outcomeOf(a),
		From: a.From, To: a.To,
		StartTime: a.StartedAt.UTC().Format(time.RFC3339), EndTime: a.EndedAt.UTC().Format(time.RFC3339),
	}
}

// callLog makes Pipedrive's own record of the call from its activity, once. A
// call log has to name the number that was called, and can be made of Pipedrive's
// own type of activity alone: what has not both stays an activity.
func (c *Client) callLog(ctx context.Context, a crm.Activity, refs crm.Refs) (crm.Refs, error) {
	first := c.begun.first(a, crm.StepCallLog)
	if refs.CallLog != "" || a.To == "" || c.types.key(ctx, c) != callType {
		return refs, nil
	}
	activity, err := idOf("activity", refs.Activity)
	if err != nil {
		return refs, err
	}
	owner, err := ownerOf(a)
	if err != nil {
		return refs, err
	}
	if !first {
		found, told, err := c.findCallLog(ctx, activity)
		refs.CallLog = found
		if err != nil || found != "" {
			return refs, err
		}
		if !told {
			c.log.Warn("whether Pipedrive has the call log could not be told; its activity is there",
				slog.String("call", string(a.CallID)), slog.Int("activity", activity))
			return refs, nil
		}
	}
	refs.CallLog, err = c.addCallLog(ctx, logOf(a, activity, owner))
	return refs, err
}

// addCallLog posts a call log and returns its ID. Where the token's user may not
// log for others, the log becomes their own: the activity has its owner anyway.
func (c *Client) addCallLog(ctx context.Context, body logBody) (string, error) {
	var made struct {
		ID string `json:"id"`
	}
	post := request{cost: costAddLog, method: http.MethodPost, path: c.v1 + "/callLogs", body: body}
	_, err := c.ask(ctx, post, &made)
	if body.UserID != 0 && forbidden(err) {
		owner := body.UserID
		body.UserID = 0
		post.body = body
		if _, err = c.ask(ctx, post, &made); err == nil {
			c.log.Warn("Pipedrive lets the token's user log no calls for others: give them access to the account's settings",
				slog.Int("owner", owner), slog.Int("activity", body.ActivityID))
		}
	}
	if err != nil {
		return "", err
	}
	if made.ID == "" {
		return "", garbled("the answer names no call log")
	}
	return made.ID, nil
}

// findCallLog returns the call log of an activity that an earlier attempt may
// have made. Pipedrive does not select them, so that only so many are looked
// through; told is whether these were all.
func (c *Client) findCallLog(ctx context.Context, activity int) (id string, told bool, err error) {
	for page := range mostLogPages {
		var found []struct {
			ID         string `json:"id"`
			ActivityID int    `json:"activity_id"`
		}
		_, err := c.ask(ctx, request{
			cost: costListLogs, method: http.MethodGet, path: c.v1 + "/callLogs",
			query: url.Values{"start": {strconv.Itoa(page * logPage)}, "limit": {strconv.Itoa(logPage)}},
		}, &found)
		if err != nil {
			return "", false, err
		}
		for _, log := range found {
			if log.ActivityID == activity {
				return log.ID, true, nil
			}
		}
		if len(found) < logPage {
			return "", true, nil
		}
	}
	return "", false, nil
}
