//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"syscall"

	"tandem/cmd/tandem/daemon"
)

// With these in its environment this program is the switch that is measured:
// nothing else runs in that process.
const (
	switchEnv  = "TANDEM_LOAD_SWITCH"  // its configuration
	profileEnv = "TANDEM_LOAD_PROFILE" // file for profiles from SIGUSR1 to SIGUSR2
)

// serve runs the switch until SIGTERM and says on standard output where it
// serves SIP.
func serve(file string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	daemon.SpareProcessors()
	d, err := daemon.New(ctx, daemon.Options{Config: file, Version: "bench"})
	if err != nil {
		return err
	}
	collected := make(chan struct{})
	var keeping error
	go func() { defer close(collected); keeping = collect(ctx, os.Getenv(profileEnv)) }()
	profiled := make(chan error, 1)
	if path := os.Getenv(profileEnv); path != "" {
		begin, end := make(chan os.Signal, 1), make(chan os.Signal, 1)
		signal.Notify(begin, syscall.SIGUSR1)
		signal.Notify(end, syscall.SIGUSR2)
		go func() { profiled <- profile(ctx, path, begin, end) }()
	} else {
		profiled <- nil
	}
	if _, err := fmt.Println(d.SIPAddrs()[0]); err != nil {
		return err
	}
	err = d.Run(ctx)
	stop()
	<-collected
	return errors.Join(err, keeping, <-profiled)
}

// collect frees memory at each SIGHUP, so that what is left is held, and writes
// what that is to a file if path is not empty: path.1.heap and so on.
func collect(ctx context.Context, path string) error {
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGHUP)
	defer signal.Stop(asked)
	for n := 1; ; n++ {
		select {
		case <-asked:
		case <-ctx.Done():
			return nil
		}
		debug.FreeOSMemory()
		if path == "" {
			continue
		}
		if err := heapProfile(fmt.Sprintf("%s.%d.heap", path, n)); err != nil {
			return err
		}
	}
}

// profile writes where the process spent its CPU time between two signals, and
// what memory it holds at the second (path with .heap behind it).
func profile(ctx context.Context, path string, begin, end <-chan os.Signal) error {
	select {
	case <-begin:
	case <-ctx.Done():
		return nil
	}
	f, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("profile: %w", err)
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return errors.Join(fmt.Errorf("profile: %w", err), f.Close())
	}
	select {
	case <-end:
	case <-ctx.Done():
	}
	pprof.StopCPUProfile()
	return errors.Join(f.Close(), heapProfile(path+".heap"))
}

func heapProfile(path string) error {
	f, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("profile: %w", err)
	}
	runtime.GC() // so that it shows what is held, not what is left over
	return errors.Join(pprof.WriteHeapProfile(f), f.Close())
}
