package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"tandem/config"
)

func (c *cli) configCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "config", Short: "Check and describe the configuration", Args: cobra.NoArgs, RunE: c.needsSubcommand}
	cmd.AddCommand(
		&cobra.Command{
			Use: "check [FILE]", Short: "Show all faults of the configuration", Args: cobra.MaximumNArgs(1),
			RunE: c.run(func(_ context.Context, args []string) error {
				if len(args) == 1 {
					c.configPath = args[0]
				}
				return c.checkConfig()
			}),
		},
		c.printCommand("schema", "Print the configuration's JSON Schema", config.Schema),
		c.printCommand("example", "Print an annotated configuration", config.Example),
	)
	return cmd
}

// printCommand prints a text that ships with the program.
func (c *cli) printCommand(use, short string, text func() []byte) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: short, Args: cobra.NoArgs,
		RunE: c.run(func(context.Context, []string) error {
			_, err := c.out.Write(text())
			return err
		}),
	}
}

// checked is the result of a check as JSON.
type checked struct {
	File     string        `json:"file"`
	OK       bool          `json:"ok"`
	Faults   config.Faults `json:"faults"`
	Warnings config.Faults `json:"warnings"`
}

// checkConfig prints every fault and every warning on a line of its own.
func (c *cli) checkConfig() error {
	path, err := config.Find(c.configPath, c.getenv)
	if err != nil {
		return err
	}
	r := checked{File: path, Faults: config.Faults{}, Warnings: config.Faults{}}
	cfg, err := config.Load(path, c.getenv)
	faults, refused := errors.AsType[config.Faults](err)
	switch {
	case refused:
		r.Faults = faults
	case err != nil:
		return err
	default:
		r.OK = true
		r.Warnings = append(r.Warnings, cfg.Warnings...)
	}
	if err := c.printCheck(r); err != nil {
		return err
	}
	if refused {
		return fmt.Errorf("%s is refused, faults: %d; correct them and check again", path, len(faults))
	}
	return nil
}

func (c *cli) printCheck(r checked) error {
	if c.output == "json" {
		return c.printJSON(r)
	}
	if !r.OK {
		_, err := fmt.Fprintln(c.out, r.Faults.Error())
		return err
	}
	for _, warning := range r.Warnings {
		if _, err := fmt.Fprintf(c.out, "%s (warning)\n", warning); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(c.out, "%s: OK\n", r.File)
	return err
}
