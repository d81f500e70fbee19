package web

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Limits of an imported file.
const (
	maxImport     = 10 << 20 // bytes
	maxImportRows = 100_000
)

// importRow is one contact of an imported file.
type importRow struct {
	line      int // of the file, from 1
	name      string
	numbers   []string // as they are written
	country   string
	owner     string
	notes     string
	doNotCall *bool // nil: the file does not say
}

// rowFault is what is wrong with one row; the other rows are not harmed.
type rowFault struct {
	Line    int    `json:"line"`
	Field   string `json:"field"`
	Message string `json:"message"`
}

// errFile is a fault of the file as a whole.
type errFile struct{ message string }

func (e *errFile) Error() string { return e.message }

// columns returns what a header row may name: the field behind each title.
func columns() map[string]string {
	return map[string]string{
		"name": "name", "number": "numbers", "numbers": "numbers", "phone": "numbers", "country": "country",
		"owner": "owner", "notes": "notes", "do_not_call": "do_not_call",
	}
}

// parseContacts reads a CSV file (RFC 4180) with a header row; comma,
// semicolon and tab separate. Several numbers in a field are separated by | or /.
// Rows with faults are reported and left out; a file that is no such file is an
// error.
func parseContacts(data []byte) (rows []importRow, faults []rowFault, err error) {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	if !utf8.Valid(data) {
		return nil, nil, &errFile{"is not UTF-8 text"}
	}
	r := csv.NewReader(bytes.NewReader(data))
	r.Comma = separator(data)
	r.FieldsPerRecord = -1
	header, err := r.Read()
	if err != nil {
		return nil, nil, &errFile{"has no header row that can be read; the first line names the columns, e.g. name,numbers"}
	}
	fields, err := parseHeader(header)
	if err != nil {
		return nil, nil, err
	}
	for {
		record, err := r.Read()
		if errors.Is(err, io.EOF) {
			return rows, faults, nil
		}
		if err != nil {
			return nil, nil, &errFile{"is not CSV: " + err.Error()}
		}
		if len(rows)+len(faults) == maxImportRows {
			return nil, nil, &errFile{fmt.Sprintf("has more than %d rows", maxImportRows)}
		}
		line, _ := r.FieldPos(0)
		row, fault := parseRow(fields, record)
		if fault != nil {
			fault.Line = line
			faults = append(faults, *fault)
			continue
		}
		row.line = line
		rows = append(rows, row)
	}
}

// separator is the one that the header row has most of.
func separator(data []byte) rune {
	header, _, _ := bytes.Cut(data, []byte("\n"))
	best := ','
	for _, c := range ";\t" {
		if bytes.Count(header, []byte(string(c))) > bytes.Count(header, []byte(string(best))) {
			best = c
		}
	}
	return best
}

// parseHeader returns the field of each column.
func parseHeader(header []string) ([]string, error) {
	known := columns()
	fields := make([]string, len(header))
	for i, title := range header {
		field, ok := known[strings.ToLower(strings.TrimSpace(title))]
		if !ok {
			return nil, &errFile{fmt.Sprintf("column %q is unknown; columns are name, numbers, country, owner, notes, do_not_call", title)}
		}
		if slices.Contains(fields, field) {
			return nil, &errFile{fmt.Sprintf("has two columns for %s", field)}
		}
		fields[i] = field
	}
	if !slices.Contains(fields, "numbers") {
		return nil, &errFile{"has no column numbers"}
	}
	return fields, nil
}

// parseRow reads one record; its numbers are not looked at yet.
func parseRow(fields, record []string) (importRow, *rowFault) {
	if len(record) != len(fields) {
		return importRow{}, &rowFault{Message: fmt.Sprintf("has %d fields, the header %d", len(record), len(fields))}
	}
	var row importRow
	for i, field := range fields {
		if fault := row.set(field, strings.TrimSpace(record[i])); fault != nil {
			return importRow{}, fault
		}
	}
	if len(row.numbers) == 0 {
		return importRow{}, &rowFault{Field: "numbers", Message: "is empty"}
	}
	return row, nil
}

// set takes one field on; an empty one says nothing.
func (r *importRow) set(field, value string) *rowFault {
	limits := map[string]int{"name": 200, "numbers": 800, "country": 2, "owner": 64, "notes": 10_000, "do_not_call": 5}
	if utf8.RuneCountInString(value) > limits[field] {
		return &rowFault{Field: field, Message: fmt.Sprintf("is longer than %d characters", limits[field])}
	}
	if value == "" {
		return nil
	}
	switch field {
	case "name":
		r.name = value
	case "numbers":
		return r.setNumbers(value)
	case "country":
		return r.setCountry(value)
	case "owner":
		r.owner = value
	case "notes":
		r.notes = value
	case "do_not_call":
		return r.setDoNotCall(value)
	}
	return nil
}

func (r *importRow) setNumbers(value string) *rowFault {
	for _, part := range strings.FieldsFunc(value, func(c rune) bool { return c == '|' || c == '/' }) {
		if part = strings.TrimSpace(part); part != "" {
			r.numbers = append(r.numbers, part)
		}
	}
	if len(r.numbers) > maxNumbers {
		return &rowFault{Field: "numbers", Message: fmt.Sprintf("has more than %d numbers", maxNumbers)}
	}
	return nil
}

func (r *importRow) setCountry(value string) *rowFault {
	r.country = strings.ToUpper(value)
	if len(r.country) != 2 || r.country[0] < 'A' || r.country[0] > 'Z' || r.country[1] < 'A' || r.country[1] > 'Z' {
		return &rowFault{Field: "country", Message: "is not a country of two letters (ISO 3166-1)"}
	}
	return nil
}

func (r *importRow) setDoNotCall(value string) *rowFault {
	yes := strings.EqualFold(value, "yes")
	if !yes && !strings.EqualFold(value, "no") {
		b, err := strconv.ParseBool(value)
		if err != nil {
			return &rowFault{Field: "do_not_call", Message: "is neither yes nor no"}
		}
		yes = b
	}
	r.doNotCall = &yes
	return nil
}
