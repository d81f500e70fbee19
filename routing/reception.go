package routing

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/oklog/ulid/v2"

	"tandem/call"
)

// ReceptionOptions are what reception works with.
type ReceptionOptions struct {
	Directory *Directory
	Offices   *Offices
	Journal   Journal
	Contacts  Contacts
	Events    call.Publisher
}

// Reception decides about arriving calls and keeps what calls leave behind. It
// implements call.Router. It publishes what becomes of contacts and tasks;
// events about calls are the calls' own.
type Reception struct{ ReceptionOptions }

// NewReception returns a reception; all of its options are needed.
func NewReception(o ReceptionOptions) (*Reception, error) {
	if o.Directory == nil || o.Offices == nil || o.Journal == nil || o.Contacts == nil || o.Events == nil {
		return nil, errors.New("reception: an option is missing")
	}
	return &Reception{o}, nil
}

// Admit finds or creates the contact, makes the Inbound Call task and stores
// the call in one transaction, and returns what is to be done with it. Whether
// the office is open is decided here, once.
//
// A caller whose number cannot be made E.164 of, e.g. a bare extension, is
// treated as withheld: a call and a task but no contact, because such digits
// mean somebody else at every carrier. The digits stay in Record.RawFrom.
//
// A *call.Refusal: the number is not one of ours, or takes no calls.
func (r *Reception) Admit(ctx context.Context, in call.Arrival, at time.Time) (call.Plan, error) {
	number, playbook, err := r.called(in.Called)
	if err != nil {
		return call.Plan{}, err
	}
	opening := r.Offices.At(playbook.Name, at)
	plan := call.Plan{
		To: number.Number, Number: number.Number, Playbook: playbook.Name,
		Reception: playbook.Reception, Why: opening.Why,
	}
	account := r.Directory.Account()
	plan.Record, plan.Announce = account.records(playbook), account.Announce
	if !in.Withheld {
		plan.From, _ = r.Directory.Normalize(in.Caller)
	}
	if !opening.Open {
		var why string
		plan.Closed, why = r.closed(in, number, playbook)
		plan.Why += why
	}
	admitted, err := r.Journal.Admit(ctx, admission(in, plan, at))
	if err != nil {
		return call.Plan{}, fmt.Errorf("call %s: admit: %w", in.Call, err)
	}
	plan.TaskID = admitted.Task.ID
	plan.Contact = call.Party{Name: "Anonymous"} // as RFC 3323 section 4.1.1.3 calls them
	if c := admitted.Contact; c != nil {
		plan.Contact = call.Party{ContactID: c.ID, Name: c.Name, Number: plan.From}
		plan.Owner = c.Owner
	}
	r.announce(admitted, at)
	return plan, nil
}

// called returns the account's number that was called and who receives it.
func (r *Reception) called(raw string) (AccountNumber, Playbook, error) {
	refuse := func(why string) error {
		// Q.850 cause 1: unallocated number.
		return &call.Refusal{Cause: call.Cause{Kind: call.CauseFailed, Code: 404, Q850: 1, Text: why}}
	}
	e164, ok := r.Directory.Normalize(raw)
	if !ok {
		return AccountNumber{}, Playbook{}, refuse("unknown number")
	}
	number, ours := r.Directory.Number(e164)
	if !ours {
		return AccountNumber{}, Playbook{}, refuse("unknown number")
	}
	playbook, ok := r.Directory.Playbook(number.Playbook)
	if !ok {
		return AccountNumber{}, Playbook{}, refuse("the number takes no calls")
	}
	return number, playbook, nil
}

// closed is what happens to a call outside office hours. A redirect that could
// come back to us is left out, and why says so.
func (r *Reception) closed(in call.Arrival, number AccountNumber, p Playbook) (c *call.Closed, why string) {
	c = &call.Closed{Message: ClosedSound(p.Name), TaskUnlessAnswered: p.Closed.TaskUnlessAnswered}
	if p.Closed.Redirect == "" {
		return c, ""
	}
	if why := r.redirectFault(in, p.Closed.Redirect); why != "" {
		return c, "; not redirected: " + why
	}
	target, _ := r.Directory.Normalize(p.Closed.Redirect)
	c.Redirect = &call.Route{
		Number: target, CallerID: number.Number, Trunks: number.Trunks, RingTimeout: p.Closed.RingTimeout,
	}
	return c, "; redirected to " + target
}

// redirectFault says why a call must not be redirected to a number, or nothing.
func (r *Reception) redirectFault(in call.Arrival, to string) string {
	target, ok := r.Directory.Normalize(to)
	if !ok {
		return to + " is no number"
	}
	if _, ours := r.Directory.Number(target); ours {
		return target + " is one of our own"
	}
	diverted, ok := r.Directory.Normalize(in.Diverted)
	if _, ours := r.Directory.Number(diverted); ok && ours {
		return "the call was redirected by us before"
	}
	return ""
}

