package main

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/spf13/cobra"
)

// shownTask is what tables show of a task.
type shownTask struct {
	ID      string     `json:"id"`
	Kind    string     `json:"kind"`
	State   string     `json:"state"`
	Count   int        `json:"count"`
	Contact string     `json:"contact_id"`
	Call    string     `json:"call_id"`
	User    string     `json:"user"`
	Due     *time.Time `json:"due_at"`
	Created *time.Time `json:"created_at"`
}

func (c *cli) tasksCommand() *cobra.Command {
	var kind, state, user, contact string
	var limit int
	cmd := &cobra.Command{Use: "tasks", Short: "List tasks, newest first", Args: cobra.NoArgs}
	cmd.RunE = c.talk(func(ctx context.Context, sw *client, _ []string) error {
		if limit < 1 {
			return usageError{"--limit is at least 1"}
		}
		q := url.Values{}
		for key, value := range map[string]string{"kind": kind, "state": state, "user": user, "contact": contact} {
			if value != "" {
				q.Set(key, value)
			}
		}
		l, err := sw.list(ctx, "/tasks", q, limit)
		if err != nil {
			return err
		}
		return printList(c, l, table[shownTask]{
			head: []string{"ID", "KIND", "STATE", "COUNT", "USER", "CONTACT", "CALL", "DUE", "CREATED"},
			row: func(s shownTask) []string {
				return []string{s.ID, s.Kind, s.State, strconv.Itoa(s.Count), s.User, s.Contact, s.Call, sw.clock(s.Due), sw.clock(s.Created)}
			},
		})
	})
	cmd.Flags().StringVar(&kind, "kind", "", "inbound_call, missed_call, callback or follow_up")
	cmd.Flags().StringVar(&state, "state", "", "open, in_progress or done")
	cmd.Flags().StringVar(&user, "user", "", "of this user")
	cmd.Flags().StringVar(&contact, "contact", "", "about this contact (its id)")
	limitFlag(cmd, &limit)
	complete(cmd, "kind", "inbound_call", "missed_call", "callback", "follow_up")
	complete(cmd, "state", "open", "in_progress", "done")
	cmd.AddCommand(c.taskDoneCommand(), c.taskAssignCommand(), c.taskSetCommand())
	return cmd
}

// changeTask changes a task and says so.
func (c *cli) changeTask(ctx context.Context, sw *client, id string, body map[string]any) error {
	raw, err := sw.ask(ctx, http.MethodPatch, "/tasks/"+url.PathEscape(id), nil, body)
	if err != nil {
		return err
	}
	return c.showTask(sw, raw)
}

func (c *cli) showTask(sw *client, raw json.RawMessage) error {
	s, err := read[shownTask](raw)
	if err != nil {
		return err
	}
	return c.printFields(raw, []field{
		{"id", s.ID}, {"kind", s.Kind}, {"state", s.State}, {"user", s.User}, {"contact", s.Contact}, {"call", s.Call},
		{"due", sw.clock(s.Due)}, {"created", sw.clock(s.Created)},
	})
}

func (c *cli) taskDoneCommand() *cobra.Command {
	return &cobra.Command{
		Use: "done ID", Short: "Mark a task as done", Args: cobra.ExactArgs(1),
		RunE: c.talk(func(ctx context.Context, sw *client, args []string) error {
			return c.changeTask(ctx, sw, args[0], map[string]any{"state": "done"})
		}),
	}
}

func (c *cli) taskAssignCommand() *cobra.Command {
	return &cobra.Command{
		Use: "assign ID USER", Short: "Give a task to a user", Args: cobra.ExactArgs(2),
		RunE: c.talk(func(ctx context.Context, sw *client, args []string) error {
			return c.changeTask(ctx, sw, args[0], map[string]any{"user": args[1]})
		}),
	}
}

func (c *cli) taskSetCommand() *cobra.Command {
	var state, due string
	cmd := &cobra.Command{Use: "set ID", Short: "Change a task's state or when it is due", Args: cobra.ExactArgs(1)}
	cmd.Flags().StringVar(&state, "state", "", "open, in_progress or done")
	cmd.Flags().StringVar(&due, "due", "", "a time, or none")
	complete(cmd, "state", "open", "in_progress", "done")
	cmd.RunE = c.talk(func(ctx context.Context, sw *client, args []string) error {
		body := changes(cmd, map[string]any{"state": state})
		switch due {
		case "":
		case "none":
			body["due_at"] = nil
		default:
			t, err := parseUntil(due, c.now(), sw.zone)
			if err != nil {
				return err
			}
			body["due_at"] = t.UTC()
		}
		if len(body) == 0 {
			return usageError{"say what to change: --state or --due"}
		}
		return c.changeTask(ctx, sw, args[0], body)
	})
	return cmd
}
