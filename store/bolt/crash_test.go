package bolt

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"tandem/call"
)

// crashPath is set in the environment of the child that is to be killed.
const crashPath = "TANDEM_TEST_CRASH_PATH"

func TestMain(m *testing.M) {
	if path := os.Getenv(crashPath); path != "" {
		storeForEver(path)
	}
	os.Exit(m.Run())
}

// storeForEver stores calls from several goroutines and prints the ID of each
// one that was acknowledged, until it is killed.
func storeForEver(path string) {
	s, err := Open(Options{Path: path})
	if err != nil {
		fmt.Println("open:", err)
		os.Exit(1)
	}
	var wg sync.WaitGroup
	for worker := range 8 {
		wg.Go(func() {
			for n := worker; ; n += 8 {
				rec := record(n)
				s.SaveDialog(call.Dialog{Leg: rec.ID.Leg(1)}, nil)
				if save(context.Background(), s, rec) == nil {
					fmt.Println(rec.ID)
				}
			}
		})
	}
	wg.Wait()
}

// After kill -9 at any moment, every acknowledged call is there.
func TestKill(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tandem.db")
	var acknowledged []call.ID
	for round := range 5 {
		acknowledged = append(acknowledged, killAfter(t, path, 20+rand.IntN(300))...)
		if err := Check(path); err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		s := open(t, path)
		if !s.Unclean() {
			t.Errorf("round %d: a kill counts as a clean stop", round)
		}
		for _, id := range acknowledged {
			if _, err := s.Call(t.Context(), id); err != nil {
				t.Errorf("round %d: acknowledged, and lost: %v", round, err)
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// killAfter runs the child, kills it once it acknowledged n calls, and returns
// all that it acknowledged.
func killAfter(t *testing.T, path string, n int) []call.ID {
	t.Helper()
	child := exec.CommandContext(t.Context(), os.Args[0])
	child.Env = append(os.Environ(), crashPath+"="+path)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	var ids []call.ID
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		line := lines.Text()
		if !call.ValidID(line) {
			break // the last line, cut off, or a failure
		}
		if ids = append(ids, call.ID(line)); len(ids) == n {
			_ = child.Process.Kill() // what it wrote until then is still read
		}
	}
	_ = child.Wait() // killed
	if len(ids) < n {
		t.Fatalf("the child stored %d calls and said %q", len(ids), lines.Text())
	}
	return ids
}
