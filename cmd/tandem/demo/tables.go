package demo

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// tables shows what the API tells at the end of the day.
func (d *day) tables(ctx context.Context) error {
	contacts, err := list[shownContact](ctx, d.api, "/contacts")
	if err != nil {
		return err
	}
	names := make(map[string]string)
	for _, c := range contacts {
		names[c.ID] = c.Name
	}
	if err := d.callTable(ctx); err != nil {
		return err
	}
	if err := d.taskTable(ctx, names); err != nil {
		return err
	}
	d.contactTable(contacts)
	d.screen.line("\nThe first recording: María left, Ana right\n  aplay %s\n  play  %[1]s", d.recording)
	return nil
}

func (d *day) callTable(ctx context.Context) error {
	calls, err := d.sealedCalls(ctx)
	if err != nil {
		return err
	}
	var rows [][]string
	for _, c := range calls {
		from := c.From
		if from == "" {
			from = "withheld"
		}
		recorded := ""
		if c.Recording != nil {
			recorded = fmt.Sprintf("%.1f s", c.Recording.Seconds)
		}
		rows = append(rows, []string{
			c.ID, from, c.To, c.User, c.Result, c.MissedReason,
			fmt.Sprintf("%.1f s", c.Wait), fmt.Sprintf("%.1f s", c.Duration), recorded, c.RedirectedTo,
		})
	}
	d.screen.line("\nCalls")
	d.screen.table([]string{"ID", "FROM", "TO", "USER", "RESULT", "MISSED", "WAIT", "TALK", "RECORDED", "REDIRECTED"}, rows)
	return nil
}

// sealedCalls returns all calls once every conversation's recording is sealed.
func (d *day) sealedCalls(ctx context.Context) (calls []shownCall, err error) {
	err = eventually(ctx, "all recordings are sealed", func() (bool, error) {
		if calls, err = list[shownCall](ctx, d.api, "/calls"); err != nil {
			return false, err
		}
		return !slices.ContainsFunc(calls, func(c shownCall) bool { return c.Duration > 0 && c.Recording == nil }), nil
	})
	return calls, err
}

func (d *day) taskTable(ctx context.Context, names map[string]string) error {
	tasks, err := list[shownTask](ctx, d.api, "/tasks")
	if err != nil {
		return err
	}
	var rows [][]string
	for _, t := range tasks {
		rows = append(rows, []string{t.ID, t.Kind, t.State, strconv.Itoa(t.Count), t.User, names[t.ContactID], t.CallID})
	}
	d.screen.line("\nTasks")
	d.screen.table([]string{"ID", "KIND", "STATE", "COUNT", "USER", "CONTACT", "CALL"}, rows)
	return nil
}

func (d *day) contactTable(contacts []shownContact) {
	var rows [][]string
	for _, c := range contacts {
		followUp := ""
		if c.FollowUp {
			followUp = "yes"
		}
		rows = append(rows, []string{c.ID, c.Name, strings.Join(c.Numbers, " "), c.Country, followUp})
	}
	d.screen.line("\nContacts")
	d.screen.table([]string{"ID", "NAME", "NUMBERS", "COUNTRY", "FOLLOW-UP"}, rows)
}
