package web

import (
	"context"
	"io"
	"time"

	"tandem/call"
	"tandem/routing"
)

// Lines is the exchange: the calls that are alive.
type Lines interface {
	// Active returns a snapshot of all live calls, in any order.
	Active() []call.Record
	// Live returns one live call.
	Live(id call.ID) (call.Record, bool)
	// Offered reports whether the call is being offered to the user now.
	Offered(id call.ID, user string) bool
	// Post hands an input to a live call; false when there is no such call.
	Post(id call.ID, in call.Input) bool
	// Place begins an outbound call and returns when it is durable. A
	// *call.Refusal says why it cannot be made, call.ErrFull and
	// call.ErrDraining that the switch takes none.
	Place(ctx context.Context, in call.Origination) (call.Record, error)
}

// Transfers checks where a call may be passed on to.
type Transfers interface {
	// Directable says by a *call.Refusal why a call cannot go there, or nil.
	Directable(ctx context.Context, rec call.Record, to string) error
}

// Coaching decides who may join conversations.
type Coaching interface {
	// CoachingRules returns who may coach, and how.
	CoachingRules() routing.CoachingRules
	// Coach reserves a user for a conversation that they are to coach. A
	// *call.Refusal says why they may not.
	Coach(ctx context.Context, rec call.Record, in routing.CoachRequest) (call.Coaching, error)
}

// Calls is what is stored about calls.
type Calls interface {
	// Call returns one call; routing.ErrNotFound when there is none.
	Call(ctx context.Context, id call.ID) (call.Record, error)
	// Calls lists calls, newest first. next is empty on the last page.
	Calls(ctx context.Context, f routing.CallFilter) (items []call.Record, next string, err error)
	// Note sets notes, disposition or both; nil leaves one as it is.
	Note(ctx context.Context, id call.ID, notes, disposition *string) (call.Record, error)
}

// Contacts is the address book as it is stored.
type Contacts interface {
	Contact(ctx context.Context, id string) (routing.Contact, error)
	Contacts(ctx context.Context, f routing.ContactFilter) (items []routing.Contact, next string, err error)
}

// Book changes contacts for people: it reads numbers as they are written,
// checks the rest and publishes what changed. *routing.InvalidError names what
// it refuses.
type Book interface {
	Create(ctx context.Context, p routing.ContactPatch) (routing.Contact, error)
	Change(ctx context.Context, id string, p routing.ContactPatch) (routing.Contact, error)
	Import(ctx context.Context, file io.Reader, dryRun bool) (routing.ImportReport, error)
	// Merge makes other part of the contact keep, and returns keep.
	Merge(ctx context.Context, keep, other string) (routing.Contact, error)
}

// Tasks is what is to be done, as it is stored.
type Tasks interface {
	Task(ctx context.Context, id string) (routing.Task, error)
	Tasks(ctx context.Context, f routing.TaskFilter) (items []routing.Task, next string, err error)
}

// TaskList changes tasks for people, as Book does contacts.
type TaskList interface {
	Change(ctx context.Context, id string, p routing.TaskPatch) (routing.Task, error)
}

// Floor knows the users, what they do, and who waits for them.
type Floor interface {
	// Users returns all users by name.
	Users() []routing.UserState
	// User returns one user.
	User(name string) (routing.UserState, bool)
	// SetStatus takes on a user's choice. A break that is asked for during a
	// call starts after it. routing.ErrNotFound for an unknown user.
	SetStatus(ctx context.Context, s routing.UserStatus) error
	// Queues returns the calls for which nobody rings yet, by playbook.
	Queues() []routing.Queue
	// Reserve takes a user for a call; *routing.BusyError says why not.
	Reserve(ctx context.Context, id call.ID, user string, as routing.Reservation) error
	// Over gives back a user who was reserved in vain.
	Over(id call.ID, user string, outcome call.Outcome)
}

// Playbooks is who sells what, and whether its office is open.
type Playbooks interface {
	// Playbooks returns all playbooks as they stand at a time.
	Playbooks(at time.Time) []routing.PlaybookState
	// SetOverride opens or closes a playbook against its hours;
	// routing.ErrNotFound for an unknown one.
	SetOverride(ctx context.Context, o routing.Override) error
	// ClearOverride returns a playbook to its hours.
	ClearOverride(ctx context.Context, playbook string) error
}

// Plant is the account's lines to the world.
type Plant interface {
	Numbers() []Number
	Trunks() []Trunk
	Registrations() []call.Binding
}

// Number is one of the account's own numbers.
type Number struct {
	Number   string   `json:"number" doc:"E.164"`
	Country  string   `json:"country" doc:"ISO 3166-1 alpha-2"`
	Playbook string   `json:"playbook"`
	Trunks   []string `json:"trunks" nullable:"false" doc:"In order of preference"`
}

