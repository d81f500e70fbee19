package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestMain(m *testing.M) {
	flag.Bool("update", false, "rewrite the transcripts in testdata")
	flag.Parse()
	os.Exit(m.Run())
}

// sw is a stand-in for a running switch: canned answers by "METHOD /path".
type fakeSwitch struct {
	dir     string
	mu      sync.Mutex
	asked   []string
	answers map[string]string // a body; one that begins with 4 or 5 is a status and a problem
}

// at is the time of all tests: a Monday, 10:30 in Madrid.
func at() time.Time { return time.Date(2026, 11, 23, 9, 30, 0, 0, time.UTC) }

// newFolder returns a folder with a configuration whose data is that folder.
func newFolder(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "t") // a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	yaml := "account: {name: Acme, country: ES, timezone: Europe/Madrid}\ndata: " + dir + "\n"
	if err := os.WriteFile(filepath.Join(dir, "tandem.yaml"), []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

func newSwitch(t testing.TB, answers map[string]string) *fakeSwitch {
	t.Helper()
	sw := &fakeSwitch{dir: newFolder(t), answers: answers}
	l, err := net.Listen("unix", filepath.Join(sw.dir, "tandem.sock"))
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: sw}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = srv.Serve(l)
	}()
	t.Cleanup(func() {
		srv.Close()
		<-done
	})
	return sw
}

func (sw *fakeSwitch) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	path := strings.TrimPrefix(r.URL.RequestURI(), "/api/v1")
	line := strings.TrimSpace(r.Method + " " + path + " " + strings.TrimSpace(string(body)))
	sw.mu.Lock()
	sw.asked = append(sw.asked, line)
	answer, ok := sw.answers[r.Method+" "+path]
	if !ok {
		answer, ok = sw.answers[r.Method+" "+strings.TrimPrefix(r.URL.Path, "/api/v1")]
	}
	sw.mu.Unlock()
	if !ok {
		answer = `404 {"detail":"there is no such path"}`
	}
	if status, problem, found := strings.Cut(answer, " "); found && len(status) == 3 {
		w.WriteHeader(map[string]int{"404": 404, "409": 409, "422": 422, "500": 500, "502": 502}[status])
		answer = problem
	}
	_, _ = io.WriteString(w, answer)
}

// result is what a command did.
type result struct {
	code        int
	out, errOut string
}

// tandem runs a command line in a folder.
func tandem(ctx context.Context, dir, stdin string, args ...string) result {
	var out, errOut bytes.Buffer
	code := execute(ctx, append([]string{"--config", filepath.Join(dir, "tandem.yaml")}, args...), surroundings{
		in: strings.NewReader(stdin), out: &out, errOut: &errOut, now: at,
		getenv: func(string) (string, bool) { return "", false },
	})
	return result{code, out.String(), errOut.String()}
}

