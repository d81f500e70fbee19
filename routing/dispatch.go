package routing

import (
	"context"
	"errors"
	"fmt"
	"time"

	"tandem/call"
)

// Reservations is what dispatch needs of the floor.
type Reservations interface {
	// Reserve takes a user for a call until call.Floor.Over, Talk or Free. A
	// *BusyError says why they cannot be had.
	Reserve(ctx context.Context, id call.ID, user string, as Reservation) error
	// Over gives back a user who was reserved in vain.
	Over(id call.ID, user string, outcome call.Outcome)
	// Oldest returns the call that waits longest for one of the user's playbooks.
	Oldest(ctx context.Context, user string) (call.ID, bool, error)
	SetStatus(ctx context.Context, s UserStatus) error
	User(name string) (UserState, bool)
}

// DispatchOptions are what dispatch works with.
type DispatchOptions struct {
	Directory *Directory
	Chooser   *Chooser
	Floor     Reservations
	Journal   Journal
	Contacts  Contacts
	Tasks     Tasks
	Events    call.Publisher
}

// Dispatch decides about calls that our own people make and pass on.
type Dispatch struct{ DispatchOptions }

// NewDispatch returns a dispatch; all of its options are needed.
func NewDispatch(o DispatchOptions) (*Dispatch, error) {
	if o.Directory == nil || o.Chooser == nil || o.Floor == nil || o.Journal == nil || o.Contacts == nil || o.Tasks == nil || o.Events == nil {
		return nil, errors.New("dispatch: an option is missing")
	}
	return &Dispatch{o}, nil
}

// summonTime bounds how long a user's own phone, or a colleague's, may ring.
const summonTime = 45 * time.Second

// outgoing is a call that is being placed.
type outgoing struct {
	in       call.Origination
	at       time.Time
	user     User
	playbook Playbook // of the user, or of the task; zero: none
	contact  Contact  // zero: the number is nobody's
	dialed   Dialed
}

// Place implements part of call.Router: it finds out what was dialed, checks
// that it may be called, chooses the number that is shown, reserves the user
// and stores the call.
func (d *Dispatch) Place(ctx context.Context, in call.Origination, at time.Time) (call.Placement, error) {
	user, ok := d.Directory.User(in.User)
	if !ok {
		return call.Placement{}, refuse(call.RefusedUnknown, 404, "there is no user "+in.User)
	}
	if code, is := featureCode(in.Dialed); is && in.Leg != "" {
		return d.feature(ctx, in, code)
	}
	out := outgoing{in: in, at: at.UTC(), user: user}
	if err := d.whom(ctx, &out); err != nil {
		return call.Placement{}, err
	}
	if err := d.check(out); err != nil {
		return call.Placement{}, err
	}
	if out.dialed.Kind == KindExtension {
		return d.placeInside(ctx, out)
	}
	return d.placeOutside(ctx, out)
}

// whom finds out who is to be called and on whose behalf.
func (d *Dispatch) whom(ctx context.Context, out *outgoing) error {
	in := &out.in
	out.playbook = d.playbookOf(in.User, "")
	if in.TaskID != "" {
		task, err := d.Tasks.Task(ctx, in.TaskID)
		if err != nil {
			return orRefused(err, "there is no task "+in.TaskID)
		}
		if task.ContactID == "" && in.Dialed == "" {
			return refuse(call.RefusedNumber, 404, "the task's caller withheld their number")
		}
		in.ContactID = task.ContactID
		out.playbook = d.playbookOf(in.User, task.Playbook)
	}
	if in.ContactID != "" {
		contact, err := d.Contacts.Contact(ctx, in.ContactID)
		if err != nil {
			return orRefused(err, "there is no contact "+in.ContactID)
		}
		out.contact = contact
		if in.Dialed == "" && len(contact.Numbers) > 0 {
			in.Dialed = contact.Numbers[0]
		}
	}
	out.dialed = d.Directory.Dialed(in.Dialed)
	if out.contact.ID != "" || out.dialed.Kind != KindE164 {
		return nil
	}
	contact, err := d.Contacts.ContactByNumber(ctx, out.dialed.Number)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	out.contact = contact
	return nil
}

