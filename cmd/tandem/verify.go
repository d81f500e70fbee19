package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"net/url"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"tandem/cmd/tandem/daemon"
	"tandem/config"
	"tandem/recording"
)

// verified is the result of a check of all recordings.
type verified struct {
	Checked  int               `json:"checked"`
	Compared bool              `json:"compared"` // with the calls' records
	Why      string            `json:"why"`      // they were not
	Faults   []recording.Fault `json:"faults"`
}

func (c *cli) verifyCommand() *cobra.Command {
	return &cobra.Command{
		Use: "verify", Short: "Check lengths and checksums of all recordings", Args: cobra.NoArgs,
		Long: "Checks every recording in the recordings folder: its header against its length, its content against the\n" +
			"checksums beside it and in the call's record. It tells what is damaged, missing, unsealed (never finished)\n" +
			"or orphaned (of no call), and fails when anything is. It needs no running switch.",
		RunE: c.run(func(ctx context.Context, _ []string) error {
			cfg, err := c.locate()
			if err != nil {
				return err
			}
			sw, err := c.connect()
			if err != nil {
				return err
			}
			kept, running, why := named(ctx, sw, cfg)
			faults, checked, err := recording.Verify(ctx, daemon.RecordingsPath(cfg), kept)
			if err != nil {
				return err
			}
			if running {
				faults = sw.confirmed(ctx, faults)
			}
			return c.showVerified(verified{Checked: checked, Compared: kept != nil, Why: why, Faults: append([]recording.Fault{}, faults...)})
		}),
	}
}

// named returns the recordings that calls name: from the switch when it runs,
// else from its store; nil and why when neither can be asked.
func named(ctx context.Context, sw *client, cfg *config.Config) (kept recording.Kept, running bool, why string) {
	kept, err := sw.kept(ctx)
	if err == nil {
		return kept, true, ""
	}
	if _, down := errors.AsType[notRunning](err); !down {
		return nil, false, err.Error()
	}
	sums, err := daemon.StoredRecordings(cfg)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, false, "there is no store yet"
	case err != nil:
		return nil, false, err.Error()
	}
	return sums, false, ""
}

// kept asks the switch for all recordings that calls name.
func (sw *client) kept(ctx context.Context) (recording.Kept, error) {
	l, err := sw.list(ctx, "/recordings", nil, math.MaxInt)
	if err != nil {
		return nil, err
	}
	kept := make(recording.Kept, len(l.Items))
	for _, raw := range l.Items {
		s, err := read[shownCall](raw)
		if err != nil {
			return nil, err
		}
		if s.Recording != nil {
			kept[s.ID] = s.Recording.SHA256
		}
	}
	return kept, nil
}

// confirmed leaves out what came right while the check ran: a recording that
// was deleted since, or sealed.
func (sw *client) confirmed(ctx context.Context, faults []recording.Fault) []recording.Fault {
	return slices.DeleteFunc(faults, func(f recording.Fault) bool {
		if f.Kind != recording.FaultMissing && f.Kind != recording.FaultOrphan {
			return false
		}
		raw, err := sw.get(ctx, "/calls/"+url.PathEscape(string(f.ID)), nil)
		if err != nil {
			return false
		}
		s, err := read[shownCall](raw)
		return err == nil && (s.Recording != nil) == (f.Kind == recording.FaultOrphan)
	})
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
			fmt.Fprintf(&b, "%s: %s: %s\n", f.Path, f.Kind, clean(f.Problem))
		}
		if !v.Compared {
			fmt.Fprintf(&b, "not compared with the calls: %s\n", clean(v.Why))
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
