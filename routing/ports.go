package routing

import (
	"context"
	"errors"
	"time"

	"tandem/call"
)

// Errors of the store's verbs.
var (
	// ErrNotFound: no such call, contact, task or playbook.
	ErrNotFound = errors.New("not found")
	// ErrConflict: the verb's precondition did not hold, e.g. a number that
	// belongs to another contact.
	ErrConflict = errors.New("conflict")
)

// Admission is an arriving call that is to be stored.
type Admission struct {
	Record call.Record // ContactID and TaskID are filled in by the store
	// Caller is the contact to create when Record.From belongs to nobody. Nil
	// for a withheld caller, who gets no contact.
	Caller *Contact
	Task   Task // the Inbound Call task; ContactID is filled in by the store
}

// Admitted is what became of an Admission.
type Admitted struct {
	Record  call.Record
	Contact *Contact // nil for a withheld caller
	Created bool     // the contact is new
	Task    Task
}

// Placing is an outbound call that is to be stored.
type Placing struct {
	Record call.Record // ContactID is filled in by the store when Callee is set
	// Callee is the contact to create when Record.To belongs to nobody. Nil:
	// Record names the contact, or there is none.
	Callee *Contact
}

// Placed is what became of a Placing.
type Placed struct {
	Record  call.Record
	Contact *Contact // whom Record.To belongs to, when a Callee was given
	Created bool     // the contact is new
}

// Closing says for whom a missed call's task is.
type Closing struct {
	Change call.Change
	// User gets the Missed Call task; when empty, whoever of Least has the
	// fewest tasks that are not done.
	User  string
	Least []string
	Due   time.Time
	// CRM is where the call is to be logged once it has a result: the
	// provider's name, or empty.
	CRM string
}

// Closed is what a Closing or a plain save changed.
type Closed struct {
	Task    *Task    // the call's own task, when its state changed
	Missed  *Task    // the Missed Call task, made or extended
	Created bool     // Missed is new
	Contact *Contact // when its flag changed
}

// Journal keeps calls. Each verb is one transaction, durable when it returns.
type Journal interface {
	// Admit finds the contact by number or creates it, stores the task and
	// the call. Two calls of one new number at once make one contact.
	Admit(ctx context.Context, a Admission) (Admitted, error)
	// Place stores an outbound call and finds or creates its contact by
	// number. Two calls to one new number at once make one contact.
	Place(ctx context.Context, p Placing) (Placed, error)
	// SaveCall stores the record (but not what others write about the call:
	// recording, notes, disposition, CRM), the state of its task, the Missed
	// Call task (exactly one per call; an open one of the same contact is
	// extended: count, call, time) and the contact's flag: raised by a missed
	// call, lowered when the result is completed. Saving a call that has
	// ended again with the same result changes nothing. A call that ends and is
	// to be logged lies in the CRM's outbox from then on.
	SaveCall(ctx context.Context, c Closing) (Closed, error)
	// Unfinished returns the calls without a result: after a crash, those
	// that were interrupted.
	Unfinished(ctx context.Context) ([]call.Record, error)
	// Call returns one call, ErrNotFound when there is none.
	Call(ctx context.Context, id call.ID) (call.Record, error)
	// Calls lists calls, newest first. next is empty on the last page.
	Calls(ctx context.Context, f CallFilter) (items []call.Record, next string, err error)
}

// Annotations are what people and the recorder write about a call, at any time.
// What is written follows the call into the CRM.
type Annotations interface {
	// Note sets notes, disposition or both; nil leaves one as it is.
	Note(ctx context.Context, id call.ID, notes, disposition *string) (call.Record, error)
	// SetRecording stores a finished recording. A hold that was put on it stays.
	SetRecording(ctx context.Context, id call.ID, r call.Recording) error
}

// Contacts is the address book.
type Contacts interface {
	Contact(ctx context.Context, id string) (Contact, error)
	ContactByNumber(ctx context.Context, number string) (Contact, error)
	Contacts(ctx context.Context, f ContactFilter) (items []Contact, next string, err error)
	// CreateContact stores a new contact; ErrConflict when a number is taken.
	CreateContact(ctx context.Context, c Contact) error
	// ChangeContact applies change to the stored contact within the
	// transaction; an error from change is returned and nothing is stored.
	ChangeContact(ctx context.Context, id string, change func(*Contact) error) (Contact, error)
}