// playbookOf is the playbook on whose behalf a user calls: the wanted one when
// they belong to it, else their first.
func (d *Dispatch) playbookOf(user, wanted string) Playbook {
	var first Playbook
	for _, p := range d.Directory.Account().Playbooks {
		for _, u := range p.Users {
			if u == user && (first.Name == "" || p.Name == wanted) {
				first, _ = d.Directory.Playbook(p.Name)
			}
		}
	}
	return first
}

// check refuses what is not to be called. An emergency number always is.
func (d *Dispatch) check(out outgoing) error {
	_, ours := d.Directory.Number(out.dialed.Number)
	switch {
	case out.dialed.Kind == KindInvalid:
		return refuse(call.RefusedNumber, 484, "that is no number that can be called")
	case out.dialed.Kind == KindExtension && out.dialed.User == out.in.User:
		return refuse(call.RefusedNumber, 486, "that is the user's own extension")
	case ours:
		return refuse(call.RefusedNumber, 403, "that is one of our own numbers")
	case out.contact.DoNotCall:
		return refuse(call.RefusedContact, 403, "the contact is not to be called")
	}
	return nil
}

// placeInside rings a colleague.
func (d *Dispatch) placeInside(ctx context.Context, out outgoing) (call.Placement, error) {
	colleague, _ := d.Directory.User(out.dialed.User)
	p := d.placement(out)
	p.Contact = call.Party{Name: colleague.Display, Number: colleague.Extension}
	p.To, p.From = colleague.Extension, out.user.Extension
	p.Route = call.Route{User: colleague.Name, RingTimeout: summonTime}
	p.Record, p.Why = false, "extension "+colleague.Extension
	if err := d.reserve(ctx, out); err != nil {
		return call.Placement{}, err
	}
	if err := d.Floor.Reserve(ctx, out.in.Call, colleague.Name, ReserveColleague); err != nil {
		d.Floor.Over(out.in.Call, out.in.User, call.OutcomeWithdrawn)
		return call.Placement{}, busy(err)
	}
	return d.store(ctx, out, p)
}

// placeOutside calls a number through a trunk.
func (d *Dispatch) placeOutside(ctx context.Context, out outgoing) (call.Placement, error) {
	chosen, err := d.Chooser.Choose(ctx, Outgoing{
		Number: out.dialed.Number, Contact: out.contact, Playbook: out.playbook.Name, Asked: out.in.Number,
		Emergency: out.dialed.Kind == KindEmergency,
	})
	if err != nil {
		return call.Placement{}, unchosen(err)
	}
	p := d.placement(out)
	p.To, p.From = out.dialed.Number, chosen.Number
	p.Number, p.Rule = chosen.Number, string(chosen.Rule)
	p.Contact = call.Party{ContactID: out.contact.ID, Name: out.contact.Name, Number: out.dialed.Number}
	if p.Contact.Name == "" {
		p.Contact.Name = out.dialed.Number
	}
	p.Route = d.routeTo(out.dialed.Number, chosen)
	p.Why = fmt.Sprintf("%s shows %s: %s", out.in.User, chosen.Number, chosen.Rule)
	if err := d.reserve(ctx, out); err != nil {
		return call.Placement{}, err
	}
	return d.store(ctx, out, p)
}

// routeTo is the way to a number through the trunks of the number that is shown.
func (d *Dispatch) routeTo(number string, chosen ChosenNumber) call.Route {
	return call.Route{
		Number: number, CallerID: chosen.Number, Trunks: chosen.Trunks,
		RingTimeout: d.Directory.RingTimeout(chosen.Trunks[0]),
	}
}

