package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// callIDLength is that of a ULID; no number is as long.
const callIDLength = 26

func (c *cli) explainCommand() *cobra.Command {
	var when string
	cmd := &cobra.Command{
		Use: "explain NUMBER|CALL", Short: "Explain what would happen to a call, or what happened to one", Args: cobra.ExactArgs(1),
		Long: "With a number: what would happen to a call from or to it, now or --at a time.\n" +
			"With a call's id: why it went as it did.",
		RunE: c.talk(func(ctx context.Context, sw *client, args []string) error {
			if isCallID(args[0]) {
				if when != "" {
					return usageError{"--at is for numbers; a call went as it went"}
				}
				return c.explainCall(ctx, sw, args[0])
			}
			return c.explainNumber(ctx, sw, args[0], when)
		}),
	}
	cmd.Flags().StringVar(&when, "at", "", "a time, e.g. 15:00 or 2026-12-24 10:00; default: now")
	return cmd
}

func isCallID(s string) bool {
	return len(s) == callIDLength && strings.Trim(strings.ToUpper(s), "0123456789ABCDEFGHJKMNPQRSTVWXYZ") == ""
}

// step is one step of an explanation.
type step struct {
	At   *time.Time `json:"at"`
	What string     `json:"what"`
	User string     `json:"user"`
	Why  string     `json:"why"`
}

func (c *cli) explainCall(ctx context.Context, sw *client, id string) error {
	raw, err := sw.get(ctx, "/calls/"+url.PathEscape(id)+"/explain", nil)
	if err != nil || c.output == "json" {
		return c.rawOr(raw, err)
	}
	e, err := read[struct {
		Call  json.RawMessage
		Trail []step
	}](raw)
	if err != nil {
		return err
	}
	if err := c.showCall(sw, e.Call); err != nil {
		return err
	}
	if _, err := fmt.Fprintln(c.out); err != nil {
		return err
	}
	rows := make([][]string, len(e.Trail))
	for i, s := range e.Trail {
		rows[i] = []string{sw.moment(*s.At, *e.Trail[0].At), s.What, s.User, s.Why}
	}
	return c.printTable([]string{"AT", "WHAT", "USER", "WHY"}, rows)
}

// moment shows when a step came, with its date when it was not the first one's.
func (sw *client) moment(at, first time.Time) string {
	at, first = at.In(sw.zone), first.In(sw.zone)
	if at.Format(time.DateOnly) != first.Format(time.DateOnly) {
		return at.Format(time.DateTime)
	}
	return at.Format("15:04:05.000")
}

func (c *cli) explainNumber(ctx context.Context, sw *client, number, when string) error {
	q := url.Values{"number": {number}}
	if when != "" {
		t, err := parseTime(when, c.now(), sw.zone)
		if err != nil {
			return err
		}
		q.Set("at", t.UTC().Format(time.RFC3339))
	}
	raw, err := sw.get(ctx, "/explain", q)
	if err != nil || c.output == "json" {
		return c.rawOr(raw, err)
	}
	e, err := read[struct {
		Number            string
		At                *time.Time
		Contact           *shownContact
		Inbound, Outbound []step
	}](raw)
	if err != nil {
		return err
	}
	who := "nobody we know"
	if e.Contact != nil {
		who = e.Contact.Name + " (" + e.Contact.ID + ")"
	}
	if err := c.printFields(raw, []field{{"number", e.Number}, {"contact", who}, {"at", sw.clock(e.At)}}); err != nil {
		return err
	}
	var rows [][]string
	for _, s := range e.Inbound {
		rows = append(rows, []string{"inbound", s.What, s.User, s.Why})
	}
	for _, s := range e.Outbound {
		rows = append(rows, []string{"outbound", s.What, s.User, s.Why})
	}
	if _, err := fmt.Fprintln(c.out); err != nil {
		return err
	}
	return c.printTable([]string{"CALL", "WHAT", "USER", "WHY"}, rows)
}

// rawOr prints an answer as it came, unless there is an error.
func (c *cli) rawOr(raw json.RawMessage, err error) error {
	if err != nil {
		return err
	}
	return c.printJSON(raw)
}
