package bolt

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"

	"go.etcd.io/bbolt"
	"golang.org/x/text/unicode/norm"

	"tandem/call"
	"tandem/routing"
)

// The buckets that are no tables.
const (
	bucketMeta       = "meta"
	bucketNumbers    = "contacts/numbers" // E.164 -> contact
	bucketMerged     = "contacts/merged"  // contact that is no more -> the one that it became
	bucketMissed     = "calls/missed"     // call -> its Missed Call task
	bucketOpenMissed = "tasks/missed"     // contact -> its open Missed Call task
	bucketLoad       = "tasks/load"       // user -> how many tasks are not done
	bucketStatuses   = "statuses"
	bucketOverrides  = "overrides"
	bucketBindings   = "bindings" // user NUL contact URI -> binding
	bucketDialogs    = "dialogs"
	bucketTokens     = "tokens"     // hash -> token
	bucketAccesses   = "accesses"   // call NUL access -> access to its recording
	bucketAccessAge  = "access_age" // access -> its key in accesses
)

// The buckets of the outbox.
const (
	bucketEntries     = "crm/entries"     // call -> entry
	bucketToLog       = "crm/to_log"      // lane NUL seq -> call
	bucketToComplete  = "crm/to_complete" // lane NUL due NUL call
	bucketParked      = "crm/failed"      // call
	bucketLanes       = "crm/lanes"       // lane that has something to do -> lane
	bucketLaneDue     = "crm/due"         // due NUL lane
	bucketCRMContacts = "crm/contacts"    // provider NUL number -> contact of the CRM
)

// The indexes of the tables.
const (
	indexActive   = "calls/active"
	indexContact  = "calls/contact"
	indexUser     = "calls/user"
	indexRecorded = "calls/recorded" // those with a recording, and the next one by playbook
	indexTaped    = "calls/recorded_playbook"
	indexHeld     = "calls/held" // those whose recording is on hold
	indexFollowUp = "contacts/follow_up"
	indexToDo     = "tasks/to_do"
	indexTaskUser = "tasks/user"
	indexTaskOf   = "tasks/contact"
)

// present is the one key of an index that only says whether.
const present = "+"

// schema is which tables there are.
type schema struct {
	calls    table[call.Record]
	contacts table[routing.Contact]
	tasks    table[routing.Task]
}

func newSchema() schema {
	return schema{
		calls: table[call.Record]{
			name: "calls", id: func(r call.Record) string { return string(r.ID) }, digest: callDigest,
			indexes: []index[call.Record]{
				{indexActive, func(r call.Record) string { return when(r.Result == call.ResultNone) }},
				{indexContact, func(r call.Record) string { return r.ContactID }},
				{indexUser, func(r call.Record) string { return r.User }},
				{indexRecorded, func(r call.Record) string { return when(r.Recording != nil) }},
				{indexTaped, func(r call.Record) string {
					if r.Recording == nil {
						return ""
					}
					return r.Playbook
				}},
				{indexHeld, func(r call.Record) string { return when(held(r)) }},
			},
			live: newLive(func(r call.Record) bool { return r.Result == call.ResultNone }),
		},
		contacts: table[routing.Contact]{
			name: "contacts", id: func(c routing.Contact) string { return c.ID }, digest: contactDigest,
			indexes: []index[routing.Contact]{
				{indexFollowUp, func(c routing.Contact) string { return when(c.FollowUp) }},
			},
		},
		tasks: table[routing.Task]{
			name: "tasks", id: func(t routing.Task) string { return t.ID }, digest: taskDigest,
			indexes: []index[routing.Task]{
				{indexToDo, func(t routing.Task) string { return when(t.State != call.TaskDone) }},
				{indexTaskUser, func(t routing.Task) string { return t.User }},
				{indexTaskOf, func(t routing.Task) string { return t.ContactID }},
			},
			// A live call's own; with a due time others might reach into it.
			live: newLive(func(t routing.Task) bool {
				return t.Kind == routing.TaskInboundCall && t.State != call.TaskDone && t.DueAt == nil
			}),
		},
	}
}

func when(in bool) string {
	if in {
		return present
	}
	return ""
}

// digestMark separates the fields of a digest.
const digestMark = "\x1f"

func callDigest(r call.Record) string {
	return strings.Join([]string{
		string(r.Direction), string(r.Result), r.Playbook, r.User, r.ContactID,
		strconv.FormatInt(r.StartedAt.UnixNano(), 10), taped(r),
	}, digestMark)
}

// What a digest says about a call's recording.
const (
	tapedKept = "recorded"
	tapedHeld = "held"
)

// taped is the word for a call's recording; empty: there is none.
func taped(r call.Record) string {
	switch {
	case held(r):
		return tapedHeld
	case r.Recording != nil:
		return tapedKept
	}
	return ""
}

