package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// shownContact is what tables show of a contact.
type shownContact struct {
	ID         string     `json:"id"`
	Name       string     `json:"name"`
	Numbers    []string   `json:"numbers"`
	Country    string     `json:"country"`
	Owner      string     `json:"owner"`
	FollowUp   bool       `json:"follow_up"`
	DoNotCall  bool       `json:"do_not_call"`
	LastNumber string     `json:"last_number"`
	Notes      string     `json:"notes"`
	Created    *time.Time `json:"created_at"`
}

func (c *cli) contactsCommand() *cobra.Command {
	var query, number, owner string
	var followUp, doNotCall bool
	var limit int
	cmd := &cobra.Command{Use: "contacts", Short: "List contacts, newest first", Args: cobra.NoArgs}
	cmd.RunE = c.talk(func(ctx context.Context, sw *client, _ []string) error {
		if limit < 1 {
			return usageError{"--limit is at least 1"}
		}
		q := url.Values{}
		for key, value := range changes(cmd, map[string]any{"search": query, "number": number, "owner": owner, "follow-up": followUp, "do-not-call": doNotCall}) {
			q.Set(strings.Replace(key, "search", "q", 1), fmt.Sprint(value))
		}
		l, err := sw.list(ctx, "/contacts", q, limit)
		if err != nil {
			return err
		}
		return printList(c, l, contactTable())
	})
	cmd.Flags().StringVar(&query, "search", "", "parts of a name, or part of a number")
	cmd.Flags().StringVar(&number, "number", "", "this number exactly")
	cmd.Flags().StringVar(&owner, "owner", "", "whose own salesperson this is")
	cmd.Flags().BoolVar(&followUp, "follow-up", false, "flagged for follow-up")
	cmd.Flags().BoolVar(&doNotCall, "do-not-call", false, "who must not be called")
	limitFlag(cmd, &limit)
	cmd.AddCommand(c.contactShowCommand(), c.contactAddCommand(), c.contactSetCommand(), c.contactMergeCommand(), c.contactImportCommand(), c.contactBlockCommand())
	return cmd
}

func contactTable() table[shownContact] {
	return table[shownContact]{
		head: []string{"ID", "NAME", "NUMBERS", "COUNTRY", "OWNER", "FOLLOW-UP", "DO-NOT-CALL"},
		row: func(s shownContact) []string {
			return []string{s.ID, s.Name, strings.Join(s.Numbers, " "), s.Country, s.Owner, mark(s.FollowUp), mark(s.DoNotCall)}
		},
	}
}

// contact returns a contact by its ID or by one of its numbers.
func (sw *client) contact(ctx context.Context, who string) (json.RawMessage, error) {
	if !strings.HasPrefix(who, "+") && strings.Trim(who, "0123456789 -()") != "" {
		return sw.get(ctx, "/contacts/"+url.PathEscape(who), nil)
	}
	l, err := sw.list(ctx, "/contacts", url.Values{"number": {who}}, 1)
	if err != nil {
		return nil, err
	}
	if len(l.Items) == 0 {
		return nil, fmt.Errorf("no contact has the number %s; `tandem contacts add` makes one", who)
	}
	return l.Items[0], nil
}

// contactID returns the ID of a contact given by its ID or by a number.
func (sw *client) contactID(ctx context.Context, who string) (string, error) {
	raw, err := sw.contact(ctx, who)
	if err != nil {
		return "", err
	}
	s, err := read[shownContact](raw)
	return s.ID, err
}

// contactPath is where a contact of the API is changed.
func (sw *client) contactPath(ctx context.Context, who string) (string, error) {
	id, err := sw.contactID(ctx, who)
	return "/contacts/" + url.PathEscape(id), err
}

func (c *cli) contactShowCommand() *cobra.Command {
	return &cobra.Command{
		Use: "show ID|NUMBER", Short: "Show a contact", Args: cobra.ExactArgs(1),
		RunE: c.talk(func(ctx context.Context, sw *client, args []string) error {
			raw, err := sw.contact(ctx, args[0])
			if err != nil {
				return err
			}
			return c.showContact(sw, raw)
		}),
	}
}

func (c *cli) showContact(sw *client, raw json.RawMessage) error {
	s, err := read[shownContact](raw)
	if err != nil {
		return err
	}
	return c.printFields(raw, []field{
		{"id", s.ID}, {"name", s.Name}, {"numbers", strings.Join(s.Numbers, " ")}, {"country", s.Country}, {"owner", s.Owner},
		{"follow-up", mark(s.FollowUp)}, {"do not call", mark(s.DoNotCall)}, {"called last", s.LastNumber},
		{"created", sw.clock(s.Created)}, {"notes", s.Notes},
	})
}

