package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"tandem/cmd/tandem/daemon"
	"tandem/recording"
)

// verified is the result of a check of all recordings.
type verified struct {
	Checked int               `json:"checked"`
	Faults  []recording.Fault `json:"faults"`
}

func (c *cli) verifyCommand() *cobra.Command {
	return &cobra.Command{
		Use: "verify", Short: "Check lengths and checksums of all recordings", Args: cobra.NoArgs,
		Long: "Checks every finished recording in the recordings folder: its header against its length, and its content\n" +
			"against the checksum beside it. It needs no running switch.",
		RunE: c.run(func(ctx context.Context, _ []string) error {
			cfg, err := c.locate()
			if err != nil {
				return err
			}
			v := verified{Faults: []recording.Fault{}}
			faults, checked, err := recording.Verify(ctx, daemon.RecordingsPath(cfg), nil)
			if err != nil {
				return err
			}
			v.Checked, v.Faults = checked, append(v.Faults, faults...)
			return c.showVerified(v)
		}),
	}
}

// showVerified shows what is wrong with which recording; any fault is a failure.
func (c *cli) showVerified(v verified) error {
	if c.output == "json" {
		if err := c.printJSON(v); err != nil {
			return err
		}
	} else {
		var b strings.Builder
		for _, f := range v.Faults {
			fmt.Fprintf(&b, "%s: %s\n", f.Path, clean(f.Problem))
		}
		fmt.Fprintf(&b, "%d recordings checked, %d with faults\n", v.Checked, len(v.Faults))
		if _, err := fmt.Fprint(c.out, b.String()); err != nil {
			return err
		}
	}
	if len(v.Faults) > 0 {
		return fmt.Errorf("recordings with faults: %d; restore them from a backup", len(v.Faults))
	}
	return nil
}