// ContactStore is what the address book needs of the store: Contacts, and the
// verbs that are about several of them.
type ContactStore interface {
	ContactByNumber(ctx context.Context, number string) (Contact, error)
	CreateContact(ctx context.Context, c Contact) error
	ChangeContact(ctx context.Context, id string, change func(*Contact) error) (Contact, error)
	// ChangeContacts runs change within one transaction; an error from change
	// is returned and nothing is stored. change may run more than once.
	ChangeContacts(ctx context.Context, change func(ContactLedger) error) error
	// MergeContacts makes one contact of two: calls, tasks and numbers of gone
	// become keep's, and gone's ID finds keep from then on. join makes keep
	// what it is to be, numbers included; the store sets the number called
	// last. Two open missed_call tasks become one, the other is done. IDs that
	// name one contact already change nothing. ErrConflict when gone has more
	// calls and tasks than one transaction should move.
	MergeContacts(ctx context.Context, keep, gone string, join func(kept *Contact, gone Contact) error) (Merged, error)
}

// ContactLedger is the contacts as a transaction sees them.
type ContactLedger interface {
	ByNumber(number string) (Contact, error)
	// PutContact stores a contact that is new or changed; ErrConflict, and
	// nothing is stored, when one of its numbers is another's.
	PutContact(c Contact) error
}

// Merged is what became of two contacts.
type Merged struct {
	Contact Contact // the one that stays
	Gone    Contact // the other as it was; zero when the two were one already
	Tasks   []Task  // that are not done, or were not, and changed
	Calls   int     // that changed hands
}

// Tasks is the list of what is to be done.
type Tasks interface {
	Task(ctx context.Context, id string) (Task, error)
	Tasks(ctx context.Context, f TaskFilter) (items []Task, next string, err error)
	// ChangeTask applies change within the transaction. A missed_call task
	// that becomes done lowers its contact's follow-up flag, and the contact
	// is returned then.
	ChangeTask(ctx context.Context, id string, change func(*Task) error) (Task, *Contact, error)
}

// Status is whether a user takes calls.
type Status string

// The statuses.
const (
	StatusAvailable Status = "available"
	StatusBreak     Status = "break"
	StatusOffline   Status = "offline"
)

// UserStatus is a user's own choice of status; it survives a restart.
type UserStatus struct {
	User   string    `json:"user"`
	Status Status    `json:"status"`
	Reason string    `json:"reason"`
	Since  time.Time `json:"since"`
}

// Override opens or closes a playbook against its hours, until a time.
type Override struct {
	Playbook string    `json:"playbook"`
	Open     bool      `json:"open"`
	Until    time.Time `json:"until"` // zero: until it is cleared
	By       string    `json:"by"`
	At       time.Time `json:"at"`
}

// Desk keeps what users and playbooks were told to do.
type Desk interface {
	UserStatuses(ctx context.Context) ([]UserStatus, error)
	SetUserStatus(ctx context.Context, s UserStatus) error
	Overrides(ctx context.Context) ([]Override, error)
	SetOverride(ctx context.Context, o Override) error
	ClearOverride(ctx context.Context, playbook string) error
}

// Token is what is kept of an API token: enough to recognise it, not to use it.
type Token struct {
	ID        string    `json:"id"`   // ULID
	Hash      string    `json:"hash"` // SHA-256 of the token, in hex
	User      string    `json:"user"`
	CreatedAt time.Time `json:"created_at"`
}

// Tokens keeps API tokens, by hash alone.
type Tokens interface {
	// AddToken stores a new token.
	AddToken(ctx context.Context, t Token) error
	// TokenByHash returns the token of a hash, ErrNotFound when there is none.
	TokenByHash(ctx context.Context, hash string) (Token, error)
	// Tokens lists all tokens, oldest first.
	Tokens(ctx context.Context) ([]Token, error)
	// RemoveToken revokes a token, ErrNotFound when there is none.
	RemoveToken(ctx context.Context, id string) error
}
