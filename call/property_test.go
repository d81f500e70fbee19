package call

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// TestHears compares the table with the specification, cell by cell.
func TestHears(t *testing.T) {
	roles := []Role{RoleContact, RoleSalesperson, RoleOutside, RoleCoach, RoleWhisperer, RoleBarger}
	// listener: who is heard, in the order of roles
	want := map[Role]string{
		RoleContact:     "-yy--y",
		RoleSalesperson: "y---yy",
		RoleOutside:     "y----y",
		RoleCoach:       "yyy-yy",
		RoleWhisperer:   "yyy-yy",
		RoleBarger:      "yyy-yy",
	}
	for listener, row := range want {
		for i, speaker := range roles {
			if got := Hears(listener, speaker); got != (row[i] == 'y') {
				t.Errorf("%s hears %s: %v", listener, speaker, got)
			}
		}
	}
}

// TestAudienceNeverLeaksTheCoach wires every subset of seats in every order and
// finds no edge from a coach, or from a whisperer to the contact.
func TestAudienceNeverLeaksTheCoach(t *testing.T) {
	all := []Seat{
		{"c-1", RoleContact}, {"c-2", RoleSalesperson}, {"c-3", RoleOutside}, {"c-4", RoleCoach},
		{"c-5", RoleWhisperer}, {"c-6", RoleCoach}, {"c-7", RoleWhisperer}, {"c-8", RoleBarger},
	}
	roles := make(map[LegID]Role)
	for _, s := range all {
		roles[s.Leg] = s.Role
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for subset := range 1 << len(all) {
		var seats []Seat
		for i, s := range all {
			if subset&(1<<i) != 0 {
				seats = append(seats, s)
			}
		}
		rng.Shuffle(len(seats), func(i, j int) { seats[i], seats[j] = seats[j], seats[i] })
		for _, e := range Audience(seats) {
			listener, speaker := roles[e.Listener], roles[e.Speaker]
			if speaker == RoleCoach || speaker == RoleWhisperer && (listener == RoleContact || listener == RoleOutside) {
				t.Fatalf("%s hears %s in %v", listener, speaker, seats)
			}
			if e.Listener == e.Speaker {
				t.Fatalf("a leg hears itself in %v", seats)
			}
		}
	}
}

// promises checks, effect by effect, what the machine owes to the outside.
type promises struct {
	t        *testing.T
	history  []string
	released map[LegID]bool
	ports    map[LegID]bool
	reserved map[string]bool
	results  int
	taping   bool
	saved    Record // as it was saved last
}

func (p *promises) fail(format string, args ...any) {
	p.t.Helper()
	p.t.Errorf(format, args...)
	p.t.Fatalf("after:\n%s", strings.Join(p.history, "\n"))
}

func (p *promises) effect(f Effect) {
	switch f := f.(type) {
	case Release:
		if p.released[f.Leg] {
			p.fail("leg %s is released twice", f.Leg)
		}
		p.released[f.Leg] = true
	case Invite:
		if !f.To.AutoAnswer && p.saved.User != f.To.User || f.To.Trunk != "" && p.saved.RedirectedTo != f.To.Number {
			p.fail("a phone rings before the offer is durable")
		}
		if !p.ports[f.Leg] {
			p.fail("leg %s is called without a port", f.Leg)
		}
	case Save:
		p.saved = f.Change.Record
		if f.Change.Record.Result != ResultNone {
			p.results++
		}
	case CloseMedia:
		if !p.ports[f.Leg] {
			p.fail("the port of %s is closed twice", f.Leg)
		}
		delete(p.ports, f.Leg)
	case OfferOver:
		if !p.reserved[f.User] {
			p.fail("%s is freed but was not reserved", f.User)
		}
		delete(p.reserved, f.User)
	case Free:
		if !p.reserved[f.User] {
			p.fail("%s is freed but did not talk", f.User)
		}
		delete(p.reserved, f.User)
	case StartRecording:
		p.taping = true
	case StopRecording:
		if !p.taping {
			p.fail("a recording is stopped that does not run")
		}
		p.taping = false
	}
}

// TestRandomCalls feeds machines with random inputs and checks that each ends
// with exactly one result, every user free and every port closed.
func TestRandomCalls(t *testing.T) {
	plans := []string{"record", "early record", "next", "ring-all", "announce", "closed", "redirect record", "redirect unless-answered"}
	users := []string{"ana", "luis", "eva", "pau"}
	for seed := range uint64(3000) {
		rng := rand.New(rand.NewPCG(seed, 7))
		s := newStage()
		p := &promises{t: t, released: map[LegID]bool{}, ports: map[LegID]bool{}, reserved: map[string]bool{}}
		run := func(verb string, words ...string) {
			if verb == "assigned" {
				for _, u := range words {
					p.reserved[u] = true
				}
			}
			p.history = append(p.history, "> "+verb+" "+strings.Join(words, " "))
			in, err := parseInput(verb, words)
			if err != nil {
				t.Fatal(err)
			}
			p.step(s, in)
		}
		if rng.IntN(4) == 0 {
			s.failing[1+rng.IntN(4)] = []string{"open", "accept"}[rng.IntN(2)]
		}
		run("arrival")
		run("planned", strings.Fields(plans[rng.IntN(len(plans))])...)
		for range 40 {
			p.random(rng, users, run)
		}
		run("hangup", "admin")
		run("hangup", "admin")
		if s.m.Phase() != Ended || p.results != 1 || len(p.reserved) != 0 || len(p.ports) != 0 || p.taping {
			p.fail("phase %s, results %d, reserved %v, ports %v, taping %v", s.m.Phase(), p.results, p.reserved, p.ports, p.taping)
		}
	}
}

// random runs one input that adapters could post now: a released leg is silent.
func (p *promises) random(rng *rand.Rand, users []string, run func(string, ...string)) {
	leg := []string{"1", "2", "3", "4", "5"}[rng.IntN(5)]
	id := stageID.Leg(int(leg[0] - '0'))
	silent := p.released[id] || !p.ports[id]
	switch rng.IntN(12) {
	case 0, 1:
		if u := users[rng.IntN(len(users))]; !p.reserved[u] {
			run("assigned", u)
		}
	case 2, 3:
		if !silent && leg != "1" {
			run("answered", leg)
		}
	case 4:
		if !silent {
			p.released[id] = true // the peer ended it: nothing may be said to it any more
			run("gone", leg, []string{"normal", "busy", "declined", "no_answer", "unreachable", "failed", "cancelled"}[rng.IntN(7)])
		}
	case 5:
		run("timer", []string{"reception", "offer", "dial", "farewell"}[rng.IntN(4)])
	case 6:
		run("playended", "1", []string{"closed:sales", "announce", "unavailable"}[rng.IntN(3)])
	case 7:
		run("accept", users[rng.IntN(len(users))])
	case 8:
		run("reject", users[rng.IntN(len(users))])
	case 9:
		if !silent {
			run("progress", leg, "183", "sdp")
		}
	case 10:
		if !silent {
			run("medialost", leg)
		}
	case 11:
		if rng.IntN(10) == 0 {
			run([]string{"drained", "hangup"}[rng.IntN(2)], "admin")
		}
	}
}

// step steps the machine and keeps the books of ports.
func (p *promises) step(s *stage, in Input) {
	fx, err := s.m.Step(s.at, in)
	if err != nil {
		p.fail("%v", err)
	}
	var results []Input
	for _, f := range fx {
		p.history = append(p.history, "  "+describe(f))
		p.effect(f)
		for _, r := range s.result(f) {
			if opened, ok := r.(MediaOpened); ok {
				p.ports[opened.Leg] = true
			}
			results = append(results, r)
		}
	}
	for _, r := range results {
		p.step(s, r)
	}
	checkInvariants(p.t, s)
}

// TestRecordIsACopy: what others were shown does not change under them.
func TestRecordIsACopy(t *testing.T) {
	s := newStage()
	for _, line := range []string{"> 0s arrival", "> 0s planned", "> 0s assigned ana", "> 1s answered 2"} {
		if err := s.input(line); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.m.Step(s.at, LegGone{Leg: stageID.Leg(1)}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.m.Step(s.at, MediaClosed{Leg: stageID.Leg(1)}); err != nil {
		t.Fatal(err)
	}
	shown := s.m.Record()
	if _, err := s.m.Step(s.at, MediaClosed{Leg: stageID.Leg(2)}); err != nil {
		t.Fatal(err)
	}
	if len(shown.Quality) != 1 || len(s.m.Record().Quality) != 2 || len(shown.Trail) == len(s.m.Record().Trail) {
		t.Errorf("shown %v and %d marks, now %v and %d", shown.Quality, len(shown.Trail), s.m.Record().Quality, len(s.m.Record().Trail))
	}
}

// TestPassedOver: one mark for each reason, with everybody whom it concerns.
func TestPassedOver(t *testing.T) {
	s := newStage()
	for _, line := range []string{"> 0s arrival", "> 0s planned", "> 0s assigned ana !luis:talking !eva:break !pau:talking"} {
		if err := s.input(line); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for _, k := range s.m.Record().Trail {
		if k.What == "passed_over" {
			got = append(got, k.User+": "+k.Why)
		}
	}
	if want := []string{"luis, pau: talking", "eva: break"}; !slices.Equal(got, want) {
		t.Errorf("passed over: %q, want %q", got, want)
	}
}
