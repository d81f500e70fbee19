package daemon

import (
	"fmt"
	"time"

	"tandem/call"
	"tandem/config"
	"tandem/routing"
)

// account translates what the configuration says about who sells what, from
// which numbers and when.
func account(cfg *config.Config) (routing.Account, error) {
	country := string(cfg.Account.Country)
	a := routing.Account{Country: country, Record: cfg.Recording.Enabled, RingTimeouts: make(map[string]time.Duration), CRM: crmName(cfg)}
	for _, t := range cfg.Trunks {
		a.RingTimeouts[t.Name] = t.RingTimeout
	}
	if cfg.Recording.Announce != "" {
		a.Announce = routing.AnnounceSound
	}
	a.Coaching = routing.CoachingRules{Barge: cfg.Coaching.Barge, Notify: cfg.Coaching.NotifySalesperson}
	for _, r := range cfg.Coaching.Roles {
		a.Coaching.Roles = append(a.Coaching.Roles, string(r))
	}
	for _, n := range cfg.Numbers {
		a.Numbers = append(a.Numbers, routing.AccountNumber{Number: n.Number, Trunks: n.Trunks, Playbook: n.Playbook})
	}
	for _, u := range cfg.Users {
		a.Users = append(a.Users, routing.User{Name: u.Name, Display: u.Display, Role: string(u.Role), Extension: u.Extension})
	}
	for _, p := range cfg.Playbooks {
		playbook, err := playbook(p, cfg)
		if err != nil {
			return routing.Account{}, fmt.Errorf("playbook %s: %w", p.Name, err)
		}
		a.Playbooks = append(a.Playbooks, playbook)
	}
	return a, nil
}

func playbook(p config.Playbook, cfg *config.Config) (routing.Playbook, error) {
	open, err := hours(p.Hours)
	if err != nil {
		return routing.Playbook{}, err
	}
	closed := routing.ClosedRule{
		RingTimeout: redirectRing(p, cfg), TaskUnlessAnswered: p.Closed.MissedTask == config.MissedUnanswered,
	}
	if p.Closed.Redirect != "" {
		number, ok := routing.Normalize(p.Closed.Redirect, string(cfg.Account.Country))
		if !ok {
			return routing.Playbook{}, fmt.Errorf("redirect %q: not a number", p.Closed.Redirect)
		}
		closed.Redirect = number
	}
	return routing.Playbook{
		Name: p.Name, Users: p.Users, MainNumber: p.MainNumber, Hours: open, Closed: closed, WrapUp: p.WrapUp, Unrecorded: !p.Recording.Enabled,
		Reception: call.Reception{
			Strategy: call.Strategy(p.Reception.Strategy), PreferOwner: p.Reception.PreferOwner,
			Timeout: p.Reception.Timeout, OfferTimeout: p.Reception.OfferTimeout,
			RejectNext: p.Reception.OnReject == config.RejectNext, Early: p.Reception.Answer == config.AnswerEarly,
		},
	}, nil
}

// redirectRing is how long a redirected call rings: as the first trunk that
// may carry it says.
func redirectRing(p config.Playbook, cfg *config.Config) time.Duration {
	for _, n := range cfg.Numbers {
		if n.Playbook != p.Name {
			continue
		}
		for _, t := range cfg.Trunks {
			if len(n.Trunks) > 0 && t.Name == n.Trunks[0] {
				return t.RingTimeout
			}
		}
	}
	return 45 * time.Second
}

// hours translates office hours; nil is always open.
func hours(h *config.Hours) (*routing.Hours, error) {
	if h == nil {
		return nil, nil
	}
	o := routing.HoursOptions{
		Zone: string(h.Timezone), Weekly: make(map[time.Weekday][]routing.Interval),
		Exceptions: make(map[routing.Date][]routing.Interval),
	}
	for day := time.Sunday; day <= time.Saturday; day++ {
		o.Weekly[day] = intervals(h.Weekly.Day(day))
	}
	for date, day := range h.Exceptions {
		o.Exceptions[routing.Date(date)] = intervals(day)
	}
	for _, date := range h.Holidays {
		o.Holidays = append(o.Holidays, routing.Date(date))
	}
	return routing.NewHours(o)
}

func intervals(day config.Day) []routing.Interval {
	list := make([]routing.Interval, len(day))
	for i, v := range day {
		list[i] = routing.Interval{From: int(v.From), To: int(v.Until)}
	}
	return list
}
