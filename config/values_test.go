package config

import (
	"testing"
	"testing/quick"
	"time"
)

func TestDurations(t *testing.T) {
	cases := map[string]time.Duration{
		"0": 0, "0s": 0, "500ms": 500 * time.Millisecond, "20s": 20 * time.Second, "5m": 5 * time.Minute,
		"36h": 36 * time.Hour, "90d": 90 * 24 * time.Hour, "1h30m": 90 * time.Minute, "106751d": 106751 * 24 * time.Hour,
	}
	for text, want := range cases {
		if got, err := parseDuration(text); got != want || err != nil {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "5", "s", "1.5h", "5 m", "+5m", "-5m", "5M", "1us", "1y", "5ss", "106752d", "99999999999999999999s", "9223372036854775807ms"} {
		if got, err := parseDuration(text); err == nil {
			t.Errorf("%q is read as %v", text, got)
		}
	}
	roundTrip := func(ms uint32) bool {
		d := time.Duration(ms) * time.Millisecond
		back, err := parseDuration(formatDuration(d))
		return err == nil && back == d
	}
	if err := quick.Check(roundTrip, nil); err != nil {
		t.Error(err)
	}
}

func TestDays(t *testing.T) {
	cases := map[string]string{
		"mon": "1", "sun": "0", "mon-thu": "1234", "mon,wed": "13", "sat-mon": "016", "mon-tue, fri": "125", "mon-sun": "0123456",
	}
	for text, want := range cases {
		var d Days
		if err := d.UnmarshalText([]byte(text)); err != nil {
			t.Errorf("%s: %v", text, err)
		}
		got := ""
		for day := time.Sunday; day <= time.Saturday; day++ {
			if d.Has(day) {
				got += string(rune('0' + day))
			}
		}
		if got != want {
			t.Errorf("%s: days %s, want %s", text, got, want)
		}
	}
	for _, text := range []string{"", "Mon", "monday", "mon-", "-", "mon,", "mon-tue-wed"} {
		var d Days
		if d.UnmarshalText([]byte(text)) == nil {
			t.Errorf("%q is accepted", text)
		}
	}
}

func TestIntervals(t *testing.T) {
	for text, overnight := range map[string]bool{"09:00-14:00": false, "00:00-24:00": false, "22:00-02:00": true, "22:00-00:00": true} {
		var i Interval
		if err := i.UnmarshalText([]byte(text)); err != nil || i.String() != text || i.Overnight() != overnight {
			t.Errorf("%s: %v overnight %v, %v", text, i, i.Overnight(), err)
		}
	}
	for _, text := range []string{"", "9:00-14:00", "09:00", "09:60-10:00", "24:00-01:00", "09:00-09:00", "09:00–14:00", "09:00-25:00"} {
		var i Interval
		if i.UnmarshalText([]byte(text)) == nil {
			t.Errorf("%q is accepted", text)
		}
	}
}

func TestWeeklyDay(t *testing.T) {
	var weekdays, monday Days = 0b0111110, 0b0000010
	w := Weekly{
		weekdays: Day{{From: 15 * 60, Until: 18 * 60}},
		monday:   Day{{From: 9 * 60, Until: 12 * 60}},
	}
	if got := w.Day(time.Monday); len(got) != 2 || got[0].From != 9*60 || got[1].From != 15*60 {
		t.Errorf("Monday: %v", got)
	}
	if got := w.Day(time.Sunday); len(got) != 0 {
		t.Errorf("Sunday: %v", got)
	}
}

func TestAddresses(t *testing.T) {
	for text, want := range map[string]string{"udp://0.0.0.0:5060": "0.0.0.0:5060", "wss://[::1]:5443": "[::1]:5443", "tcp://sip.example.com:0": "sip.example.com:0"} {
		var l Listen
		if err := l.UnmarshalText([]byte(text)); err != nil || l.String() != text || l.Address() != want {
			t.Errorf("%s: %v, %v", text, l, err)
		}
	}
	for text, want := range map[string]bool{"a": true, "a.b": true, "::1": true, "10.0.0.1": true, "a_b.c": true, "a.": true, "": false, "a..b": false, "-a": false, "1.2.3": false, "a b": false, "a/b": false, "[::1]": false} {
		if got := isHost(text); got != want {
			t.Errorf("host %q: %v", text, got)
		}
	}
	var r PortRange
	if err := r.UnmarshalText([]byte("20000-29999")); err != nil || r.Pairs() != 5000 || r.String() != "20000-29999" {
		t.Errorf("range %v of %d pairs, %v", r, r.Pairs(), err)
	}
}

func TestZone(t *testing.T) {
	if loc, err := Zone("Europe/Madrid").Location(); err != nil || loc.String() != "Europe/Madrid" {
		t.Errorf("%v, %v", loc, err)
	}
	if _, err := Zone("Mars/Base").Location(); err == nil {
		t.Error("an unknown zone loads")
	}
}

func TestSuggest(t *testing.T) {
	for word, want := range map[string]string{"adress": `did you mean "address"?`, "nmae": `did you mean "name"?`, "ADDRESS": `did you mean "address"?`, "zzz": "known here: address, name"} {
		if got := suggest(word, []string{"address", "name"}); got != want {
			t.Errorf("%s: %s", word, got)
		}
	}
}
