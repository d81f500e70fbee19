package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"
)

// surroundings is what a command has of the process it runs in.
type surroundings struct {
	in     io.Reader
	out    io.Writer
	errOut io.Writer
	getenv func(string) (string, bool)
	now    func() time.Time
}

// cli is one invocation of the program.
type cli struct {
	surroundings
	configPath string // --config
	output     string // --output
	ran        bool   // a command began; errors before that are wrong usage
}

// execute runs the command line and returns the exit code.
func execute(ctx context.Context, args []string, s surroundings) int {
	c := &cli{surroundings: s}
	root := c.root()
	root.SetArgs(args)
	root.SetIn(s.in)
	root.SetOut(s.out)
	root.SetErr(s.errOut)
	return c.report(root.ExecuteContextC(ctx))
}

func (c *cli) root() *cobra.Command {
	root := &cobra.Command{
		Use:           "tandem",
		Short:         "A softswitch for a sales floor",
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.NoArgs,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	flags := root.PersistentFlags()
	flags.StringVar(&c.configPath, "config", "", "configuration file (default $TANDEM_CONFIG, ./tandem.yaml, /etc/tandem/tandem.yaml)")
	flags.StringVar(&c.output, "output", "table", "table or json")
	complete(root, "output", "table", "json")
	root.AddCommand(
		c.serveCommand(), c.demoCommand(), c.configCommand(), c.statusCommand(), c.callsCommand(), c.callCommand(), c.dialCommand(), c.hangupCommand(), c.transferCommand(), c.coachCommand(),
		c.contactsCommand(), c.tasksCommand(), c.usersCommand(), c.trunksCommand(), c.numbersCommand(),
		c.playbooksCommand(), c.recordingsCommand(), c.crmCommand(), c.explainCommand(), c.tokenCommand(), c.backupCommand(),
		c.reloadCommand(), c.drainCommand(), c.versionCommand(),
	)
	return root
}

// run makes a command's function of one that has the invocation at hand.
func (c *cli) run(f func(ctx context.Context, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		if c.output != "table" && c.output != "json" {
			return usageError{"--output is table or json, not " + c.output}
		}
		c.ran = true
		return f(cmd.Context(), args)
	}
}

// talk is run for commands that need a running switch.
func (c *cli) talk(f func(ctx context.Context, sw *client, args []string) error) func(*cobra.Command, []string) error {
	return c.run(func(ctx context.Context, args []string) error {
		sw, err := c.connect()
		if err != nil {
			return err
		}
		ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
		defer stop()
		return f(ctx, sw, args)
	})
}

// needsSubcommand is what a command does that is only a folder of others.
func (c *cli) needsSubcommand(cmd *cobra.Command, _ []string) error {
	return usageError{"`" + cmd.CommandPath() + "` needs a command behind it"}
}

// complete offers a flag's values to the shell.
func complete(cmd *cobra.Command, flag string, values ...string) {
	fixed := cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp)
	// It fails for a flag that does not exist or has its values already: not so here.
	_ = cmd.RegisterFlagCompletionFunc(flag, fixed)
}
