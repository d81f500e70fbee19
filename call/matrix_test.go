package call

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// phaseScripts lead a machine into each phase.
var phaseScripts = []struct {
	phase  Phase
	script []string
}{
	{Summoning, []string{"> 0s originate screen ana", "> 1s placed record"}},
	{Dialing, []string{"> 0s originate ana", "> 1s placed record", "> 2s progress 2 180"}},
	{Talking, []string{"> 0s originate ana", "> 1s placed record", "> 2s answered 2"}},
	{Talking, []string{"> 0s originate ana", "> 1s placed record", "> 2s answered 2", "> 3s held 1 on"}},
	{Talking, []string{"> 0s arrival", "> 1s planned record", "> 2s assigned ana", "> 3s answered 2", "> 4s transfer 102", "> 5s directed user luis"}},
	{Clearing, []string{"> 0s originate screen ana", "> 1s placed record", "> 2s answered 1", "> 3s gone 2 busy 486"}},
	{Arriving, []string{"> 0s arrival"}},
	{Waiting, []string{"> 0s arrival", "> 1s planned record"}},
	{Offering, []string{"> 0s arrival", "> 1s planned record", "> 2s assigned ana"}},
	{Announcing, []string{"> 0s arrival", "> 1s planned redirect record"}},
	{Dialing, []string{"> 0s arrival", "> 1s planned redirect record", "> 3s playended 1 closed:sales"}},
	{Talking, []string{"> 0s arrival", "> 1s planned record", "> 2s assigned ana", "> 3s answered 2"}},
	{Talking, []string{"> 0s arrival", "> 1s planned record", "> 2s assigned ana", "> 3s answered 2", "> 4s coach luis may-barge stays", "> 5s answered 3"}},
	{Following, []string{"> 0s standby luis", "> 1s answered 1"}},
	{Clearing, []string{"> 0s arrival", "> 1s planned record", "> 2s assigned ana", "> 3s gone 2 busy 486"}},
	{Ended, []string{"> 0s arrival", "> 1s planned record", "> 2s gone 1 normal"}},
}

// matrixInputs are one of each input; legs 1 (contact), 2 (the other) and 9 (nobody).
var matrixInputs = []string{
	"arrival", "planned", "refused", "opened 9", "ready 1", "ready 2", "mediafailed 1", "mediafailed 2",
	"assigned luis", "progress 2 180", "answered 2", "answered 9", "accepted 1", "offered 1", "offered 2",
	"gone 1 normal", "gone 2 busy 486", "gone 2 unreachable", "gone 2 no_answer 480", "gone 2 failed 500", "gone 9 normal",
	"playended 1 announce", "playended 1 unavailable", "medialost 1", "medialost 2", "digit 1 5", "accept ana", "accept luis", "reject ana", "reject luis",
	"originate ana", "placed", "held 1 on", "held 2 on", "held 2 off", "hold on", "mute on", "pause on", "digit 2 5 info",
	"transfer eva", "refers 2 eva", "directed user eva", "directed playbook support", "undirected", "surrender 2",
	"handed refused", "handed early eva", "handed eva OTHER-2", "gone 3 declined 603", "answered 3", "answered 1", "assigned eva auto",
	"coach eva", "handed dials eva", "handed coach eva stays", "switch luis whisper", "leave luis", "standby eva", "conversing NEXT",
	"digit 3 4", "digit 3 6 info", "held 3 on", "offered 3", "medialost 3", "refers 3 eva", "surrender 3", "timer coach 3",
	"hangup admin", "drained", "timer reception", "timer offer", "timer dial", "timer farewell",
}

// TestMatrix feeds every input to every phase and compares with the golden file.
func TestMatrix(t *testing.T) {
	var got strings.Builder
	for _, p := range phaseScripts {
		last := strings.SplitN(p.script[len(p.script)-1], " ", 3)[2]
		for _, in := range matrixInputs {
			fmt.Fprintf(&got, "# %s after %q: %s\n%s", p.phase, last, in, matrixCell(t, p.phase, p.script, in))
		}
	}
	const file = "testdata/matrix.txt"
	if *update {
		if err := os.WriteFile(file, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got.String() != string(want) {
		t.Errorf("the machine answers differently (run with -update to accept):\n%s", diff(string(want), got.String()))
	}
}

// matrixCell returns what the machine does with one input in one phase.
func matrixCell(t *testing.T, phase Phase, script []string, in string) string {
	t.Helper()
	s := newStage()
	for _, line := range script {
		if err := s.input(line); err != nil {
			t.Fatal(err)
		}
	}
	if s.m.Phase() != phase {
		t.Fatalf("script of %s ends in %s", phase, s.m.Phase())
	}
	s.out.Reset()
	if err := s.input("> 10s " + in); err != nil {
		t.Fatal(err)
	}
	_, cell, _ := strings.Cut(s.out.String(), "\n")
	checkInvariants(t, s)
	return cell
}

// checkInvariants holds for every machine after every input.
func checkInvariants(t *testing.T, s *stage) {
	t.Helper()
	r := s.m.Record()
	ended := s.m.Phase() == Ended
	if ended && r.Result == ResultNone {
		t.Errorf("ended without a result")
	}
	if r.Missed != (r.Reason != MissedNone) && r.Result != ResultNone {
		t.Errorf("missed %v with reason %q", r.Missed, r.Reason)
	}
	call := !r.StartedAt.IsZero() // a coach's wait is none
	if call && r.Result == ResultCompleted && r.AnsweredAt == nil {
		t.Errorf("completed, but nobody was connected")
	}
	if ended && (len(s.m.sides()) > 0 || s.m.closing != 0) {
		t.Errorf("ended with a leg or a port left")
	}
}
