package main

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestListsAreReadToTheirEnd(t *testing.T) {
	sw := newSwitch(t, map[string]string{
		"GET /calls?limit=3":                 `{"items":[` + callC + `],"next":"01"}`,
		"GET /calls?cursor=01&limit=2":       `{"items":[` + callB + `,` + callA + `],"next":"02"}`,
		"GET /users?limit=500":               `{"items":[` + user + `],"next":"ana"}`,
		"GET /users?cursor=ana&limit=500":    items(user),
		"GET /recordings?limit=50":           `{"items":[` + callA + `],"next":"01"}`,
		"GET /recordings?cursor=01&limit=49": items(callA),
	})
	// A page of a search through a large book may hold nothing and go on.
	sw.answers["GET /contacts?limit=2&q=ana"] = `{"items":[],"next":"07"}`
	sw.answers["GET /contacts?cursor=07&limit=2&q=ana"] = `{"items":[` + contact + `],"next":"07"}` // stands still
	for command, want := range map[string]int{"contacts --search ana --limit 2": 1, "calls --limit 3": 3, "users": 2, "recordings": 2} {
		r := tandem(t.Context(), sw.dir, "", strings.Fields(command)...)
		if got := strings.Count(r.out, "\n") - 1; got != want {
			t.Errorf("%s: %d rows: %s%s", command, got, r.out, r.errOut)
		}
	}
}

func TestAnswersThatCannotBeRead(t *testing.T) {
	sw := newSwitch(t, map[string]string{"GET /status": "<html>", "GET /calls": `{"items":[7]}`, "GET /users": "502 <html>", "GET /trunks": `{"items":`})
	for _, command := range []string{"status", "calls", "users", "trunks"} {
		if r := tandem(t.Context(), sw.dir, "", command); r.code != 1 || strings.Count(r.errOut, "\n") != 1 {
			t.Errorf("%s: exit %d: %q", command, r.code, r.errOut)
		}
	}
}

func TestExportIsWholeOrNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.wav")
	if _, err := saveNew(path, strings.NewReader("RIFF"), 100); err == nil {
		t.Error("a recording that broke off was kept")
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("the broken file is left")
	}
	n, err := saveNew(path, strings.NewReader("RIFF"), 4)
	info, statErr := os.Stat(path)
	if err != nil || n != 4 || statErr != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%d, %v, %v", n, err, info)
	}
}

func TestWatchEndsWithTheSwitch(t *testing.T) {
	sw := newSwitch(t, answers())
	sw.answers["GET /events"] = ": connected\n\nid: 7\nevent: call.ended\ndata: {}\n\n"
	r := tandem(t.Context(), sw.dir, "", "calls", "--watch")
	if r.code != 1 || !strings.Contains(r.errOut, "went away") || !strings.Contains(r.out, "01KAQ3W0000000000000000003") {
		t.Errorf("exit %d: %q %q", r.code, r.out, r.errOut)
	}
}

func TestInterruptedWatchIsDone(t *testing.T) {
	if err := whenInterrupted(t.Context(), io.EOF); err == nil {
		t.Error("a failure was hidden")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := whenInterrupted(ctx, io.EOF); err != nil {
		t.Errorf("an interruption: %v", err)
	}
}

func TestFollowCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, w := io.Pipe()
		changed := make(chan struct{}, 1)
		ended := make(chan error, 1)
		go func() { ended <- followCalls(r, changed) }()
		for _, tt := range []struct {
			text string
			want int
		}{
			{": heartbeat\n\n", 0}, {"event: user.changed\ndata: {}\n\n", 0}, {"id: 3\nevent: call.offered\ndata: {\"type\":\"call.offered\"}\n\n", 1},
			{"event: call.ended\n\nevent: call.missed\n\n", 1}, {"event: reset\ndata: {}\n\n", 1},
		} {
			_, _ = io.WriteString(w, tt.text)
			synctest.Wait()
			if len(changed) != tt.want {
				t.Errorf("%q: %d", tt.text, len(changed))
			}
			for len(changed) > 0 {
				<-changed
			}
		}
		w.Close()
		if err := <-ended; err == nil {
			t.Error("the end was not noticed")
		}
	})
}