const (
	callA = `{"id":"01KAQ3W0000000000000000001","direction":"inbound","mode":"manual","state":"ended","result":"completed","missed_reason":"",
		"from":"+34600000001","to":"+34910000001","number":"+34910000001","trunk":"carrier","contact_id":"01KAQ3W00000000000000000C1","user":"ana",
		"playbook":"sales-es","started_at":"2026-11-23T08:00:00Z","answered_at":"2026-11-23T08:00:04Z","ended_at":"2026-11-23T08:03:09Z",
		"wait_seconds":4.2,"duration_seconds":185,"crm":{"status":"synced","id":"501","error":""},"coaches":["eva"],"coachings":[{"user":"eva","joined_at":"2026-11-23T08:01:00Z","left_at":"2026-11-23T08:02:00Z","modes":[{"mode":"listen","at":"2026-11-23T08:01:00Z"},{"mode":"whisper","at":"2026-11-23T08:01:30Z"}]},
			{"user":"pau","joined_at":"2026-11-23T08:02:30Z","left_at":null,"modes":[{"mode":"listen","at":"2026-11-23T08:02:30Z"}]}],"notes":"wants\n a quote","disposition":"interested",
		"recording":{"url":"http://127.0.0.1:8080/api/v1/calls/01KAQ3W0000000000000000001/recording","seconds":185.02,"sha256":"9f86d081","missing_seconds":2}}`
	callB = `{"id":"01KAQ3W0000000000000000002","direction":"inbound","state":"ended","result":"no_answer","missed_reason":"abandoned",
		"from":"","to":"+34910000001","user":"","playbook":"sales-es","started_at":"2026-11-23T08:10:00Z","wait_seconds":12,"recording":null}`
	callC = `{"id":"01KAQ3W0000000000000000003","direction":"inbound","state":"ringing","result":"","from":"+34600000002","to":"+34910000001",
		"user":"ana","playbook":"sales-es","started_at":"2026-11-23T09:29:50Z","recording":null}`
	callD = `{"id":"01KAQ3W0000000000000000004","direction":"outbound","state":"dialing","result":"","from":"+34910000001","to":"+34600000001",
		"number":"+34910000001","number_rule":"last_called","user":"ana","playbook":"sales-es","started_at":"2026-11-23T09:30:00Z","recording":null}`
	callE = `{"id":"01KAQ3W0000000000000000005","direction":"outbound","state":"ended","result":"completed","from":"+34910000001","to":"+34600000002","user":"ana",
		"playbook":"sales-es","started_at":"2026-11-23T08:30:00Z","recording":{"url":"/x","seconds":61,"sha256":"ab","missing_seconds":0.2,
		"hold":{"by":"boss","at":"2026-11-23T09:00:00Z","reason":"a complaint"}}}`
	contact = `{"id":"01KAQ3W00000000000000000C1","name":"Luis \u001b[31mGil","numbers":["+34600000001","+34910000077"],"country":"ES","owner":"ana",
		"follow_up":true,"last_number":"+34910000001","do_not_call":false,"notes":"","created_at":"2026-11-01T08:00:00Z"}`
	task = `{"id":"01KAQ3W00000000000000000T1","kind":"missed_call","state":"open","count":2,"contact_id":"01KAQ3W00000000000000000C1",
		"call_id":"01KAQ3W0000000000000000002","user":"ana","due_at":"2026-11-23T10:00:00Z","created_at":"2026-11-23T08:10:12Z"}`
	user = `{"name":"ana","display":"Ana García","role":"salesperson","extension":"101","status":"break","reason":"lunch","next_status":"",
		"activity":"idle","registered":true,"suspect":false,"call_id":""}`
	playbook = `{"name":"sales-es","users":["ana","leo"],"main_number":"+34910000001","open":false,"why":"closed: by eva","waiting":1,
		"next":"2026-11-23T14:00:00Z","override":{"open":false,"until":"2026-11-23T14:00:00Z","by":"eva"}}`
	status = `{"version":"v1.0.0","started_at":"2026-11-23T06:00:00Z","ready":true,"reason":"","calls":3,"waiting":1,"users":5,"available":2,
		"registrations":4,"trunks":2,"trunks_up":1,"config":"/etc/tandem/tandem.yaml"}`
)

func items(of ...string) string { return `{"items":[` + strings.Join(of, ",") + `],"next":""}` }

