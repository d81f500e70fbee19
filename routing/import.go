package routing

import (
	"bufio"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"tandem/call"
)

const (
	importBytes  = 32 << 20 // of a file
	importRows   = 100_000  // of a file
	importColumn = 64       // columns
	importFaults = 200      // lines that a report names
)

// ImportReport is what became of a file of contacts.
type ImportReport struct {
	Created   int           `json:"created"`
	Merged    int           `json:"merged"`    // known contacts that learned something
	Unchanged int           `json:"unchanged"` // known contacts that did not
	Failed    int           `json:"failed"`    // lines that could not be taken
	Faults    []ImportFault `json:"faults"`    // the first 200 of them
}

// ImportFault is a line that could not be taken.
type ImportFault struct {
	Line int    `json:"line"` // in the file, from 1
	Why  string `json:"why"`
}

// Import reads contacts from a CSV file whose first line names the columns:
// numbers (or number, phone, mobile and the like; several columns and several
// numbers in one are fine), name, country, owner, notes. Comma, semicolon and
// tab separate; other columns are ignored. A line whose number is known adds
// to that contact what is missing there and never takes anything away, so that
// a file can be imported again.
//
// A line that cannot be taken is reported and the rest goes on. The error is
// about the file as a whole, or the store's; the report counts what was done.
func (b *AddressBook) Import(ctx context.Context, file io.Reader) (ImportReport, error) {
	report := ImportReport{Faults: []ImportFault{}}
	limited := &io.LimitedReader{R: file, N: importBytes + 1}
	rows, head, err := openCSV(limited)
	if err != nil {
		return report, err
	}
	for n := 0; ; n++ {
		fields, err := rows.Read()
		line, _ := rows.FieldPos(0)
		switch {
		case limited.N <= 0 || n >= importRows:
			return report, &InvalidError{Field: "file", Why: fmt.Sprintf("is longer than %d MB or %d lines", importBytes>>20, importRows)}
		case errors.Is(err, io.EOF):
			return report, nil
		case err != nil && !errors.As(err, new(*csv.ParseError)):
			return report, fmt.Errorf("import contacts: %w", err)
		case err != nil:
			report.fault(line, err)
			continue
		}
		if err := b.importRow(ctx, &report, head.contact(fields)); err != nil {
			if !refused(err) {
				return report, fmt.Errorf("import contacts: line %d: %w", line, err)
			}
			report.fault(line, err)
		}
	}
}

// refused reports whether an error is about a line and not about the store.
func refused(err error) bool {
	var invalid *InvalidError
	return errors.As(err, &invalid) || errors.Is(err, ErrConflict) || errors.Is(err, ErrNotFound)
}

func (r *ImportReport) fault(line int, err error) {
	r.Failed++
	if len(r.Faults) < importFaults {
		r.Faults = append(r.Faults, ImportFault{Line: line, Why: err.Error()})
	}
}

// importRow creates the contact of a line, or adds to the one that is known.
func (b *AddressBook) importRow(ctx context.Context, report *ImportReport, p ContactPatch) error {
	numbers, err := b.numbers(*p.Numbers)
	if err != nil {
		return err
	}
	p.Numbers = &numbers
	id, err := b.owning(ctx, numbers)
	if err != nil {
		return err
	}
	if id == "" {
		if _, err := b.Create(ctx, p); err != nil {
			return err
		}
		report.Created++
		return nil
	}
	return b.merge(ctx, report, id, p)
}

// owning returns the one contact that has any of the numbers, or nothing.
func (b *AddressBook) owning(ctx context.Context, numbers []string) (id string, err error) {
	for _, number := range numbers {
		c, err := b.Contacts.ContactByNumber(ctx, number)
		switch {
		case errors.Is(err, ErrNotFound):
		case err != nil:
			return "", err
		case id != "" && id != c.ID:
			return "", fmt.Errorf("numbers of two contacts in one line: %w", ErrConflict)
		default:
			id = c.ID
		}
	}
	return id, nil
}

// errUnchanged keeps a contact that learned nothing from being stored again.
var errUnchanged = errors.New("unchanged")

// merge adds to a known contact what it does not have.
func (b *AddressBook) merge(ctx context.Context, report *ImportReport, id string, p ContactPatch) error {
	c, err := b.Contacts.ChangeContact(ctx, id, func(c *Contact) error { return b.learn(c, p) })
	switch {
	case errors.Is(err, errUnchanged):
		report.Unchanged++
		return nil
	case err != nil:
		return err
	}
	report.Merged++
	publishContact(b.Events, call.EventContactChanged, c, time.Now())
	return nil
}