// held reports whether a call's recording is on hold.
func held(r call.Record) bool { return r.Recording != nil && r.Recording.Hold != nil }

func taskDigest(t routing.Task) string {
	return strings.Join([]string{string(t.Kind), string(t.State), t.User, t.ContactID}, digestMark)
}

func contactDigest(c routing.Contact) string {
	return strings.Join([]string{
		when(c.FollowUp), fold(c.Name), strings.Join(c.Numbers, " "), c.Owner, when(c.DoNotCall),
	}, digestMark)
}

// fold makes names comparable: lower case, without accents, so that "garcia"
// finds García.
func fold(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Mn, r) || r == '\x1f' {
			return -1
		}
		return unicode.ToLower(r)
	}, norm.NFD.String(s))
}

// create makes the buckets that are not there yet.
func (s *schema) create(tx *bbolt.Tx) error {
	names := []string{
		bucketNumbers, bucketMerged, bucketMissed, bucketOpenMissed, bucketLoad,
		bucketStatuses, bucketOverrides, bucketBindings, bucketDialogs, bucketTokens,
		bucketAccesses, bucketAccessAge,
		bucketEntries, bucketToLog, bucketToComplete, bucketParked, bucketLanes, bucketLaneDue, bucketCRMContacts,
	}
	names = append(names, s.calls.buckets()...)
	names = append(names, s.contacts.buckets()...)
	names = append(names, s.tasks.buckets()...)
	for _, name := range names {
		if _, err := tx.CreateBucketIfNotExists([]byte(name)); err != nil {
			return fmt.Errorf("bucket %s: %w", name, err)
		}
	}
	return nil
}

// migration brings the file from one version of the schema to the next.
type migration func(*bbolt.Tx) error

// migrations returns the steps from version 1 on: the first leads to version 2.
func migrations() []migration { return []migration{redigestContacts, indexRecordings} }

// redigestContacts brings contacts to version 2: digests tell whose a contact
// is and whether they may be called. A record that cannot be read keeps its old
// digest, which no listing shows.
func redigestContacts(tx *bbolt.Tx) error {
	contacts := newSchema().contacts
	records, digests := tx.Bucket([]byte(contacts.name)), tx.Bucket([]byte(contacts.digests()))
	if records == nil || digests == nil {
		return nil // a new file
	}
	return records.ForEach(func(id, raw []byte) error {
		c, err := decodeAs(raw, string(id), contacts.id)
		if err != nil {
			return nil //nolint:nilerr // it is reported when somebody asks for it
		}
		return digests.Put(id, []byte(contactDigest(c)))
	})
}

// indexRecordings brings calls to version 3: digests tell whether there is a
// recording, and indexes find those that have one.
func indexRecordings(tx *bbolt.Tx) error {
	s := newSchema()
	records := tx.Bucket([]byte(s.calls.name))
	if records == nil {
		return nil // a new file
	}
	if err := s.create(tx); err != nil {
		return err
	}
	digests := tx.Bucket([]byte(s.calls.digests()))
	return records.ForEach(func(id, raw []byte) error {
		rec, err := decodeAs(raw, string(id), s.calls.id)
		if err != nil {
			return nil //nolint:nilerr // it is reported when somebody asks for it
		}
		for _, ix := range s.calls.indexes {
			key := ix.key(rec)
			if key == "" {
				continue
			}
			if err := tx.Bucket([]byte(ix.name)).Put([]byte(key+separator+string(id)), []byte{}); err != nil {
				return err
			}
		}
		return digests.Put(id, []byte(callDigest(rec)))
	})
}

// migrate brings the file to the newest version, in the transaction that also
// stores the version, and refuses a file of a version yet to come.
func migrate(tx *bbolt.Tx, steps []migration) error {
	b, err := tx.CreateBucketIfNotExists([]byte(bucketMeta))
	if err != nil {
		return err
	}
	newest, version := 1+len(steps), 1+len(steps)
	if raw := b.Get([]byte(keySchema)); raw != nil {
		if version, err = strconv.Atoi(string(raw)); err != nil || version < 1 {
			return fmt.Errorf("%w: schema version %.20q", ErrDamaged, raw)
		}
	}
	if version > newest {
		return fmt.Errorf("written by a newer Tandem (schema %d, this one knows %d): run that version, or restore a backup made before the upgrade", version, newest)
	}
	for ; version < newest; version++ {
		if err := steps[version-1](tx); err != nil {
			return fmt.Errorf("migration of the schema to version %d: %w", version+1, err)
		}
	}
	return b.Put([]byte(keySchema), strconv.AppendInt(nil, int64(newest), 10))
}
