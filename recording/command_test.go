package recording

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
)

func TestParseCommand(t *testing.T) {
	if c, err := ParseCommand(nil); c != nil || err != nil {
		t.Errorf("no command: %v, %v", c, err)
	}
	for argv, extension := range map[string]string{
		"/usr/bin/flac -s -o {out}.flac {in}":    ".flac",
		"/usr/bin/ffmpeg -i {in} --to={out}.mp3": ".mp3",
	} {
		if c, err := ParseCommand(strings.Fields(argv)); err != nil || c.extension != extension {
			t.Errorf("%s: %+v, %v", argv, c, err)
		}
	}
	for _, argv := range []string{
		"flac {in} {out}.flac", "/usr/bin/flac {out}.flac", "/usr/bin/flac {in}", "/usr/bin/flac {in} {out}", "/x {in} {out}.wav",
		"/x {in} {out}.sha256", "/x {in} {out}.part", "/x {in} {out}.a/b", "/x {in} {out}.flac {out}.mp3", "/x {in} {out}.a.b", "/x {in}{out}.flac", "/x {in} {out}.FLAC",
	} {
		if _, err := ParseCommand(strings.Fields(argv)); err == nil {
			t.Errorf("%s: accepted", argv)
		}
	}
}

// shell is a command that runs a script; $1 is the recording, $2 what it makes.
func shell(t *testing.T, script string) *Command {
	t.Helper()
	path, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("there is no sh here")
	}
	c, err := ParseCommand([]string{path, "-c", script, "sh", "{in}", "{out}.txt"})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// What the command makes is kept beside the recording, here and in the archive,
// and goes when that goes. The recording is what it was, whatever the command
// does to its copy.
func TestCommand(t *testing.T) {
	t.Setenv("TANDEM_TEST_SECRET", "x")
	for _, a := range []Archive{nil, newShelf()} {
		s, log := logged(t, a)
		c := shell(t, `env > "$2.env"; (cat "$1"; grep -c SECRET "$2.env"; pwd) > "$2"; : > "$1"
			until [ "$(nice)" = 19 ]; do sleep 0.01; done`)
		if err := s.Apply(Settings{Enabled: true, Archive: a, Command: c}); err != nil {
			t.Fatal(err)
		}
		id := s.keep(t, time.Now(), 10)
		s.moves(t)
		eventually(t, "the command has run", func() bool { return s.waits() == 0 })
		want := sampleOf(10, contact, person)
		beside, wav := besidePath(id, note{beside: ".txt"}), sealedPath(id)
		var made, kept []byte
		if a == nil {
			made, kept = s.get(t, beside), s.get(t, wav)
		} else {
			made, kept = a.(*shelf).holds(beside), a.(*shelf).holds(wav)
			if left := files(t, s.dir); len(left) != 2 { // note and peaks
				t.Errorf("left: %v", left)
			}
		}
		if rest := bytes.TrimPrefix(made, want); !strings.HasPrefix(string(rest), "0\n/") || !bytes.Equal(kept, want) {
			t.Errorf("%d bytes made, ending %.60q; %d kept; %s", len(made), rest, len(kept), log)
		}
		if work, err := filepath.Glob(filepath.Join(s.dir, workPrefix+"*")); len(work) != 0 || err != nil {
			t.Errorf("left: %v, %v", work, err)
		}
		if err := s.Remove(t.Context(), id, "boss", ""); err != nil || len(files(t, s.dir)) != 0 || a != nil && len(a.(*shelf).files) != 0 {
			t.Errorf("left: %v, %v", files(t, s.dir), err)
		}
	}
}

// A command that fails is loud, is not run again, and the recording is archived
// all the same.
func TestCommandFails(t *testing.T) {
	for script, said := range map[string]string{
		`echo no licence >&2; exit 3`: "no licence",
		`true`:                        "made no file",
		`: > "$2"`:                    "made no file with anything in it",
		`ln -s /etc/passwd "$2"`:      "made no file with anything in it",
		`kill -9 $$`:                  "killed",
	} {
		a := newShelf()
		s, log := logged(t, a)
		if err := s.Apply(Settings{Enabled: true, Archive: a, Command: shell(t, script)}); err != nil {
			t.Fatal(err)
		}
		id := s.keep(t, time.Now(), 10)
		stop := s.moves(t)
		eventually(t, "all is moved", func() bool { return s.waits() == 0 })
		stop()
		if !strings.Contains(log.String(), said) || !strings.Contains(log.String(), "recording.command") {
			t.Errorf("%s: said %s", script, log)
		}
		if n := testutil.ToFloat64(s.metrics.commands.WithLabelValues("failed")); n != 1 || len(a.files) != 2 || a.holds(sealedPath(id)) == nil {
			t.Errorf("%s: failed %v times, %d files archived", script, n, len(a.files))
		}
	}
}

// The end of the switch ends the command and all that it started; it is run
// again after the next start.
func TestCommandIsCutShort(t *testing.T) {
	s, log := logged(t, nil)
	started := filepath.Join(t.TempDir(), "started")
	slow := shell(t, `sleep 1000 & echo $! > `+started+`.tmp; mv `+started+`.tmp `+started+`; wait`)
	if err := s.Apply(Settings{Enabled: true, Command: slow}); err != nil {
		t.Fatal(err)
	}
	id := s.keep(t, time.Now(), 10)
	stop := s.moves(t)
	var pid []byte
	eventually(t, "the command runs", func() (there bool) {
		var err error
		pid, err = os.ReadFile(started)
		return err == nil
	})
	stop()
	eventually(t, "its child is gone", func() bool {
		state, err := os.ReadFile("/proc/" + strings.TrimSpace(string(pid)) + "/stat")
		return err != nil || bytes.Contains(state, []byte(") Z "))
	})
	if err := os.Mkdir(filepath.Join(s.dir, workPrefix+"left"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	anew := newStudio(t, func(o *Options) {
		o.Directory, o.Settings = s.dir, Settings{Command: shell(t, `cp "$1" "$2"`)}
	})
	anew.moves(t)
	eventually(t, "the command has run", func() bool {
		_, err := os.Stat(filepath.Join(s.dir, besidePath(id, note{beside: ".txt"})))
		return err == nil && anew.waits() == 0
	})
	if work, err := filepath.Glob(filepath.Join(s.dir, workPrefix+"*")); len(work) != 0 || err != nil || strings.Contains(log.String(), "failed") {
		t.Errorf("left: %v, %v; %s", work, err, log)
	}
}
