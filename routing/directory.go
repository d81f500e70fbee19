package routing

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"tandem/call"
)

// Account is what the configuration says about who sells what, from which
// numbers and when.
type Account struct {
	Country   string // ISO 3166-1 alpha-2: how a number without a country code is read
	Numbers   []AccountNumber
	Users     []User
	Playbooks []Playbook
	Record    bool       // recording is enabled
	Announce  call.Sound // played before a recorded conversation, or empty
	Coaching  CoachingRules
	// RingTimeouts is how long a call through each trunk may ring; a trunk that
	// is not named lets it ring for 45 s.
	RingTimeouts map[string]time.Duration
	CRM          string // the provider with whom ended calls are logged, or empty
}

// CoachingRules say who may coach, and how.
type CoachingRules struct {
	Roles  []string // whose users may
	Barge  bool     // a coach may let the contact hear them
	Notify bool     // the salesperson is shown who coaches them
}

// AccountNumber is one of the account's own numbers.
type AccountNumber struct {
	Number   string   // E.164
	Trunks   []string // those that may carry calls from it, in order of preference
	Playbook string   // who receives its calls; empty: nobody, it is for calling out
}

// User is a salesperson, supervisor or administrator.
type User struct {
	Name      string // SIP user and login
	Display   string // for people
	Role      string // salesperson, supervisor, admin
	Extension string // by which colleagues dial them, or empty
}

// Playbook is who sells what, from which number, when.
type Playbook struct {
	Name       string
	Users      []string // in the order of round-robin
	MainNumber string   // E.164, one of the account's, or empty
	Hours      *Hours   // nil: always open
	Closed     ClosedRule
	Reception  call.Reception // Music is filled in
	WrapUp     time.Duration  // after a call, before the user is available again
	Unrecorded bool           // its conversations are not recorded, though the account's are
}

// ClosedRule is what happens to calls outside office hours.
type ClosedRule struct {
	Redirect           string        // E.164; empty: hang up after the message
	RingTimeout        time.Duration // of the redirected call
	TaskUnlessAnswered bool          // no task when the redirected call was answered
}

// MusicSound is the name under which a playbook's hold music is loaded.
func MusicSound(playbook string) call.Sound { return call.Sound("music:" + playbook) }

// ClosedSound is the name under which a playbook's office-closed message is loaded.
func ClosedSound(playbook string) call.Sound { return call.Sound("closed:" + playbook) }

// records reports whether conversations of a playbook are recorded.
func (a Account) records(p Playbook) bool { return a.Record && !p.Unrecorded }

// AnnounceSound is the name under which the announcement of a recording is loaded.
const AnnounceSound call.Sound = "announce"

// Directory answers questions about the account. It is replaced whole when the
// configuration is read anew, so that each question sees one configuration.
type Directory struct{ current atomic.Pointer[directory] }

// directory is one account with its indexes; it never changes.
type directory struct {
	Account
	numbers    map[string]AccountNumber
	users      map[string]User
	extensions map[string]string // to user
	playbooks  map[string]Playbook
}

// NewDirectory returns the directory of an account whose parts fit together.
func NewDirectory(a Account) (*Directory, error) {
	d := &Directory{}
	return d, d.Replace(a)
}

// Replace takes on another account, whole or not at all.
func (d *Directory) Replace(a Account) error {
	next, err := newDirectory(a)
	if err != nil {
		return err
	}
	d.current.Store(next)
	return nil
}

// newDirectory indexes an account and returns all faults in it.
func newDirectory(a Account) (*directory, error) {
	d := &directory{
		Account: a, numbers: make(map[string]AccountNumber), users: make(map[string]User),
		extensions: make(map[string]string), playbooks: make(map[string]Playbook),
	}
	var faults []error
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }
	for _, u := range a.Users {
		if _, double := d.users[u.Name]; double || u.Name == "" {
			fault("user %q: no name, or named twice", u.Name)
		}
		d.users[u.Name] = u
		if other, taken := d.extensions[u.Extension]; taken && u.Extension != "" {
			fault("user %s: extension %s is %s's", u.Name, u.Extension, other)
		}
		d.extensions[u.Extension] = u.Name
	}
	for _, p := range a.Playbooks {
		if _, double := d.playbooks[p.Name]; double || p.Name == "" {
			fault("playbook %q: no name, or named twice", p.Name)
		}
		if i := slices.IndexFunc(p.Users, func(name string) bool { _, ok := d.users[name]; return !ok }); i >= 0 {
			fault("playbook %s: no user %q", p.Name, p.Users[i])
		}
		p.Reception.Music = MusicSound(p.Name)
		d.playbooks[p.Name] = p
	}
	for _, n := range a.Numbers {
		if e164, ok := Normalize(n.Number, a.Country); !ok || e164 != n.Number {
			fault("number %q: not in E.164", n.Number)
		}
		if _, ok := d.playbooks[n.Playbook]; !ok && n.Playbook != "" {
			fault("number %s: no playbook %q", n.Number, n.Playbook)
		}
		if _, double := d.numbers[n.Number]; double {
			fault("number %s: named twice", n.Number)
		}
		d.numbers[n.Number] = n
	}
	delete(d.extensions, "")
	return d, errors.Join(faults...)
}

// Account returns the account as configured. It is not to be changed.
func (d *Directory) Account() Account { return d.current.Load().Account }

// Country returns the account's country, ISO 3166-1 alpha-2.
func (d *Directory) Country() string { return d.current.Load().Country }

// Number returns the account's own number of that E.164 form.
func (d *Directory) Number(e164 string) (AccountNumber, bool) {
	n, ok := d.current.Load().numbers[e164]
	return n, ok
}

// User returns the user of that name.
func (d *Directory) User(name string) (User, bool) {
	u, ok := d.current.Load().users[name]
	return u, ok
}

// Playbook returns the playbook of that name.
func (d *Directory) Playbook(name string) (Playbook, bool) {
	p, ok := d.current.Load().playbooks[name]
	return p, ok
}

// RingTimeout is how long a call through a trunk may ring.
func (d *Directory) RingTimeout(trunk string) time.Duration {
	if t := d.current.Load().RingTimeouts[trunk]; t > 0 {
		return t
	}
	return summonTime
}

// Normalize returns the E.164 form of a number as the account's country writes it.
func (d *Directory) Normalize(raw string) (e164 string, ok bool) {
	now := d.current.Load()
	if _, ours := now.numbers[raw]; ours { // what is called nearly always
		return raw, true
	}
	return Normalize(raw, now.Country)
}

// Dialed is what somebody dialed: exactly what it is and where it leads.
type Dialed struct {
	Kind   Kind
	Number string // E.164, or the digits of a short or emergency number
	User   string // of an extension
}

// Dialed says what a user of the account dials. Emergency numbers come before
// extensions, extensions before the country's short numbers.
func (d *Directory) Dialed(raw string) Dialed {
	now := d.current.Load()
	kind := KindOf(raw, now.Country)
	digits, _ := dialable(raw)
	if kind == KindEmergency {
		return Dialed{Kind: kind, Number: digits}
	}
	if user, ok := now.extensions[strings.TrimSpace(raw)]; ok {
		return Dialed{Kind: KindExtension, User: user}
	}
	switch kind {
	case KindShort:
		return Dialed{Kind: kind, Number: digits}
	case KindE164:
		e164, _ := Normalize(raw, now.Country)
		return Dialed{Kind: kind, Number: e164}
	case KindEmergency, KindExtension, KindInvalid: // nothing more that could be called
	}
	return Dialed{Kind: KindInvalid}
}
