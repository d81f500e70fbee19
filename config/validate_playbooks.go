package config

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

func (v *validator) playbooks() {
	c := v.cfg
	users := v.collect("users", "name", pick(c.Users, func(u User) string { return u.Name }))
	numbers := v.collect("numbers", "number", pick(c.Numbers, func(n Number) string { return n.Number }))
	for i := range c.Playbooks {
		p, path := &c.Playbooks[i], fmt.Sprintf("playbooks[%d]", i)
		v.label(path+".name", p.Name)
		v.referAll(path+".users", p.Users, users)
		v.refer(path+".main_number", p.MainNumber, numbers)
		v.redirect(path+".closed.redirect", &p.Closed.Redirect, numbers)
		v.wav(path+".closed.prompt", p.Closed.Prompt)
		v.wav(path+".reception.hold_music", p.Reception.HoldMusic)
		v.offerTimeout(path+".reception", p.Reception)
		if p.Hours != nil {
			v.hours(path+".hours", p.Hours)
		}
		if len(p.Users) == 0 && v.sound(path+".users") {
			v.warn(path, "has no users: its calls are missed")
		}
	}
	once(v, "coaching.roles", c.Coaching.Roles)
}

// redirect checks the number that a call outside office hours goes to, and
// turns it into E.164. An own number would bring the call back to us.
func (v *validator) redirect(path string, number *string, own names) {
	if *number == "" || !v.sound(path) {
		return
	}
	normal, ok := v.normal(*number)
	if !ok {
		v.fault(path, v.shown(path)+" is not a possible telephone number", "write it in E.164, such as +34600000000")
		return
	}
	if _, ours := own.first[normal]; ours {
		v.fault(path, v.shown(path)+" is one of the account's own numbers: the call would come back", "")
	}
	*number = normal
}

func (v *validator) offerTimeout(path string, r Reception) {
	if r.OfferTimeout > r.Timeout && v.sound(path+".timeout") {
		v.fault(path+".offer_timeout", "is longer than timeout ("+formatDuration(r.Timeout)+")", "")
	}
}

// hours checks the resulting week and the dates.
func (v *validator) hours(path string, h *Hours) {
	v.overlaps(v.week(path+".weekly", h.Weekly))
	v.overlaps(v.dates(path+".exceptions", h.Exceptions))
	once(v, path+".holidays", h.Holidays)
	for i, date := range h.Holidays {
		at := fmt.Sprintf("%s.holidays[%d]", path, i)
		if _, both := h.Exceptions[date]; both && v.sound(at) {
			v.warn(at, date.String()+" is a holiday and an exception: keep one of them")
		}
	}
	if len(h.Weekly) == 0 && v.sound(path+".weekly") {
		v.warn(path, "has no weekly hours: only exceptions open the office")
	}
}

// span is an open time on one endless line of minutes.
type span struct {
	from, until int
	path        string
}

const (
	dayMinutes  = 24 * 60
	weekMinutes = 7 * dayMinutes
)

// week lays the weekly intervals of every day out from Sunday 00:00. What runs
// over Saturday night comes again at the beginning.
func (v *validator) week(path string, w Weekly) []span {
	var spans []span
	for _, key := range v.entries[path] {
		var set Days
		if !v.sound(join(path, key)) || set.UnmarshalText([]byte(key)) != nil {
			continue
		}
		for day := time.Sunday; day <= time.Saturday; day++ {
			if set.Has(day) {
				spans = append(spans, v.lay(join(path, key), w[set], int(day)*dayMinutes)...)
			}
		}
	}
	for _, s := range spans {
		if s.until > weekMinutes {
			spans = append(spans, span{from: s.from - weekMinutes, until: s.until - weekMinutes, path: s.path})
		}
	}
	return spans
}

// dates lays the intervals of the exceptions out on the calendar.
func (v *validator) dates(path string, exceptions map[Date]Day) []span {
	var spans []span
	for date, day := range exceptions {
		spans = append(spans, v.lay(join(path, date.String()), day, date.number()*dayMinutes)...)
	}
	return spans
}

// lay puts the readable intervals of one day at its first minute.
func (v *validator) lay(path string, day Day, midnight int) []span {
	var spans []span
	for i, interval := range day {
		s := span{midnight + int(interval.From), midnight + int(interval.Until), fmt.Sprintf("%s[%d]", path, i)}
		if interval.Overnight() {
			s.until += dayMinutes
		}
		if v.sound(s.path) {
			spans = append(spans, s)
		}
	}
	return spans
}

// overlaps reports spans that share a minute, at the one that stands later in
// the file.
func (v *validator) overlaps(spans []span) {
	slices.SortFunc(spans, func(a, b span) int {
		return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(a.until, b.until), cmp.Compare(a.path, b.path))
	})
	var widest span
	for i, s := range spans {
		if i > 0 && s.from < widest.until {
			v.overlap(widest.path, s.path)
		}
		if i == 0 || s.until > widest.until {
			widest = s
		}
	}
}

func (v *validator) overlap(a, b string) {
	at, other := v.at(a), v.at(b)
	if cmp.Or(cmp.Compare(at.line, other.line), cmp.Compare(at.column, other.column)) < 0 {
		a, b, other = b, a, at
	}
	v.fault(a, fmt.Sprintf("%s overlaps %s on line %d", v.shown(a), v.shown(b), other.line), "")
}

func (v *validator) dialer() {
	const path = "dialer.calling_hours"
	if len(v.cfg.Dialer.CallingHours) == 0 && v.sound(path) {
		v.warn(path, "is empty: no campaign may ever call")
	}
	v.overlaps(v.lay(path, v.cfg.Dialer.CallingHours, 0))
}
