package routing

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Date is a day of the calendar, in no particular zone.
type Date struct {
	Year  int
	Month time.Month
	Day   int
}

// ParseDate reads 2026-12-24.
func ParseDate(s string) (Date, error) {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return Date{}, fmt.Errorf("date %q: want YYYY-MM-DD", s)
	}
	return dateOf(t), nil
}

func (d Date) String() string { return fmt.Sprintf("%04d-%02d-%02d", d.Year, d.Month, d.Day) }

// midnight is the day's first minute as if it were in UTC.
func (d Date) midnight() time.Time { return time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, time.UTC) }

// add returns the day that is n days later.
func (d Date) add(n int) Date { return dateOf(d.midnight().AddDate(0, 0, n)) }

func dateOf(t time.Time) Date {
	year, month, day := t.Date()
	return Date{year, month, day}
}

// Interval is a time of day in which a playbook takes calls: minutes after
// midnight, From included, To not. It lasts across midnight when To is not
// after From; To 0 and 1440 are both the midnight at its end.
type Interval struct{ From, To int }

const dayMinutes = 24 * 60

// ParseInterval reads "09:00-14:00". "22:00-06:00" lasts across midnight,
// "00:00-24:00" all day.
func ParseInterval(s string) (Interval, error) {
	from, to, _ := strings.Cut(s, "-")
	i := Interval{From: parseClock(from), To: parseClock(to)}
	if i.From < 0 || i.To < 0 || i.From == dayMinutes || i.From == i.To {
		return Interval{}, fmt.Errorf("interval %q: want HH:MM-HH:MM", s)
	}
	return i.ended(), nil
}

// parseClock reads HH:MM up to 24:00; -1 when it is none.
func parseClock(s string) int {
	t, err := time.Parse("15:04", s)
	switch {
	case s == "24:00":
		return dayMinutes
	case err != nil || len(s) != len("15:04"):
		return -1
	}
	return t.Hour()*60 + t.Minute()
}

func (i Interval) String() string {
	return fmt.Sprintf("%02d:%02d-%02d:%02d", i.From/60, i.From%60, i.To/60, i.To%60)
}

// ended returns the interval with the midnight at its end written 24:00.
func (i Interval) ended() Interval {
	if i.To == 0 {
		i.To = dayMinutes
	}
	return i
}

// overnight reports whether the interval ends on the day after it began.
func (i Interval) overnight() bool { return i.To <= i.From }

// HoursOptions describes when a playbook takes calls.
type HoursOptions struct {
	Zone   string // IANA
	Weekly map[time.Weekday][]Interval
	// Exceptions replace what Weekly says of a date; an empty list closes it.
	Exceptions map[Date][]Interval
	// Holidays are closed, unless an exception says when they are not.
	Holidays []Date
}

// Hours are office hours. The clock on the wall decides: a playbook is open at
// an instant when a clock in its zone shows a time within an interval. So a
// spring gap takes away the minutes that no clock shows and nothing else, and
// in autumn an interval holds in both passes of the repeated hour.
//
// An interval that lasts across midnight belongs whole to the day on which it
// begins: a holiday or an exception on that day removes it to its end, one on
// the next day does not cut it.
//
// A nil *Hours is always open.
type Hours struct {
	zone       *time.Location
	weekly     [7][]Interval
	exceptions map[Date][]Interval
	holidays   map[Date]bool
}

// NewHours checks and sorts the intervals.
func NewHours(o HoursOptions) (*Hours, error) {
	zone, err := time.LoadLocation(o.Zone)
	if err != nil {
		return nil, fmt.Errorf("hours: time zone %q: %w", o.Zone, err)
	}
	h := &Hours{zone: zone, exceptions: make(map[Date][]Interval), holidays: make(map[Date]bool)}
	for day, list := range o.Weekly {
		if h.weekly[day], err = sorted(list); err != nil {
			return nil, fmt.Errorf("hours: %s: %w", day, err)
		}
	}
	for date, list := range o.Exceptions {
		if h.exceptions[date], err = sorted(list); err != nil {
			return nil, fmt.Errorf("hours: %s: %w", date, err)
		}
	}
	for _, date := range o.Holidays {
		h.holidays[date] = true
	}
	return h, nil
}

// sorted returns a copy in the order of the day.
func sorted(list []Interval) ([]Interval, error) {
	list = slices.Clone(list)
	for n, i := range list {
		if i.From < 0 || i.From >= dayMinutes || i.To < 0 || i.To > dayMinutes || i.From == i.To {
			return nil, fmt.Errorf("interval %s is not within a day", i)
		}
		list[n] = i.ended()
	}
	slices.SortFunc(list, func(a, b Interval) int { return a.From - b.From })
	return list, nil
}

