package crm

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
	"unicode"

	"tandem/call"
)

func TestMain(m *testing.M) {
	flag.Bool("update", false, "rewrite testdata/activities.txt")
	flag.Parse()
	os.Exit(m.Run())
}

func acmeStyle() Style {
	return Style{
		Account: "Acme Sales", PublicURL: "https://pbx.example/", CreateContacts: true,
		Dispositions: map[call.Result]string{call.ResultBusy: "Line busy"},
		Displays:     map[string]string{"ana": "Ana García", "leo": "Leo <Núñez>", "eva": "Eva Ruiz"},
		Owners:       map[string]string{"ana": "771", "leo": "772"},
	}
}

// inbound is a call that ana took.
func inbound(change func(*call.Record)) call.Record {
	answered, ended := noon.Add(12*time.Second), noon.Add(204*time.Second)
	rec := call.Record{
		ID: "01KAQ3W0000000000000000001", Direction: call.Inbound, From: "+34600000001", RawFrom: "600000001",
		To: "+34910000001", Number: "+34910000001", User: "ana", Playbook: "sales-es", State: call.StateEnded,
		StartedAt: noon, AnsweredAt: &answered, EndedAt: &ended, Wait: 12, Duration: 192, SIPCode: 200, Result: call.ResultCompleted,
		Segments: []call.Segment{{User: "ana", StartedAt: answered, Seconds: 192}},
	}
	change(&rec)
	return rec
}

// missed is a call that nobody took.
func missed(result call.Result, why call.MissedReason, user string) call.Record {
	return inbound(func(r *call.Record) {
		r.Result, r.Reason, r.Missed, r.User = result, why, true, user
		r.AnsweredAt, r.Segments, r.Duration, r.Wait, r.SIPCode = nil, nil, 0, 60, 480
	})
}

func outbound(change func(*call.Record)) call.Record {
	return inbound(func(r *call.Record) {
		r.Direction, r.From, r.To = call.Outbound, "+34910000001", "+34600000001"
		change(r)
	})
}

func unreached(result call.Result, code int) call.Record {
	return outbound(func(r *call.Record) {
		r.Result, r.SIPCode, r.AnsweredAt, r.Segments, r.Duration = result, code, nil, nil, 0
	})
}

