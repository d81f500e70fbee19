package demo_test

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"tandem/cmd/tandem/demo"
)

// patience bounds a whole day, on a machine under load too.
const patience = 3 * time.Minute

// screen is what a demonstration writes to; it acts when a text appears.
type screen struct {
	bytes.Buffer
	when string // empty: never
	act  func()
}

func (s *screen) Write(p []byte) (int, error) {
	if s.when != "" && bytes.Contains(p, []byte(s.when)) {
		s.when = ""
		s.act()
	}
	return s.Buffer.Write(p)
}

// play runs a demonstration in a folder of its own.
func play(ctx context.Context, t *testing.T, out *screen, stay bool) (folder string, err error) {
	t.Helper()
	folder = filepath.Join(t.TempDir(), "demo")
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	err = demo.Run(ctx, demo.Options{Out: out, Stay: stay, Version: "test", Data: folder})
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(out.String())
		}
	})
	return folder, err
}

// table returns the rows under a heading, split into cells.
func (s *screen) table(t *testing.T, heading string) [][]string {
	t.Helper()
	_, text, ok := strings.Cut(s.String(), "\n"+heading+"\n")
	if !ok {
		t.Fatalf("no table %s", heading)
	}
	text, _, _ = strings.Cut(text, "\n\n")
	gap := regexp.MustCompile(` {2,}`)
	var rows [][]string
	for _, line := range strings.Split(text, "\n")[1:] {
		rows = append(rows, gap.Split(strings.TrimSpace(line), -1))
	}
	return rows
}

// columns returns the wanted cells of each row.
func columns(rows [][]string, which ...int) []string {
	var all []string
	for _, row := range rows {
		var cells []string
		for _, i := range which {
			cells = append(cells, row[i])
		}
		all = append(all, strings.Join(cells, " "))
	}
	return all
}

// TestDay plays the whole day, stays, and stops when its context ends.
func TestDay(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var ready bool
	out := &screen{}
	out.when, out.act = "tandem --config", func() {
		ready = reachable(socketIn(out.String()))
		cancel()
	}
	folder, err := play(ctx, t, out, true)
	if err != nil {
		t.Fatal(err)
	}
	if !ready {
		t.Error("the switch does not stay")
	}
	if reachable(filepath.Join(folder, "tandem.sock")) {
		t.Error("the switch runs on after the demonstration")
	}
	checkCalls(t, out)
	if !strings.Contains(out.String(), "by the rule last_called") {
		t.Error("the rule is not told by which the number was chosen")
	}
	checkTasks(t, out)
	checkCRM(t, out)
	contacts := columns(out.table(t, "Contacts"), 1, 2, 3, 4)
	if want := []string{
		"María López +34600111222 ES -", "Jorge Díaz +34600222333 ES -", "Sofía Ruiz +34600333444 ES -",
		"Pablo Gil +34600444555 ES -", "Carmen Vega +34600555666 ES -",
	}; !slices.Equal(contacts, want) {
		t.Errorf("contacts %q, want %q", contacts, want)
	}
	checkFiles(t, out, folder)
}

// checkCalls compares the table of calls: from, to, result, missed reason.
func checkCalls(t *testing.T, out *screen) {
	t.Helper()
	rows := out.table(t, "Calls")
	want := []string{
		"+34600111222 +34910000001 completed -",
		"+34600222333 +34910000001 no_answer rejected",
		"+34600333444 +34910000001 cancelled abandoned",
		"+34600444555 +34910000001 completed -",
		"+34600222333 +34910000001 completed -",
		"withheld +34910000001 completed -",
		"+34910000001 +34600333444 completed -",
		"+34600555666 +34910000002 office_closed -",
	}
	if got := columns(rows, 1, 2, 4, 5); !slices.Equal(got, want) {
		t.Fatalf("calls %q, want %q", got, want)
	}
	if users := columns(rows[:2], 3); !slices.Equal(users, []string{"ana", "luis"}) {
		t.Errorf("users of the first calls: %q", users)
	}
	for i, row := range rows {
		talked := row[4] == "completed" || row[4] == "office_closed"
		if recorded := row[8] != "-"; recorded != talked || (row[7] != "0.0 s") != talked {
			t.Errorf("call %d: talked %s, recorded %s", i, row[7], row[8])
		}
	}
	if got := rows[7][9]; got != "+34600999888" {
		t.Errorf("redirected to %s", got)
	}
}

// checkTasks: one Inbound Call task per call, one Missed Call task per contact
// who was missed.
func checkTasks(t *testing.T, out *screen) {
	t.Helper()
	rows := out.table(t, "Tasks")
	var inbound, missed []string
	for _, row := range rows {
		if row[1] == "inbound_call" {
			inbound = append(inbound, row[6])
			continue
		}
		missed = append(missed, strings.Join(row[1:4], " ")+" "+row[5])
	}
	ids := columns(out.table(t, "Calls"), 0)
	if ids = slices.Delete(ids, 6, 7); !slices.Equal(inbound, ids) { // the seventh went out
		t.Errorf("Inbound Call tasks of calls %q, want %q", inbound, ids)
	}
	if want := []string{"missed_call open 1 Jorge Díaz", "missed_call done 1 Sofía Ruiz"}; !slices.Equal(missed, want) {
		t.Errorf("missed-call tasks %q, want %q", missed, want)
	}
}

