package daemon

import (
	"sync"
	"time"

	"tandem/call"
	"tandem/routing"
	"tandem/web"
)

// trunkBoard remembers how trunks do, and tells when that changes.
type trunkBoard struct {
	events call.Publisher

	mu     sync.Mutex
	states map[string]trunkState
}

type trunkState struct {
	up    bool
	why   string
	since time.Time
}

func newTrunkBoard(events call.Publisher) *trunkBoard {
	return &trunkBoard{events: events, states: make(map[string]trunkState)}
}

// TrunkState notes that a trunk went up or down.
func (b *trunkBoard) TrunkState(trunk string, up bool, why string) {
	now := time.Now().UTC()
	b.mu.Lock()
	b.states[trunk] = trunkState{up: up, why: why, since: now}
	b.mu.Unlock()
	b.events.Publish(call.Event{
		Type: call.EventTrunkChanged, At: now, Trunk: trunk, Data: map[string]any{"name": trunk, "up": up, "why": why},
	})
}

func (b *trunkBoard) state(trunk string) trunkState {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.states[trunk]
}

// plant shows the account's lines to the world.
type plant struct{ *Daemon }

// Numbers returns the account's own numbers.
func (p plant) Numbers() []web.Number {
	var list []web.Number
	for _, n := range p.directory.Account().Numbers {
		list = append(list, web.Number{
			Number: n.Number, Country: routing.CountryOf(n.Number), Playbook: n.Playbook, Trunks: n.Trunks,
		})
	}
	return list
}

// Trunks returns the carrier links and how they do.
func (p plant) Trunks() []web.Trunk {
	busy := make(map[string]int)
	for _, rec := range p.exchange.Active() {
		busy[rec.Trunk]++
	}
	var list []web.Trunk
	for _, t := range p.config().Trunks {
		state := p.trunks.state(t.Name)
		shown := web.Trunk{
			Name: t.Name, Address: t.Address, Transport: string(t.Transport), Up: p.sip.TrunkUp(t.Name), Why: state.why,
			Calls: busy[t.Name], MaxCalls: t.MaxCalls, Registered: t.Register.Username != "" && p.sip.TrunkUp(t.Name),
		}
		if !state.since.IsZero() {
			shown.Since = &state.since
		}
		list = append(list, shown)
	}
	return list
}

// Registrations returns the registered phones.
func (p plant) Registrations() []call.Binding { return p.sip.Registrations() }
