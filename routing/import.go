package routing

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"tandem/call"
)

const (
	// ImportBytes is how long an imported file may be.
	ImportBytes = 32 << 20
	importRows  = 100_000 // of a file
	// importBatch is how many lines share a transaction: enough to spare the
	// disk, and over in milliseconds, for live calls wait for the same writer.
	importBatch = 200
	// importEvents is how many contacts an import tells of one by one. Screens
	// that had to follow a hundred thousand would miss the next call.
	importEvents = 1000
)

// ImportOutcome is what became of a line.
type ImportOutcome string

// The outcomes of a line.
const (
	ImportCreated   ImportOutcome = "created"
	ImportUpdated   ImportOutcome = "updated"   // a known contact learned something
	ImportUnchanged ImportOutcome = "unchanged" // a known contact did not
	ImportRefused   ImportOutcome = "refused"
)

// ImportReport is what became of a file of contacts, or would become of it.
type ImportReport struct {
	DryRun    bool         `json:"dry_run"` // nothing was stored
	Created   int          `json:"created"`
	Updated   int          `json:"updated"`
	Unchanged int          `json:"unchanged"`
	Refused   int          `json:"refused"`
	Lines     []ImportLine `json:"lines" nullable:"false"` // in the order of the file
}

// ImportLine is what became of one line.
type ImportLine struct {
	Line      int           `json:"line"` // in the file, from 1
	Outcome   ImportOutcome `json:"outcome" enum:"created,updated,unchanged,refused"`
	ContactID string        `json:"contact_id,omitempty"` // empty when refused, and for a new one in a dry run
	Name      string        `json:"name,omitempty"`
	Changed   []string      `json:"changed,omitempty"` // what an updated contact learned: name, numbers, ...
	Why       string        `json:"why,omitempty"`     // it was refused
}

// importRow is a line that was read: a contact to be, without an ID, or why
// there is none.
type importRow struct {
	line    int
	contact Contact
	fault   error
}

// Import takes contacts from a CSV file whose first line names the columns (see
// importcolumns.go for their names): numbers, name, country, owner, follow_up,
// do_not_call, notes; others are ignored. A line whose number is known adds to
// that contact what is missing there and never takes anything away, so that a
// file can be imported again. With dryRun nothing is stored, and the report
// says what would be.
//
// A line that cannot be taken is reported and the rest goes on. An error means
// the file as a whole, of which nothing was stored then, or the store, which
// may have taken the lines before.
func (b *AddressBook) Import(ctx context.Context, file io.Reader, dryRun bool) (ImportReport, error) {
	rows, err := b.readRows(file)
	if err != nil {
		return ImportReport{}, err
	}
	report := ImportReport{DryRun: dryRun, Lines: make([]ImportLine, 0, len(rows))}
	book := b.Contacts.ChangeContacts
	if dryRun {
		book = newRehearsal(b.Contacts).change
	}
	told := 0
	for batch := range slices.Chunk(rows, importBatch) {
		lines, changed, err := take(ctx, batch, book)
		if err != nil {
			return report, fmt.Errorf("import contacts: from line %d on: %w", batch[0].line, err)
		}
		report.add(lines)
		if !dryRun {
			told += b.tell(lines, changed, importEvents-told)
		}
	}
	if dryRun {
		report.forgetNew()
	}
	return report, nil
}

// take carries out a batch of rows in one transaction. changed has a contact
// for each line; it counts where the line says created or updated.
func take(ctx context.Context, batch []importRow, book func(context.Context, func(ContactLedger) error) error) (lines []ImportLine, changed []Contact, err error) {
	err = book(ctx, func(l ContactLedger) error {
		lines, changed = make([]ImportLine, 0, len(batch)), make([]Contact, 0, len(batch)) // anew, for this may run twice
		for _, row := range batch {
			line, c, err := row.store(l)
			if err != nil && !refused(err) {
				return err
			}
			if err != nil {
				line = ImportLine{Line: row.line, Outcome: ImportRefused, Name: row.contact.Name, Why: err.Error()}
			}
			lines, changed = append(lines, line), append(changed, c)
		}
		return nil
	})
	return lines, changed, err
}

// refused reports whether an error is about a line and not about the store.
func refused(err error) bool {
	_, invalid := errors.AsType[*InvalidError](err)
	return invalid || errors.Is(err, ErrConflict)
}

