package hubspot

import (
	"context"
	"sync"
	"time"
)

// indexLag is how long HubSpot's search may not know a new record.
const indexLag = 15 * time.Second

// doubts are the records of which nobody knows whether they were made. A search
// tells, once it has caught up.
type doubts struct {
	started time.Time

	mu     sync.Mutex
	lapses map[string]time.Time // by record: when a search will tell
}

func newDoubts() *doubts {
	return &doubts{started: time.Now(), lapses: make(map[string]time.Time)}
}

// note begins a doubt, and forgets those that have lapsed.
func (d *doubts) note(key string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := time.Now()
	for k, at := range d.lapses {
		if !now.Before(at) {
			delete(d.lapses, k)
		}
	}
	d.lapses[key] = now.Add(indexLag)
}

// settle waits until a search tells whether a record of a call that ended then
// was made. What was tried before we were started nobody remembers.
func (d *doubts) settle(ctx context.Context, key string, ended time.Time) error {
	d.mu.Lock()
	lapse, doubtful := d.lapses[key]
	d.mu.Unlock()
	if !doubtful && ended.Before(d.started) {
		lapse = d.started.Add(indexLag)
	}
	timer := time.NewTimer(time.Until(lapse))
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err()
	case <-ctx.Done():
		return ctx.Err()
	}
}
