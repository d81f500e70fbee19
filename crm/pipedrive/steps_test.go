package pipedrive

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tandem/call"
	"tandem/crm"
	"tandem/crm/pipedrive/standin"
)

var update = flag.Bool("update", false, "rewrite the requests with what the client asks for now")

// states are calls of each end that there is.
func states() []crm.Activity {
	make := func(direction call.Direction, result call.Result, reason call.MissedReason, code int, title string) crm.Activity {
		a := answered()
		a.Direction, a.Result, a.Reason, a.SIPCode, a.Title = direction, result, reason, code, title
		a.Body, a.Duration = "<p>"+title+"</p>", 0
		if direction == call.Outbound {
			a.From, a.To = a.To, a.From
		}
		return a
	}
	completed := answered()
	completed.Owner, completed.Recording = "7", "https://tandem.example/api/v1/calls/"+string(completed.CallID)+"/recording"
	voicemail := make(call.Outbound, call.ResultCompleted, call.MissedNone, 200, "Outbound call – completed – left voicemail")
	voicemail.Disposition, voicemail.Duration = "Left Voicemail", 20*time.Second
	withheld := make(call.Inbound, call.ResultNoAnswer, call.MissedTimeout, 480, "Inbound call – no answer – withheld")
	withheld.Number, withheld.From, withheld.Name = "", "", ""
	return []crm.Activity{
		completed, voicemail,
		make(call.Inbound, call.ResultNoAnswer, call.MissedTimeout, 480, "Inbound call – no answer"),
		make(call.Outbound, call.ResultBusy, call.MissedNone, 486, "Outbound call – busy"),
		make(call.Outbound, call.ResultFailed, call.MissedNone, 404, "Outbound call – failed – no such number"),
		make(call.Outbound, call.ResultFailed, call.MissedNone, 503, "Outbound call – failed"),
		make(call.Outbound, call.ResultCancelled, call.MissedNone, 487, "Outbound call – cancelled"),
		make(call.Inbound, call.ResultCancelled, call.MissedAbandoned, 487, "Inbound call – cancelled by the caller"),
		make(call.Inbound, call.ResultOfficeClosed, call.MissedClosed, 200, "Inbound call – office closed"),
		withheld,
	}
}

// TestStates compares the requests that log a call of each state with those
// that were read and found right.
func TestStates(t *testing.T) {
	var got strings.Builder
	for _, a := range states() {
		synctest.Test(t, func(t *testing.T) {
			d := newDesk(t, standin.Options{Users: []int{7}})
			d.mustFinish(a)
			fmt.Fprintf(&got, "# %s\n", a.Title)
			for _, s := range d.sent {
				got.WriteString(s.full + "\n" + indented(s.body))
			}
			got.WriteByte('\n')
		})
	}
	const golden = "testdata/states.txt"
	if *update {
		if err := os.WriteFile(golden, []byte(got.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got.String() != string(want) {
		t.Errorf("other requests than in %s (run with -update, and read the difference):\n%s", golden, got.String())
	}
}

func indented(body string) string {
	var out bytes.Buffer
	if body == "" || json.Indent(&out, []byte(body), "", "  ") != nil {
		return ""
	}
	return out.String() + "\n"
}

// TestKnownContactCosts holds what the calls of a known contact cost, which is
// what most of a day's tokens go to.
func TestKnownContactCosts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, standin.Options{})
		first := d.mustFinish(answered())
		before := d.there.Spent()
		if _, err := d.finish(numbered(answered(), 1), crm.Refs{Contact: first.Contact}); err != nil {
			t.Fatal(err)
		}
		if cost := d.there.Spent() - before; cost != 20 {
			t.Errorf("a call of a known contact cost %d tokens, want 20", cost)
		}
		d.expect(1, 2, 2)
	})
}

