package routing

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"tandem/call"
)

// EventPlaybookChanged says that a playbook was opened, closed or reset by
// command; its Data is the playbook's Override, or nil.
const EventPlaybookChanged call.EventType = "playbook.changed"

// Opening is whether a playbook takes calls at an instant, and why.
type Opening struct {
	Open     bool
	Why      string     // begins with "open: " or "closed: "
	Next     *time.Time // when that changes; nil: not within a year, or by command alone
	Override *Override  // in force, or nil
}

// OfficesOptions are what the offices work with.
type OfficesOptions struct {
	Directory *Directory
	Desk      Desk           // keeps the overrides
	Events    call.Publisher // is told when a playbook is opened, closed or reset
}

// Offices knows which playbooks are open: by their hours, unless somebody
// opened or closed them by command for a while.
type Offices struct {
	dir    *Directory
	desk   Desk
	events call.Publisher

	mu        sync.RWMutex
	overrides map[string]Override // by playbook; those that have run out do no harm
}

// NewOffices returns the offices with the overrides that were given before.
func NewOffices(ctx context.Context, o OfficesOptions) (*Offices, error) {
	if o.Directory == nil || o.Desk == nil || o.Events == nil {
		return nil, errors.New("offices: no directory, desk or events")
	}
	list, err := o.Desk.Overrides(ctx)
	if err != nil {
		return nil, fmt.Errorf("offices: overrides: %w", err)
	}
	offices := &Offices{dir: o.Directory, desk: o.Desk, events: o.Events, overrides: make(map[string]Override)}
	for _, one := range list {
		offices.overrides[one.Playbook] = one
	}
	return offices, nil
}

// At returns whether a playbook takes calls at an instant. An unknown playbook
// does not.
func (o *Offices) At(playbook string, at time.Time) Opening {
	p, known := o.dir.Playbook(playbook)
	if !known {
		return Opening{Why: "closed: there is no such playbook"}
	}
	o.mu.RLock()
	override, found := o.overrides[playbook]
	o.mu.RUnlock()
	if found && override.holds(at) {
		return overridden(p.Hours, override)
	}
	opening := Opening{Open: p.Hours.Open(at), Why: p.Hours.Explain(at)}
	if next, ok := p.Hours.Next(at); ok {
		opening.Next = &next
	}
	return opening
}

// holds reports whether an override is in force at an instant.
func (o Override) holds(at time.Time) bool {
	return !at.Before(o.At) && (o.Until.IsZero() || at.Before(o.Until))
}

// overridden is the opening that an override makes.
func overridden(h *Hours, o Override) Opening {
	opening := Opening{Open: o.Open, Override: &o, Why: "closed: by command"}
	if o.Open {
		opening.Why = "open: by command"
	}
	if o.By != "" {
		opening.Why += " of " + o.By
	}
	if o.Until.IsZero() {
		return opening
	}
	opening.Why += " until " + o.Until.In(h.Zone()).Format("2006-01-02 15:04 MST")
	next := o.Until
	for range 2 { // the hours may agree with the override at its end
		if h.Open(next) != o.Open {
			opening.Next = &next
			break
		}
		var ok bool
		if next, ok = h.Next(next); !ok {
			break
		}
	}
	return opening
}

// SetOverride opens or closes a playbook until a time, or until it is cleared;
// At is filled in. ErrNotFound: no such playbook; *InvalidError: the time is past.
func (o *Offices) SetOverride(ctx context.Context, override Override) error {
	now := time.Now().UTC()
	if _, known := o.dir.Playbook(override.Playbook); !known {
		return fmt.Errorf("playbook %q: %w", override.Playbook, ErrNotFound)
	}
	if !override.Until.IsZero() && !override.Until.After(now) {
		return &InvalidError{Field: "until", Why: "is not in the future"}
	}
	override.At, override.Until = now, override.Until.UTC()
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := o.desk.SetOverride(ctx, override); err != nil {
		return fmt.Errorf("playbook %s: keep override: %w", override.Playbook, err)
	}
	o.overrides[override.Playbook] = override
	o.publish(override.Playbook, now, override)
	return nil
}

// ClearOverride returns a playbook to its hours. ErrNotFound: no such playbook.
func (o *Offices) ClearOverride(ctx context.Context, playbook string) error {
	if _, known := o.dir.Playbook(playbook); !known {
		return fmt.Errorf("playbook %q: %w", playbook, ErrNotFound)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if _, found := o.overrides[playbook]; !found {
		return nil
	}
	if err := o.desk.ClearOverride(ctx, playbook); err != nil && !errors.Is(err, ErrNotFound) {
		return fmt.Errorf("playbook %s: clear override: %w", playbook, err)
	}
	delete(o.overrides, playbook)
	o.publish(playbook, time.Now().UTC(), nil)
	return nil
}

func (o *Offices) publish(playbook string, at time.Time, data any) {
	o.events.Publish(call.Event{Type: EventPlaybookChanged, At: at, Playbook: playbook, Data: data})
}

// PlaybookState is a playbook as it stands at an instant.
type PlaybookState struct {
	Playbook
	Opening
}

// Playbooks returns all playbooks in the order of the configuration, as they
// stand at an instant.
func (o *Offices) Playbooks(at time.Time) []PlaybookState {
	var list []PlaybookState
	for _, p := range o.dir.Account().Playbooks {
		list = append(list, PlaybookState{Playbook: p, Opening: o.At(p.Name, at)})
	}
	return list
}

// Week returns the intervals of each weekday that has any, by its name (mon).
// Nil: always open.
func (h *Hours) Week() map[string]string {
	if h == nil {
		return nil
	}
	week := make(map[string]string)
	for day, list := range h.weekly {
		if len(list) > 0 {
			week[weekday(time.Weekday(day))] = intervals(list)
		}
	}
	return week
}
