package rest

import (
	"cmp"
	"context"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// longestHold is how long a request waits for its turn after the vendor asked
// for a pause; a longer pause is the caller's to sit out.
const longestHold = 30 * time.Second

// Class is a kind of request with a rate of its own.
type Class string

// ClassAny is the class of every request, whichever else it has.
const ClassAny Class = ""

// Limit is the rate of a class.
type Limit struct {
	PerSecond float64
	Burst     int // requests that may go at once after a rest
}

// pace makes requests wait for their turn, in the order in which they came.
type pace struct {
	buckets map[Class]*rate.Limiter

	mu    sync.Mutex
	until time.Time // the vendor asked for silence until then
}

func newPace(limits map[Class]Limit) *pace {
	buckets := make(map[Class]*rate.Limiter, len(limits))
	for class, l := range limits {
		buckets[class] = rate.NewLimiter(rate.Limit(l.PerSecond), max(l.Burst, 1))
	}
	return &pace{buckets: buckets}
}

// wait returns when a request of the class may go, or with ctx's error. When the
// vendor wants a long silence, it returns at once with what is left of it.
func (p *pace) wait(ctx context.Context, class Class) (time.Duration, error) {
	for {
		silence := p.silence()
		if silence > longestHold {
			return silence, nil
		}
		if err := sleep(ctx, silence); err != nil {
			return 0, err
		}
		if err := p.take(ctx, class); err != nil {
			return 0, err
		}
		// Somebody else may have been asked for silence meanwhile.
		if p.silence() <= 0 {
			return 0, nil
		}
	}
}

// take waits for the class's turn and then for everybody's.
func (p *pace) take(ctx context.Context, class Class) error {
	classes := []Class{class, ClassAny}
	if class == ClassAny {
		classes = classes[:1]
	}
	for _, c := range classes {
		bucket, limited := p.buckets[c]
		if !limited {
			continue
		}
		if err := bucket.Wait(ctx); err != nil {
			// It is ctx's end, or its deadline that comes before the turn.
			return cmp.Or(ctx.Err(), context.DeadlineExceeded)
		}
	}
	return ctx.Err()
}

// hold makes everybody wait for so long from now.
func (p *pace) hold(silence time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if until := time.Now().Add(silence); until.After(p.until) {
		p.until = until
	}
}

// silence returns how long nobody may ask anything; 0: not at all.
func (p *pace) silence() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return max(time.Until(p.until), 0)
}

func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
