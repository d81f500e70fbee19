package routing

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"tandem/call"
)

// candidate is an available user as a strategy sees them.
type candidate struct {
	name  string
	free  time.Time // available since
	taken int       // calls today
	place int       // among the playbook's users
}

// rank puts candidates in the order in which a strategy asks them. last is the
// place of the user whom round-robin asked last. A nil draw leaves the order
// of Random as it is.
func rank(s call.Strategy, list []candidate, last int, draw *rand.Rand) {
	idlest := func(a, b candidate) int { return cmp.Or(a.free.Compare(b.free), cmp.Compare(a.place, b.place)) }
	switch s {
	case call.LongestIdle:
		slices.SortFunc(list, idlest)
	case call.FewestCalls:
		slices.SortFunc(list, func(a, b candidate) int { return cmp.Or(cmp.Compare(a.taken, b.taken), idlest(a, b)) })
	case call.RoundRobin:
		slices.SortFunc(list, func(a, b candidate) int { return cmp.Compare(turn(a.place, last), turn(b.place, last)) })
	case call.Random:
		if draw != nil {
			draw.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
		}
	case call.RingAll:
	}
}

// turn is how many places after last a place comes; those up to last come
// around behind all others.
func turn(place, last int) int {
	const round = 1 << 20 // more than a playbook has users
	if place <= last {
		return place + round
	}
	return place
}

// chosen says why a strategy's first candidate was asked.
func chosen(s call.Strategy, c candidate, now time.Time) string {
	switch s {
	case call.LongestIdle:
		return "longest idle: " + span(now.Sub(c.free))
	case call.FewestCalls:
		return fmt.Sprintf("fewest calls today: %d", c.taken)
	case call.RoundRobin:
		return "next in turn"
	case call.Random:
		return "drawn at random"
	case call.RingAll:
		return "everybody is asked"
	}
	return string(s)
}

// passed says why an available user was not asked first.
func passed(s call.Strategy, c candidate, now time.Time) string {
	switch s {
	case call.LongestIdle:
		return "idle for less: " + span(now.Sub(c.free))
	case call.FewestCalls:
		return fmt.Sprintf("more calls today, or idle for less: %d", c.taken)
	case call.RoundRobin:
		return "later in turn"
	case call.Random:
		return "not drawn"
	case call.RingAll:
	}
	return "available"
}

// span writes a duration for people, in whole seconds.
func span(d time.Duration) string { return max(0, d).Truncate(time.Second).String() }