// contactFlags are what people may write about a contact.
type contactFlags struct {
	name, country, owner, notes string
	numbers                     []string
	followUp, doNotCall         bool
}

func (f *contactFlags) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.name, "name", "", "who it is")
	flags.StringVar(&f.country, "country", "", "two letters (ISO 3166-1)")
	flags.StringVar(&f.owner, "owner", "", "the contact's own salesperson")
	flags.StringVar(&f.notes, "notes", "", "what to know")
	flags.BoolVar(&f.followUp, "follow-up", false, "flag for follow-up")
	flags.BoolVar(&f.doNotCall, "do-not-call", false, "never call")
}

func (f *contactFlags) body(cmd *cobra.Command) map[string]any {
	return changes(cmd, map[string]any{
		"name": f.name, "country": f.country, "owner": f.owner, "notes": f.notes, "numbers": f.numbers,
		"follow-up": f.followUp, "do-not-call": f.doNotCall,
	})
}

func (c *cli) contactAddCommand() *cobra.Command {
	var f contactFlags
	cmd := &cobra.Command{Use: "add NUMBER...", Short: "Create a contact", Args: cobra.MinimumNArgs(1)}
	f.register(cmd)
	cmd.RunE = c.talk(func(ctx context.Context, sw *client, args []string) error {
		body := f.body(cmd)
		body["numbers"] = args
		raw, err := sw.ask(ctx, http.MethodPost, "/contacts", nil, body)
		if err != nil {
			return err
		}
		return c.showContact(sw, raw)
	})
	return cmd
}

func (c *cli) contactSetCommand() *cobra.Command {
	var f contactFlags
	cmd := &cobra.Command{Use: "set ID|NUMBER", Short: "Change a contact", Args: cobra.ExactArgs(1)}
	f.register(cmd)
	cmd.Flags().StringSliceVar(&f.numbers, "numbers", nil, "all numbers, separated by commas")
	cmd.RunE = c.talk(func(ctx context.Context, sw *client, args []string) error {
		body := f.body(cmd)
		if len(body) == 0 {
			return usageError{"say what to change, e.g. --name or --owner"}
		}
		path, err := sw.contactPath(ctx, args[0])
		if err != nil {
			return err
		}
		raw, err := sw.ask(ctx, http.MethodPatch, path, nil, body)
		if err != nil {
			return err
		}
		return c.showContact(sw, raw)
	})
	return cmd
}

func (c *cli) contactBlockCommand() *cobra.Command {
	var off bool
	cmd := &cobra.Command{
		Use: "dnc NUMBER", Short: "Never call a number (do-not-call)", Args: cobra.ExactArgs(1),
		RunE: c.talk(func(ctx context.Context, sw *client, args []string) error {
			known, err := sw.list(ctx, "/contacts", url.Values{"number": {args[0]}}, 1)
			if err != nil {
				return err
			}
			method, path := http.MethodPost, "/contacts"
			body := map[string]any{"do_not_call": !off}
			if len(known.Items) == 0 {
				body["numbers"] = args
			} else {
				s, err := read[shownContact](known.Items[0])
				if err != nil {
					return err
				}
				method, path = http.MethodPatch, "/contacts/"+url.PathEscape(s.ID)
			}
			raw, err := sw.ask(ctx, method, path, nil, body)
			if err != nil {
				return err
			}
			if off {
				return c.done(raw, "%s may be called again", args[0])
			}
			return c.done(raw, "%s will not be called", args[0])
		}),
	}
	cmd.Flags().BoolVar(&off, "off", false, "it may be called again")
	return cmd
}

func (c *cli) contactMergeCommand() *cobra.Command {
	return &cobra.Command{
		Use: "merge ID|NUMBER OTHER", Short: "Make one contact of two that are one person",
		Long: "The first contact stays and takes over what the other has: numbers, calls, tasks, notes, and its owner if there is none.\n" +
			"Who must not be called stays so. The other's ID finds the one that stays; there is no way back.",
		Args: cobra.ExactArgs(2),
		RunE: c.talk(func(ctx context.Context, sw *client, args []string) error {
			keep, err := sw.contactPath(ctx, args[0])
			if err != nil {
				return err
			}
			other, err := sw.contactID(ctx, args[1])
			if err != nil {
				return err
			}
			raw, err := sw.ask(ctx, http.MethodPost, keep+"/merge", nil, map[string]any{"contact_id": other})
			if err != nil {
				return err
			}
			return c.showContact(sw, raw)
		}),
	}
}