// answers is a switch on an ordinary morning.
func answers() map[string]string {
	const id = "/calls/01KAQ3W0000000000000000001"
	return map[string]string{
		"GET /calls/01KAQ3W0000000000000000005": callE,
		"GET /status":                           status, "GET /calls": items(callC, callB, callA), "GET " + id: callA, "DELETE " + id: "",
		"GET /calls?active=true&limit=50": items(callC), "PATCH " + id: callA,
		"POST /calls":          callD,
		"POST " + id + "/hold": callA, "POST " + id + "/resume": callA, "POST " + id + "/mute": callA, "POST " + id + "/unmute": callA,
		"POST " + id + "/recording/pause": callA, "POST " + id + "/recording/resume": `409 {"detail":"nobody is connected in the call yet: it is ringing"}`,
		"POST " + id + "/transfer": callA, "POST " + id + "/coach": callA,
		"PATCH " + id + "/coach/pau": callA, "DELETE " + id + "/coach/pau": callA,
		"POST " + id + "/accept": callA, "POST " + id + "/reject": `409 {"detail":"the call is not offered to ana now","errors":[{"location":"body.user","message":"is not offered the call"}]}`,
		"GET " + id + "/explain": `{"call":` + callA + `,"trail":[{"at":"2026-11-23T08:00:00.123Z","what":"offered","user":"ana","why":"longest idle: 12m"},
			{"at":"2027-11-24T08:00:00Z","what":"recording_deleted","user":"","why":"older than 365d, the retention"}]}`,
		"GET " + id + "/recording":    "RIFF....WAVE",
		"DELETE " + id + "/recording": "", "DELETE " + id + "/recording/hold": "", "GET /recordings": items(callE, callA),
		"PUT " + id + "/recording/hold": callE,
		"GET " + id + "/recording/accesses": items(`{"id":"01KAQ3W0000000000000000AC1","call_id":"01KAQ3W0000000000000000001","user":"eva","via":"api","from":"192.0.2.7",
			"use":"play","layout":"","channel":"contact","ranges":["bytes=0-","bytes=65536-\u001b[31m"],"requests":3,"at":"2026-11-23T09:00:00Z","until":"2026-11-23T09:01:10Z"}`),
		"GET /contacts": items(contact), "GET /contacts?limit=1&number=600000009": items(),
		"GET /contacts/01KAQ3W00000000000000000C1": contact, "POST /contacts": contact, "PATCH /contacts/01KAQ3W00000000000000000C1": contact,
		"POST /contacts/01KAQ3W00000000000000000C1/merge": contact, "GET /contacts/01KAQ3W00000000000000000C2": strings.Replace(contact, "C1", "C2", 1),
		"POST /contacts/import": `{"dry_run":false,"created":1,"updated":1,"unchanged":1,"refused":0,"lines":[
			{"line":2,"outcome":"created","contact_id":"01KAQ3W00000000000000000C2","name":"Ana"},
			{"line":3,"outcome":"updated","contact_id":"01KAQ3W00000000000000000C1","name":"Luis \u001b[31mGil","changed":["name","numbers"]},
			{"line":4,"outcome":"unchanged","contact_id":"01KAQ3W00000000000000000C1","name":"Luis Gil"}]}`,
		"GET /tasks": items(task), "PATCH /tasks/01KAQ3W00000000000000000T1": task,
		"GET /users": items(user), "PUT /users/ana/status": user, "PUT /users/nobody/status": `404 {"detail":"there is no such user"}`,
		"GET /playbooks": items(playbook), "POST /playbooks/sales-es/override": playbook, "DELETE /playbooks/sales-es/override": strings.Replace(playbook, `"open":false,"why"`, `"open":true,"why"`, 1),
		"GET /trunks":  items(`{"name":"carrier","address":"sip.carrier.example:5060","transport":"udp","up":false,"why":"OPTIONS: no answer","since":"2026-11-23T09:00:00Z","calls":3,"max_calls":60}`, `{"name":"spare","address":"192.0.2.7","transport":"tls","up":true,"since":null,"calls":0,"max_calls":0}`),
		"GET /numbers": items(`{"number":"+34910000001","country":"ES","playbook":"sales-es","trunks":["carrier","spare"]}`),
		"GET /explain": `{"number":"+34600000001","at":"2026-11-23T09:30:00Z","contact":` + contact + `,"inbound":[{"what":"office","why":"open: mon 09:00-14:00"}],"outbound":[{"what":"number","why":"+34910000001: the contact called it last"}]}`,
		"POST /tokens": `{"id":"01KAQ3W0000000000000000TK1","user":"ana","created_at":"2026-11-23T09:30:00Z","token":"tandem_c2VjcmV0"}`,
		"GET /tokens":  items(`{"id":"01KAQ3W0000000000000000TK1","user":"ana","created_at":"2026-11-23T09:30:00Z"}`), "DELETE /tokens/01KAQ3W0000000000000000TK1": "",
		"GET /crm": `{"provider":"hubspot","state":"unreachable","until":"2026-11-23T09:31:00Z","pending":12,"to_complete":3,"failed":1,"oldest_at":"2026-11-23T08:00:00Z",
			"error":"HubSpot answered 503","error_at":"2026-11-23T09:29:30Z","failures":[{"call_id":"01KAQ3W0000000000000000002","error":"no such\nowner"}]}`,
		"POST /crm/retry": `{"calls":2}`,
		"POST /backup":    "", "POST /drain": status,
		"POST /reload": `422 {"detail":"the configuration is refused, the old one stays: tandem.yaml:3:1: sip.domain: is missing\ntandem.yaml:9:3: users: twice"}`,
	}
}