// placement is what all placements have in common.
func (d *Dispatch) placement(out outgoing) call.Placement {
	account := d.Directory.Account()
	return call.Placement{
		Caller: call.Party{Name: out.user.Display, Number: out.user.Extension}, TaskID: out.in.TaskID,
		Playbook: out.playbook.Name, Record: account.records(out.playbook), Announce: account.Announce, Music: d.music(out.playbook),
	}
}

// music is what somebody on hold hears: a playbook's, or any when the user has none.
func (d *Dispatch) music(p Playbook) call.Sound {
	if p.Name == "" {
		if all := d.Directory.Account().Playbooks; len(all) > 0 {
			return MusicSound(all[0].Name)
		}
	}
	return MusicSound(p.Name)
}

// reserve takes the user who calls. A phone that dialed by itself is there,
// whatever else it does: a second call may be a consultation.
func (d *Dispatch) reserve(ctx context.Context, out outgoing) error {
	as := ReserveCaller
	if out.in.Leg != "" {
		as = ReservePhone
	}
	if err := d.Floor.Reserve(ctx, out.in.Call, out.in.User, as); err != nil {
		return busy(err)
	}
	return nil
}

// store makes the call durable, with its contact when the number was nobody's.
func (d *Dispatch) store(ctx context.Context, out outgoing, p call.Placement) (call.Placement, error) {
	placed, err := d.Journal.Place(ctx, placing(out, p))
	if err != nil {
		for _, user := range []string{out.in.User, p.Route.User} {
			if user != "" {
				d.Floor.Over(out.in.Call, user, call.OutcomeWithdrawn)
			}
		}
		return call.Placement{}, fmt.Errorf("call %s: place: %w", out.in.Call, err)
	}
	if c := placed.Contact; c != nil {
		p.Contact = call.Party{ContactID: c.ID, Name: c.Name, Number: p.To}
		if placed.Created {
			publishContact(d.Events, call.EventContactCreated, *c, out.at)
		}
	}
	return p, nil
}

// placing is the call and its contact as they are to be stored.
func placing(out outgoing, p call.Placement) Placing {
	rec := call.Record{
		ID: out.in.Call, Direction: call.Outbound, Mode: call.Manual, State: call.StateDialing,
		From: p.From, To: p.To, RawTo: out.in.Dialed, Number: p.Number, NumberRule: p.Rule,
		ContactID: p.Contact.ContactID, User: out.in.User, Playbook: p.Playbook, TaskID: p.TaskID,
		StartedAt: out.at, Coaches: []string{},
		Trail: []call.Mark{{At: out.at, What: "placed", User: out.in.User, Why: p.Why}},
	}
	if len(p.Route.Trunks) > 0 {
		rec.Trunk = p.Route.Trunks[0]
	}
	placing := Placing{Record: rec}
	if out.dialed.Kind == KindE164 && rec.ContactID == "" {
		placing.Callee = &Contact{
			ID: newID(out.at), Name: p.To, Numbers: []string{p.To}, Country: CountryOf(p.To), CreatedAt: out.at,
		}
	}
	return placing
}

// Direct implements part of call.Router: a user, an extension, a playbook or a
// number to which somebody passes a call on. by is empty when the call comes
// back to its user by itself.
func (d *Dispatch) Direct(ctx context.Context, rec call.Record, to, by string) (call.Destination, error) {
	dest, err := d.destination(ctx, rec, to)
	if err != nil || dest.Route.User == "" {
		return dest, err
	}
	as := ReserveColleague
	if by == "" {
		as = ReserveRecall
	}
	if err := d.Floor.Reserve(ctx, rec.ID, dest.Route.User, as); err != nil {
		return call.Destination{}, busy(err)
	}
	return dest, nil
}

