package standin

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// CallLog is Pipedrive's own record of a call.
type CallLog struct {
	ID           string `json:"id"`
	ActivityID   int    `json:"activity_id"`
	PersonID     int    `json:"person_id,omitempty"`
	UserID       int    `json:"user_id"`
	Subject      string `json:"subject"`
	Duration     string `json:"duration"` // seconds
	Outcome      string `json:"outcome"`
	From         string `json:"from_phone_number,omitempty"`
	To           string `json:"to_phone_number"`
	StartTime    string `json:"start_time"`
	EndTime      string `json:"end_time"`
	Note         string `json:"note"`
	HasRecording bool   `json:"has_recording"`
}

var outcomes = []string{"connected", "no_answer", "left_message", "left_voicemail", "wrong_number", "busy"}

// CallLogs returns every call log, oldest first.
func (s *Server) CallLogs() []CallLog {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.logs)
}

// Recording returns the audio of a call log, or nil.
func (s *Server) Recording(id string) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.recordings[id]
}

// logInput is what a client says about a call; nil: nothing.
type logInput struct {
	UserID     int     `json:"user_id"`
	ActivityID int     `json:"activity_id"`
	PersonID   int     `json:"person_id"`
	Subject    *string `json:"subject"`
	Duration   string  `json:"duration"`
	Outcome    string  `json:"outcome"`
	From       string  `json:"from_phone_number"`
	To         string  `json:"to_phone_number"`
	StartTime  string  `json:"start_time"`
	EndTime    string  `json:"end_time"`
	Note       *string `json:"note"`
}

// judgeLog returns the refusal of what cannot be, or a reply without status.
func (s *Server) judgeLog(in logInput) reply {
	switch {
	case in.To == "" || in.Outcome == "" || in.StartTime == "" || in.EndTime == "":
		return refuse(http.StatusBadRequest, "to_phone_number, outcome, start_time and end_time are required")
	case !slices.Contains(outcomes, in.Outcome):
		return refuse(http.StatusBadRequest, "outcome: not one of the allowed values")
	case in.UserID != 0 && in.UserID != s.options.Users[0] && !s.options.Admin:
		return refuse(http.StatusForbidden, "You do not have permission to add call logs for other users")
	case in.UserID != 0 && !s.isUser(in.UserID):
		return refuse(http.StatusNotFound, "User not found")
	}
	for _, value := range []string{in.StartTime, in.EndTime} {
		if _, err := time.Parse(time.RFC3339, value); err != nil {
			return refuse(http.StatusBadRequest, "start_time, end_time: must be date-times")
		}
	}
	if _, err := strconv.Atoi(in.Duration); in.Duration != "" && err != nil {
		return refuse(http.StatusBadRequest, "duration: must be seconds")
	}
	return reply{}
}

// addCallLog turns an activity into a call log, or makes one for it.
func (s *Server) addCallLog(r *http.Request) reply {
	var in logInput
	if err := decode(r, &in); err != nil {
		return refuse(http.StatusBadRequest, err.Error())
	}
	if refusal := s.judgeLog(in); refusal.status != 0 {
		return refusal
	}
	if in.ActivityID == 0 {
		call, done := "call", true
		subject := "Call"
		made := activityInput{Subject: &subject, Type: &call, Done: &done}
		if in.PersonID != 0 {
			made.Participants = []Participant{{PersonID: in.PersonID, Primary: true}}
		}
		in.ActivityID = s.keepActivity(made).ID
	}
	a := s.activity(in.ActivityID)
	if a == nil {
		return refuse(http.StatusNotFound, "Activity not found")
	}
	if a.Type != "call" {
		return refuse(http.StatusBadRequest, "activity_id: must be an activity of type call")
	}
	set(&a.Subject, in.Subject)
	set(&a.Note, in.Note)
	return ok(s.keepLog(in, *a))
}

func (s *Server) keepLog(in logInput, a Activity) CallLog {
	name := make([]byte, 14)
	_, _ = rand.Read(name)
	if in.UserID == 0 {
		in.UserID = s.options.Users[0]
	}
	log := CallLog{
		ID: "CA" + hex.EncodeToString(name), ActivityID: a.ID, PersonID: a.PersonID, UserID: in.UserID,
		Subject: a.Subject, Note: a.Note, Duration: in.Duration, Outcome: in.Outcome,
		From: in.From, To: in.To, StartTime: in.StartTime, EndTime: in.EndTime,
	}
	s.logs = append(s.logs, log)
	return log
}

func (s *Server) listCallLogs(r *http.Request) reply {
	query := r.URL.Query()
	size, err := sizeOf(query, 50, 50)
	if err != nil {
		return refuse(http.StatusBadRequest, err.Error())
	}
	start, _ := strconv.Atoi(query.Get("start"))
	start = min(max(start, 0), len(s.logs))
	end := min(start+size, len(s.logs))
	answer := ok(slices.Clone(s.logs[start:end]))
	answer.more = map[string]any{"pagination": map[string]any{
		"start": start, "limit": size, "more_items_in_collection": end < len(s.logs), "next_start": end,
	}}
	return answer
}

func (s *Server) addRecording(r *http.Request) reply {
	i := slices.IndexFunc(s.logs, func(log CallLog) bool { return log.ID == r.PathValue("id") })
	if i < 0 {
		return refuse(http.StatusNotFound, "Call log not found")
	}
	if s.logs[i].HasRecording {
		return refuse(http.StatusConflict, "Recording for this call already exists")
	}
	file, _, err := r.FormFile("file")
	if err != nil {
		return refuse(http.StatusBadRequest, fmt.Sprintf("file: %v", err))
	}
	defer file.Close()
	audio, err := io.ReadAll(file)
	if err != nil {
		return refuse(http.StatusBadRequest, fmt.Sprintf("file: %v", err))
	}
	s.logs[i].HasRecording, s.recordings[s.logs[i].ID] = true, audio
	return ok(nil)
}
