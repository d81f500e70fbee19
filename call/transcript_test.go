package call

import (
	"bytes"
	"cmp"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "rewrite the transcripts with what the machine does now")

// A transcript is a text of inputs (lines that begin with ">") and, below each,
// the effects that the machine answers with. "=" lines are the results that
// adapters come back with at once, and "|" lines the call as it stands then.
func TestTranscripts(t *testing.T) {
	files, err := filepath.Glob("testdata/calls/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no transcripts: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got, err := replay(string(want))
			if err != nil {
				t.Fatal(err)
			}
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if got != string(want) {
				t.Errorf("the machine answers differently (run with -update to accept):\n%s", diff(string(want), got))
			}
		})
	}
}

// diff lists the lines from the first difference on.
func diff(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range min(len(w), len(g)) {
		if w[i] != g[i] {
			return fmt.Sprintf("line %d\nwant %s\ngot  %s", i+1, strings.Join(w[i:min(i+8, len(w))], "\n     "), strings.Join(g[i:min(i+8, len(g))], "\n     "))
		}
	}
	return fmt.Sprintf("want %d lines, got %d", len(w), len(g))
}

// replay runs the inputs of a transcript and returns the whole of it anew.
func replay(text string) (string, error) { return newStage().replay(text) }

func (s *stage) replay(text string) (string, error) {
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		switch {
		case strings.HasPrefix(line, "#"):
			fmt.Fprintln(&s.out, line)
		case strings.HasPrefix(line, ">"):
			if err := s.input(line); err != nil {
				return "", fmt.Errorf("%q: %w", line, err)
			}
		}
	}
	return s.out.String(), nil
}

// stage is a machine with the clock and the scenery of a transcript.
type stage struct {
	m     *Machine
	began time.Time
	at    time.Time
	clock func(time.Time) time.Time // what the clock shows at a time
	out   bytes.Buffer
	// failing media, by leg number: "open" or "accept"
	failing map[int]string
}

const stageID = ID("01JD8ZQ0000000000000000000")

func newStage() *stage {
	began := time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
	return &stage{m: NewMachine(), began: began, at: began, failing: make(map[int]string), clock: func(at time.Time) time.Time { return at }}
}

// input runs one line: "> OFFSET VERB ARGS", e.g. "> 2s answered 2".
func (s *stage) input(line string) error {
	fmt.Fprintln(&s.out, line)
	words := strings.Fields(strings.TrimPrefix(line, ">"))
	if len(words) < 2 {
		return fmt.Errorf("want an offset and a verb")
	}
	offset, err := time.ParseDuration(words[0])
	if err != nil {
		return err
	}
	s.at = s.began.Add(offset)
	if words[1] == "break" { // break LEG open|accept: the leg's media is going to fail
		n, err := strconv.Atoi(words[2])
		s.failing[n] = words[3]
		return err
	}
	in, err := parseInput(words[1], words[2:])
	if err != nil {
		return err
	}
	if err := s.step(in); err != nil {
		return err
	}
	s.show()
	return nil
}

// step runs an input and what adapters answer to its effects.
func (s *stage) step(in Input) error {
	fx, err := s.m.Step(s.clock(s.at), in)
	if err != nil {
		fmt.Fprintf(&s.out, "  error: %v\n", err)
		return nil
	}
	var results []Input
	for _, f := range fx {
		fmt.Fprintf(&s.out, "  %s\n", describe(f))
		results = append(results, s.result(f)...)
	}
	for _, r := range results {
		fmt.Fprintf(&s.out, "  = %s\n", describe(r))
		if err := s.step(r); err != nil {
			return err
		}
	}
	return nil
}

// result is what an adapter answers at once.
func (s *stage) result(f Effect) []Input {
	cause := Cause{Kind: CauseFailed, Code: 488, Q850: 88, Text: "no common codec"}
	switch f := f.(type) {
	case OpenMedia:
		if s.failing[legNumber(f.Leg)] == "open" {
			return []Input{MediaFailed{Leg: f.Leg, Cause: cause}}
		}
		return []Input{MediaOpened{Leg: f.Leg, SDP: []byte("sdp" + strconv.Itoa(legNumber(f.Leg)))}}
	case AcceptMedia:
		if s.failing[legNumber(f.Leg)] == "accept" {
			return []Input{MediaFailed{Leg: f.Leg, Cause: cause}}
		}
		return []Input{MediaReady{Leg: f.Leg}}
	case CloseMedia:
		return []Input{MediaClosed{Leg: f.Leg, Quality: Quality{MOS: 4.4}}}
	}
	return nil
}

