package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Clock is a time of day in minutes after midnight, 0 to 1440.
type Clock int

// midnight is the end of a day, written 24:00.
const midnight Clock = 24 * 60

// String is the time as 15:04; the end of the day is 24:00.
func (c Clock) String() string { return fmt.Sprintf("%02d:%02d", int(c)/60, int(c)%60) }

// parseClock reads "09:00", and "24:00" as the end of the day.
func parseClock(s string) (Clock, bool) {
	if s == "24:00" {
		return midnight, true
	}
	if len(s) != 5 {
		return 0, false
	}
	t, err := time.Parse("15:04", s)
	if err != nil {
		return 0, false
	}
	return Clock(t.Hour()*60 + t.Minute()), true
}

// Interval is a part of a day: From is included, Until is not. When Until is
// not after From the interval runs past midnight into the next day.
type Interval struct {
	From, Until Clock
}

// UnmarshalText reads "09:00-14:00", "22:00-02:00" and "18:00-24:00".
func (i *Interval) UnmarshalText(text []byte) error {
	a, b, _ := strings.Cut(string(text), "-")
	from, okFrom := parseClock(strings.TrimSpace(a))
	until, okUntil := parseClock(strings.TrimSpace(b))
	if !okFrom || !okUntil || from == midnight {
		return errors.New("is not an interval: write hh:mm-hh:mm, such as 09:00-14:00")
	}
	if from == until {
		return errors.New("is empty: a whole day is 00:00-24:00")
	}
	*i = Interval{From: from, Until: until}
	return nil
}

// MarshalText writes the form that UnmarshalText reads.
func (i Interval) MarshalText() ([]byte, error) { return []byte(i.String()), nil }

// String is the interval as 09:00-14:00.
func (i Interval) String() string { return i.From.String() + "-" + i.Until.String() }

// Overnight reports whether the interval ends on the next day.
func (i Interval) Overnight() bool { return i.Until <= i.From }

// Day is the open intervals of one day; empty is closed.
type Day []Interval

// UnmarshalText reads "closed", the other way to write an empty list.
func (d *Day) UnmarshalText(text []byte) error {
	if string(text) != "closed" {
		return errors.New(`is not a list of intervals: write ["09:00-14:00"], or closed`)
	}
	*d = Day{}
	return nil
}

// Days is a set of weekdays: bit n is time.Weekday(n).
type Days uint8

// Has reports whether the set holds a weekday.
func (d Days) Has(day time.Weekday) bool { return d&(1<<day) != 0 }

// UnmarshalText reads a day (mon), a range (mon-thu, sat-mon) or a list (mon,wed).
func (d *Days) UnmarshalText(text []byte) error {
	names := []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}
	var set Days
	for part := range strings.SplitSeq(string(text), ",") {
		first, last, isRange := strings.Cut(strings.TrimSpace(part), "-")
		if !isRange {
			last = first
		}
		a, b := slices.Index(names, first), slices.Index(names, last)
		if a < 0 || b < 0 {
			return errors.New("is not a day: write mon, tue, wed, thu, fri, sat or sun, a range (mon-thu) or a list (mon,wed)")
		}
		for day := a; ; day = (day + 1) % 7 {
			set |= 1 << day
			if day == b {
				break
			}
		}
	}
	*d = set
	return nil
}

// Weekly is the open intervals of a week, by sets of days as they stand in the
// file. A day may occur in several sets; its intervals then add up.
type Weekly map[Days]Day

// Day is the intervals of one weekday, sorted by their begin. An overnight
// interval belongs to the day on which it begins.
func (w Weekly) Day(day time.Weekday) Day {
	var all Day
	for days, intervals := range w {
		if days.Has(day) {
			all = append(all, intervals...)
		}
	}
	slices.SortFunc(all, func(a, b Interval) int { return int(a.From - b.From) })
	return all
}

// Date is a day of the calendar, without a zone.
type Date struct {
	Year  int
	Month time.Month
	Day   int
}

// UnmarshalText reads "2026-12-25".
func (d *Date) UnmarshalText(text []byte) error {
	t, err := time.Parse(time.DateOnly, string(text))
	if err != nil {
		return errors.New("is not a date: write year-month-day, such as 2026-12-25")
	}
	*d = DateOf(t)
	return nil
}

// MarshalText writes the form that UnmarshalText reads.
func (d Date) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// String is the date as 2026-12-25.
func (d Date) String() string { return fmt.Sprintf("%04d-%02d-%02d", d.Year, d.Month, d.Day) }

// DateOf is the date of a time in the time's own zone.
func DateOf(t time.Time) Date {
	year, month, day := t.Date()
	return Date{Year: year, Month: month, Day: day}
}

// number counts days from the beginning of the calendar, for arithmetic.
func (d Date) number() int {
	return int(time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, time.UTC).Unix() / 86400)
}
