// Command tandem is the switch and everything one does with it: it serves,
// checks its configuration, and is the client of a running switch's API on the
// socket in the data folder.
package main

import (
	"context"
	"os"
	"time"
	_ "time/tzdata" // office hours need zones where the system has none
)

// version is set when a release is linked (-ldflags "-X main.version=v1.2.3");
// else the build's own information says it.
var version string

func main() {
	os.Exit(execute(context.Background(), os.Args[1:], surroundings{
		in: os.Stdin, out: os.Stdout, errOut: os.Stderr, getenv: os.LookupEnv, now: time.Now,
	}))
}