// Trunk is a carrier link and how it does.
type Trunk struct {
	Name       string     `json:"name"`
	Address    string     `json:"address"`
	Transport  string     `json:"transport"`
	Up         bool       `json:"up"`
	Why        string     `json:"why" doc:"Why it is down, or empty"`
	Since      *time.Time `json:"since" doc:"When it went up or down last"`
	Calls      int        `json:"calls" doc:"Channels in use"`
	MaxCalls   int        `json:"max_calls" doc:"Channels there are; 0: no limit"`
	Registered bool       `json:"registered" doc:"With a carrier that asks for registration"`
}

// Recordings has the recordings themselves. Its errors: fs.ErrNotExist when
// there is none, routing.ErrConflict when something stands in the way.
type Recordings interface {
	// OpenRecording opens a call's recording, also one in progress.
	OpenRecording(id call.ID, view RecordingView) (Playback, error)
	// Peaks returns what the waveform of a sealed recording is drawn from, its
	// channels in the order of a layout; empty: as it is stored.
	Peaks(id call.ID, layout string) (Peaks, error)
	// RemoveRecording deletes a sealed recording that is not on hold.
	RemoveRecording(ctx context.Context, id call.ID, by, why string) error
}

// Peaks is what a waveform is drawn from: the lowest and the highest sample of
// each stretch of a recording.
type Peaks struct {
	SampleRate      int           `json:"sample_rate" doc:"Hz"`
	Samples         int64         `json:"samples" doc:"Of a channel"`
	SamplesPerPoint int64         `json:"samples_per_point" doc:"The last point may stand for fewer"`
	Channels        []PeakChannel `json:"channels" nullable:"false" doc:"Left, then right"`
}

// PeakChannel is one channel's points.
type PeakChannel struct {
	Side string `json:"side" enum:"contact,salesperson"`
	Min  []int8 `json:"min" nullable:"false" doc:"-128 is full scale"`
	Max  []int8 `json:"max" nullable:"false" doc:"127 is full scale"`
}

// RecordingView is how a recording is to be heard.
type RecordingView struct {
	Layout  string // contact-left, caller-left, or empty: as it is stored
	Channel string // left, right: that one alone, in mono; empty: both
}

// Playback is an open recording: a WAV file.
type Playback struct {
	io.ReadSeekCloser
	Modified time.Time
}

// Explainer says what would happen to a call.
type Explainer interface {
	// Explain is about a call from or to a number at a time;
	// *routing.InvalidError when it is no number.
	Explain(ctx context.Context, number string, at time.Time) (routing.Explanation, error)
}

// Operator runs the switch as a whole.
type Operator interface {
	Status() Status
	// Ready returns nil when the switch takes calls, else why not.
	Ready() error
	// Reload takes on the configuration file anew, whole or not at all.
	Reload(ctx context.Context) error
	// Drain refuses new calls from now on and stops the switch when the live
	// ones are over, or have had their time. It returns at once.
	Drain()
	// Backup writes a consistent copy of the store to a new file.
	Backup(ctx context.Context, path string) error
}

// CRM is the way of ended calls into the CRM.
type CRM interface {
	CRMStatus(ctx context.Context) (CRMStatus, error)
	// RetryCRM tries calls at once, all that failed when none is named, and
	// returns how many; routing.ErrNotFound when one was never to be logged.
	RetryCRM(ctx context.Context, ids []call.ID) (int, error)
}

// CRMStatus is how the CRM does.
type CRMStatus struct {
	Provider   string       `json:"provider" doc:"hubspot, pipedrive or none"`
	State      string       `json:"state" enum:"off,working,unreachable,budget,access" doc:"off: there is no provider; unreachable, budget (of the day, used up) and access (token or scope): all calls wait"`
	Until      *time.Time   `json:"until" doc:"When a request finds out whether they may go on"`
	Pending    int          `json:"pending" doc:"Ended calls that the CRM does not show yet"`
	ToComplete int          `json:"to_complete" doc:"Calls that it shows, with notes and disposition to follow"`
	Failed     int          `json:"failed" doc:"Calls that are not tried any more until a retry"`
	Oldest     *time.Time   `json:"oldest_at" doc:"When the first of the pending calls ended"`
	Error      string       `json:"error" doc:"What failed last"`
	ErrorAt    *time.Time   `json:"error_at"`
	Failures   []CRMFailure `json:"failures" nullable:"false" doc:"The newest of the failed"`
}

// CRMFailure is a call that is not tried any more.
type CRMFailure struct {
	CallID call.ID `json:"call_id"`
	Error  string  `json:"error"`
}

// Status is the switch at a glance.
type Status struct {
	Version       string    `json:"version"`
	StartedAt     time.Time `json:"started_at"`
	Ready         bool      `json:"ready"`
	Reason        string    `json:"reason" doc:"Why it is not ready"`
	Draining      bool      `json:"draining"`
	Calls         int       `json:"calls" doc:"Live calls"`
	Waiting       int       `json:"waiting" doc:"Calls in the queues"`
	Users         int       `json:"users"`
	Available     int       `json:"available" doc:"Users who would be offered a call"`
	Registrations int       `json:"registrations"`
	Trunks        int       `json:"trunks"`
	TrunksUp      int       `json:"trunks_up"`
	Config        string    `json:"config" doc:"The configuration file"`
}
