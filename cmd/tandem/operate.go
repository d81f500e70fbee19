package main

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"strconv"
	"time"

	"github.com/spf13/cobra"
)

// shownStatus is what is shown of the switch.
type shownStatus struct {
	Version       string     `json:"version"`
	Started       *time.Time `json:"started_at"`
	Ready         bool       `json:"ready"`
	Reason        string     `json:"reason"`
	Draining      bool       `json:"draining"`
	Calls         int        `json:"calls"`
	Waiting       int        `json:"waiting"`
	Users         int        `json:"users"`
	Available     int        `json:"available"`
	Registrations int        `json:"registrations"`
	Trunks        int        `json:"trunks"`
	TrunksUp      int        `json:"trunks_up"`
	Config        string     `json:"config"`
}

// state is whether the switch takes calls.
func (s shownStatus) state() string {
	switch {
	case s.Draining:
		return "draining: takes no new calls"
	case s.Ready:
		return "ready"
	}
	return "not ready: " + s.Reason
}

func (c *cli) statusCommand() *cobra.Command {
	return &cobra.Command{
		Use: "status", Short: "Show the switch at a glance", Args: cobra.NoArgs,
		RunE: c.talk(func(ctx context.Context, sw *client, _ []string) error {
			raw, err := sw.get(ctx, "/status", nil)
			if err != nil {
				return err
			}
			s, err := read[shownStatus](raw)
			if err != nil {
				return err
			}
			return c.printFields(raw, []field{
				{"state", s.state()}, {"version", s.Version}, {"running since", sw.clock(s.Started)},
				{"calls", fmt.Sprintf("%d, %d waiting", s.Calls, s.Waiting)},
				{"users", fmt.Sprintf("%d, %d available", s.Users, s.Available)},
				{"phones", strconv.Itoa(s.Registrations)},
				{"trunks", fmt.Sprintf("%d, %d up", s.Trunks, s.TrunksUp)},
				{"configuration", s.Config}, {"socket", sw.socket},
			})
		}),
	}
}

func (c *cli) backupCommand() *cobra.Command {
	return &cobra.Command{
		Use: "backup FILE", Short: "Copy the store to a new file, while the switch runs", Args: cobra.ExactArgs(1),
		RunE: c.talk(func(ctx context.Context, sw *client, args []string) error {
			path, err := filepath.Abs(args[0]) // the switch has a folder of its own
			if err != nil {
				return err
			}
			raw, err := sw.ask(ctx, http.MethodPost, "/backup", nil, map[string]string{"path": path})
			if err != nil {
				return err
			}
			return c.done(raw, "backup written to %s", path)
		}),
	}
}

func (c *cli) reloadCommand() *cobra.Command {
	return &cobra.Command{
		Use: "reload", Short: "Take on the configuration anew, whole or not at all", Args: cobra.NoArgs,
		RunE: c.talk(func(ctx context.Context, sw *client, _ []string) error {
			raw, err := sw.ask(ctx, http.MethodPost, "/reload", nil, nil)
			if err != nil {
				return err
			}
			return c.done(raw, "the configuration is taken on")
		}),
	}
}

func (c *cli) drainCommand() *cobra.Command {
	return &cobra.Command{
		Use: "drain", Short: "Refuse new calls and stop when the live ones are over", Args: cobra.NoArgs,
		RunE: c.talk(func(ctx context.Context, sw *client, _ []string) error {
			raw, err := sw.ask(ctx, http.MethodPost, "/drain", nil, nil)
			if err != nil {
				return err
			}
			s, err := read[shownStatus](raw)
			if err != nil {
				return err
			}
			return c.done(raw, "draining, %d calls are live", s.Calls)
		}),
	}
}
