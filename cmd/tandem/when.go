package main

import (
	"fmt"
	"time"
)

// parseTime reads a time as people write it, in a zone when it names none:
// RFC 3339, 2026-11-23 15:00[:00], a date alone (its midnight), or 15:00,
// which is today's.
func parseTime(text string, now time.Time, zone *time.Location) (time.Time, error) {
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t, nil
	}
	for _, layout := range []string{time.DateTime, "2006-01-02 15:04", "2006-01-02T15:04", "2006-01-02T15:04:05", time.DateOnly} {
		if t, err := time.ParseInLocation(layout, text, zone); err == nil {
			return t, nil
		}
	}
	clock, err := time.Parse("15:04", text)
	if err != nil {
		return time.Time{}, usageError{fmt.Sprintf("%q is no time; write 15:00, 2026-11-23 15:00 or 2026-11-23T15:00:00+01:00", text)}
	}
	y, m, d := now.In(zone).Date()
	return time.Date(y, m, d, clock.Hour(), clock.Minute(), 0, 0, zone), nil
}

// parseUntil is parseTime for an end: a time of day that has passed today is
// tomorrow's.
func parseUntil(text string, now time.Time, zone *time.Location) (time.Time, error) {
	t, err := parseTime(text, now, zone)
	if err != nil || len(text) > len("15:04") || t.After(now) {
		return t, err
	}
	return t.AddDate(0, 0, 1), nil
}
