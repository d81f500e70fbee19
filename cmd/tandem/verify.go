package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"tandem/cmd/tandem/daemon"
	"tandem/config"
	"tandem/recording"
)

// verified is the result of a check of all recordings.
type verified struct {
	Checked  int               `json:"checked"`
	Archived int               `json:"archived"` // recordings that were moved to the archive
	Faults   []recording.Fault `json:"faults"`
	archive  bool              // those were checked too
}

func (c *cli) verifyCommand() *cobra.Command {
	var archive bool
	cmd := &cobra.Command{
		Use: "verify", Short: "Check lengths and checksums of all recordings", Args: cobra.NoArgs,
		Long: "Checks every finished recording in the recordings folder: its header against its length, and its content\n" +
			"against the checksum beside it. With --archive those that were moved to the archive are checked as well: by\n" +
			"the checksum that the archive keeps, or by reading them. It needs no running switch.",
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
	read := c.locate
	if archive {
		read = c.configuration // its address and credentials
	}
	cfg, err := read()
	if err != nil {
		return verified{}, err
	}
	var there recording.Archive
	if archive {
		if there, err = daemon.Archive(cfg); err != nil {
			return verified{}, err
		}
		if there == nil {
			return verified{}, errors.New("--archive: recording.archive is not set")
		}
	}
	v := verified{Faults: []recording.Fault{}, archive: archive}
	folder := daemon.RecordingsPath(cfg)
	faults, checked, err := recording.Verify(ctx, folder, nil)
	if err != nil {
		return verified{}, err
	}
	far, archived, err := recording.VerifyArchive(ctx, folder, there)
	if err != nil {
		return verified{}, err
	}
	v.Checked, v.Archived, v.Faults = checked, archived, append(append(v.Faults, faults...), far...)
	return v, nil
}

// configuration reads the whole configuration file.
func (c *cli) configuration() (*config.Config, error) {
	path, err := config.Find(c.configPath, c.getenv)
	if err != nil {
		return nil, err
	}
	cfg, err := config.Load(path, c.getenv)
	return cfg, firstFault(err)
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