// Zone returns the zone whose clocks decide; UTC when there are no hours.
func (h *Hours) Zone() *time.Location {
	if h == nil {
		return time.UTC
	}
	return h.zone
}

// Open reports whether calls are taken at an instant.
func (h *Hours) Open(at time.Time) bool {
	if h == nil {
		return true
	}
	_, _, open := h.inside(at)
	return open
}

// inside returns the interval that holds at an instant, and the day it began.
func (h *Hours) inside(at time.Time) (Date, Interval, bool) {
	at = at.In(h.zone)
	today, minute := dateOf(at), at.Hour()*60+at.Minute()
	for _, i := range h.on(today) {
		if minute >= i.From && (minute < i.To || i.overnight()) {
			return today, i, true
		}
	}
	yesterday := today.add(-1)
	for _, i := range h.on(yesterday) {
		if i.overnight() && minute < i.To {
			return yesterday, i, true
		}
	}
	return today, Interval{}, false
}

// on returns the intervals that begin on a date.
func (h *Hours) on(date Date) []Interval {
	if list, ok := h.exceptions[date]; ok {
		return list
	}
	if h.holidays[date] {
		return nil
	}
	return h.weekly[date.midnight().Weekday()]
}

// Explain says for people why calls are taken or not at an instant.
func (h *Hours) Explain(at time.Time) string {
	if h == nil {
		return "open: always"
	}
	date, interval, open := h.inside(at)
	if open {
		return fmt.Sprintf("open: %s %s %s", h.day(date), interval, h.zone)
	}
	list := h.on(date)
	if _, exception := h.exceptions[date]; !exception && h.holidays[date] {
		return fmt.Sprintf("closed: %s is a holiday", date)
	}
	if len(list) == 0 {
		return fmt.Sprintf("closed: %s all day %s", h.day(date), h.zone)
	}
	clock := at.In(h.zone).Format("15:04")
	return fmt.Sprintf("closed: %s %s is outside %s %s", h.day(date), clock, intervals(list), h.zone)
}

// intervals writes a day's list.
func intervals(list []Interval) string {
	texts := make([]string, len(list))
	for i := range list {
		texts[i] = list[i].String()
	}
	return strings.Join(texts, ", ")
}

// day names a date: its weekday, and the date itself when it is an exception.
func (h *Hours) day(date Date) string {
	if _, ok := h.exceptions[date]; ok {
		return date.String()
	}
	return weekday(date.midnight().Weekday())
}

// weekday names a day as the configuration does: mon.
func weekday(d time.Weekday) string { return strings.ToLower(d.String()[:3]) }

// horizon is how far ahead Next looks; hours repeat by the week, and years
// differ by their holidays alone.
const horizon = 370

// Next returns the next instant after at in which Open changes; false when it
// does not within a year.
func (h *Hours) Next(at time.Time) (time.Time, bool) {
	if h == nil {
		return time.Time{}, false
	}
	open, yesterday := h.Open(at), dateOf(at.In(h.zone)).add(-1)
	for n := range horizon {
		// Clocks that are put back over midnight mix two days, never three.
		list := append(h.changes(yesterday.add(n)), h.changes(yesterday.add(n+1))...)
		slices.SortFunc(list, time.Time.Compare)
		for _, t := range list {
			if t.After(at) && h.Open(t) != open {
				return t, true
			}
		}
	}
	return time.Time{}, false
}

// changes returns the instants of a day at which Open may change: where an
// interval begins or ends, midnight, and where clocks are changed.
func (h *Hours) changes(date Date) []time.Time {
	minutes := []int{0}
	for _, i := range h.on(date) {
		minutes = append(minutes, i.From, i.To)
	}
	for _, i := range h.on(date.add(-1)) {
		minutes = append(minutes, i.To)
	}
	var list []time.Time
	for _, minute := range minutes {
		list = append(list, h.instants(date, minute)...)
	}
	_, shift := date.midnight().Add(-26 * time.Hour).In(h.zone).ZoneBounds()
	for !shift.IsZero() && shift.Before(date.midnight().Add(38*time.Hour)) {
		if dateOf(shift.In(h.zone)) == date {
			list = append(list, shift)
		}
		_, shift = shift.In(h.zone).ZoneBounds()
	}
	return list
}

// instants returns when a clock in the zone shows a minute of a date: never,
// once or twice.
func (h *Hours) instants(date Date, minute int) []time.Time {
	naive := date.midnight().Add(time.Duration(minute) * time.Minute)
	var list []time.Time
	for _, around := range []time.Duration{-26 * time.Hour, 26 * time.Hour} {
		_, offset := naive.Add(around).In(h.zone).Zone()
		t := naive.Add(-time.Duration(offset) * time.Second)
		_, actual := t.In(h.zone).Zone()
		if actual == offset && !slices.Contains(list, t) {
			list = append(list, t)
		}
	}
	return list
}
