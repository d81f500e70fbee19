package call

import (
	"math/rand/v2"
	"slices"
	"strconv"
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
	handed   map[LegID]bool // legs of other calls that are ours to take or to let go
	called   map[LegID]bool // invited or taken over, and not answered yet
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

func (p *promises) effect(s *stage, f Effect) {
	switch f := f.(type) {
	case Release:
		if p.released[f.Leg] {
			p.fail("leg %s is released twice", f.Leg)
		}
		p.released[f.Leg] = true
		delete(p.handed, f.Leg)
	case Invite:
		if s.m.phase == Offering && !f.To.AutoAnswer && p.saved.User != f.To.User {
			p.fail("a phone rings before the offer is durable")
		}
		if s.m.rec.RedirectedTo != "" && p.saved.RedirectedTo != f.To.Number {
			p.fail("a number is called before the redirection is durable")
		}
		p.calls(f.Leg)
	case Take:
		if !p.handed[f.From] {
			p.fail("%s is taken, but was not handed to us", f.From)
		}
		delete(p.handed, f.From)
		p.calls(f.Leg)
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
	case Talk:
		p.reserved[f.User] = true
	case OfferOver:
		p.free(f.User)
	case Free:
		p.free(f.User)
	case StartRecording:
		p.taping = true
	case TurnTape:
		if !p.taping {
			p.fail("the tape is turned but does not run")
		}
	case StopRecording:
		if !p.taping {
			p.fail("a recording is stopped that does not run")
		}
		p.taping = false
	}
}

func (p *promises) calls(leg LegID) {
	if !p.ports[leg] {
		p.fail("leg %s is called without a port", leg)
	}
	p.called[leg] = true
}

func (p *promises) free(user string) {
	if !p.reserved[user] {
		p.fail("%s is freed but was not reserved", user)
	}
	delete(p.reserved, user)
}

// TestRandomCalls feeds machines with random inputs and checks that each ends
// with exactly one result, every user free and every port closed.
func TestRandomCalls(t *testing.T) {
	plans := []string{"record", "early record", "next", "ring-all", "announce", "closed", "redirect record", "redirect unless-answered"}
	placements := []string{"record", "announce", "", "colleague", "colleague record"}
	for seed := range uint64(6000) {
		rng := rand.New(rand.NewPCG(seed, 7))
		s := newStage()
		p := &promises{
			t: t, released: map[LegID]bool{}, ports: map[LegID]bool{}, called: map[LegID]bool{}, handed: map[LegID]bool{}, reserved: map[string]bool{},
		}
		run := func(verb string, words ...string) { p.run(s, verb, words) }
		if rng.IntN(4) == 0 {
			s.failing[1+rng.IntN(4)] = []string{"open", "accept"}[rng.IntN(2)]
		}
		switch rng.IntN(3) {
		case 0:
			run("originate", []string{"", "screen "}[rng.IntN(2)]+"ana")
			run("placed", strings.Fields(placements[rng.IntN(len(placements))])...)
		default:
			run("arrival")
			run("planned", strings.Fields(plans[rng.IntN(len(plans))])...)
		}
		for range 60 {
			p.random(rng, run)
		}
		run("hangup", "admin")
		run("hangup", "admin")
		if s.m.Phase() != Ended || p.results != 1 || len(p.reserved) != 0 || len(p.ports)+len(p.handed) != 0 || p.taping {
			p.fail("phase %s, results %d, reserved %v, ports %v, handed %v, taping %v",
				s.m.Phase(), p.results, p.reserved, p.ports, p.handed, p.taping)
		}
	}
}

// run runs one input, and reserves whom routing or the floor would have reserved.
func (p *promises) run(s *stage, verb string, words []string) {
	words = strings.Fields(strings.Join(words, " "))
	var users []string
	switch {
	case verb == "assigned":
		users = words[:1]
	case verb == "placed" && slices.Contains(words, "colleague"):
		users = []string{"ana", "luis"}
	case verb == "placed":
		users = []string{"ana"}
	case verb == "directed" && words[0] == "user", verb == "handed" && words[0] == "early":
		users = words[1:2]
	}
	for _, u := range users {
		p.reserved[u] = true
	}
	p.history = append(p.history, "> "+verb+" "+strings.Join(words, " "))
	in, err := parseInput(verb, words)
	if err != nil {
		p.t.Fatal(err)
	}
	if in, handed := in.(Handed); handed && in.Leg != "" {
		p.handed[in.Leg] = true
	}
	p.step(s, in)
}

// random runs one input that adapters could post now: a released leg is silent.
func (p *promises) random(rng *rand.Rand, run func(string, ...string)) {
	pick := func(of ...string) string { return of[rng.IntN(len(of))] }
	leg := pick("1", "2", "3", "4", "5")
	id := stageID.Leg(int(leg[0] - '0'))
	user := pick("ana", "luis", "eva", "pau")
	alive := !p.released[id] && p.ports[id]
	switch n := rng.IntN(22); {
	case n < 2 && !p.reserved[user]:
		run("assigned", user, pick("", "auto"))
	case n < 6 && alive && p.called[id]:
		delete(p.called, id)
		run("answered", leg)
	case n == 6 && alive && p.called[id]:
		run("progress", leg, "183", pick("", "sdp"))
	case n == 7 && alive:
		p.released[id] = true // the peer ended it: nothing may be said to it any more
		run("gone", leg, pick("normal", "busy", "declined", "no_answer", "unreachable", "failed", "cancelled"))
	case n == 8:
		run("timer", pick("reception", "offer", "dial", "farewell"))
	case n == 9:
		run("playended", "1", pick("closed:sales", "announce", "unavailable"))
	case n == 10:
		run(pick("accept", "reject"), user)
	case n == 11 && alive && rng.IntN(3) == 0:
		run("medialost", leg)
	case n == 12 && alive:
		run("held", leg, pick("on", "off"))
	case n == 13:
		run(pick("hold", "mute", "pause"), pick("on", "off"))
	case n == 14:
		run("transfer", "whoever")
	case n == 15 && alive:
		run("refers", leg, "102", pick("", "OTHER-1"))
	case n == 16 && !p.reserved[user]:
		run("directed", pick("user "+user, "playbook support", "number"))
	case n == 17:
		run(pick("undirected", "handed", "handed"), pick("refused", "- OTHER-"+strconv.Itoa(len(p.history))))
	case n == 18 && !p.reserved[user]:
		run("handed", "early", user, "OTHER-"+strconv.Itoa(len(p.history)))
	case n == 19 && alive:
		run("digit", leg, pick("*", "1"), pick("", "info"))
	case n == 20 && alive && rng.IntN(10) == 0:
		run("surrender", leg)
	case n == 21 && rng.IntN(10) == 0:
		run(pick("drained", "hangup"), "admin")
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
		p.effect(s, f)
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
