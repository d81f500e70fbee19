//go:build linux

// Command load measures what calls cost the switch. It plays the carrier and
// every telephone itself, all on loopback, against a switch in a process of its
// own, and writes a table. With -soak it makes calls with faults for as long as
// is asked for, and sees that nothing is lost or left over.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Bounds of what may be asked for.
const (
	maxCalls   = 2000
	maxSeconds = 3600
)

// options are what the command line asks for.
type options struct {
	calls     []int // each scenario of lasting calls is played with each of them
	seconds   int
	paces     []int // each of the scenario setup
	scenarios []string
	out       string
	profiles  string        // folder, or empty
	micro     string        // output of go test -bench, or empty
	command   string        // as the table names it
	soak      time.Duration // 0: measure
	seed      uint64        // of a soak
}

func main() {
	if file := os.Getenv(switchEnv); file != "" {
		if err := serve(file); err != nil {
			fmt.Fprintln(os.Stderr, "switch:", err)
			os.Exit(1)
		}
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	o, err := parseOptions(os.Args[1:], os.Stderr)
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	switch {
	case err != nil:
	case o.soak > 0:
		err = soakAnew(ctx, o, os.Stdout)
	default:
		err = bench(ctx, o, os.Stderr)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
}

func parseOptions(args []string, usage io.Writer) (options, error) {
	var o options
	flags := flag.NewFlagSet("load", flag.ContinueOnError)
	flags.SetOutput(usage)
	calls := flags.String("calls", "100", "concurrent calls, several numbers with commas between them")
	names := flags.String("scenarios", "setup,dial,rush,talk,record,coach,transcode,music,junk,junk-few,quadratic", "what to measure")
	flags.IntVar(&o.seconds, "seconds", 20, "length of each measurement")
	paces := flags.String("pace", "20", "calls a second of the scenario setup, several numbers with commas between them")
	flags.StringVar(&o.out, "out", "docs/bench.md", "file that the table is written to")
	flags.StringVar(&o.profiles, "profiles", "", "folder for CPU and heap profiles of the switch, of a soak heap profiles whenever it rests")
	flags.StringVar(&o.micro, "micro", "", "file with the output of go test -bench -benchmem to put into the table")
	flags.StringVar(&o.command, "command", "make bench", "command that the table says it was made by")
	flags.DurationVar(&o.soak, "soak", 0, "make calls with faults for this long, instead of measuring")
	flags.Uint64Var(&o.seed, "seed", rand.Uint64(), "of a soak: what is decided by chance")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	o.scenarios = strings.Split(*names, ",")
	var err error
	if o.calls, err = parseNumbers("-calls", *calls); err != nil {
		return o, err
	}
	if o.paces, err = parseNumbers("-pace", *paces); err != nil {
		return o, err
	}
	if o.seconds < 1 || o.seconds > maxSeconds {
		return o, fmt.Errorf("-seconds %d: want 1 to %d", o.seconds, maxSeconds)
	}
	if o.soak < 0 {
		return o, fmt.Errorf("-soak %v: want a time", o.soak)
	}
	_, err = chosen(o.scenarios, scenarios(o.paces))
	return o, err
}

// parseNumbers reads the numbers of a flag.
func parseNumbers(flag, text string) (list []int, err error) {
	for part := range strings.SplitSeq(text, ",") {
		n, err := strconv.Atoi(part)
		if err != nil || n < 1 || n > maxCalls {
			return nil, fmt.Errorf("%s %q: want numbers from 1 to %d", flag, text, maxCalls)
		}
		list = append(list, n)
	}
	return list, nil
}

// bench plays all that was asked for and writes the table. A table is written
// even of failures, and then returned as an error.
func bench(ctx context.Context, o options, progress io.Writer) error {
	about, err := describeMachine(time.Now())
	if err != nil {
		return err
	}
	micro, err := readMicro(o.micro)
	if err != nil {
		return err
	}
	list, err := chosen(o.scenarios, scenarios(o.paces))
	if err != nil {
		return err
	}
	var results []result
	var errs []error
	for _, s := range list {
		for _, calls := range s.sizes(o.calls) {
			_, _ = fmt.Fprintf(progress, "%s, %d calls, %d s\n", s.title, calls, o.seconds)
			r, err := s.run(ctx, o, calls)
			if n := len(r.failures); n > 0 {
				errs = append(errs, fmt.Errorf("%s: %d calls failed, the first: %w", s.name, n, r.failures[0]))
			}
			if err != nil {
				return errors.Join(append(errs, fmt.Errorf("%s: %w", s.name, err))...)
			}
			for _, missed := range r.goals() {
				errs = append(errs, fmt.Errorf("%s: %w", s.name, missed))
			}
			results = append(results, r)
		}
	}
	if err := os.WriteFile(o.out, []byte(report{about, o, results, micro}.markdown()), 0o644); err != nil {
		return fmt.Errorf("table: %w", err)
	}
	return errors.Join(append(errs, allocations(micro)...)...)
}

// sizes are the numbers of calls a scenario is played with: set-ups need only
// the phones to take them.
func (s scenario) sizes(calls []int) []int {
	if s.siege != nil {
		return []int{siegePhones}
	}
	if s.setup {
		return []int{max(calls[0], s.width, s.pace)}
	}
	return calls
}
