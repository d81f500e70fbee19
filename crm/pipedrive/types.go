package pipedrive

import (
	"context"
	"net/http"
	"sync"
	"time"
)

// callType is the key of the activity type that every account begins with, and
// the one that Pipedrive makes call logs of.
const callType = "call"

const (
	typesLast   = 24 * time.Hour   // how long the account's types are remembered
	typesBehind = 10 * time.Minute // until they are asked for again after a failure
)

// types remembers which activity type of the account stands for calls.
type types struct {
	mu    sync.Mutex
	found string
	until time.Time
}

// key returns the key of the type for calls.
func (t *types) key(ctx context.Context, c *Client) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if time.Now().Before(t.until) {
		return t.found
	}
	var all []activityType
	_, err := c.ask(ctx, request{cost: costTypes, method: http.MethodGet, path: c.v1 + "/activityTypes"}, &all)
	if err != nil {
		t.found, t.until = callType, time.Now().Add(typesBehind)
		return t.found
	}
	t.found, t.until = choose(all), time.Now().Add(typesLast)
	return t.found
}

type activityType struct {
	Key    string `json:"key_string"`
	Icon   string `json:"icon_key"`
	Active bool   `json:"active_flag"`
}

// choose returns the type for calls: the account's own, or when that was put
// out of use, the first with a telephone for an icon.
func choose(all []activityType) string {
	key := ""
	for _, t := range all {
		if !t.Active || t.Key == "" {
			continue
		}
		if t.Key == callType {
			return callType
		}
		if t.Icon == callType && key == "" {
			key = t.Key
		}
	}
	if key == "" {
		return callType
	}
	return key
}