// admission is the call, its contact and its task as they are to be stored.
func admission(in call.Arrival, plan call.Plan, at time.Time) Admission {
	at = at.UTC()
	a := Admission{
		Record: call.Record{
			ID: in.Call, Direction: call.Inbound, Mode: call.Manual, State: call.StateQueued,
			From: plan.From, To: plan.To, RawFrom: in.Caller, RawTo: in.Called,
			Number: plan.Number, Trunk: in.Trunk, Playbook: plan.Playbook,
			StartedAt: at, Coaches: []string{},
			Trail: []call.Mark{{At: at, What: "arrived", Why: plan.Why}},
		},
		Task: Task{
			ID: newID(at), Kind: TaskInboundCall, State: call.TaskOpen, CallID: in.Call,
			Playbook: plan.Playbook, CreatedAt: at, UpdatedAt: at,
		},
	}
	if plan.Closed != nil {
		a.Record.Reason = call.MissedClosed // so that a crash does not make it an ordinary missed call
	}
	if plan.From == "" {
		return a
	}
	name, ok := nameOf(in.Name)
	if !ok {
		name = plan.From
	}
	a.Caller = &Contact{
		ID: newID(at), Name: name, Numbers: []string{plan.From}, Country: CountryOf(plan.From), CreatedAt: at,
	}
	return a
}

// newID returns a fresh ULID for something that began at the given time.
func newID(at time.Time) string { return ulid.MustNew(ulid.Timestamp(at), rand.Reader).String() }

// announce publishes what an arrival made.
func (r *Reception) announce(a Admitted, at time.Time) {
	if c := a.Contact; c != nil {
		kind := call.EventContactChanged // the number that they called last
		if a.Created {
			kind = call.EventContactCreated
		}
		publishContact(r.Events, kind, *c, at)
	}
	publishTask(r.Events, call.EventTaskCreated, a.Task, at)
}

// Save stores a call's record and what follows from it in one transaction. A
// missed call's task is for the user to whom it was offered last, else for the
// contact's owner, else for whoever of the playbook has the least to do.
func (r *Reception) Save(ctx context.Context, change call.Change) error {
	at := time.Now().UTC()
	closing := Closing{Change: change, Due: at, CRM: r.loggedWith(change.Record)}
	if change.MissedTask {
		if err := r.assignee(ctx, &closing); err != nil {
			return fmt.Errorf("call %s: save: %w", change.Record.ID, err)
		}
	}
	closed, err := r.Journal.SaveCall(ctx, closing)
	if err != nil {
		return fmt.Errorf("call %s: save: %w", change.Record.ID, err)
	}
	if closed.Task != nil {
		publishTask(r.Events, call.EventTaskChanged, *closed.Task, at)
	}
	if closed.Missed != nil {
		kind := call.EventTaskChanged
		if closed.Created {
			kind = call.EventTaskCreated
		}
		publishTask(r.Events, kind, *closed.Missed, at)
	}
	if closed.Contact != nil {
		publishContact(r.Events, call.EventContactChanged, *closed.Contact, at)
	}
	return nil
}

// loggedWith is the CRM that a call goes to when it ends: only calls between
// the floor and the outside do, and those have a number of ours.
func (r *Reception) loggedWith(rec call.Record) string {
	if rec.Number == "" {
		return ""
	}
	return r.Directory.Account().CRM
}

// assignee says whose the missed call's task is to be.
func (r *Reception) assignee(ctx context.Context, c *Closing) error {
	rec := c.Change.Record
	if _, known := r.Directory.User(rec.User); known {
		c.User = rec.User
		return nil
	}
	if p, known := r.Directory.Playbook(rec.Playbook); known {
		c.Least = p.Users
	}
	if rec.ContactID == "" {
		return nil
	}
	contact, err := r.Contacts.Contact(ctx, rec.ContactID)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	if _, known := r.Directory.User(contact.Owner); known {
		c.User = contact.Owner
	}
	return nil
}

// publishContact tells of a contact; who sees it is their owner and everybody
// who may see all contacts.
func publishContact(to call.Publisher, kind call.EventType, c Contact, at time.Time) {
	to.Publish(call.Event{Type: kind, At: at.UTC(), User: c.Owner, ContactID: c.ID, Data: c})
}

// publishTask tells of a task.
func publishTask(to call.Publisher, kind call.EventType, t Task, at time.Time) {
	to.Publish(call.Event{
		Type: kind, At: at.UTC(), User: t.User, Playbook: t.Playbook, CallID: t.CallID,
		ContactID: t.ContactID, TaskID: t.ID, Data: t,
	})
}
