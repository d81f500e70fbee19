package daemon

import (
	"os"
	"runtime"
	"sync"
)

// cores is how many processors the program was given, before SpareProcessors.
var cores = sync.OnceValue(func() int { return runtime.GOMAXPROCS(0) })

// workers is how many media workers there are: half of the processors, at
// least one.
func workers() int { return max(1, cores()/2) }

// SpareProcessors adds a processor (GOMAXPROCS) for each media worker, once per
// program. A worker sits in epoll and holds on to its processor; without a
// spare one the scheduler's monitor takes it away and gives it back thousands
// of times a second, which costs as much as the audio itself. Who sets
// GOMAXPROCS in the environment is left alone.
func SpareProcessors() {
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(cores() + workers())
	}
}