// show prints the call as it stands.
func (s *stage) show() {
	r := s.m.Record()
	fmt.Fprintf(&s.out, "  | %s %s", s.m.Phase(), r.State)
	if r.User != "" {
		fmt.Fprintf(&s.out, " user=%s", r.User)
	}
	if r.Result != "" {
		fmt.Fprintf(&s.out, " result=%s missed=%v reason=%s wait=%g duration=%g code=%d/%d",
			r.Result, r.Missed, r.Reason, r.Wait, r.Duration, r.SIPCode, r.Q850)
	}
	fmt.Fprintln(&s.out)
}

func legNumber(l LegID) int {
	_, n, _ := strings.Cut(string(l), "-")
	i, _ := strconv.Atoi(n)
	return i
}

// parseInput reads an input's verb and words.
func parseInput(verb string, words []string) (Input, error) {
	word := func(i int) string {
		if i < len(words) {
			return words[i]
		}
		return ""
	}
	legID := func() LegID { n, _ := strconv.Atoi(word(0)); return stageID.Leg(n) }
	switch verb {
	case "arrival":
		in := Arrival{Call: stageID, Leg: stageID.Leg(1), Trunk: "carrier", Called: "+34910000001", Caller: "+34600111222", SDP: []byte("offer")}
		if word(0) == "late-offer" {
			in.SDP = nil
		}
		return in, nil
	case "originate": // USER, or "screen USER"
		in := Origination{Call: stageID, User: word(0), Leg: stageID.Leg(1), SDP: []byte("offer"), Source: "10.0.0.9", Dialed: "600111222"}
		if word(0) == "screen" {
			in = Origination{Call: stageID, User: word(1), Dialed: "600111222"}
		}
		return in, nil
	case "placed":
		return Placed{parsePlacement(words)}, nil
	case "held":
		return LegHeld{Leg: legID(), On: word(1) != "off"}, nil
	case "refers": // LEG TO [PARTNER]
		in := LegRefers{Leg: legID(), To: word(1)}
		if word(2) != "" {
			in.Partner = LegID(word(2))
		}
		return in, nil
	case "transfer":
		return Transfer{By: "ana", To: word(0)}, nil
	case "directed":
		return Directed{parseDestination(words)}, nil
	case "undirected":
		return Undirected{Cause{Kind: CauseFailed, Code: 404}}, nil
	case "surrender":
		return Surrender{By: "OTHER", Leg: legID()}, nil
	case "handed": // refused [FOR] | early USER | USER LEG [FOR] | - LEG | dials USER | coach USER
		switch {
		case word(0) == "dials":
			as := parseCoaching(words[1:])
			return Handed{Leg: "OTHER-8", User: as.User, Early: true, SDP: []byte("theirs"), Coaching: &as}, nil
		case word(0) == "coach":
			as := parseCoaching(words[1:])
			return Handed{Leg: "OTHER-7", User: as.User, Coaching: &as}, nil
		case word(0) == "refused":
			return Handed{For: LegID(cmp.Or(word(1), "OTHER-1"))}, nil
		case word(0) == "early":
			return Handed{Leg: LegID(cmp.Or(word(2), "OTHER-1")), User: word(1), Early: true, SDP: []byte("theirs")}, nil
		case word(0) == "-":
			return Handed{For: "OTHER-1", Leg: LegID(word(1)), Party: Party{Number: "+34600777888"}}, nil
		}
		return Handed{For: LegID(cmp.Or(word(2), "OTHER-1")), Leg: LegID(word(1)), User: word(0)}, nil
	case "coach": // USER, and see parseCoaching
		return Coach{parseCoaching(words)}, nil
	case "switch":
		return CoachSwitch{User: word(0), Mode: CoachMode(word(1))}, nil
	case "leave":
		return CoachLeave{User: word(0)}, nil
	case "standby":
		as := parseCoaching(words)
		as.Stays, as.With = true, "ana"
		return Standby{Call: stageID, Leg: "OTHER-9", Coaching: as}, nil
	case "conversing":
		return Conversing{Call: ID(word(0))}, nil
	case "hold":
		return Hold{By: "ana", On: word(0) != "off"}, nil
	case "mute":
		return Mute{By: "ana", On: word(0) != "off"}, nil
	case "pause":
		return PauseRecording{By: "ana", On: word(0) != "off"}, nil
	case "planned":
		return Planned{parsePlan(words)}, nil
	case "refused":
		return Refused{Cause{Kind: CauseFailed, Code: 404, Q850: 1, Text: "unknown number"}}, nil
	case "assigned": // users, and "!user:why" for those who were passed over
		in := Assigned{Why: "longest idle"}
		for _, w := range words {
			if w == "auto" {
				in.Auto = true
				continue
			}
			name, why, _ := strings.Cut(w, ":")
			if passed, not := strings.CutPrefix(name, "!"); not {
				in.Passed = append(in.Passed, Passed{User: passed, Why: why})
				continue
			}
			in.Users = append(in.Users, w)
		}
		return in, nil
	case "progress":
		status, err := strconv.Atoi(word(1))
		in := LegProgress{Leg: legID(), Status: status}
		if word(2) == "sdp" {
			in.SDP = []byte("early")
		}
		return in, err
	case "answered":
		return LegAnswered{Leg: legID(), SDP: []byte("answer")}, nil
	case "accepted":
		return LegAccepted{Leg: legID(), SDP: []byte("answer")}, nil
	case "offered":
		return LegOffered{Leg: legID(), SDP: []byte("reoffer")}, nil
	case "gone":
		kind, err := parseKind(word(1))
		code, _ := strconv.Atoi(word(2))
		return LegGone{Leg: legID(), Cause: Cause{Kind: kind, Code: code}}, err
	case "opened":
		return MediaOpened{Leg: legID(), SDP: []byte("sdp")}, nil
	case "ready":
		return MediaReady{Leg: legID()}, nil
	case "mediaclosed":
		return MediaClosed{Leg: legID()}, nil
	case "mediafailed":
		return MediaFailed{Leg: legID(), Cause: Cause{Kind: CauseFailed, Code: 488}}, nil
	case "playended":
		return PlayEnded{Leg: legID(), Sound: Sound(word(1))}, nil
	case "medialost":
		return MediaLost{Leg: legID()}, nil
	case "digit":
		return Digit{Leg: legID(), Key: word(1)[0], Signalled: word(2) == "info"}, nil
	case "accept":
		return Accept{User: word(0)}, nil
	case "reject":
		return Reject{User: word(0)}, nil
	case "hangup":
		return Hangup{By: word(0)}, nil
	case "drained":
		return Drained{}, nil
	case "timer":
		if word(0) == "coach" { // coach LEG
			n, err := strconv.Atoi(word(1))
			return TimerFired{Timer: (&coach{leg: leg{id: stageID.Leg(n)}}).timer()}, err
		}
		return TimerFired{Timer: Timer(word(0))}, nil
	}
	return nil, fmt.Errorf("unknown verb %q", verb)
}