// TestCompletionChangesTheSameActivity follows the notes that were taken after
// the call, and edited much later.
func TestCompletionChangesTheSameActivity(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, standin.Options{})
		a := answered()
		refs := d.mustFinish(a)
		for _, note := range []string{"after a minute", "after five", "after an hour"} {
			a.Body, a.Title = "<p>"+note+"</p>", "Inbound call – completed – "+note
			if _, err := d.step(crm.StepCompletion, a, refs); err != nil {
				t.Fatal(err)
			}
		}
		d.expect(1, 1, 1)
		there := d.there.Activities()[0]
		if !strings.Contains(there.Note, "after an hour") || !strings.HasSuffix(there.Subject, "after an hour") {
			t.Errorf("the activity says %q, %q", there.Subject, there.Note)
		}
		if there.Note != noteOf(a) || !there.Done || there.Duration != "00:02" {
			t.Errorf("the activity is %+v", there)
		}
	})
}

func TestClockRoundsUp(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "00:00", -time.Second: "00:00", time.Second: "00:01", time.Minute: "00:01", 61 * time.Second: "00:02",
		time.Hour: "01:00", 25*time.Hour + 1: "23:59",
	} {
		if got := clock(d); got != want {
			t.Errorf("%v is %s, want %s", d, got, want)
		}
	}
}

func TestTexts(t *testing.T) {
	a := answered()
	a.Title = strings.Repeat("é", 300)
	a.Recording = "https://tandem.example/a?x=1&y=2"
	if body := edited(a); len([]rune(body.Subject)) != longestSubject {
		t.Errorf("a subject of %d runes", len([]rune(body.Subject)))
	}
	if n := strings.Count(noteOf(a), "x=1&amp;y=2"); n != 1 {
		t.Errorf("the recording is linked %d times: %s", n, noteOf(a))
	}
	a.Body += `<p><a href="https://tandem.example/a?x=1&amp;y=2">here</a></p>`
	if n := strings.Count(noteOf(a), "x=1&amp;y=2"); n != 1 {
		t.Errorf("a recording that the body links is linked %d times: %s", n, noteOf(a))
	}
}

func TestActivityTypes(t *testing.T) {
	for name, test := range map[string]struct {
		types []activityType
		want  string
	}{
		"a new account":     {[]activityType{{"meeting", "meeting", true}, {"call", "call", true}}, "call"},
		"renamed":           {[]activityType{{"phone", "call", true}, {"call", "bell", true}}, "call"},
		"one of their own":  {[]activityType{{"call", "call", false}, {"phone", "call", true}, {"ring", "call", true}}, "phone"},
		"all out of use":    {[]activityType{{"call", "call", false}}, "call"},
		"nothing at all":    {nil, "call"},
		"one without a key": {[]activityType{{"", "call", true}}, "call"},
	} {
		if got := choose(test.types); got != test.want {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
	}
}

// TestTypeOfTheirOwn logs calls where Pipedrive's type for calls is out of use:
// Pipedrive makes no call logs of others.
func TestTypeOfTheirOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, standin.Options{})
		d.there.SetTypes(standin.ActivityType{Key: "call", Icon: "call"}, standin.ActivityType{Key: "phone", Icon: "call", Active: true})
		d.mustFinish(answered())
		d.expect(1, 1, 0)
		if got := d.there.Activities()[0].Type; got != "phone" {
			t.Errorf("the activity is a %s", got)
		}
	})
}

// TestTypesCannotBeRead logs calls although the types are kept from the token.
func TestTypesCannotBeRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, standin.Options{})
		d.there.Order(standin.Order{Trouble: standin.Broken, Path: "/activityTypes", Times: 3})
		d.mustFinish(answered())
		d.expect(1, 1, 1)
		if n := d.times("GET /v1/activityTypes"); n != 1 {
			t.Errorf("the types were asked for %d times", n)
		}
		time.Sleep(typesBehind)
		d.mustFinish(numbered(answered(), 1))
		if n := d.times("GET /v1/activityTypes"); n != 2 {
			t.Errorf("a while later the types had been asked for %d times", n)
		}
	})
}
