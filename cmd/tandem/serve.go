package main

import (
	"context"
	"path/filepath"

	"github.com/spf13/cobra"

	"tandem/cmd/tandem/daemon"
	"tandem/config"
)

func (c *cli) serveCommand() *cobra.Command {
	return &cobra.Command{
		Use: "serve", Short: "Run the switch", Args: cobra.NoArgs,
		Long: "Runs the switch until it is told to stop. SIGHUP takes on the configuration anew, the first SIGTERM or\n" +
			"SIGINT refuses new calls and lets live ones finish, the second stops at once.",
		RunE: c.run(func(ctx context.Context, _ []string) error {
			path, err := config.Find(c.configPath, c.getenv)
			if err != nil {
				return err
			}
			if path, err = filepath.Abs(path); err != nil {
				return err
			}
			err = daemon.Serve(ctx, daemon.Options{Config: path, Getenv: c.getenv, Log: c.errOut, Version: thisBuild().Version})
			return firstFault(err)
		}),
	}
}
