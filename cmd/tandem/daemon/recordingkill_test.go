package daemon_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"tandem/call"
	"tandem/cmd/tandem/daemon/daemontest"
	"tandem/cmd/tandem/peer"
	"tandem/recording"
)

// recordedCalls is how many conversations are recorded when the switch dies.
const recordedCalls = 20

// TestKillUnderRecordings kills the switch at random moments while twenty
// conversations are recorded, and starts it again: each recording is sealed,
// opens in sox, has the checksum that its call names, and lacks a second at
// most.
func TestKillUnderRecordings(t *testing.T) {
	kills := number(t, killsEnv, 2)
	seed := uint64(number(t, seedEnv, int(rand.Uint32())))
	s := &siege{
		house: prepareHouse(t, floorOf(recordedCalls, "immediate")), seed: seed, random: rand.New(rand.NewPCG(seed, 2)),
	}
	s.fixPort()
	sw := s.spawn()
	s.register(recordedCalls, func(c *peer.Call) {
		if c.Ring() == nil {
			_ = c.Answer() // the switch may be dead at any moment
		}
	})
	lost := 0.0
	for round := range kills {
		talking := s.talking()
		pause(t.Context(), s.upTo(3*time.Second))
		killed := time.Now()
		sw.kill()
		sw = s.spawn()
		lost = max(lost, s.survived(round, talking, killed))
		for _, c := range s.all() {
			s.ended("a contact", c)
		}
		s.begin()
		daemontest.Eventually(t, "everybody is free again", func() bool {
			return len(daemontest.List[call.Record](s.api, "/calls?active=true")) == 0
		})
	}
	t.Logf("seed %d: %d kills under %d recordings each; they end %.2f s before the kill at most", seed, kills, recordedCalls, lost)
}

// talking places the calls and returns them once all are being recorded.
func (s *siege) talking() []call.Record {
	s.t.Helper()
	for i := range recordedCalls {
		s.note(s.call(func(o *peer.CallOptions) { o.From = contactOf(i) }))
	}
	var live []call.Record
	daemontest.Eventually(s.t, "all conversations are recorded", func() bool {
		live = daemontest.List[call.Record](s.api, "/calls?active=true&limit=500")
		recorded := 0
		for _, rec := range live {
			status, body := s.api.Do(http.MethodGet, "/calls/"+string(rec.ID)+"/recording", nil)
			if rec.State == call.StateActive && status == http.StatusOK && len(body) > 44 {
				recorded++
			}
		}
		return recorded == recordedCalls
	})
	return live
}

// survived fails unless the recordings of calls are whole, and lack a second at
// most of what is on record. It returns how many seconds before the kill any of
// them ends at most, which is also up to the machine.
func (s *siege) survived(round int, calls []call.Record, killed time.Time) (lost float64) {
	s.t.Helper()
	var kept recording.Kept
	daemontest.Eventually(s.t, fmt.Sprintf("all recordings are sealed in round %d", round), func() bool {
		kept = s.kept()
		parts, err := filepath.Glob(s.data + "/recordings/*/*/*/*.part")
		s.must(err)
		return len(parts) == 0 && len(kept) == (round+1)*recordedCalls
	})
	report, err := recording.Verify(s.t.Context(), filepath.Join(s.data, "recordings"), kept, nil)
	if err != nil || len(report.Faults) > 0 || report.Checked != len(kept) {
		s.t.Errorf("round %d: %d of %d recordings checked: %+v, %v", round, report.Checked, len(kept), report.Faults, err)
	}
	s.opens(round, report.Checked)
	for _, live := range calls {
		rec := daemontest.Read[call.Record](s.api, "/calls/"+string(live.ID))
		missing := rec.Duration - rec.Recording.Seconds
		if missing > 1 || rec.Recording.Seconds == 0 {
			s.t.Errorf("round %d: the recording of call %s lacks %.2f s of %.2f s", round, rec.ID, missing, rec.Duration)
		}
		lost = max(lost, killed.Sub(*rec.AnsweredAt).Seconds()-rec.Recording.Seconds)
	}
	return lost
}
