package main

import (
	"context"
	"net/http"
	"net/url"

	"github.com/spf13/cobra"
)

// shownUser is what tables show of a user.
type shownUser struct {
	Name       string `json:"name"`
	Display    string `json:"display"`
	Role       string `json:"role"`
	Extension  string `json:"extension"`
	Status     string `json:"status"`
	Reason     string `json:"reason"`
	Next       string `json:"next_status"`
	Activity   string `json:"activity"`
	Registered bool   `json:"registered"`
	Suspect    bool   `json:"suspect"`
	Call       string `json:"call_id"`
}

// status is what a user chose, and what comes after the call.
func (s shownUser) status() string {
	text := s.Status
	if s.Reason != "" {
		text += " (" + s.Reason + ")"
	}
	if s.Next != "" {
		text += ", then " + s.Next
	}
	return text
}

// phone is how a user can be reached.
func (s shownUser) phone() string {
	switch {
	case !s.Registered:
		return "none"
	case s.Suspect:
		return "does not answer"
	}
	return "registered"
}

func (c *cli) usersCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "users", Short: "List users and what they do", Args: cobra.NoArgs,
		RunE: c.talk(func(ctx context.Context, sw *client, _ []string) error {
			l, err := sw.list(ctx, "/users", nil, everything)
			if err != nil {
				return err
			}
			return printList(c, l, table[shownUser]{
				head: []string{"NAME", "DISPLAY", "ROLE", "EXTENSION", "STATUS", "ACTIVITY", "PHONE", "CALL"},
				row: func(s shownUser) []string {
					return []string{s.Name, s.Display, s.Role, s.Extension, s.status(), s.Activity, s.phone(), s.Call}
				},
			})
		}),
	}
	cmd.AddCommand(
		c.userStatusCommand("break", "Send a user on a break; during a call, after it"),
		c.userStatusCommand("available", "Let a user take calls"),
		c.userStatusCommand("offline", "Let a user go; during a call, after it"),
		c.hashCommand(),
	)
	return cmd
}

// everything is a limit for lists that are as long as the configuration.
const everything = 1 << 20

func (c *cli) userStatusCommand(status, short string) *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use: status + " NAME", Short: short, Args: cobra.ExactArgs(1),
		RunE: c.talk(func(ctx context.Context, sw *client, args []string) error {
			body := map[string]string{"status": status}
			if reason != "" {
				body["reason"] = reason
			}
			raw, err := sw.ask(ctx, http.MethodPut, "/users/"+url.PathEscape(args[0])+"/status", nil, body)
			if err != nil {
				return err
			}
			s, err := read[shownUser](raw)
			if err != nil {
				return err
			}
			return c.done(raw, "%s: %s", s.Name, s.status())
		}),
	}
	if status == "break" {
		cmd.Flags().StringVar(&reason, "reason", "", "why, e.g. lunch")
	}
	return cmd
}
