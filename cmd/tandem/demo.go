package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"tandem/cmd/tandem/demo"
)

func (c *cli) demoCommand() *cobra.Command {
	var o demo.Options
	cmd := &cobra.Command{
		Use: "demo", Short: "Show a whole working day in under a minute, on loopback", Args: cobra.NoArgs,
		Long: "Starts the switch, a carrier and softphones on loopback, with no configuration, and plays a working day:\n" +
			"real SIP, RTP and HTTP between them, each step printed as it happens.",
		RunE: c.run(func(ctx context.Context, _ []string) error {
			ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
			defer stop()
			o.Out, o.Version = c.out, thisBuild().Version
			return demo.Run(ctx, o)
		}),
	}
	cmd.Flags().BoolVar(&o.Stay, "stay", false, "keep the switch running afterwards, until interrupted")
	cmd.Flags().StringVar(&o.Data, "data", "", "a new folder for everything that is kept; default: a temporary one")
	return cmd
}
