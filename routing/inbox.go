package routing

import (
	"sync"
	"time"
)

// order is something that happened on the floor.
type order struct {
	do   func(r *roster, now time.Time)
	done chan struct{} // closed when it has taken effect; nil when nobody waits
}

// inbox holds what the floor has yet to look at. It is unbounded because no
// sender may ever be held up: every live call has but a handful of orders
// under way and the number of calls is limited, so the floor's backlog is too.
type inbox struct {
	mu     sync.Mutex
	orders []order
	wake   chan struct{} // holds one token while there are orders
}

func newInbox() *inbox { return &inbox{wake: make(chan struct{}, 1)} }

// put adds an order and never blocks.
func (b *inbox) put(o order) {
	b.mu.Lock()
	b.orders = append(b.orders, o)
	b.mu.Unlock()
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// take returns all orders, oldest first.
func (b *inbox) take() []order {
	b.mu.Lock()
	defer b.mu.Unlock()
	list := b.orders
	b.orders = nil
	return list
}
