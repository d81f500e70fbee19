package demo

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

// offer is what a salesperson's screen is told when their phone rings, or when
// somebody coaches them.
type offer struct {
	at      time.Time     // when it was read
	Type    string        `json:"type"`
	CallID  string        `json:"call_id"`
	User    string        `json:"user"`
	Contact *shownContact `json:"contact"`
	Task    *shownTask    `json:"task"`
	History []shownCall   `json:"history"`
	Call    *shownCall    `json:"call"`
}

// The events that the day looks at.
const (
	callOffered = "call.offered"
	callCoached = "call.coached"
)

// offersKept is more than a day has.
const offersKept = 64

// feed reads the switch's events (Server-Sent Events) as screens do.
type feed struct {
	offers chan offer // closed when the stream ends
	stop   context.CancelFunc
	reader sync.WaitGroup
}

// follow begins to read events.
func (c *client) follow(ctx context.Context) (*feed, error) {
	ctx, stop := context.WithCancel(ctx)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://switch/api/v1/events", nil)
	if err != nil {
		stop()
		return nil, err
	}
	res, err := c.http.Do(req)
	if err != nil {
		stop()
		return nil, fmt.Errorf("events: %w", err)
	}
	if res.StatusCode != http.StatusOK {
		stop()
		return nil, errors.Join(fmt.Errorf("events: %s", res.Status), res.Body.Close())
	}
	f := &feed{offers: make(chan offer, offersKept), stop: stop}
	f.reader.Go(func() {
		defer close(f.offers)
		defer func() { _ = res.Body.Close() }() // only read
		f.read(res.Body)
	})
	return f, nil
}

// read keeps what is looked at among the events until the stream ends.
func (f *feed) read(stream io.Reader) {
	lines := bufio.NewScanner(stream)
	lines.Buffer(nil, 1<<20)
	wanted := false
	for lines.Scan() {
		if name, ok := bytes.CutPrefix(lines.Bytes(), []byte("event: ")); ok {
			wanted = string(name) == callOffered || string(name) == callCoached
		}
		data, ok := bytes.CutPrefix(lines.Bytes(), []byte("data: "))
		if !ok || !wanted {
			continue
		}
		o := offer{at: time.Now()}
		if json.Unmarshal(data, &o) != nil || len(f.offers) == offersKept {
			return // an offer that is waited for is missing then, and says so
		}
		f.offers <- o
	}
}

// next waits for an event of a call and a user, passing over others.
func (f *feed) next(ctx context.Context, kind, call, user string) (offer, error) {
	for {
		select {
		case o, ok := <-f.offers:
			if !ok {
				return offer{}, errors.New("the stream of events ended")
			}
			if o.Type == kind && o.CallID == call && o.User == user {
				return o, nil
			}
		case <-ctx.Done():
			return offer{}, fmt.Errorf("no %s of call %s to %s: %w", kind, call, user, ctx.Err())
		}
	}
}

// close stops reading.
func (f *feed) close() {
	f.stop()
	f.reader.Wait()
}

// screenShows waits until a salesperson's screen is told of a call, and checks
// that it shows who calls, the task and how many calls there were before.
func (d *day) screenShows(ctx context.Context, p *salesperson, id string, who caller, earlier int, after moment) error {
	o, err := d.events.next(ctx, callOffered, id, p.user)
	if err != nil {
		return err
	}
	if o.Contact == nil || o.Contact.Name != who.display || o.Task == nil || o.Task.CallID != id || len(o.History) != earlier {
		return fmt.Errorf("the screen of %s does not show %s, the task and %d earlier calls: %+v", p.name, who.name, earlier, o)
	}
	d.screen.step(p.name, "screen is told %s: %s, the task, earlier calls: %d", after.since(o.at), o.Contact.Name, earlier)
	return nil
}