func parseKind(s string) (CauseKind, error) {
	for k := CauseNormal; k <= CauseMediaLost; k++ {
		if k.String() == s {
			return k, nil
		}
	}
	return 0, fmt.Errorf("unknown cause %q", s)
}

// parseCoaching reads who coaches: USER, then a mode, "may-barge" and "stays".
func parseCoaching(words []string) Coaching {
	as := Coaching{User: words[0], Mode: CoachListens, Show: Party{Name: "Ana"}, Music: "music:sales", RingTimeout: 45 * time.Second}
	for _, w := range words[1:] {
		switch w {
		case "may-barge":
			as.Barge = true
		case "stays":
			as.Stays = true
		default:
			as.Mode = CoachMode(w)
		}
	}
	return as
}

// parsePlan reads the switches of a plan: early, next, ring-all, record,
// announce, closed, redirect, unless-answered.
func parsePlan(words []string) Plan {
	p := Plan{
		Contact: Party{ContactID: "contact", Name: "María", Number: "+34600111222"}, Owner: "ana",
		From: "+34600111222", To: "+34910000001", Number: "+34910000001", Playbook: "sales", TaskID: "task",
		Reception: Reception{
			Strategy: LongestIdle, PreferOwner: true, Timeout: time.Minute, OfferTimeout: 20 * time.Second, Music: "music:sales",
		},
		Why: "open",
	}
	for _, w := range words {
		switch w {
		case "early":
			p.Reception.Early = true
		case "next":
			p.Reception.RejectNext = true
		case "ring-all":
			p.Reception.Strategy = RingAll
		case "record":
			p.Record = true
		case "announce":
			p.Record, p.Announce = true, "announce"
		case "closed":
			p.Closed = &Closed{Message: "closed:sales"}
		case "redirect":
			p.Closed = &Closed{Message: "closed:sales", Redirect: &Route{
				Number: "+34600999888", CallerID: "+34910000001", Trunks: []string{"carrier", "backup"}, RingTimeout: 45 * time.Second,
			}}
		case "unless-answered":
			p.Closed.TaskUnlessAnswered = true
		}
	}
	return p
}

