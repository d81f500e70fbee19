package main

import (
	"context"
	"net/http"
	"net/url"

	"github.com/spf13/cobra"
)

// dialCommand has a user call somebody.
func (c *cli) dialCommand() *cobra.Command {
	var contact, task, show string
	cmd := &cobra.Command{
		Use: "dial USER [NUMBER]", Short: "Have a user call a number, an extension, a contact or a task's contact: the user's phone rings first",
		Args: cobra.RangeArgs(1, 2),
	}
	cmd.Flags().StringVar(&contact, "contact", "", "call this contact (its id) instead of a number")
	cmd.Flags().StringVar(&task, "task", "", "call the contact of this task (its id) instead of a number")
	cmd.Flags().StringVar(&show, "show", "", "the account's number that is shown; by default the rules choose")
	cmd.RunE = c.talk(func(ctx context.Context, sw *client, args []string) error {
		body := map[string]string{"user": args[0]}
		if len(args) == 2 {
			body["to"] = args[1]
		}
		for key, value := range map[string]string{"contact_id": contact, "task_id": task, "number": show} {
			if value != "" {
				body[key] = value
			}
		}
		if targets := len(body); targets < 2 || show != "" && targets < 3 {
			return usageError{"say whom to call: a number, --contact or --task"}
		}
		raw, err := sw.ask(ctx, http.MethodPost, "/calls", nil, body)
		if err != nil {
			return err
		}
		placed, err := read[shownCall](raw)
		if err != nil {
			return err
		}
		return c.done(raw, "call %s: %s's phone rings, then %s is called from %s (%s)",
			placed.ID, placed.User, placed.To, or(placed.Number, "the user's extension"), or(placed.NumberRule, "a colleague"))
	})
	return cmd
}

// or is the first text that says something.
func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

// transferCommand passes a call on.
func (c *cli) transferCommand() *cobra.Command {
	return &cobra.Command{
		Use: "transfer ID TO", Short: "Pass a call on to a user, an extension, a playbook or a number", Args: cobra.ExactArgs(2),
		RunE: c.talk(func(ctx context.Context, sw *client, args []string) error {
			raw, err := sw.ask(ctx, http.MethodPost, "/calls/"+url.PathEscape(args[0])+"/transfer", nil, map[string]string{"to": args[1]})
			if err != nil {
				return err
			}
			return c.done(raw, "on its way to %s; it comes back when nobody takes it", args[1])
		}),
	}
}

// actCommands are what can be done in a conversation, beside passing it on.
func (c *cli) actCommands() []*cobra.Command {
	acts := []struct{ verb, path, short, done string }{
		{"hold", "hold", "Put the contact on hold: they hear music", "on hold"},
		{"resume", "resume", "Take the contact back from hold", "resumed"},
		{"mute", "mute", "Keep from the contact what the salesperson says", "muted"},
		{"unmute", "unmute", "Let the contact hear the salesperson again", "no longer muted"},
		{"pause-recording", "recording/pause", "Record silence, e.g. while card data is told", "the recording keeps silence"},
		{"resume-recording", "recording/resume", "Record again", "it is recorded again"},
	}
	var list []*cobra.Command
	for _, a := range acts {
		list = append(list, &cobra.Command{
			Use: a.verb + " ID", Short: a.short, Args: cobra.ExactArgs(1),
			RunE: c.talk(func(ctx context.Context, sw *client, args []string) error {
				raw, err := sw.ask(ctx, http.MethodPost, "/calls/"+url.PathEscape(args[0])+"/"+a.path, nil, nil)
				if err != nil {
					return err
				}
				return c.done(raw, "%s", a.done)
			}),
		})
	}
	return list
}
