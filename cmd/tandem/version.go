package main

import (
	"cmp"
	"context"
	"fmt"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// build is what is known of the program itself.
type build struct {
	Version  string `json:"version"`
	Revision string `json:"revision"`
	Time     string `json:"time"`
	Modified bool   `json:"modified"` // the source had changes that no commit has
	Go       string `json:"go"`
}

// thisBuild reads what the linker left in the program.
func thisBuild() build {
	b := build{Version: version}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = new(debug.BuildInfo) // built without modules
	}
	b.Go = info.GoVersion
	b.Version = cmp.Or(b.Version, info.Main.Version, "unknown")
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Revision = s.Value
		case "vcs.time":
			b.Time = s.Value
		case "vcs.modified":
			b.Modified = s.Value == "true"
		}
	}
	return b
}

func (c *cli) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Show the program's version", Args: cobra.NoArgs,
		RunE: c.run(func(context.Context, []string) error {
			b := thisBuild()
			if c.output == "json" {
				return c.printJSON(b)
			}
			_, err := fmt.Fprintf(c.out, "tandem %s (%s)\n", b.Version, b.Go)
			return err
		}),
	}
}
