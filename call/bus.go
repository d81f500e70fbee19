package call

import (
	"sync"
	"time"
)

// Bus hands events to subscribers. Publishing never waits: a subscriber that
// falls behind is cut off and has to subscribe anew.
type Bus struct {
	mu      sync.Mutex
	seq     uint64
	history []Event // ring of the newest events, oldest first from head
	head    int
	subs    map[*Subscription]struct{}
}

// Subscription is one reader's place on the bus.
type Subscription struct {
	bus *Bus
	ch  chan Event
}

const (
	busHistory = 4096 // events kept for readers that come back
	busBacklog = 256  // events a reader may be behind
)

// NewBus returns a bus whose sequence continues above every earlier one: it
// starts at the given time in microseconds.
func NewBus(at time.Time) *Bus {
	return &Bus{seq: uint64(at.UnixMicro()), subs: make(map[*Subscription]struct{})}
}

// Publish numbers the event and hands it to every subscriber.
func (b *Bus) Publish(e Event) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.seq++
	e.Seq = b.seq
	if len(b.history) < busHistory {
		b.history = append(b.history, e)
	} else {
		b.history[b.head] = e
		b.head = (b.head + 1) % busHistory
	}
	for s := range b.subs {
		select {
		case s.ch <- e:
		default:
			b.drop(s)
		}
	}
}

// Subscribe returns a subscription and the events after the given sequence
// number that are still remembered. complete is false when some were
// forgotten (or never seen by this process): the reader has to read the store
// again. after 0 asks for new events only.
func (b *Bus) Subscribe(after uint64) (s *Subscription, missed []Event, complete bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s = &Subscription{bus: b, ch: make(chan Event, busBacklog)}
	b.subs[s] = struct{}{}
	if after == 0 || after >= b.seq {
		return s, nil, after <= b.seq
	}
	for i := range b.history {
		if e := b.history[(b.head+i)%len(b.history)]; e.Seq > after {
			missed = append(missed, e)
		}
	}
	return s, missed, len(missed) > 0 && missed[0].Seq == after+1
}

// Seq returns the number of the newest event.
func (b *Bus) Seq() uint64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.seq
}

// Events returns the channel of new events; it is closed when the reader fell
// behind or the subscription was closed.
func (s *Subscription) Events() <-chan Event { return s.ch }

// Close ends the subscription.
func (s *Subscription) Close() {
	s.bus.mu.Lock()
	defer s.bus.mu.Unlock()
	s.bus.drop(s)
}

// drop removes a subscription; the caller holds the lock.
func (b *Bus) drop(s *Subscription) {
	if _, ok := b.subs[s]; ok {
		delete(b.subs, s)
		close(s.ch)
	}
}