// Directable says by a *call.Refusal why a call cannot be passed on to
// somebody at the moment, or nil. It changes nothing.
func (d *Dispatch) Directable(ctx context.Context, rec call.Record, to string) error {
	dest, err := d.destination(ctx, rec, to)
	if err != nil || dest.Route.User == "" {
		return err
	}
	switch u, _ := d.Floor.User(dest.Route.User); {
	case u.Activity == ActivityTalking || u.Activity == ActivityOffered:
		return refuse(call.RefusedBusy, 486, u.Name+" is on another call")
	case u.Activity == ActivityCoaching:
		return refuse(call.RefusedBusy, 486, u.Name+" coaches a call")
	case !u.Registered:
		return refuse(call.RefusedBusy, 480, u.Name+" has no phone registered")
	case u.Status != StatusAvailable:
		return refuse(call.RefusedBusy, 480, u.Name+" is not available: "+string(u.Status))
	}
	return nil
}

// destination finds out where a call is to go. Nobody is reserved.
func (d *Dispatch) destination(ctx context.Context, rec call.Record, to string) (call.Destination, error) {
	if p, is := d.Directory.Playbook(to); is {
		return call.Destination{Playbook: p.Name, Queue: p.Reception, Why: "to the queue of " + p.Name}, nil
	}
	dialed := d.Directory.Dialed(to)
	if _, is := d.Directory.User(to); is {
		dialed = Dialed{Kind: KindExtension, User: to}
	}
	out := outgoing{dialed: dialed}
	if dialed.Kind == KindE164 {
		contact, err := d.Contacts.ContactByNumber(ctx, dialed.Number)
		if err != nil && !errors.Is(err, ErrNotFound) {
			return call.Destination{}, err
		}
		out.contact = contact
	}
	if err := d.check(out); err != nil {
		return call.Destination{}, err
	}
	if dialed.Kind == KindExtension {
		route := call.Route{User: dialed.User, RingTimeout: d.offerTime(rec.Playbook)}
		return call.Destination{Route: route, Why: "to " + dialed.User}, nil
	}
	chosen, err := d.Chooser.Choose(ctx, Outgoing{
		Number: dialed.Number, Contact: out.contact, Playbook: rec.Playbook, Emergency: dialed.Kind == KindEmergency,
	})
	if err != nil {
		return call.Destination{}, unchosen(err)
	}
	return call.Destination{Route: d.routeTo(dialed.Number, chosen), Why: "to " + dialed.Number}, nil
}

// offerTime bounds how long the phone of a colleague rings who is passed a call
// of a playbook: as long as for any call that the playbook offers.
func (d *Dispatch) offerTime(playbook string) time.Duration {
	if p, is := d.Directory.Playbook(playbook); is {
		return p.Reception.OfferTimeout
	}
	return summonTime
}

// refuse is a refusal that says why. code is what a phone that dialed is told.
func refuse(kind call.RefusalKind, code int, why string) error {
	return &call.Refusal{Kind: kind, Cause: call.Cause{Kind: call.CauseFailed, Code: code, Text: why}}
}

// busy is the refusal for a user who cannot be had; other errors stay what they are.
func busy(err error) error {
	if b, is := errors.AsType[*BusyError](err); is {
		code := 486
		if !b.Occupied {
			code = 480
		}
		return refuse(call.RefusedBusy, code, b.Error())
	}
	return err
}

// unchosen is the refusal for a number that cannot be shown or carried.
func unchosen(err error) error {
	if invalid, is := errors.AsType[*InvalidError](err); is {
		return refuse(call.RefusedNumber, 403, invalid.Error())
	}
	if errors.Is(err, ErrNoNumber) {
		return refuse(call.RefusedNoNumber, 503, "none of our numbers has a trunk that is up and has a free channel")
	}
	return err
}

// orRefused is the refusal for something that does not exist.
func orRefused(err error, why string) error {
	if errors.Is(err, ErrNotFound) {
		return refuse(call.RefusedUnknown, 404, why)
	}
	return err
}
