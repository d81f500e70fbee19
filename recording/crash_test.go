package recording

import (
	"bufio"
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"tandem/call"
)

// crashFolder is set in the environment of the child that is to be killed.
const (
	crashFolder = "TANDEM_TEST_CRASH_FOLDER"
	crashCall   = "TANDEM_TEST_CRASH_CALL"
)

func TestMain(m *testing.M) {
	if folder := os.Getenv(crashFolder); folder != "" {
		recordForEver(folder, call.ID(os.Getenv(crashCall)))
	}
	if folder := os.Getenv(moveFolder); folder != "" {
		os.Exit(moveAndDie(folder, os.Getenv(moveDisk), os.Getenv(moveKill)))
	}
	os.Exit(m.Run())
}

// recordForEver records as fast as the disk goes and prints how many frames
// have been written, until it is killed.
func recordForEver(folder string, id call.ID) {
	l, err := New(Options{Directory: folder, Settings: Settings{Enabled: true}, every: time.Millisecond})
	if err != nil {
		fmt.Println("new:", err)
		os.Exit(1)
	}
	tape, err := l.Start(call.Record{ID: id, Direction: call.Inbound})
	if err != nil {
		fmt.Println("start:", err)
		os.Exit(1)
	}
	var n, shown int64
	for {
		if n-shown < 100 {
			say(tape, n)
			n++
		}
		p, err := l.Open(id, PlayOptions{})
		if err != nil {
			continue
		}
		if written := (p.Size - headerBytes) / frameBytes; written > shown {
			shown = written
			fmt.Println(shown)
		}
		_ = p.Close()
	}
}

// After kill -9 the file can be played as it lies there, and all that was
// written is there once it is repaired.
func TestKill(t *testing.T) {
	for range 5 {
		s := newStudio(t, nil)
		id := inbound().ID
		written := killAfter(t, s.dir, id, int64(100+rand.IntN(2000)))

		raw := s.get(t, partPath(id))
		h, err := parseHeader(raw)
		if err != nil || h.data > int64(len(raw))-headerBytes {
			t.Fatalf("not playable: %+v in %d bytes, %v", h, len(raw), err)
		}
		if lag := written - h.data/frameBytes; lag > 50 {
			t.Errorf("the header lacks %d frames of %d", lag, written)
		}
		if n, err := s.Repair(t.Context()); n != 1 || err != nil {
			t.Fatalf("repaired %d, %v", n, err)
		}
		<-s.told
		samples := s.get(t, sealedPath(id))[headerBytes:]
		frames := int64(len(samples)) / frameBytes
		if frames < written {
			t.Errorf("%d frames of %d are left", frames, written)
		}
		if want := sampleOf(frames+1, contact, person)[headerBytes:]; !bytes.HasPrefix(want, samples) {
			t.Errorf("%d frames, and not those that were said", frames)
		}
	}
}

// killAfter runs the child, kills it once it wrote so many frames, and returns
// how many it wrote.
func killAfter(t *testing.T, folder string, id call.ID, frames int64) (written int64) {
	t.Helper()
	child := exec.CommandContext(t.Context(), os.Args[0])
	child.Env = append(os.Environ(), crashFolder+"="+folder, crashCall+"="+string(id))
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	killed := false
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		n, err := strconv.ParseInt(lines.Text(), 10, 64)
		if err != nil {
			break // the last line, cut off, or a failure
		}
		if written = max(written, n); written >= frames && !killed {
			_ = child.Process.Kill()
			killed = true
		}
	}
	_ = child.Wait() // killed
	if !killed {
		t.Fatalf("the child wrote %d frames and said %q", written, lines.Text())
	}
	return written
}