// learn adds what a patch knows and a contact does not.
func (b *AddressBook) learn(c *Contact, p ContactPatch) error {
	numbers := slices.Clone(c.Numbers)
	for _, number := range *p.Numbers {
		if !slices.Contains(numbers, number) {
			numbers = append(numbers, number)
		}
	}
	changed := len(numbers) > len(c.Numbers)
	p.Numbers = &numbers
	keep := func(have string, want **string) {
		if *want == nil || **want == "" || have != "" {
			*want = nil
			return
		}
		changed = true
	}
	name := c.Name
	if slices.Contains(c.Numbers, name) {
		name = "" // the contact had no name but its number
	}
	keep(name, &p.Name)
	keep(c.Country, &p.Country)
	keep(c.Owner, &p.Owner)
	keep(c.Notes, &p.Notes)
	if !changed {
		return errUnchanged
	}
	return b.apply(c, p)
}

// columns says what each column of a file holds.
type columns []string

// openCSV reads the first line of a file and what separates its columns.
func openCSV(file io.Reader) (*csv.Reader, columns, error) {
	r := bufio.NewReaderSize(file, 1<<16)
	if mark, _ := r.Peek(3); string(mark) == "\ufeff" {
		_, _ = r.Discard(3)
	}
	start, _ := r.Peek(1 << 12)
	first, _, _ := strings.Cut(string(start), "\n")
	rows := csv.NewReader(r)
	rows.FieldsPerRecord, rows.LazyQuotes, rows.TrimLeadingSpace, rows.ReuseRecord = -1, true, true, true
	for _, separator := range ";\t" {
		if strings.Count(first, string(separator)) > strings.Count(first, string(rows.Comma)) {
			rows.Comma = separator
		}
	}
	names, err := rows.Read()
	if err != nil {
		return nil, nil, &InvalidError{Field: "file", Why: "has no first line that names the columns"}
	}
	head := make(columns, min(len(names), importColumn))
	for i := range head {
		head[i] = column(names[i])
	}
	if !slices.Contains(head, "numbers") {
		return nil, nil, &InvalidError{Field: "file", Why: "its first line names no column numbers, number or phone"}
	}
	return rows, head, nil
}

// column says what a column holds by its name; empty: nothing that we want.
func column(name string) string {
	name = strings.ToLower(strings.TrimSpace(decoded(name)))
	switch strings.TrimRight(name, " 0123456789") {
	case "number", "numbers", "phone", "phones", "phone number", "phone numbers", "phone_number", "telephone", "tel",
		"mobile", "mobile phone", "mobile_phone", "cell", "landline", "work phone", "home phone",
		"teléfono", "telefono", "teléfonos", "telefonos", "móvil", "movil":
		return "numbers"
	case "name", "full name", "full_name", "contact", "nombre":
		return "name"
	case "first name", "first_name", "firstname":
		return "first"
	case "last name", "last_name", "lastname", "surname", "apellidos", "apellido":
		return "last"
	case "country", "country code", "país", "pais":
		return "country"
	case "owner", "user", "salesperson", "contact owner", "propietario":
		return "owner"
	case "notes", "note", "comment", "comments", "notas":
		return "notes"
	}
	return ""
}

// contact reads a line.
func (c columns) contact(fields []string) ContactPatch {
	values := make(map[string]string)
	numbers := []string{}
	for i, field := range fields[:min(len(fields), len(c))] {
		field = strings.TrimSpace(decoded(field))
		if c[i] == "numbers" {
			numbers = append(numbers, strings.FieldsFunc(field, func(r rune) bool { return strings.ContainsRune(",;|\n", r) })...)
		} else if values[c[i]] == "" {
			values[c[i]] = field
		}
	}
	name := values["name"]
	if name == "" {
		name = strings.TrimSpace(values["first"] + " " + values["last"])
	}
	country, owner, notes := values["country"], values["owner"], values["notes"]
	return ContactPatch{Name: &name, Numbers: &numbers, Country: &country, Owner: &owner, Notes: &notes}
}

// decoded reads text that is not UTF-8 as ISO 8859-1, which spreadsheets write.
func decoded(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	runes := make([]rune, len(s))
	for i := range len(s) {
		runes[i] = rune(s[i])
	}
	return string(runes)
}
