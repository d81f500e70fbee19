package main

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// recordingFlags select recordings.
type recordingFlags struct {
	contact, user, playbook, from, until string
	held                                 bool
	limit                                int
}

func (f *recordingFlags) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.contact, "contact", "", "with this contact (its id or a number)")
	flags.StringVar(&f.user, "user", "", "of this user")
	flags.StringVar(&f.playbook, "playbook", "", "of this playbook's calls")
	flags.StringVar(&f.from, "from", "", "of calls that began at this time or later")
	flags.StringVar(&f.until, "until", "", "of calls that began before this time")
	flags.BoolVar(&f.held, "held", false, "those alone that are on hold")
	limitFlag(cmd, &f.limit)
}

// query asks the switch for a contact that is given by a number.
func (f *recordingFlags) query(ctx context.Context, sw *client, now time.Time) (url.Values, error) {
	if f.limit < 1 {
		return nil, usageError{"--limit is at least 1"}
	}
	q := url.Values{}
	for key, text := range map[string]string{"from": f.from, "until": f.until} {
		if text == "" {
			continue
		}
		t, err := parseTime(text, now, sw.zone)
		if err != nil {
			return nil, err
		}
		q.Set(key, t.UTC().Format(time.RFC3339))
	}
	if f.contact != "" {
		id, err := sw.contactID(ctx, f.contact)
		if err != nil {
			return nil, err
		}
		q.Set("contact", id)
	}
	if f.user != "" {
		q.Set("user", f.user)
	}
	if f.playbook != "" {
		q.Set("playbook", f.playbook)
	}
	if f.held {
		q.Set("held", "true")
	}
	return q, nil
}

func (c *cli) recordingsCommand() *cobra.Command {
	var f recordingFlags
	cmd := &cobra.Command{
		Use: "recordings", Short: "Find recorded calls, newest first; play, keep or delete their recordings", Args: cobra.NoArgs,
		RunE: c.talk(func(ctx context.Context, sw *client, _ []string) error {
			q, err := f.query(ctx, sw, c.now())
			if err != nil {
				return err
			}
			l, err := sw.list(ctx, "/recordings", q, f.limit)
			if err != nil {
				return err
			}
			return printList(c, l, table[shownCall]{
				head: []string{"CALL", "STARTED", "FROM", "TO", "USER", "PLAYBOOK", "LENGTH", "MISSING", "HELD", "SHA256"},
				row: func(s shownCall) []string {
					if s.Recording == nil { // deleted meanwhile
						s.Recording = &shownRecording{}
					}
					return []string{s.ID, sw.clock(s.Started), s.caller(), s.To, s.User, s.Playbook, seconds(s.Recording.Seconds),
						s.Recording.gap(), mark(s.Recording.Hold != nil), s.Recording.SHA256}
				},
			})
		}),
	}
	f.register(cmd)
	cmd.AddCommand(c.exportCommand(), c.verifyCommand(), c.holdCommand(), c.releaseCommand(), c.deleteRecordingCommand(), c.accessesCommand())
	return cmd
}

// recordingPath is where a call's recording is in the API.
func recordingPath(id string) string { return "/calls/" + url.PathEscape(id) + "/recording" }

func (c *cli) holdCommand() *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use: "hold ID --reason TEXT", Short: "Keep a recording from being deleted, by its age or by hand", Args: cobra.ExactArgs(1),
		RunE: c.talk(func(ctx context.Context, sw *client, args []string) error {
			if strings.TrimSpace(reason) == "" {
				return usageError{"say by --reason why it is to be kept"}
			}
			raw, err := sw.ask(ctx, http.MethodPut, recordingPath(args[0])+"/hold", nil, map[string]any{"reason": reason})
			if err != nil {
				return err
			}
			return c.done(raw, "held: %s", reason)
		}),
	}
	cmd.Flags().StringVar(&reason, "reason", "", "for whoever wonders later")
	return cmd
}

func (c *cli) releaseCommand() *cobra.Command {
	return &cobra.Command{
		Use: "release ID", Short: "Let a recording that is on hold be deleted again", Args: cobra.ExactArgs(1),
		RunE: c.talk(func(ctx context.Context, sw *client, args []string) error {
			raw, err := sw.ask(ctx, http.MethodDelete, recordingPath(args[0])+"/hold", nil, nil)
			if err != nil {
				return err
			}
			return c.done(raw, "released")
		}),
	}
}

func (c *cli) deleteRecordingCommand() *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use: "delete ID --reason TEXT", Short: "Delete a call's recording; the call and the reason stay", Args: cobra.ExactArgs(1),
		RunE: c.talk(func(ctx context.Context, sw *client, args []string) error {
			if strings.TrimSpace(reason) == "" {
				return usageError{"say by --reason why it is to be deleted"}
			}
			raw, err := sw.ask(ctx, http.MethodDelete, recordingPath(args[0]), url.Values{"reason": {reason}}, nil)
			if err != nil {
				return err
			}
			return c.done(raw, "deleted: %s", reason)
		}),
	}
	cmd.Flags().StringVar(&reason, "reason", "", "kept with the call")
	return cmd
}

// shownAccess is what tables show of an access to a recording.
type shownAccess struct {
	At       *time.Time `json:"at"`
	Until    *time.Time `json:"until"`
	User     string     `json:"user"`
	Via      string     `json:"via"`
	From     string     `json:"from"`
	Use      string     `json:"use"`
	Layout   string     `json:"layout"`
	Channel  string     `json:"channel"`
	Ranges   []string   `json:"ranges"`
	Requests int        `json:"requests"`
}

func (c *cli) accessesCommand() *cobra.Command {
	var limit int
	cmd := &cobra.Command{
		Use: "log ID", Short: "List who used a call's recording, newest first", Args: cobra.ExactArgs(1),
		RunE: c.talk(func(ctx context.Context, sw *client, args []string) error {
			if limit < 1 {
				return usageError{"--limit is at least 1"}
			}
			l, err := sw.list(ctx, recordingPath(args[0])+"/accesses", nil, limit)
			if err != nil {
				return err
			}
			return printList(c, l, table[shownAccess]{
				head: []string{"AT", "UNTIL", "WHO", "VIA", "FROM", "USE", "CHANNEL", "RANGES"},
				row: func(a shownAccess) []string {
					return []string{sw.clock(a.At), sw.clock(a.Until), a.User, a.Via, a.From, a.Use, a.Channel, strings.Join(a.Ranges, " ")}
				},
			})
		}),
	}
	limitFlag(cmd, &limit)
	return cmd
}
