package routing

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// mustInterval parses an interval of a test.
func mustInterval(t testing.TB, s string) Interval {
	t.Helper()
	i, err := ParseInterval(s)
	if err != nil {
		t.Fatal(err)
	}
	return i
}

// everyDay returns hours with the same intervals on all seven days.
func everyDay(t testing.TB, zone string, intervals ...string) *Hours {
	t.Helper()
	weekly := make(map[time.Weekday][]Interval)
	for day := time.Sunday; day <= time.Saturday; day++ {
		for _, s := range intervals {
			weekly[day] = append(weekly[day], mustInterval(t, s))
		}
	}
	h, err := NewHours(HoursOptions{Zone: zone, Weekly: weekly})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestParseInterval(t *testing.T) {
	good := map[string]Interval{
		"09:00-14:00": {540, 840}, "22:00-06:00": {1320, 360}, "00:00-24:00": {0, 1440}, "18:30-00:00": {1110, 1440},
	}
	for s, want := range good {
		if got, err := ParseInterval(s); err != nil || got != want {
			t.Errorf("ParseInterval(%q) = %v, %v; want %v", s, got, err, want)
		}
	}
	for _, s := range []string{"", "09:00", "9:00-14:00", "09:00-25:00", "24:00-25:00", "24:00-06:00", "09:00-09:00", "09:00-14:60", "a-b", "09:00-14:00-15:00"} {
		if got, err := ParseInterval(s); err == nil {
			t.Errorf("ParseInterval(%q) = %v, want an error", s, got)
		}
	}
}

func TestParseDate(t *testing.T) {
	if d, err := ParseDate("2026-12-24"); err != nil || d != (Date{2026, 12, 24}) || d.String() != "2026-12-24" {
		t.Errorf("ParseDate = %v, %v", d, err)
	}
	for _, s := range []string{"", "2026-13-01", "2026-02-30", "24-12-2026"} {
		if _, err := ParseDate(s); err == nil {
			t.Errorf("ParseDate(%q): want an error", s)
		}
	}
}

func TestNewHoursRefuses(t *testing.T) {
	bad := []HoursOptions{
		{Zone: "Mars/Olympus"},
		{Zone: "UTC", Weekly: map[time.Weekday][]Interval{1: {{-1, 5}}}},
		{Zone: "UTC", Weekly: map[time.Weekday][]Interval{1: {{1440, 5}}}},
		{Zone: "UTC", Exceptions: map[Date][]Interval{{2026, 1, 1}: {{5, 5}}}},
	}
	for _, o := range bad {
		if _, err := NewHours(o); err == nil {
			t.Errorf("NewHours(%+v): want an error", o)
		}
	}
}

// The reference week: mon-thu in two parts, fri in one, a night shift on sat,
// holidays and exceptions.
func officeHours(t testing.TB) *Hours {
	weekly := map[time.Weekday][]Interval{
		time.Friday:   {mustInterval(t, "09:00-15:00")},
		time.Saturday: {mustInterval(t, "22:00-06:00")},
	}
	for day := time.Monday; day <= time.Thursday; day++ {
		weekly[day] = []Interval{mustInterval(t, "15:30-19:00"), mustInterval(t, "09:00-14:00")}
	}
	h, err := NewHours(HoursOptions{
		Zone: "Europe/Madrid", Weekly: weekly,
		Exceptions: map[Date][]Interval{
			{2026, 12, 24}: {mustInterval(t, "09:00-12:00")},
			{2026, 12, 5}:  {},                               // sat: the night shift is off
			{2026, 12, 13}: {mustInterval(t, "10:00-11:00")}, // sun, after a night shift
			{2026, 12, 8}:  {mustInterval(t, "09:00-10:00")}, // a holiday with hours of its own
		},
		Holidays: []Date{{2026, 12, 25}, {2027, 1, 1}, {2026, 12, 8}, {2026, 12, 20}, {2026, 12, 26}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestOpen(t *testing.T) {
	h := officeHours(t)
	tests := []struct {
		wall string
		open bool
		why  string
	}{
		{"2026-11-23 08:59", false, "closed: mon 08:59 is outside 09:00-14:00, 15:30-19:00 Europe/Madrid"},
		{"2026-11-23 09:00", true, "open: mon 09:00-14:00 Europe/Madrid"},
		{"2026-11-23 13:59", true, "open: mon 09:00-14:00"},
		{"2026-11-23 14:00", false, "closed: mon 14:00"},
		{"2026-11-23 15:30", true, "open: mon 15:30-19:00"},
		{"2026-11-23 19:00", false, ""},
		{"2026-11-27 14:30", true, "open: fri 09:00-15:00"},
		{"2026-11-27 15:30", false, ""},
		{"2026-11-28 21:59", false, "closed: sat 21:59 is outside 22:00-06:00"},
		{"2026-11-28 22:00", true, "open: sat 22:00-06:00"},
		{"2026-11-29 00:00", true, "open: sat 22:00-06:00"},
		{"2026-11-29 05:59", true, ""},
		{"2026-11-29 06:00", false, "closed: sun all day"},
		{"2026-12-24 11:59", true, "open: 2026-12-24 09:00-12:00"},
		{"2026-12-24 12:00", false, "closed: 2026-12-24 12:00 is outside 09:00-12:00"},
		{"2026-12-24 16:00", false, ""},
		{"2026-12-25 10:00", false, "closed: 2026-12-25 is a holiday"},
		{"2026-12-08 09:30", true, "open: 2026-12-08 09:00-10:00"},
		{"2026-12-08 10:30", false, "closed: 2026-12-08 10:30 is outside"},
		{"2026-12-05 23:00", false, "closed: 2026-12-05 all day"}, // the exception removes the shift
		{"2026-12-06 03:00", false, ""},                           // to its end
		{"2026-12-13 03:00", true, "open: sat 22:00-06:00"},       // an exception on the day after does not cut it
		{"2026-12-13 10:30", true, "open: 2026-12-13"},
		{"2026-12-20 03:00", true, "open: sat 22:00-06:00"}, // nor does a holiday
		{"2026-12-20 06:00", false, "closed: 2026-12-20 is a holiday"},
		{"2026-12-26 23:00", false, "closed: 2026-12-26 is a holiday"}, // sat
		{"2026-12-27 03:00", false, ""},
	}
	for _, tt := range tests {
		at, err := time.ParseInLocation("2006-01-02 15:04", tt.wall, h.Zone())
		if err != nil {
			t.Fatal(err)
		}
		if got := h.Open(at); got != tt.open {
			t.Errorf("Open(%s) = %v", tt.wall, got)
		}
		if got := h.Explain(at); !strings.HasPrefix(got, tt.why) {
			t.Errorf("Explain(%s) = %q, want %q", tt.wall, got, tt.why)
		}
	}
}

// Around every clock change the instants at which the office is open are
// listed in UTC, so that the table itself cannot be misread.
func TestClockChanges(t *testing.T) {
	tests := []struct {
		name, zone, interval string
		from, to             string   // UTC, the day that is looked at
		open                 []string // UTC, pairs of opens and closes
	}{
		{"Madrid spring, across the gap", "Europe/Madrid", "01:30-03:30", "2026-03-29 00:00", "2026-03-29 12:00",
			[]string{"2026-03-29 00:30", "2026-03-29 01:30"}},
		{"Madrid spring, begins in the gap", "Europe/Madrid", "02:30-03:30", "2026-03-29 00:00", "2026-03-29 12:00",
			[]string{"2026-03-29 01:00", "2026-03-29 01:30"}},
		{"Madrid spring, ends in the gap", "Europe/Madrid", "01:30-02:30", "2026-03-29 00:00", "2026-03-29 12:00",
			[]string{"2026-03-29 00:30", "2026-03-29 01:00"}},
		{"Madrid spring, within the gap", "Europe/Madrid", "02:10-02:50", "2026-03-29 00:00", "2026-03-29 12:00", nil},
		{"Madrid spring, overnight", "Europe/Madrid", "22:00-06:00", "2026-03-28 12:00", "2026-03-29 12:00",
			[]string{"2026-03-28 21:00", "2026-03-29 04:00"}},
		{"Madrid autumn, over both passes", "Europe/Madrid", "01:30-03:30", "2026-10-24 22:00", "2026-10-25 12:00",
			[]string{"2026-10-24 23:30", "2026-10-25 02:30"}},
		{"Madrid autumn, the repeated hour", "Europe/Madrid", "02:00-03:00", "2026-10-24 22:00", "2026-10-25 12:00",
			[]string{"2026-10-25 00:00", "2026-10-25 02:00"}},
		{"Madrid autumn, half of each pass", "Europe/Madrid", "02:30-03:30", "2026-10-24 22:00", "2026-10-25 12:00",
			[]string{"2026-10-25 00:30", "2026-10-25 01:00", "2026-10-25 01:30", "2026-10-25 02:30"}},
		{"Madrid autumn, working day", "Europe/Madrid", "09:00-14:00", "2026-10-25 00:00", "2026-10-26 00:00",
			[]string{"2026-10-25 08:00", "2026-10-25 13:00"}},
		{"Santiago spring, midnight is skipped", "America/Santiago", "23:00-02:00", "2026-09-05 12:00", "2026-09-06 12:00",
			[]string{"2026-09-06 03:00", "2026-09-06 05:00"}},
		{"Santiago spring, from midnight", "America/Santiago", "00:00-02:00", "2026-09-05 12:00", "2026-09-06 12:00",
			[]string{"2026-09-06 04:00", "2026-09-06 05:00"}},
		{"Santiago autumn, the hour before midnight twice", "America/Santiago", "23:00-24:00", "2026-04-04 12:00", "2026-04-05 12:00",
			[]string{"2026-04-05 02:00", "2026-04-05 04:00"}},
		{"Lord Howe autumn, half an hour", "Australia/Lord_Howe", "01:30-02:00", "2026-04-04 12:00", "2026-04-05 00:00",
			[]string{"2026-04-04 14:30", "2026-04-04 15:30"}},
		{"St. John's autumn, back over midnight", "America/St_Johns", "23:30-23:45", "2010-11-07 02:30", "2010-11-07 12:00",
			[]string{"2010-11-07 03:00", "2010-11-07 03:15"}},
		{"Kolkata", "Asia/Kolkata", "09:15-10:45", "2026-06-01 00:00", "2026-06-01 12:00",
			[]string{"2026-06-01 03:45", "2026-06-01 05:15"}},
	}
	const layout = "2006-01-02 15:04"
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := everyDay(t, tt.zone, tt.interval)
			at, _ := time.Parse(layout, tt.from)
			end, _ := time.Parse(layout, tt.to)
			var got []string
			for open := h.Open(at); ; open = !open {
				next, ok := h.Next(at)
				if !ok || !next.Before(end) {
					break
				}
				if h.Open(next) == open {
					t.Fatalf("Next(%s) = %s changes nothing", at, next)
				}
				got = append(got, next.UTC().Format(layout))
				at = next
			}
			if strings.Join(got, " | ") != strings.Join(tt.open, " | ") {
				t.Errorf("changes at %q, want %q", got, tt.open)
			}
		})
	}
}

// An interval that ends at midnight may be written with 0 or 1440.
func TestUntilMidnight(t *testing.T) {
	for _, to := range []int{0, 1440} {
		h, err := NewHours(HoursOptions{Zone: "UTC", Weekly: map[time.Weekday][]Interval{time.Monday: {{From: 1080, To: to}}}})
		if err != nil {
			t.Fatal(err)
		}
		evening := time.Date(2026, 11, 23, 23, 59, 0, 0, time.UTC)
		if !h.Open(evening) || h.Open(evening.Add(time.Minute)) {
			t.Errorf("To %d: open %v, a minute later %v", to, h.Open(evening), h.Open(evening.Add(time.Minute)))
		}
	}
}

func TestNextLooksPastHolidays(t *testing.T) {
	h := officeHours(t)
	at := time.Date(2026, 12, 24, 12, 0, 0, 0, time.UTC) // 13:00 in Madrid, fri is a holiday, sat too
	next, ok := h.Next(at)
	if want := time.Date(2026, 12, 28, 8, 0, 0, 0, time.UTC); !ok || !next.Equal(want) {
		t.Errorf("Next = %s, %v; want %s", next, ok, want)
	}
	if _, ok := everyDay(t, "UTC", "00:00-24:00").Next(at); ok {
		t.Error("a playbook that is always open never changes")
	}
	if _, ok := (*Hours)(nil).Next(at); ok || !(*Hours)(nil).Open(at) {
		t.Error("a playbook without hours is always open")
	}
}

// Walking minute by minute, Open changes exactly where Next said it would.
func TestNextAgreesWithOpen(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	zones := []string{"Europe/Madrid", "America/Santiago", "Australia/Lord_Howe", "America/New_York", "Asia/Kolkata", "Africa/Casablanca", "UTC"}
	starts := []Date{{2026, 3, 27}, {2026, 10, 23}, {2026, 4, 3}, {2026, 9, 4}, {2026, 3, 6}, {2026, 2, 14}, {2026, 3, 21}}
	for round := range 60 {
		h := randomHours(t, rng, zones[round%len(zones)], starts[rng.IntN(len(starts))])
		at := starts[rng.IntN(len(starts))].midnight().Add(time.Duration(rng.IntN(1440)) * time.Minute)
		end := at.Add(4 * 24 * time.Hour)
		next, ok := h.Next(at)
		for t1 := at.Add(time.Minute); t1.Before(end); t1 = t1.Add(time.Minute) {
			changed := h.Open(t1) != h.Open(t1.Add(-time.Minute))
			if changed != (ok && next.Equal(t1)) {
				t.Fatalf("round %d %s: at %s changed %v, but Next was %s, %v", round, h.Zone(), t1.In(h.Zone()), changed, next.In(h.Zone()), ok)
			}
			if changed {
				next, ok = h.Next(t1)
			}
		}
	}
}

// randomHours draws up to three intervals a day, exceptions and holidays.
func randomHours(t *testing.T, rng *rand.Rand, zone string, near Date) *Hours {
	draw := func() (list []Interval) {
		for range rng.IntN(4) {
			if i := (Interval{From: rng.IntN(1440), To: 1 + rng.IntN(1440)}); i.From != i.To {
				list = append(list, i)
			}
		}
		return list
	}
	o := HoursOptions{Zone: zone, Weekly: make(map[time.Weekday][]Interval), Exceptions: make(map[Date][]Interval)}
	for day := time.Sunday; day <= time.Saturday; day++ {
		o.Weekly[day] = draw()
	}
	o.Exceptions[near.add(rng.IntN(4))] = draw()
	o.Holidays = []Date{near.add(rng.IntN(4))}
	h, err := NewHours(o)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func FuzzParseInterval(f *testing.F) {
	for _, s := range []string{"09:00-14:00", "22:00-06:00", "24:00-00:00", "-", "00:00-00:00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		i, err := ParseInterval(s)
		if err != nil {
			return
		}
		if _, err := NewHours(HoursOptions{Zone: "UTC", Weekly: map[time.Weekday][]Interval{1: {i}}}); err != nil {
			t.Fatalf("ParseInterval(%q) = %v, which NewHours refuses: %v", s, i, err)
		}
	})
}
