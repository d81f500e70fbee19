package routing

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

const (
	importColumns = 64       // of a file that are looked at
	importField   = 64 << 10 // bytes of one field
	importSpan    = 200      // lines of one field
)

// sheet is an open CSV file.
type sheet struct {
	rows    *csv.Reader
	columns []column
	limited *io.LimitedReader
	skipped int // lines before those that rows counts
}

// readRows reads the whole file and checks each line for itself.
func (b *AddressBook) readRows(file io.Reader) ([]importRow, error) {
	s, err := openSheet(file)
	if err != nil {
		return nil, err
	}
	var rows []importRow
	for {
		fields, err := s.rows.Read()
		switch {
		case s.limited.N <= 0 || len(rows) == importRows && !errors.Is(err, io.EOF):
			return nil, &InvalidError{Field: "file", Why: fmt.Sprintf("is longer than %d MB or %d lines", ImportBytes>>20, importRows)}
		case errors.Is(err, io.EOF):
			return rows, nil
		case err != nil && !errors.As(err, new(*csv.ParseError)):
			return nil, fmt.Errorf("import contacts: read: %w", err)
		}
		at, _ := s.rows.FieldPos(0)
		row := importRow{line: at + s.skipped, fault: err}
		if row.fault == nil {
			row.contact, row.fault = b.rowContact(s.columns, fields)
		}
		rows = append(rows, row)
	}
}

// openSheet finds out how a file is written and reads its first line.
func openSheet(file io.Reader) (*sheet, error) {
	s := &sheet{limited: &io.LimitedReader{R: file, N: ImportBytes + 1}}
	// A byte order mark tells UTF-16, which spreadsheets write too.
	r := bufio.NewReaderSize(transform.NewReader(s.limited, unicode.BOMOverride(transform.Nop)), 1<<16)
	start, _ := r.Peek(1 << 12)
	first, _, _ := strings.Cut(string(start), "\n")
	separator, given := strings.CutPrefix(strings.TrimRight(first, "\r"), "sep=") // a spreadsheet's own hint
	if given = given && len(separator) == 1 && separator != `"`; given {
		_, _ = r.Discard(len(first) + 1) // peeked at
		s.skipped = 1
	}
	s.rows = csv.NewReader(r)
	s.rows.FieldsPerRecord, s.rows.LazyQuotes, s.rows.ReuseRecord = -1, true, true
	s.rows.Comma = separatorOf(first)
	if given {
		s.rows.Comma = rune(separator[0])
	}
	s.rows.TrimLeadingSpace = s.rows.Comma != '\t' // or empty columns would be gone
	names, err := s.rows.Read()
	if err != nil && (errors.Is(err, io.EOF) || errors.As(err, new(*csv.ParseError))) {
		return nil, &InvalidError{Field: "file", Why: "has no first line that names the columns"}
	}
	if err != nil {
		return nil, fmt.Errorf("import contacts: read: %w", err)
	}
	for _, name := range names[:min(len(names), importColumns)] {
		s.columns = append(s.columns, columnOf(decoded(name)))
	}
	return s, checkColumns(s.columns)
}

// separatorOf is what separates the columns of a first line most often.
func separatorOf(first string) rune {
	best := ','
	for _, r := range ";\t" {
		if strings.Count(first, string(r)) > strings.Count(first, string(best)) {
			best = r
		}
	}
	return best
}

// checkField refuses a field that holds half the file because a quote was left
// open.
func checkField(field string) error {
	if len(field) > importField || strings.Count(field, "\n") > importSpan {
		return &InvalidError{Field: "file", Why: "a field goes on over many lines; is a quote left open?"}
	}
	return nil
}

// decoded reads text that is not UTF-8 as Windows-1252, which spreadsheets
// write.
func decoded(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	text, err := charmap.Windows1252.NewDecoder().String(s)
	if err != nil { // cannot happen: every byte has a meaning
		return strings.ToValidUTF8(s, "")
	}
	return text
}
