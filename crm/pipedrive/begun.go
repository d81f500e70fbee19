package pipedrive

import (
	"slices"
	"sync"
	"time"

	"tandem/call"
	"tandem/crm"
)

const (
	// remembered is how many calls begun knows of.
	remembered = 4096
	// settled is how long after a client's beginning the calls are all its own:
	// the one before it may have had some of the first, and another clock.
	settled = time.Minute
)

// begun remembers which steps of a call this client began. A call that ended
// under its eyes, and whose step it never began, has nothing of that step in
// Pipedrive. For every other call Pipedrive has to be asked: a client before
// this one may have begun the step, even where the store knows nothing of it,
// as it may be an older copy of itself.
type begun struct {
	mu    sync.Mutex
	since time.Time // calls that ended later are known
	calls map[call.ID][]crm.Step
	order []ended // the oldest first
}

type ended struct {
	id call.ID
	at time.Time
}

// first notes that a step of a call is begun, and reports whether it is
// certainly for the first time.
func (b *begun) first(a crm.Activity, s crm.Step) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	steps := b.calls[a.CallID]
	if slices.Contains(steps, s) {
		return false
	}
	certain := a.EndedAt.After(b.since)
	if steps == nil {
		b.order = append(b.order, ended{a.CallID, a.EndedAt})
	}
	b.calls[a.CallID] = append(steps, s)
	b.forget()
	return certain
}

// forget drops the oldest call of too many. Neither it nor those that ended
// before it are known any more.
func (b *begun) forget() {
	if len(b.order) <= remembered {
		return
	}
	oldest := b.order[0]
	b.order = b.order[1:]
	delete(b.calls, oldest.id)
	if oldest.at.After(b.since) {
		b.since = oldest.at
	}
}
