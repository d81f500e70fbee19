package pipedrive

import (
	"fmt"
	"html"
	"strings"
	"time"

	"tandem/crm"
)

const longestSubject = 255 // runes, of subjects and names

// activityBody is an activity as a request says it. An edit leaves the fields
// out that only the first one says.
type activityBody struct {
	Subject      string        `json:"subject"`
	Type         string        `json:"type,omitempty"`
	OwnerID      int           `json:"owner_id,omitempty"`
	DueDate      string        `json:"due_date,omitempty"`
	DueTime      string        `json:"due_time,omitempty"`
	Duration     string        `json:"duration"`
	Done         bool          `json:"done,omitempty"`
	Note         string        `json:"note"`
	Participants []participant `json:"participants,omitempty"`
}

type participant struct {
	PersonID int  `json:"person_id"`
	Primary  bool `json:"primary"`
}

// edited is what an edit says again of a call.
func edited(a crm.Activity) activityBody {
	return activityBody{Subject: shortened(a.Title), Duration: clock(a.Duration), Note: noteOf(a)}
}

// activityOf is a call as an activity of a person; 0: of nobody.
func activityOf(a crm.Activity, key string, owner, person int) activityBody {
	body := edited(a)
	body.Type, body.OwnerID, body.Done = key, owner, true
	body.DueDate, body.DueTime = a.StartedAt.UTC().Format(time.DateOnly), a.StartedAt.UTC().Format("15:04")
	if person != 0 {
		body.Participants = []participant{{PersonID: person, Primary: true}}
	}
	return body
}

// noteOf is the note of an activity. It names the call, so that the activity is
// found again, and where the recording is.
func noteOf(a crm.Activity) string {
	var note strings.Builder
	note.WriteString(a.Body)
	link := html.EscapeString(a.Recording)
	if link != "" && !strings.Contains(a.Body, link) {
		fmt.Fprintf(&note, `<p><a href="%s">Recording</a></p>`, link)
	}
	fmt.Fprintf(&note, "<p>%s</p>", mark(a))
	return note.String()
}

// mark is what tells the activity of a call from all others.
func mark(a crm.Activity) string { return "Tandem call " + html.EscapeString(string(a.CallID)) }

// clock is a duration as HH:MM, a begun minute counted in full.
func clock(d time.Duration) string {
	minutes := int((max(d, 0) + time.Minute - 1) / time.Minute)
	minutes = min(minutes, 24*60-1)
	return fmt.Sprintf("%02d:%02d", minutes/60, minutes%60)
}

func shortened(s string) string {
	if runes := []rune(s); len(runes) > longestSubject {
		return string(runes[:longestSubject-1]) + "…"
	}
	return s
}
