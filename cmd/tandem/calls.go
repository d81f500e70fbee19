package main

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// shownCall is what tables show of a call.
type shownCall struct {
	ID          string          `json:"id"`
	Direction   string          `json:"direction"`
	State       string          `json:"state"`
	Result      string          `json:"result"`
	Reason      string          `json:"missed_reason"`
	From        string          `json:"from"`
	To          string          `json:"to"`
	Number      string          `json:"number"`
	NumberRule  string          `json:"number_rule"`
	Trunk       string          `json:"trunk"`
	Contact     string          `json:"contact_id"`
	User        string          `json:"user"`
	Playbook    string          `json:"playbook"`
	Started     *time.Time      `json:"started_at"`
	Answered    *time.Time      `json:"answered_at"`
	Ended       *time.Time      `json:"ended_at"`
	Wait        float64         `json:"wait_seconds"`
	Duration    float64         `json:"duration_seconds"`
	Redirected  string          `json:"redirected_to"`
	Notes       string          `json:"notes"`
	Disposition string          `json:"disposition"`
	Coaches     []string        `json:"coaches"`
	Coachings   []coachingShown `json:"coachings"`
	Recording   *shownRecording `json:"recording"`
	CRM         *struct {
		Status string `json:"status"`
		ID     string `json:"id"`
		Error  string `json:"error"`
	} `json:"crm"`
}

// shownRecording is what is shown of a call's recording.
type shownRecording struct {
	URL     string  `json:"url"`
	Seconds float64 `json:"seconds"`
	SHA256  string  `json:"sha256"`
	Missing float64 `json:"missing_seconds"`
	Hold    *struct {
		By     string     `json:"by"`
		At     *time.Time `json:"at"`
		Reason string     `json:"reason"`
	} `json:"hold"`
}

// gap is how much of the conversation the recording lacks, if any.
func (r *shownRecording) gap() string {
	if r.Missing == 0 {
		return ""
	}
	return max(time.Second, time.Duration(r.Missing*float64(time.Second)).Round(time.Second)).String()
}

// outcome is a call's state, and its result when it has one.
func (s shownCall) outcome() string {
	switch {
	case s.Result == "":
		return s.State
	case s.Reason != "":
		return s.Result + " (missed: " + s.Reason + ")"
	}
	return s.Result
}

// caller is who calls, for people.
func (s shownCall) caller() string {
	if s.From == "" {
		return "withheld"
	}
	return s.From
}

// callFlags select calls.
type callFlags struct {
	active, watch                                  bool
	result, direction, user, contact, from, before string
	limit                                          int
}

func (f *callFlags) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.BoolVar(&f.active, "active", false, "live calls alone")
	flags.StringVar(&f.result, "result", "", "completed, no_answer, busy, failed, cancelled or office_closed")
	flags.StringVar(&f.direction, "direction", "", "inbound or outbound")
	flags.StringVar(&f.user, "user", "", "of this user")
	flags.StringVar(&f.contact, "contact", "", "with this contact (its id)")
	flags.StringVar(&f.from, "from", "", "that began at this time or later")
	flags.StringVar(&f.before, "until", "", "that began before this time")
	limitFlag(cmd, &f.limit)
	complete(cmd, "result", "completed", "no_answer", "busy", "failed", "cancelled", "office_closed")
	complete(cmd, "direction", "inbound", "outbound")
}

// limitFlag bounds a list.
func limitFlag(cmd *cobra.Command, limit *int) {
	cmd.Flags().IntVar(limit, "limit", 50, "at most so many, the newest")
}

func (f *callFlags) query(now time.Time, zone *time.Location) (url.Values, error) {
	q := url.Values{}
	set := func(key, value string) {
		if value != "" {
			q.Set(key, value)
		}
	}
	set("result", f.result)
	set("direction", f.direction)
	set("user", f.user)
	set("contact", f.contact)
	if f.active {
		q.Set("active", "true")
	}
	for key, text := range map[string]string{"from": f.from, "until": f.before} {
		if text == "" {
			continue
		}
		t, err := parseTime(text, now, zone)
		if err != nil {
			return nil, err
		}
		q.Set(key, t.UTC().Format(time.RFC3339))
	}
	if f.limit < 1 {
		return nil, usageError{"--limit is at least 1"}
	}
	return q, nil
}

