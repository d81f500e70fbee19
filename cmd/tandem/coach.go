package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// coachingShown is one coaching of a call.
type coachingShown struct {
	User   string     `json:"user"`
	Joined *time.Time `json:"joined_at"`
	Left   *time.Time `json:"left_at"`
	Modes  []struct {
		Mode string `json:"mode"`
	} `json:"modes"`
}

// coachFlags are what is wanted of a coach.
type coachFlags struct {
	user, mode, follow string
	leave              bool
}

// check refuses flags that make no sense together.
func (f coachFlags) check(cmd *cobra.Command) error {
	switch {
	case f.user == "":
		return usageError{"--as says who coaches"}
	case f.leave && (cmd.Flags().Changed("mode") || cmd.Flags().Changed("follow")):
		return usageError{"--leave goes alone"}
	}
	for value, known := range map[string]string{f.mode: "listen whisper barge", f.follow: "call user"} {
		if !strings.Contains(" "+known+" ", " "+value+" ") {
			return usageError{fmt.Sprintf("%q is none of %s", value, strings.ReplaceAll(known, " ", ", "))}
		}
	}
	return nil
}

// coachCommand lets a supervisor join a conversation, changes who hears them, or
// ends it.
func (c *cli) coachCommand() *cobra.Command {
	var f coachFlags
	cmd := &cobra.Command{
		Use: "coach ID --as USER", Short: "Join a conversation as its coach, heard by nobody at first, or choose who hears the coach", Args: cobra.ExactArgs(1),
	}
	flags := cmd.Flags()
	flags.StringVar(&f.user, "as", "", "who coaches: their phone lifts by itself")
	flags.StringVar(&f.mode, "mode", "listen", "listen: nobody hears them, whisper: the salesperson does, barge: everybody does")
	flags.StringVar(&f.follow, "follow", "call", "call: stay until the call ends, user: stay with the salesperson, call after call")
	flags.BoolVar(&f.leave, "leave", false, "end the coaching")
	complete(cmd, "mode", "listen", "whisper", "barge")
	complete(cmd, "follow", "call", "user")
	cmd.RunE = c.talk(func(ctx context.Context, sw *client, args []string) error {
		if err := f.check(cmd); err != nil {
			return err
		}
		return c.coach(ctx, sw, "/calls/"+url.PathEscape(args[0]), f)
	})
	return cmd
}

// coach asks for what the flags say. Who coaches the call already changes the mode.
func (c *cli) coach(ctx context.Context, sw *client, path string, f coachFlags) error {
	seat := path + "/coach/" + url.PathEscape(f.user)
	if f.leave {
		raw, err := sw.ask(ctx, http.MethodDelete, seat, nil, nil)
		if err != nil {
			return err
		}
		return c.done(raw, "%s no longer coaches", f.user)
	}
	raw, err := sw.get(ctx, path, nil)
	if err != nil {
		return err
	}
	shown, err := read[shownCall](raw)
	if err != nil {
		return err
	}
	for _, s := range shown.Coachings {
		if s.User != f.user || s.Left != nil {
			continue
		}
		if raw, err = sw.ask(ctx, http.MethodPatch, seat, nil, map[string]string{"mode": f.mode}); err != nil {
			return err
		}
		return c.done(raw, "%s: %s", f.user, f.mode)
	}
	raw, err = sw.ask(ctx, http.MethodPost, path+"/coach", nil, map[string]string{"user": f.user, "mode": f.mode, "follow": f.follow})
	if err != nil {
		return err
	}
	return c.done(raw, "%s's phone is called and joins: %s", f.user, f.mode)
}

// coachings is a call's coachings, for people.
func (s shownCall) coachings(sw *client) string {
	var list []string
	for _, k := range s.Coachings {
		var modes []string
		for _, m := range k.Modes {
			modes = append(modes, m.Mode)
		}
		until := "now"
		if k.Left != nil {
			until = sw.clock(k.Left)
		}
		list = append(list, fmt.Sprintf("%s %s to %s: %s", k.User, sw.clock(k.Joined), until, strings.Join(modes, ", ")))
	}
	return strings.Join(list, "; ")
}
