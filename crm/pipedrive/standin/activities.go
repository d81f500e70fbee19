package standin

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"time"
)

// Activity is an entry of the timeline as Pipedrive keeps it.
type Activity struct {
	ID           int           `json:"id"`
	Subject      string        `json:"subject"`
	Type         string        `json:"type"`
	OwnerID      int           `json:"owner_id"`
	PersonID     int           `json:"person_id,omitempty"` // the primary participant
	DueDate      string        `json:"due_date"`
	DueTime      string        `json:"due_time"`
	Duration     string        `json:"duration"`
	Done         bool          `json:"done"`
	Note         string        `json:"note"`
	Participants []Participant `json:"participants"`
	Deleted      bool          `json:"is_deleted"`
	Added        time.Time     `json:"add_time"`
	Updated      time.Time     `json:"update_time"`
}

// Participant is a person whom an activity is with.
type Participant struct {
	PersonID int  `json:"person_id"`
	Primary  bool `json:"primary"`
}

// ActivityType is a kind of activity that the company has.
type ActivityType struct {
	ID     int    `json:"id"`
	Name   string `json:"name"`
	Key    string `json:"key_string"`
	Icon   string `json:"icon_key"`
	Active bool   `json:"active_flag"`
}

// SetTypes replaces the company's kinds of activity.
func (s *Server) SetTypes(types ...ActivityType) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.types = types
}

func (s *Server) listTypes(*http.Request) reply { return ok(s.types) }

// Activities returns every activity that is not deleted, oldest first.
func (s *Server) Activities() []Activity {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.liveActivities()
}

func (s *Server) liveActivities() []Activity {
	return slices.DeleteFunc(slices.Clone(s.activities), func(a Activity) bool { return a.Deleted })
}

// DeleteActivity deletes an activity, as a user of Pipedrive would.
func (s *Server) DeleteActivity(id int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.activity(id) != nil {
		s.activities[id-1].Deleted = true
	}
}

// activity returns an activity that is not deleted, or nil.
func (s *Server) activity(id int) *Activity {
	if id < 1 || id > len(s.activities) || s.activities[id-1].Deleted {
		return nil
	}
	return &s.activities[id-1]
}

// activityInput is what a client says about an activity; nil: nothing. The
// field person_id is not among them: it follows from the participants.
type activityInput struct {
	Subject      *string       `json:"subject"`
	Type         *string       `json:"type"`
	OwnerID      *int          `json:"owner_id"`
	DueDate      *string       `json:"due_date"`
	DueTime      *string       `json:"due_time"`
	Duration     *string       `json:"duration"`
	Done         *bool         `json:"done"`
	Note         *string       `json:"note"`
	Participants []Participant `json:"participants"`
}

var (
	dateForm = regexp.MustCompile(`^\d{4}-\d\d-\d\d$`)
	timeForm = regexp.MustCompile(`^([01]\d|2[0-3]):[0-5]\d(:[0-5]\d)?$`)
)

// judge returns the refusal of what cannot be, or a reply without status.
func (s *Server) judge(in activityInput) reply {
	bad := func(value *string, form *regexp.Regexp) bool { return value != nil && !form.MatchString(*value) }
	switch {
	case in.Subject != nil && *in.Subject == "":
		return refuse(http.StatusBadRequest, "subject: must not be empty")
	case bad(in.DueDate, dateForm):
		return refuse(http.StatusBadRequest, "due_date: must be YYYY-MM-DD")
	case bad(in.DueTime, timeForm), bad(in.Duration, timeForm):
		return refuse(http.StatusBadRequest, "due_time, duration: must be HH:MM")
	case in.Type != nil && !slices.ContainsFunc(s.types, func(t ActivityType) bool { return t.Active && t.Key == *in.Type }):
		return refuse(http.StatusBadRequest, "type: no such activity type")
	case in.OwnerID != nil && !s.isUser(*in.OwnerID):
		return refuse(http.StatusBadRequest, "owner_id: User not found")
	}
	for _, p := range in.Participants {
		if s.person(p.PersonID) == nil {
			return refuse(http.StatusNotFound, "Person not found")
		}
	}
	return reply{}
}

// apply writes what the client said.
func (in activityInput) apply(a *Activity) {
	set(&a.Subject, in.Subject)
	set(&a.Type, in.Type)
	set(&a.OwnerID, in.OwnerID)
	set(&a.DueDate, in.DueDate)
	set(&a.DueTime, in.DueTime)
	set(&a.Duration, in.Duration)
	set(&a.Done, in.Done)
	set(&a.Note, in.Note)
	if in.Participants != nil {
		a.Participants, a.PersonID = in.Participants, 0
	}
	for _, p := range in.Participants {
		if p.Primary {
			a.PersonID = p.PersonID
		}
	}
	a.Updated = time.Now().UTC()
}

func set[T any](field, value *T) {
	if value != nil {
		*field = *value
	}
}

func (s *Server) addActivity(r *http.Request) reply {
	var in activityInput
	if err := decode(r, &in); err != nil {
		return refuse(http.StatusBadRequest, err.Error())
	}
	if in.Subject == nil || in.Type == nil {
		return refuse(http.StatusBadRequest, "subject, type: required")
	}
	if refusal := s.judge(in); refusal.status != 0 {
		return refusal
	}
	return ok(s.keepActivity(in))
}

func (s *Server) keepActivity(in activityInput) Activity {
	a := Activity{ID: len(s.activities) + 1, OwnerID: s.options.Users[0], Added: time.Now().UTC()}
	in.apply(&a)
	s.activities = append(s.activities, a)
	return a
}

func (s *Server) changeActivity(r *http.Request) reply {
	id, _ := strconv.Atoi(r.PathValue("id"))
	a := s.activity(id)
	if a == nil {
		return refuse(http.StatusNotFound, "Activity not found")
	}
	var in activityInput
	if err := decode(r, &in); err != nil {
		return refuse(http.StatusBadRequest, err.Error())
	}
	if refusal := s.judge(in); refusal.status != 0 {
		return refusal
	}
	in.apply(a)
	return ok(*a)
}

func (s *Server) listActivities(r *http.Request) reply {
	query := r.URL.Query()
	for _, key := range []string{"person_id", "owner_id"} {
		if _, err := strconv.Atoi(query.Get(key)); query.Has(key) && err != nil {
			return refuse(http.StatusBadRequest, key+": must be a number")
		}
	}
	var since time.Time
	if query.Has("updated_since") {
		var err error
		if since, err = time.Parse(time.RFC3339, query.Get("updated_since")); err != nil {
			return refuse(http.StatusBadRequest, "updated_since: must be a time of RFC 3339")
		}
	}
	activities := slices.DeleteFunc(s.liveActivities(), func(a Activity) bool {
		return a.Updated.Before(since) || differs(query, "person_id", a.PersonID) || differs(query, "owner_id", a.OwnerID)
	})
	return list(query, activities, map[string]func(a, b Activity) int{
		"id":          func(a, b Activity) int { return a.ID - b.ID },
		"add_time":    func(a, b Activity) int { return a.Added.Compare(b.Added) },
		"update_time": func(a, b Activity) int { return a.Updated.Compare(b.Updated) },
	})
}

// differs reports whether the query asks for another value.
func differs(query url.Values, key string, value int) bool {
	return query.Has(key) && query.Get(key) != strconv.Itoa(value)
}