// store creates the contact of a row, or adds to the one that is known.
func (r importRow) store(l ContactLedger) (ImportLine, Contact, error) {
	line := ImportLine{Line: r.line}
	if r.fault != nil {
		return line, Contact{}, r.fault
	}
	c, known, err := owning(l, r.contact.Numbers)
	if err != nil {
		return line, c, err
	}
	if known {
		if line.Changed, err = c.learn(r.contact); err != nil {
			return line, c, err
		}
		line.Outcome = ImportUpdated
	} else {
		c = r.contact
		c.CreatedAt = time.Now().UTC()
		c.ID = newID(c.CreatedAt)
		line.Outcome = ImportCreated
	}
	line.ContactID, line.Name = c.ID, c.Name
	if known && len(line.Changed) == 0 {
		line.Outcome = ImportUnchanged
		return line, c, nil
	}
	return line, c, l.PutContact(c)
}

// owning returns the one contact that has any of the numbers.
func owning(l ContactLedger, numbers []string) (c Contact, known bool, err error) {
	for _, number := range numbers {
		other, err := l.ByNumber(number)
		switch {
		case errors.Is(err, ErrNotFound):
		case err != nil:
			return c, known, err
		case known && other.ID != c.ID:
			return c, known, &InvalidError{Field: "numbers", Why: fmt.Sprintf("belong to two contacts, %s (%s) and %s (%s); merge them first", c.Name, c.ID, other.Name, other.ID)}
		default:
			c, known = other, true
		}
	}
	return c, known, nil
}

// add counts lines and keeps them.
func (r *ImportReport) add(lines []ImportLine) {
	for _, line := range lines {
		switch line.Outcome {
		case ImportCreated:
			r.Created++
		case ImportUpdated:
			r.Updated++
		case ImportUnchanged:
			r.Unchanged++
		case ImportRefused:
			r.Refused++
		}
	}
	r.Lines = append(r.Lines, lines...)
}

// forgetNew takes out the IDs of contacts that a dry run only imagined.
func (r *ImportReport) forgetNew() {
	imagined := make(map[string]bool)
	for i, line := range r.Lines {
		imagined[line.ContactID] = imagined[line.ContactID] || line.Outcome == ImportCreated
		if imagined[line.ContactID] {
			r.Lines[i].ContactID = ""
		}
	}
}

// tell publishes the first of the contacts that lines created or updated, and
// returns how many.
func (b *AddressBook) tell(lines []ImportLine, changed []Contact, most int) (told int) {
	at := time.Now()
	for i, line := range lines {
		kind := call.EventContactChanged
		if line.Outcome == ImportCreated {
			kind = call.EventContactCreated
		} else if line.Outcome != ImportUpdated {
			continue
		}
		if told == most {
			return told
		}
		publishContact(b.Events, kind, changed[i], at)
		told++
	}
	return told
}

// rehearsal is the contacts as they would be: what the store has, under what an
// import would have changed so far.
type rehearsal struct {
	store    ContactStore
	byNumber map[string]string // to the ID of a contact that the import touched
	contacts map[string]Contact
}

func newRehearsal(store ContactStore) *rehearsal {
	return &rehearsal{store: store, byNumber: make(map[string]string), contacts: make(map[string]Contact)}
}

// change is ChangeContacts that stores nothing.
func (r *rehearsal) change(ctx context.Context, change func(ContactLedger) error) error {
	return change(rehearsed{r, func(number string) (Contact, error) { return r.store.ContactByNumber(ctx, number) }})
}

// rehearsed is a rehearsal during one batch.
type rehearsed struct {
	*rehearsal
	stored func(number string) (Contact, error)
}

// ByNumber implements ContactLedger.
func (r rehearsed) ByNumber(number string) (Contact, error) {
	if id, touched := r.byNumber[number]; touched {
		return r.contacts[id], nil
	}
	c, err := r.stored(number)
	if changed, touched := r.contacts[c.ID]; touched && err == nil {
		return changed, nil
	}
	return c, err
}

// PutContact implements ContactLedger. An import looks at every number before
// it adds one, and takes none away.
func (r rehearsed) PutContact(c Contact) error {
	r.contacts[c.ID] = c
	for _, number := range c.Numbers {
		r.byNumber[number] = c.ID
	}
	return nil
}