// TestCompose compares activities with testdata/activities.txt; -update
// rewrites it.
func TestCompose(t *testing.T) {
	var b strings.Builder
	for _, c := range []struct {
		what, name string
		rec        call.Record
	}{
		{"completed", "Luis Pérez", inbound(func(*call.Record) {})},
		{"completed, unknown contact", "", inbound(func(*call.Record) {})},
		{"completed, an hour, with everything", "Luis Pérez", inbound(func(r *call.Record) {
			r.Duration, r.Recording, r.Coaches = 3723, &call.Recording{Seconds: 3600}, []string{"eva", "gone"}
			r.Notes, r.Disposition = "wants 3 > 2 & \"more\"\r\ncalls\tback", "Interested"
			r.Segments = []call.Segment{{User: "ana", Seconds: 3600}, {User: "leo", Seconds: 63}, {Number: "+34600000009", Seconds: 60}}
		})},
		{"transferred, then cut off by a crash", "Luis Pérez", inbound(func(r *call.Record) { r.Segments, r.User = nil, "leo" })},
		{"missed: timeout", "Luis Pérez", missed(call.ResultNoAnswer, call.MissedTimeout, "ana")},
		{"missed: rejected", "Luis Pérez", missed(call.ResultNoAnswer, call.MissedRejected, "leo")},
		{"missed: abandoned", "Luis Pérez", missed(call.ResultCancelled, call.MissedAbandoned, "ana")},
		{"missed: no user", "Luis Pérez", missed(call.ResultNoAnswer, call.MissedNoUser, "")},
		{"missed: cut off", "Luis Pérez", inbound(func(r *call.Record) {
			*r = missed(call.ResultFailed, call.MissedNoUser, "")
			r.SIPCode = 503
		})},
		{"closed", "Luis Pérez", missed(call.ResultOfficeClosed, call.MissedClosed, "")},
		{"closed, redirected and answered", "Luis Pérez", inbound(func(r *call.Record) {
			r.Result, r.RedirectedTo, r.User = call.ResultOfficeClosed, "+34600000007", ""
			r.Segments = []call.Segment{{Number: "+34600000007", Seconds: 192}}
		})},
		{"closed, redirected in vain", "Luis Pérez", inbound(func(r *call.Record) {
			*r = missed(call.ResultOfficeClosed, call.MissedClosed, "")
			r.RedirectedTo = "+34600000007"
		})},
		{"withheld", "Anonymous", missed(call.ResultNoAnswer, call.MissedTimeout, "")},
		{"out, completed", "Luis Pérez", outbound(func(*call.Record) {})},
		{"out, no answer", "Luis Pérez", unreached(call.ResultNoAnswer, 480)},
		{"out, busy", "Luis Pérez", unreached(call.ResultBusy, 486)},
		{"out, failed", "Luis Pérez", unreached(call.ResultFailed, 503)},
		{"out, cancelled", "Luis Pérez", unreached(call.ResultCancelled, 487)},
		{"out, emergency", "", outbound(func(r *call.Record) { r.To = "112" })},
		{"hostile", "<script>alert(1)</script>\x00\n\u202egnp.exe" + strings.Repeat("A", 5000), inbound(func(r *call.Record) {
			r.Notes = "<img src=x onerror=alert(1)>\x1b[31m\u202e\x00\xff</p><script>x</script>"
			r.Disposition, r.Coaches, r.User = "a\nb<b>", []string{"<i>"}, "leo"
			r.Segments[0].User, r.Segments[0].Number = "", "<u>"
		})},
	} {
		if c.what == "withheld" {
			c.rec.From, c.name = "", ""
		}
		a := acmeStyle().Compose(c.rec, c.name)
		fmt.Fprintf(&b, "# %s\n%s\n%s | %s | %d | number %q name %q from %q to %q | %v | disposition %q owner %q\nrecording %q\n%s\n\n",
			c.what, a.Title, a.Result, a.Reason, a.SIPCode, a.Number, a.Name, a.From, a.To, a.Duration, a.Disposition, a.Owner,
			a.Recording, strings.ReplaceAll(a.Body, "</p>", "</p>\n"))
	}
	const golden = "testdata/activities.txt"
	if f := flag.Lookup("update"); f.Value.String() == "true" {
		if err := os.WriteFile(golden, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil || b.String() != string(want) {
		t.Errorf("activities are\n%swant (%v)\n%s", b.String(), err, want)
	}
}

// TestComposeRecording: a link goes out only when it is https, and to a
// recording that is there.
func TestComposeRecording(t *testing.T) {
	rec := inbound(func(r *call.Record) { r.Recording = &call.Recording{} })
	for base, want := range map[string]string{
		"":                     "",
		"http://pbx.example":   "",
		"https://pbx.example":  "https://pbx.example/api/v1/calls/01KAQ3W0000000000000000001/recording",
		"HTTPS://pbx.example/": "HTTPS://pbx.example/api/v1/calls/01KAQ3W0000000000000000001/recording",
	} {
		if got := (Style{PublicURL: base}).Compose(rec, "").Recording; got != want {
			t.Errorf("%s: %q", base, got)
		}
	}
	if got := acmeStyle().Compose(inbound(func(*call.Record) {}), "").Recording; got != "" {
		t.Errorf("no recording: %q", got)
	}
}

// FuzzCompose: whatever people and the wire say, a title is one line, a body
// holds no markup but ours, and neither grows out of bounds.
func FuzzCompose(f *testing.F) {
	f.Add("Ana", "notes\n", "+34600000001", "Interested", 12.5)
	f.Add("<b>\x1b", "</p><script>\u202e", "\xff", "&amp;\r\n", -1e300)
	f.Fuzz(func(t *testing.T, name, notes, number, disposition string, talked float64) {
		a := acmeStyle().Compose(inbound(func(r *call.Record) {
			r.Notes, r.From, r.To, r.Disposition, r.Duration = notes, number, number, disposition, talked
			r.User, r.Coaches, r.RedirectedTo = name, []string{name}, number
		}), name)
		if strings.ContainsFunc(a.Title+a.Body+a.Name, unicode.IsControl) {
			t.Errorf("control characters in %q, %q", a.Title, a.Body)
		}
		bare := strings.NewReplacer("<p>", "", "</p>", "", "<b>", "", "</b>", "", "<br>", "").Replace(a.Body)
		if strings.ContainsAny(bare, "<>\"") {
			t.Errorf("markup in %q", a.Body)
		}
		if n := len([]rune(a.Title)); n > 500 || len(a.Body) > 12*len(notes)+6*6*(len(name)+len(number)+len(disposition))+2000 {
			t.Errorf("a title of %d characters, a body of %d bytes", n, len(a.Body))
		}
	})
}
