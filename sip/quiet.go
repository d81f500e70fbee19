package sip

import (
	"context"
	"log/slog"
	"strconv"
	"sync"
	"time"

	wire "github.com/emiago/sipgo/sip"
)

const (
	maxLogged    = 120 // characters of one attribute
	maxDatagram  = 65535
	sampleEvery  = time.Second
	libraryLevel = slog.LevelWarn
)

// quiet is the logger that sipgo gets. It writes undecodable messages whole at
// error level, so anybody could fill a disk: here one record a second passes,
// cut and quoted, at debug level; what matters is counted elsewhere.
type quiet struct {
	out  *slog.Logger
	pace *pace
}

// pace lets one thing through at a time.
type pace struct {
	mu   sync.Mutex
	last time.Time
}

func newQuiet(out *slog.Logger) *slog.Logger {
	return slog.New(&quiet{out: out, pace: &pace{}})
}

// Enabled refuses what the library says below warnings before it is built.
func (q *quiet) Enabled(_ context.Context, level slog.Level) bool { return level >= libraryLevel }

// Handle passes on at most one record a second.
func (q *quiet) Handle(ctx context.Context, r slog.Record) error {
	if !q.out.Enabled(ctx, slog.LevelDebug) || !q.pace.take(r.Time, sampleEvery) {
		return nil
	}
	attrs := make([]slog.Attr, 0, 4)
	r.Attrs(func(a slog.Attr) bool {
		attrs = append(attrs, slog.String(a.Key, cut(a.Value.String())))
		return len(attrs) < 4
	})
	q.out.LogAttrs(ctx, slog.LevelDebug, "sip stack: "+cut(r.Message), attrs...) //nolint:sloglint // the message is the library's
	return nil
}

// WithAttrs ignores what the library says about itself.
func (q *quiet) WithAttrs([]slog.Attr) slog.Handler { return q }

// WithGroup ignores groups.
func (q *quiet) WithGroup(string) slog.Handler { return q }

// take reports whether something may pass at that time: when the last one is
// as long ago as it has to be.
func (p *pace) take(at time.Time, every time.Duration) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if at.Sub(p.last) < every {
		return false
	}
	p.last = at
	return true
}

// cut bounds and quotes what may come from the wire.
func cut(s string) string {
	if len(s) > maxLogged {
		s = s[:maxLogged]
	}
	return strconv.Quote(s)
}

// prepareLibrary sets the two process-wide settings of sipgo that have no
// other door: UDP messages over 1300 bytes are sent instead of refused (a SIP
// answer with SDP and a long route set is larger), and its default logger.
// They are the same for every Agent, and set by the first.
func prepareLibrary(log *slog.Logger) {
	prepared.Do(func() {
		wire.UDPMTUSize = maxDatagram
		wire.SetDefaultLogger(log)
	})
}

// prepared guards settings that are the process's, not an Agent's.
var prepared sync.Once