// parsePlacement reads the switches of a placement: record, announce, colleague,
// service, pickup, coaching.
func parsePlacement(words []string) Placement {
	p := Placement{
		Contact: Party{ContactID: "contact", Name: "María", Number: "+34600111222"},
		Caller:  Party{Name: "Ana", Number: "101"}, From: "+34910000001", To: "+34600111222", Number: "+34910000001", Rule: "country",
		Playbook: "sales", Music: "music:sales", Why: "the contact's country",
		Route: Route{
			Number: "+34600111222", CallerID: "+34910000001", Trunks: []string{"carrier", "backup"}, RingTimeout: 45 * time.Second,
		},
	}
	for _, w := range words {
		switch w {
		case "record":
			p.Record = true
		case "announce":
			p.Record, p.Announce = true, "announce"
		case "colleague":
			p.Contact, p.To, p.Number, p.Rule = Party{Name: "Luis", Number: "102"}, "102", "", ""
			p.Route = Route{User: "luis", RingTimeout: 45 * time.Second}
		case "service":
			p = Placement{Service: SoundConfirm}
		case "coaching":
			as := parseCoaching([]string{"eva"})
			p = Placement{Pickup: "WAITING", Coaching: &as}
		case "pickup":
			p = Placement{Pickup: "WAITING"}
		}
	}
	return p
}

// parseDestination reads "user NAME", "playbook NAME" or "number".
func parseDestination(words []string) Destination {
	switch words[0] {
	case "user":
		return Destination{Route: Route{User: words[1], RingTimeout: 45 * time.Second}, Why: "to a colleague"}
	case "playbook":
		p := parsePlan(nil)
		p.Reception.Music = Sound("music:" + words[1])
		return Destination{Playbook: words[1], Queue: p.Reception, Why: "to a queue"}
	}
	return Destination{Route: Route{
		Number: "+34600777888", CallerID: "+34910000001", Trunks: []string{"carrier", "backup"}, RingTimeout: 45 * time.Second,
	}}
}

