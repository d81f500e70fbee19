package demo

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

// screen is where the day is told: steps with the seconds since it began, who
// did something, and what happened.
type screen struct {
	out   io.Writer
	began time.Time
	err   error // the first failure to write; nothing is written after it
}

func newScreen(out io.Writer) *screen { return &screen{out: out, began: time.Now()} }

// elapsed is how long the day has been going on.
func (s *screen) elapsed() time.Duration { return time.Since(s.began) }

// line writes one line.
func (s *screen) line(format string, args ...any) {
	if s.err == nil {
		_, s.err = fmt.Fprintf(s.out, format+"\n", args...)
	}
}

// title begins a scene.
func (s *screen) title(text string) { s.line("\n%s", text) }

// step tells what somebody did or what happened to them.
func (s *screen) step(who, format string, args ...any) {
	s.line("%8.2f s  %-8s  %s", s.elapsed().Seconds(), who, fmt.Sprintf(format, args...))
}

// table writes rows aligned under a head; empty cells become a dash.
func (s *screen) table(head []string, rows [][]string) {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 8, 2, ' ', 0)
	for _, row := range append([][]string{head}, rows...) {
		cells := make([]string, len(row))
		for i, cell := range row {
			if cells[i] = cell; cell == "" {
				cells[i] = "-"
			}
		}
		_, _ = fmt.Fprintf(w, "  %s\n", strings.Join(cells, "\t")) // into memory
	}
	_ = w.Flush()
	s.line("%s", strings.TrimSuffix(b.String(), "\n"))
}