func (c *cli) callsCommand() *cobra.Command {
	var f callFlags
	cmd := &cobra.Command{
		Use: "calls", Short: "List calls, newest first", Args: cobra.NoArgs,
		RunE: c.talk(func(ctx context.Context, sw *client, _ []string) error {
			q, err := f.query(c.now(), sw.zone)
			if err != nil {
				return err
			}
			show := func() error { return c.showCalls(ctx, sw, q, f.limit) }
			if f.watch {
				return c.watch(ctx, sw, show)
			}
			return show()
		}),
	}
	f.register(cmd)
	cmd.Flags().BoolVar(&f.watch, "watch", false, "show them again whenever one changes, until interrupted")
	return cmd
}

func (c *cli) showCalls(ctx context.Context, sw *client, q url.Values, limit int) error {
	l, err := sw.list(ctx, "/calls", q, limit)
	if err != nil {
		return err
	}
	return printList(c, l, table[shownCall]{
		head: []string{"ID", "STARTED", "DIRECTION", "FROM", "TO", "USER", "PLAYBOOK", "OUTCOME", "WAIT", "TALK"},
		row: func(s shownCall) []string {
			return []string{s.ID, sw.clock(s.Started), s.Direction, s.caller(), s.To, s.User, s.Playbook, s.outcome(), seconds(s.Wait), seconds(s.Duration)}
		},
	})
}

func (c *cli) callCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "call", Short: "Show a call, answer its offer, hold, mute or note it", Args: cobra.NoArgs, RunE: c.needsSubcommand}
	cmd.AddCommand(
		&cobra.Command{
			Use: "show ID", Short: "Show a call", Args: cobra.ExactArgs(1),
			RunE: c.talk(func(ctx context.Context, sw *client, args []string) error {
				raw, err := sw.get(ctx, "/calls/"+url.PathEscape(args[0]), nil)
				if err != nil {
					return err
				}
				return c.showCall(sw, raw)
			}),
		},
		c.answerCommand("accept", "Accept a call that a user is offered, or pick up one that waits", "accepted for %s"),
		c.answerCommand("reject", "Reject a call that a user is offered", "rejected for %s"),
		c.noteCommand(),
	)
	cmd.AddCommand(c.actCommands()...)
	return cmd
}

func (c *cli) answerCommand(verb, short, done string) *cobra.Command {
	var user string
	cmd := &cobra.Command{
		Use: verb + " ID --user NAME", Short: short, Args: cobra.ExactArgs(1),
		RunE: c.talk(func(ctx context.Context, sw *client, args []string) error {
			if user == "" {
				return usageError{"--user says whose answer it is"}
			}
			path := "/calls/" + url.PathEscape(args[0]) + "/" + verb
			raw, err := sw.ask(ctx, http.MethodPost, path, nil, map[string]string{"user": user})
			if err != nil {
				return err
			}
			return c.done(raw, done, user)
		}),
	}
	cmd.Flags().StringVar(&user, "user", "", "whose answer it is")
	return cmd
}

func (c *cli) noteCommand() *cobra.Command {
	var notes, disposition string
	cmd := &cobra.Command{Use: "note ID", Short: "Write a call's notes and disposition", Args: cobra.ExactArgs(1)}
	cmd.Flags().StringVar(&notes, "notes", "", "what was said")
	cmd.Flags().StringVar(&disposition, "disposition", "", "what came of it")
	cmd.RunE = c.talk(func(ctx context.Context, sw *client, args []string) error {
		body := changes(cmd, map[string]any{"notes": notes, "disposition": disposition})
		if len(body) == 0 {
			return usageError{"give --notes, --disposition or both"}
		}
		raw, err := sw.ask(ctx, http.MethodPatch, "/calls/"+url.PathEscape(args[0]), nil, body)
		if err != nil {
			return err
		}
		return c.done(raw, "noted")
	})
	return cmd
}

func (c *cli) hangupCommand() *cobra.Command {
	return &cobra.Command{
		Use: "hangup ID", Short: "Hang up a call", Args: cobra.ExactArgs(1),
		RunE: c.talk(func(ctx context.Context, sw *client, args []string) error {
			raw, err := sw.ask(ctx, http.MethodDelete, "/calls/"+url.PathEscape(args[0]), nil, nil)
			if err != nil {
				return err
			}
			return c.done(raw, "hung up")
		}),
	}
}

// changes returns the values of the flags that were given, as a body: a flag
// --do-not-call is the field do_not_call.
func changes(cmd *cobra.Command, values map[string]any) map[string]any {
	body := map[string]any{}
	for flag, value := range values {
		if cmd.Flags().Changed(flag) {
			body[strings.ReplaceAll(flag, "-", "_")] = value
		}
	}
	return body
}