// describe prints an effect or a result on one line.
func describe(v any) string {
	switch v := v.(type) {
	case Save:
		r := v.Change.Record
		s := fmt.Sprintf("Save state=%s task=%s", r.State, v.Change.Task)
		if r.User != "" {
			s += " user=" + r.User
		}
		if r.Result != "" {
			s += " result=" + string(r.Result)
		}
		if v.Change.MissedTask {
			s += " missed-task"
		}
		return s
	case Seek:
		return fmt.Sprintf("Seek playbook=%s owner=%s strategy=%s exclude=%v", v.Request.Playbook, v.Request.Owner, v.Request.Strategy, v.Request.Exclude)
	case Invite:
		to := v.To.User
		if v.To.Trunk != "" {
			to = fmt.Sprintf("%s via %s as %s diverted %s", v.To.Number, v.To.Trunk, v.To.CallerID, v.To.Diverted)
		}
		return fmt.Sprintf("Invite leg=%d to=%s show=%q auto=%v sdp=%s", legNumber(v.Leg), to, v.To.Show.Name, v.To.AutoAnswer, v.SDP)
	case Wire:
		var edges []string
		for _, e := range v.Edges {
			edges = append(edges, fmt.Sprintf("%d<-%d", legNumber(e.Listener), legNumber(e.Speaker)))
		}
		return "Wire " + strings.Join(edges, " ")
	case AskPlan:
		return "AskPlan"
	case AskPlace:
		return "AskPlace user=" + v.Origination.User
	case Hand:
		s := fmt.Sprintf("Hand to=%s leg=%s user=%s party=%q early=%v", v.To, strings.TrimPrefix(string(v.Handed.Leg), string(stageID)), v.Handed.User, v.Handed.Party.Name, v.Handed.Early)
		if as := v.Handed.Coaching; as != nil {
			s += fmt.Sprintf(" coaching=%s stays=%v", as.Mode, as.Stays)
		}
		return s
	case StandBy:
		return fmt.Sprintf("StandBy leg=%s user=%s with=%s", strings.TrimPrefix(string(v.Leg), string(stageID)), v.Coaching.User, v.Coaching.With)
	case Take:
		return fmt.Sprintf("Take leg=%d from=%s sdp=%s", legNumber(v.Leg), v.From, v.SDP)
	case Notify:
		return fmt.Sprintf("Notify leg=%d status=%d", legNumber(v.Leg), v.Status)
	case Press:
		return fmt.Sprintf("Press leg=%d key=%c", legNumber(v.Leg), v.Key)
	case TurnTape:
		return fmt.Sprintf("TurnTape contact=%d person=%d", legNumber(v.Contact), legNumber(v.Person))
	case OpenMedia:
		s := fmt.Sprintf("OpenMedia leg=%d remote=%s trunk=%s user=%s", legNumber(v.Leg), v.Remote, v.Trunk, v.User)
		if v.Private {
			s += " private"
		}
		return s
	case Release:
		return fmt.Sprintf("Release leg=%d cause=%v", legNumber(v.Leg), v.Cause)
	case Answer:
		return fmt.Sprintf("Answer leg=%d sdp=%s", legNumber(v.Leg), v.SDP)
	case Progress:
		return fmt.Sprintf("Progress leg=%d status=%d sdp=%s", legNumber(v.Leg), v.Status, v.SDP)
	case AcceptMedia:
		return fmt.Sprintf("AcceptMedia leg=%d", legNumber(v.Leg))
	case CloseMedia:
		return fmt.Sprintf("CloseMedia leg=%d", legNumber(v.Leg))
	case Reanswer:
		return fmt.Sprintf("Reanswer leg=%d", legNumber(v.Leg))
	case Play:
		return fmt.Sprintf("Play leg=%d sound=%s loop=%v", legNumber(v.Leg), v.Sound, v.Loop)
	case Hush:
		return fmt.Sprintf("Hush leg=%d", legNumber(v.Leg))
	case StartRecording:
		return fmt.Sprintf("StartRecording contact=%d person=%d", legNumber(v.Contact), legNumber(v.Person))
	case MediaOpened:
		return fmt.Sprintf("MediaOpened leg=%d", legNumber(v.Leg))
	case MediaReady:
		return fmt.Sprintf("MediaReady leg=%d", legNumber(v.Leg))
	case MediaClosed:
		return fmt.Sprintf("MediaClosed leg=%d", legNumber(v.Leg))
	case MediaFailed:
		return fmt.Sprintf("MediaFailed leg=%d %s", legNumber(v.Leg), v.Cause.Text)
	case Publish:
		return "Publish " + string(v.Type)
	case ArmTimer:
		return fmt.Sprintf("ArmTimer %s %s", strings.ReplaceAll(string(v.Timer), string(stageID), ""), v.After)
	case StopTimer:
		return "StopTimer " + strings.ReplaceAll(string(v.Timer), string(stageID), "")
	}
	return strings.TrimPrefix(fmt.Sprintf("%T%+v", v, v), "call.")
}
