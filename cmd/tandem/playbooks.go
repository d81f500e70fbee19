package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// shownPlaybook is what tables show of a playbook.
type shownPlaybook struct {
	Name       string     `json:"name"`
	Users      []string   `json:"users"`
	MainNumber string     `json:"main_number"`
	Open       bool       `json:"open"`
	Why        string     `json:"why"`
	Next       *time.Time `json:"next"`
	Waiting    int        `json:"waiting"`
	Override   *struct {
		Open  bool       `json:"open"`
		Until *time.Time `json:"until"`
		By    string     `json:"by"`
	} `json:"override"`
}

// state is whether the playbook is open.
func (s shownPlaybook) state() string {
	if s.Open {
		return "open"
	}
	return "closed"
}

// override is who says so in place of the hours, and until when.
func (s shownPlaybook) override(sw *client) string {
	if s.Override == nil {
		return ""
	}
	text := "by " + s.Override.By
	if until := sw.clock(s.Override.Until); until != "" {
		text += " until " + until
	}
	return text
}

func (c *cli) playbooksCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "playbooks", Short: "List playbooks and whether they are open", Args: cobra.NoArgs,
		RunE: c.talk(func(ctx context.Context, sw *client, _ []string) error {
			l, err := sw.list(ctx, "/playbooks", nil, everything)
			if err != nil {
				return err
			}
			return printList(c, l, table[shownPlaybook]{
				head: []string{"NAME", "STATE", "OVERRIDE", "CHANGES", "WAITING", "NUMBER", "USERS"},
				row: func(s shownPlaybook) []string {
					return []string{s.Name, s.state(), s.override(sw), sw.clock(s.Next), strconv.Itoa(s.Waiting), s.MainNumber, strings.Join(s.Users, " ")}
				},
			})
		}),
	}
	cmd.AddCommand(
		c.overrideCommand("open", "Open a playbook against its hours", true),
		c.overrideCommand("close", "Close a playbook against its hours", false),
		&cobra.Command{
			Use: "reset NAME", Short: "Return a playbook to its hours", Args: cobra.ExactArgs(1),
			RunE: c.talk(func(ctx context.Context, sw *client, args []string) error {
				raw, err := sw.ask(ctx, http.MethodDelete, "/playbooks/"+url.PathEscape(args[0])+"/override", nil, nil)
				if err != nil {
					return err
				}
				return c.playbookDone(sw, raw)
			}),
		},
	)
	return cmd
}

func (c *cli) overrideCommand(verb, short string, open bool) *cobra.Command {
	var until string
	cmd := &cobra.Command{
		Use: verb + " NAME", Short: short, Args: cobra.ExactArgs(1),
		RunE: c.talk(func(ctx context.Context, sw *client, args []string) error {
			body := map[string]any{"open": open}
			if until != "" {
				t, err := parseUntil(until, c.now(), sw.zone)
				if err != nil {
					return err
				}
				body["until"] = t.UTC()
			}
			raw, err := sw.ask(ctx, http.MethodPost, "/playbooks/"+url.PathEscape(args[0])+"/override", nil, body)
			if err != nil {
				return err
			}
			return c.playbookDone(sw, raw)
		}),
	}
	cmd.Flags().StringVar(&until, "until", "", "a time, e.g. 15:00; default: until it is reset")
	return cmd
}

// playbookDone says how a playbook stands now.
func (c *cli) playbookDone(sw *client, raw json.RawMessage) error {
	s, err := read[shownPlaybook](raw)
	if err != nil {
		return err
	}
	return c.done(raw, "%s", strings.TrimSpace(fmt.Sprintf("%s is %s %s", s.Name, s.state(), s.override(sw))))
}