func TestParseTime(t *testing.T) {
	zone, err := time.LoadLocation("Europe/Madrid")
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"2026-11-23T15:00:00Z":      "2026-11-23T15:00:00Z",
		"2026-11-23T15:00:00+01:00": "2026-11-23T14:00:00Z",
		"2026-07-01 15:00":          "2026-07-01T13:00:00Z",
		"2026-11-23 15:00:30":       "2026-11-23T14:00:30Z",
		"2026-11-23T15:00":          "2026-11-23T14:00:00Z",
		"2026-11-23":                "2026-11-22T23:00:00Z",
		"15:00":                     "2026-11-23T14:00:00Z",
		"08:00":                     "2026-11-23T07:00:00Z",
	} {
		got, err := parseTime(text, at(), zone)
		if err != nil || got.UTC().Format(time.RFC3339) != want {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "noon", "25:00", "2026-13-01", "15"} {
		if got, err := parseTime(text, at(), zone); err == nil {
			t.Errorf("%q is %v", text, got)
		}
	}
	if got, err := parseUntil("08:00", at(), zone); err != nil || got.UTC().Format(time.RFC3339) != "2026-11-24T07:00:00Z" {
		t.Errorf("until 08:00: %v, %v", got, err)
	}
}

func FuzzParseTime(f *testing.F) {
	for _, seed := range []string{"15:00", "2026-11-23 15:00", "2026-11-23T15:00:00+01:00", "0:0", "\x00"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := parseTime(text, at(), time.UTC)
		if err == nil {
			if again, err := parseTime(got.Format(time.RFC3339), at(), time.UTC); err != nil || !again.Equal(got.Truncate(time.Second)) {
				t.Errorf("%q is %v, which is read as %v, %v", text, got, again, err)
			}
		}
		if err != nil && oneLine(err.Error()) != err.Error() {
			t.Errorf("%q: an error of several lines: %q", text, err)
		}
	})
}

func FuzzClean(f *testing.F) {
	f.Add("Luis \x1b[31mGil\n")
	f.Add("\u202egnp.exe")
	f.Fuzz(func(t *testing.T, s string) {
		if got := clean(s); strings.ContainsAny(got, "\x1b\n\r\t\x00\u202e\u2066") {
			t.Errorf("%q became %q", s, got)
		}
	})
}

func TestVerify(t *testing.T) {
	dir := newFolder(t)
	if r := tandem(t.Context(), dir, "", "recordings", "verify"); r.code != 0 || r.out != "not compared with the calls: there is no store yet\n0 recordings checked, 0 with faults\n" {
		t.Errorf("nothing recorded: exit %d: %q %q", r.code, r.out, r.errOut)
	}
	day := filepath.Join(dir, "recordings", "2026", "11", "22")
	if err := os.MkdirAll(day, 0o700); err != nil {
		t.Fatal(err)
	}
	const id = "01M81WE5GEFAQ504VQP8JM5EXX" // began on that day
	if err := os.WriteFile(filepath.Join(day, id+".wav"), []byte("RIFF, but not for long"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := tandem(t.Context(), dir, "", "recordings", "verify")
	if r.code != 1 || !strings.Contains(r.out, id+".wav: damaged: ") || strings.Count(r.errOut, "\n") != 1 {
		t.Errorf("a broken recording: exit %d: %q %q", r.code, r.out, r.errOut)
	}
	r = tandem(t.Context(), dir, "", "recordings", "verify", "--output", "json")
	if r.code != 1 || !strings.Contains(r.out, `"checked": 1`) {
		t.Errorf("as JSON: exit %d: %q", r.code, r.out)
	}
}

// TestVerifyAgainstTheSwitch compares with the calls of a switch that runs, and
// leaves out what came right meanwhile.
func TestVerifyAgainstTheSwitch(t *testing.T) {
	const gone, deleted = "01M81WE5GEFAQ504VQP8JM5EXX", "01M81WE5GEFAQ504VQP8JM5EXY"
	named := strings.ReplaceAll(callA, "01KAQ3W0000000000000000001", gone)
	sw := newSwitch(t, map[string]string{
		"GET /recordings?limit=500":           `{"items":[` + named + `],"next":"01"}`,
		"GET /recordings?cursor=01&limit=500": items(strings.ReplaceAll(callA, "01KAQ3W0000000000000000001", deleted)),
		"GET /calls/" + gone:                  named,
		"GET /calls/" + deleted:               strings.ReplaceAll(callB, "01KAQ3W0000000000000000002", deleted),
	})
	want := "2026/11/22/" + gone + ".wav: missing: the call's record names it, and it is not there\n0 recordings checked, 1 with faults\n"
	if r := tandem(t.Context(), sw.dir, "", "recordings", "verify"); r.code != 1 || r.out != want {
		t.Errorf("exit %d: %q, want %q; %s", r.code, r.out, want, r.errOut)
	}
	sw.answers["GET /recordings"] = "500 {\"detail\":\"no\"}"
	delete(sw.answers, "GET /recordings?limit=500")
	if r := tandem(t.Context(), sw.dir, "", "recordings", "verify"); r.code != 0 || !strings.HasPrefix(r.out, "not compared with the calls: no\n") {
		t.Errorf("a switch that fails: exit %d: %q", r.code, r.out)
	}
}
