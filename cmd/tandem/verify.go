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
	recording.Report
	Compared bool   `json:"compared"` // with the calls' records
	Why      string `json:"why"`      // they were not
	archive  bool   // the archive was checked too
}

func (c *cli) verifyCommand() *cobra.Command {
	var archive bool
	cmd := &cobra.Command{
		Use: "verify", Short: "Check lengths and checksums of all recordings", Args: cobra.NoArgs,
		Long: "Checks every recording in the recordings folder: its header against its length, its content against the\n" +
			"checksums beside it and in the call's record. With --archive those that were moved to the archive are checked\n" +
			"there as well, by the checksum that it keeps or by reading them. It tells what is damaged, missing, unsealed\n" +
			"(never finished), orphaned (of no call) or unreachable (the archive does not give it), and fails when anything\n" +
			"is. It needs no running switch.",
		RunE: c.run(func(ctx context.Context, _ []string) error {
			v, err := c.verify(ctx, archive)
			if err != nil {
				return err
			}
			return c.showVerified(v)
		}),
	}
	cmd.Flags().BoolVar(&archive, "archive", false, "check what is in the archive, too")
	return cmd
}

// verify checks the recordings here, and counts or checks those in the archive.
func (c *cli) verify(ctx context.Context, archive bool) (verified, error) {
	cfg, there, err := c.recordings(archive)
	if err != nil {
		return verified{}, err
	}
	sw, err := c.connect()
	if err != nil {
		return verified{}, err
	}
	kept, running, why := named(ctx, sw, cfg)
	report, err := recording.Verify(ctx, daemon.RecordingsPath(cfg), kept, there)
	if err != nil {
		return verified{}, err
	}
	if running {
		report.Faults = sw.confirmed(ctx, report.Faults)
	}
	report.Faults = append([]recording.Fault{}, report.Faults...) // none is a list in JSON, too
	return verified{Report: report, Compared: kept != nil, Why: why, archive: archive}, nil
}

// recordings reads where the recordings are. For the archive that takes the
// whole configuration, with its credentials.
func (c *cli) recordings(archive bool) (*config.Config, recording.Archive, error) {
	if !archive {
		cfg, err := c.locate()
		return cfg, nil, err
	}
	path, err := config.Find(c.configPath, c.getenv)
	if err != nil {
		return nil, nil, err
	}
	cfg, err := config.Load(path, c.getenv)
	if err != nil {
		return nil, nil, firstFault(err)
	}
	there, err := daemon.Archive(cfg)
	if err == nil && there == nil {
		err = errors.New("--archive: recording.archive is not set")
	}
	return cfg, there, err
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
		switch {
		case v.archive:
			fmt.Fprintf(&b, "%d recordings checked, and %d in the archive, %d with faults\n", v.Checked, v.Archived, len(v.Faults))
		case v.Archived > 0:
			fmt.Fprintf(&b, "%d recordings checked, %d with faults; %d are in the archive, which --archive checks\n", v.Checked, len(v.Faults), v.Archived)
		default:
			fmt.Fprintf(&b, "%d recordings checked, %d with faults\n", v.Checked, len(v.Faults))
		}
		if _, err := fmt.Fprint(c.out, b.String()); err != nil {
			return err
		}
	}
	if len(v.Faults) > 0 {
		return fmt.Errorf("recordings with faults: %d; restore them from a backup", len(v.Faults))
	}
	return nil
}
