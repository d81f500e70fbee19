package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// The exit codes.
const (
	exitDone    = 0
	exitRefused = 1 // refused or failed
	exitUsage   = 2 // wrong usage
	exitNotUp   = 3 // no switch is running
)

// usageError is a command line that makes no sense.
type usageError struct{ message string }

func (e usageError) Error() string { return e.message }

// notRunning says that nobody answers on the switch's socket.
type notRunning struct{ socket string }

func (e notRunning) Error() string {
	return "no switch is running on " + e.socket + "; start it with `tandem serve`, or name its configuration with --config"
}

// report says on one line what went wrong, and returns the exit code.
func (c *cli) report(cmd *cobra.Command, err error) int {
	if err == nil {
		return exitDone
	}
	code, message := exitRefused, err.Error()
	if _, ok := errors.AsType[notRunning](err); ok {
		code = exitNotUp
	}
	if _, ok := errors.AsType[usageError](err); ok || !c.ran {
		code = exitUsage
		message += "; see `" + cmd.CommandPath() + " --help`"
	}
	// A closed stderr leaves nobody to tell.
	_, _ = fmt.Fprintln(c.errOut, "tandem: "+oneLine(message))
	return code
}

// oneLine joins the lines of a message.
func oneLine(message string) string {
	lines := strings.FieldsFunc(message, func(r rune) bool { return r == '\n' || r == '\r' })
	for i, line := range lines {
		lines[i] = clean(strings.TrimSpace(line))
	}
	return strings.Join(lines, "; ")
}
