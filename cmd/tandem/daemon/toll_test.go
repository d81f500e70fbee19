package daemon_test

import (
	"bytes"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-audio/wav"

	"tandem/call"
	"tandem/cmd/tandem/daemon/daemontest"
	"tandem/recording"
	"tandem/routing"
)

// resulted fails unless every call has its result, and every call that a
// contact was told of is on record.
func (s *siege) resulted(round int, after, before map[call.ID]call.Record, known map[string]string, killed time.Time, toll *toll) {
	s.t.Helper()
	for id, rec := range after {
		if rec.Result == call.ResultNone || rec.State != call.StateEnded || rec.EndedAt == nil {
			s.t.Errorf("round %d: call %s has no result: %+v", round, id, rec)
		}
		if _, old := before[id]; old || !rec.StartedAt.Before(killed) {
			continue
		}
		delete(known, rec.From)
		if s.interrupted(id) {
			toll.interrupted++
		}
	}
	for id := range before {
		if _, kept := after[id]; !kept {
			s.t.Errorf("round %d: call %s was on record and is not any more", round, id)
		}
	}
	for _, story := range known {
		s.t.Errorf("round %d, killed at %s: not on record: %s", round, killed.Format("05.000"), story)
	}
}

// interrupted reports whether a call was ended by the start after a crash.
func (s *siege) interrupted(id call.ID) bool {
	s.t.Helper()
	way := s.api.Want(http.StatusOK, http.MethodGet, "/calls/"+string(id)+"/explain", nil)
	return bytes.Contains(way, []byte("interrupted"))
}

// followedUp fails unless the Missed Call tasks of each contact stand for as
// many calls as were missed.
func (s *siege) followedUp(round int, calls map[call.ID]call.Record) {
	s.t.Helper()
	balance := make(map[string]int)
	for _, rec := range calls {
		if rec.Missed || rec.Result == call.ResultOfficeClosed {
			balance[rec.ContactID]++
		}
	}
	for _, task := range daemontest.Every[routing.Task](s.api, "/tasks?limit=500&kind="+string(routing.TaskMissedCall)) {
		balance[task.ContactID] -= task.Count
		if rec := calls[task.CallID]; rec.ContactID != task.ContactID {
			s.t.Errorf("round %d: task %s of contact %s is about call %q of contact %q", round, task.ID, task.ContactID, task.CallID, rec.ContactID)
		}
	}
	for contact, n := range balance {
		if n != 0 {
			s.t.Errorf("round %d: contact %s: %d missed calls more than their tasks stand for", round, contact, n)
		}
	}
}

// playable fails unless every recording is sound, has the checksum that its call
// names and opens in sox, and every conversation has one that lacks a second at
// most of what is on record. The disk may stall before a kill: then the record
// is as short as the recording.
func (s *siege) playable(round int, after, before map[call.ID]call.Record, killed time.Time, toll *toll) {
	s.t.Helper()
	toll.missed = 0
	var found recording.Report
	daemontest.Eventually(s.t, "recordings are repaired", func() bool {
		parts, err := filepath.Glob(s.data + "/recordings/*/*/*/*.part")
		s.must(err)
		found, err = recording.Verify(s.t.Context(), filepath.Join(s.data, "recordings"), s.kept(), nil)
		s.must(err)
		return len(parts) == 0 && len(found.Faults) == 0
	})
	toll.recordings = found.Checked
	s.opens(round, found.Checked)
	for id, rec := range after {
		if rec.Missed {
			toll.missed++
		}
		if _, old := before[id]; old || rec.AnsweredAt == nil || rec.Result != call.ResultCompleted {
			continue
		}
		heard := s.heard(round, id)
		if !s.interrupted(id) {
			continue
		}
		toll.lost = max(toll.lost, killed.Sub(*rec.AnsweredAt).Seconds()-heard)
		if lost := rec.Duration - heard; lost > 1 {
			s.t.Errorf("round %d: the recording of call %s lacks %.2f s of %.2f s", round, id, lost, rec.Duration)
		}
	}
}

// kept is what the calls say of their recordings.
func (s *siege) kept() recording.Kept {
	s.t.Helper()
	kept := make(recording.Kept)
	for _, rec := range daemontest.Every[call.Record](s.api, "/recordings?limit=500") {
		kept[string(rec.ID)] = rec.Recording.SHA256
	}
	return kept
}

// opens fails unless sox reads so many recordings, as long as their files are.
func (s *siege) opens(round, recordings int) {
	s.t.Helper()
	soxi, err := exec.LookPath("soxi")
	if err != nil {
		s.t.Logf("round %d: sox is not installed; it opens nothing", round)
		return
	}
	files, err := filepath.Glob(s.data + "/recordings/*/*/*/*.wav")
	s.must(err)
	if len(files) < recordings {
		s.t.Errorf("round %d: %d files of %d recordings", round, len(files), recordings)
	}
	for some := range slices.Chunk(files, 100) {
		out, err := exec.CommandContext(s.t.Context(), soxi, append([]string{"-s"}, some...)...).CombinedOutput()
		lengths := strings.Fields(string(out))
		if err != nil || len(lengths) != len(some) {
			s.t.Errorf("round %d: sox: %v: %s", round, err, out)
			return
		}
		for i, file := range some {
			info, err := os.Stat(file)
			s.must(err)
			if want := strconv.FormatInt((info.Size()-44)/4, 10); lengths[i] != want {
				s.t.Errorf("round %d: sox reads %s samples of %s, want %s", round, lengths[i], file, want)
			}
		}
	}
}

// heard plays a recording and returns how many seconds it has.
func (s *siege) heard(round int, id call.ID) float64 {
	s.t.Helper()
	status, body := s.api.Do(http.MethodGet, "/calls/"+string(id)+"/recording", nil)
	if status == http.StatusNotFound {
		return 0 // killed before the first write
	}
	pcm, err := wav.NewDecoder(bytes.NewReader(body)).FullPCMBuffer()
	if err != nil || pcm.Format.NumChannels != 2 || pcm.Format.SampleRate != 8000 {
		s.t.Errorf("round %d: the recording of call %s: status %d, %v", round, id, status, err)
		return 0
	}
	return float64(len(pcm.Data)) / 2 / 8000
}