// checkCRM compares the first call as the CRM has it, and how many there are.
func checkCRM(t *testing.T, out *screen) {
	t.Helper()
	rows := out.table(t, "The first call in the CRM")
	if length := rows[3][1]; !regexp.MustCompile(`^[1-9]\d*\.\d s$`).MatchString(length) {
		t.Errorf("length in the CRM: %s", length)
	}
	if title := rows[0][1]; !regexp.MustCompile(`^Inbound call – completed – María López – 0:\d\d – Tandem Demo$`).MatchString(title) {
		t.Errorf("title in the CRM: %s", title)
	}
	want := []string{
		"outcome Connected, completed", "direction inbound",
		"note Wants the offer for 20 seats by Friday; call back at noon.", "contact María López, +34600111222", "owner Ana García",
	}
	if got := columns(slices.Concat(rows[1:3], rows[4:]), 0, 1); !slices.Equal(got, want) {
		t.Errorf("the first call in the CRM: %q, want %q", got, want)
	}
	if !strings.Contains(out.String(), "8 calls and 5 contacts are there, each once") {
		t.Error("not every call is in the CRM once")
	}
}

// checkFiles: what the screen names is there, and private.
func checkFiles(t *testing.T, out *screen, folder string) {
	t.Helper()
	tape := regexp.MustCompile(`The first recording: María left, Ana right\n  aplay (\S+\.wav)`).FindStringSubmatch(out.String())
	if tape == nil {
		t.Fatal("no recording is named")
	}
	if first := out.table(t, "Calls")[0][0]; filepath.Base(tape[1]) != first+".wav" {
		t.Errorf("the first recording is said to be %s, and the first call is %s", tape[1], first)
	}
	for _, path := range []string{tape[1], filepath.Join(folder, "tandem.yaml"), filepath.Join(folder, "tandem.log")} {
		info, err := os.Stat(path)
		if err != nil {
			t.Error(err)
		} else if info.Size() == 0 || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %d bytes, mode %s", path, info.Size(), info.Mode())
		}
	}
}

// socketIn returns the admin socket that the screen names.
func socketIn(text string) string {
	found := regexp.MustCompile(`admin socket +(\S+)`).FindStringSubmatch(text)
	if found == nil {
		return ""
	}
	return found[1]
}

// reachable reports whether a switch listens on a socket.
func reachable(socket string) bool {
	c, err := net.Dial("unix", socket)
	if err != nil {
		return false
	}
	_ = c.Close()
	return true
}

// TestInterrupted ends the context in the middle of a call.
func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	out := &screen{when: "hears the hold music", act: cancel}
	folder, err := play(ctx, t, out, true)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
	if reachable(filepath.Join(folder, "tandem.sock")) {
		t.Error("the switch runs on after the demonstration")
	}
	if strings.Contains(out.String(), "messages of phones") {
		t.Error("an interruption is shown as a failure")
	}
}

// TestStepFails hangs up behind the demonstration's back.
func TestStepFails(t *testing.T) {
	out := &screen{when: "hears the hold music"}
	out.act = func() { hangUpAll(t, regexp.MustCompile(`recordings: (\S+)`).FindStringSubmatch(out.String())[1]) }
	_, err := play(t.Context(), t, out, true)
	if err == nil || !strings.HasPrefix(err.Error(), "A contact calls: ") {
		t.Errorf("error: %v", err)
	}
	if text := out.String(); !strings.Contains(text, "INVITE sip:ana@") || strings.Contains(text, "\nCalls\n") {
		t.Error("the messages are not shown, or tables are in spite of the failure")
	}
}

// hangUpAll ends the live calls of the switch in a folder, by the API.
func hangUpAll(t *testing.T, folder string) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", filepath.Join(folder, "tandem.sock"))
		},
	}}
	res, err := client.Get("http://switch/api/v1/calls?active=true")
	if err != nil {
		t.Error(err)
		return
	}
	defer res.Body.Close()
	var body bytes.Buffer
	if _, err := body.ReadFrom(res.Body); err != nil {
		t.Error(err)
	}
	id := regexp.MustCompile(`"id":"([0-9A-Z]{26})"`).FindStringSubmatch(body.String())
	if id == nil {
		t.Errorf("no live call: %s", body.String())
		return
	}
	req, err := http.NewRequest(http.MethodDelete, "http://switch/api/v1/calls/"+id[1], nil)
	if err != nil {
		t.Error(err)
		return
	}
	gone, err := client.Do(req)
	if err != nil {
		t.Error(err)
		return
	}
	_ = gone.Body.Close()
	if gone.StatusCode >= 300 {
		t.Errorf("hanging up: %s", gone.Status)
	}
}

// TestFolderInUse leaves what is in a folder alone.
func TestFolderInUse(t *testing.T) {
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "tandem.db"), []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	err := demo.Run(t.Context(), demo.Options{Out: &bytes.Buffer{}, Version: "test", Data: folder})
	if err == nil || !strings.Contains(err.Error(), "not empty") {
		t.Errorf("error: %v", err)
	}
}
