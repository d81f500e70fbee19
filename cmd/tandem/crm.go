package main

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/spf13/cobra"
)

// shownCRM is what is shown of the CRM.
type shownCRM struct {
	Provider   string     `json:"provider"`
	State      string     `json:"state"`
	Until      *time.Time `json:"until"`
	Pending    int        `json:"pending"`
	ToComplete int        `json:"to_complete"`
	Failed     int        `json:"failed"`
	Oldest     *time.Time `json:"oldest_at"`
	Error      string     `json:"error"`
	ErrorAt    *time.Time `json:"error_at"`
	Failures   []struct {
		Call  string `json:"call_id"`
		Error string `json:"error"`
	} `json:"failures"`
}

// circuit is whether calls go through to the CRM.
func (s shownCRM) circuit(sw *client) string {
	switch s.State {
	case "off":
		return "off: no provider is configured"
	case "working":
		return "closed: calls are logged"
	case "access":
		return "open: the CRM refuses the token or its scope; mend it, then `tandem reload` or `tandem crm retry`; tried by itself at " + sw.clock(s.Until)
	case "budget":
		return "closed"
	}
	return "open: the CRM does not answer as it should; tried again at " + sw.clock(s.Until)
}

// budget is whether the vendor takes more requests today.
func (s shownCRM) budget(sw *client) string {
	if s.State == "budget" {
		return "used up until " + sw.clock(s.Until) + "; calls wait"
	}
	return "not used up"
}

func (c *cli) crmCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "crm", Short: "Show how calls get into the CRM, and try again", Args: cobra.NoArgs, RunE: c.needsSubcommand}
	cmd.AddCommand(
		&cobra.Command{
			Use: "status", Short: "Show what waits for the CRM and why", Args: cobra.NoArgs,
			RunE: c.talk(func(ctx context.Context, sw *client, _ []string) error { return c.showCRM(ctx, sw) }),
		},
		c.crmRetryCommand(),
	)
	return cmd
}

func (c *cli) showCRM(ctx context.Context, sw *client) error {
	raw, err := sw.get(ctx, "/crm", nil)
	if err != nil {
		return err
	}
	s, err := read[shownCRM](raw)
	if err != nil {
		return err
	}
	fields := []field{
		{"provider", s.Provider}, {"circuit", s.circuit(sw)}, {"budget", s.budget(sw)},
		{"pending", strconv.Itoa(s.Pending)}, {"oldest ended", sw.clock(s.Oldest)},
		{"to complete", strconv.Itoa(s.ToComplete)}, {"failed", strconv.Itoa(s.Failed)},
	}
	if s.Error != "" {
		fields = append(fields, field{"last error", fmt.Sprintf("%s (%s)", s.Error, sw.clock(s.ErrorAt))})
	}
	for _, f := range s.Failures {
		fields = append(fields, field{"failed call", f.Call + ": " + f.Error})
	}
	return c.printFields(raw, fields)
}

func (c *cli) crmRetryCommand() *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use: "retry [ID...]", Short: "Try calls again at once: those named, or all that failed",
		RunE: c.talk(func(ctx context.Context, sw *client, ids []string) error {
			if all && len(ids) > 0 {
				return usageError{"--all goes without calls"}
			}
			body := map[string]any{"all": true}
			if len(ids) > 0 {
				body = map[string]any{"calls": ids}
			}
			raw, err := sw.ask(ctx, http.MethodPost, "/crm/retry", nil, body)
			if err != nil {
				return err
			}
			done, err := read[struct {
				Calls int `json:"calls"`
			}](raw)
			if err != nil {
				return err
			}
			return c.done(raw, "calls tried again: %d", done.Calls)
		}),
	}
	cmd.Flags().BoolVar(&all, "all", false, "all that failed, as without calls")
	return cmd
}