// TestTranscripts runs each command line of testdata/commands.txt and compares
// what it asks the switch, prints and returns with testdata/transcript.txt
// (-update rewrites that).
func TestTranscripts(t *testing.T) {
	commands, err := os.ReadFile("testdata/commands.txt")
	if err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	for line := range strings.Lines(string(commands)) {
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		sw := newSwitch(t, answers())
		if strings.Contains(line, "bad.csv") {
			sw.answers["POST /contacts/import"] = `{"dry_run":true,"created":1,"updated":0,"unchanged":0,"refused":1,
				"lines":[{"line":2,"outcome":"created","name":"Ana"},{"line":3,"outcome":"refused","why":"numbers: \"12\" is no phone number"}]}`
		}
		args := strings.Fields(line)
		for i := range args {
			args[i] = strings.ReplaceAll(strings.ReplaceAll(args[i], "~", " "), "DIR", sw.dir)
		}
		for _, name := range []string{"list.csv", "bad.csv"} {
			if err := os.WriteFile(filepath.Join(sw.dir, name), []byte("numbers\n600000001\n"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		r := tandem(t.Context(), sw.dir, "", args...)
		text := fmt.Sprintf("$ tandem %s\n", line)
		for _, request := range sw.asked {
			text += "> " + request + "\n"
		}
		text += r.out + r.errOut + fmt.Sprintf("exit %d\n\n", r.code)
		got.WriteString(strings.ReplaceAll(text, sw.dir, "DIR"))
		if n := strings.Count(r.errOut, "\n"); n > 1 || (n == 0) != (r.code == 0) {
			t.Errorf("%s: %d lines on stderr, exit code %d", line, n, r.code)
		}
	}
	const golden = "testdata/transcript.txt"
	if flag.Lookup("update").Value.String() == "true" {
		if err := os.WriteFile(golden, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	compare(t, got.String(), string(want))
}

// compare points at the first command whose transcript differs.
func compare(t *testing.T, got, want string) {
	t.Helper()
	g, w := strings.Split(got, "$ tandem "), strings.Split(want, "$ tandem ")
	for i := range max(len(g), len(w)) {
		if i >= len(g) || i >= len(w) || g[i] != w[i] {
			t.Fatalf("transcript %d differs: got\n%s\nwant\n%s", i, strings.Join(g[min(i, len(g)):min(i+1, len(g))], ""), strings.Join(w[min(i, len(w)):min(i+1, len(w))], ""))
		}
	}
}

// Every list is JSON with --output json, whatever it is a list of.
func TestJSONOutput(t *testing.T) {
	for _, command := range []string{"status", "calls", "contacts", "tasks", "users", "trunks", "numbers", "playbooks", "recordings", "token list",
		"call show 01KAQ3W0000000000000000001", "explain 600000001", "explain 01KAQ3W0000000000000000001", "users break ana", "token create --user ana",
		"crm status", "crm retry", "backup /x.db", "hangup 01KAQ3W0000000000000000001", "drain", "version", "contacts import DIR/list.csv", "token revoke 01KAQ3W0000000000000000TK1"} {
		sw := newSwitch(t, answers())
		if err := os.WriteFile(filepath.Join(sw.dir, "list.csv"), []byte("numbers\n600000001\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		r := tandem(t.Context(), sw.dir, "", strings.Fields(strings.ReplaceAll(command, "DIR", sw.dir)+" --output json")...)
		if r.code != 0 || !json.Valid([]byte(r.out)) {
			t.Errorf("%s: exit %d: %s%s", command, r.code, r.out, r.errOut)
		}
	}
}
