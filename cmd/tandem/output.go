package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"
)

// table is what is shown of a list: a head, and a row of each item.
type table[T any] struct {
	head []string
	row  func(T) []string
}

// printList shows a list as --output says.
func printList[T any](c *cli, l list, t table[T]) error {
	if c.output == "json" {
		return c.printJSON(l)
	}
	rows := make([][]string, 0, len(l.Items))
	for _, raw := range l.Items {
		var item T
		if err := json.Unmarshal(raw, &item); err != nil {
			return fmt.Errorf("the switch's answer cannot be read: %w; are both of one version?", err)
		}
		rows = append(rows, t.row(item))
	}
	return c.printTable(t.head, rows)
}

// printTable aligns rows under a head. Empty cells become a dash, so that
// columns can be told apart by machines too.
func (c *cli) printTable(head []string, rows [][]string) error {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 8, 2, ' ', 0)
	for _, row := range append([][]string{head}, rows...) {
		cells := make([]string, len(row))
		for i, cell := range row {
			cells[i] = clean(cell)
			if cells[i] == "" {
				cells[i] = "-"
			}
		}
		_, _ = fmt.Fprintln(w, strings.Join(cells, "\t")) // Flush has the error
	}
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprint(c.out, b.String())
	return err
}

// field is one line of a thing that is shown alone.
type field struct{ name, value string }

// printFields shows one thing, or its JSON when --output says so.
func (c *cli) printFields(raw json.RawMessage, fields []field) error {
	if c.output == "json" {
		return c.printJSON(raw)
	}
	width := 0
	for _, f := range fields {
		width = max(width, len(f.name))
	}
	var b strings.Builder
	for _, f := range fields {
		if f.value != "" {
			fmt.Fprintf(&b, "%-*s  %s\n", width, f.name, clean(f.value))
		}
	}
	_, err := fmt.Fprint(c.out, b.String())
	return err
}

// printJSON writes a value as indented JSON.
func (c *cli) printJSON(v any) error {
	raw, ok := v.(json.RawMessage)
	if !ok {
		b, err := json.Marshal(v)
		if err != nil {
			return err
		}
		raw = b
	}
	var b bytes.Buffer
	if err := json.Indent(&b, bytes.TrimSpace(raw), "", "  "); err != nil {
		return fmt.Errorf("the switch's answer cannot be read: %w", err)
	}
	b.WriteByte('\n')
	_, err := b.WriteTo(c.out)
	return err
}

// done says that something was done: a line, or the API's answer as JSON.
func (c *cli) done(raw json.RawMessage, format string, args ...any) error {
	if c.output == "json" {
		if len(bytes.TrimSpace(raw)) == 0 {
			raw = json.RawMessage(`{}`)
		}
		return c.printJSON(raw)
	}
	_, err := fmt.Fprintln(c.out, clean(fmt.Sprintf(format, args...)))
	return err
}

// clean takes out what could move a terminal's cursor or end a line: names
// come from outside.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == unicode.ReplacementChar {
			return ' '
		}
		return r
	}, s)
}

// clock shows a time in the account's zone.
func (sw *client) clock(t *time.Time) string {
	if t == nil || t.IsZero() {
		return ""
	}
	return t.In(sw.zone).Format(time.DateTime)
}

// seconds shows a length of time as 1h02m03s.
func seconds(s float64) string {
	return time.Duration(s * float64(time.Second)).Round(time.Second).String()
}

// mark shows a flag.
func mark(yes bool) string {
	if yes {
		return "yes"
	}
	return ""
}
