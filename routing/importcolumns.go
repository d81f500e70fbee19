package routing

import (
	"fmt"
	"slices"
	"strings"
)

// column is what a column of a file holds; empty: nothing that we want.
type column string

const (
	columnNumbers   column = "numbers"
	columnName      column = "name"
	columnFirst     column = "first name"
	columnLast      column = "last name"
	columnCountry   column = "country"
	columnOwner     column = "owner"
	columnFollowUp  column = "follow_up"
	columnDoNotCall column = "do_not_call"
	columnNotes     column = "notes"
)

// columnOf says what a column holds by its name, as spreadsheets and CRMs write
// it: whatever the case, with spaces, dashes or underscores, with a number
// behind it ("Phone 2").
func columnOf(name string) column {
	words := strings.Fields(strings.NewReplacer("_", " ", "-", " ").Replace(strings.ToLower(name)))
	name = strings.TrimRight(strings.Join(words, " "), " 0123456789")
	name = strings.TrimPrefix(strings.TrimPrefix(name, "contact "), "person ")
	switch name {
	case "number", "numbers", "phone", "phones", "phone number", "phone numbers", "telephone", "tel", "mobile", "mobile phone",
		"mobile phone number", "cell", "cell phone", "landline", "work phone", "home phone", "phone work", "phone home",
		"phone mobile", "phone other", "teléfono", "telefono", "teléfonos", "telefonos", "móvil", "movil", "número", "numero":
		return columnNumbers
	case "name", "full name", "display name", "contact", "person", "nombre", "nombre completo":
		return columnName
	case "first name", "firstname", "given name":
		return columnFirst
	case "last name", "lastname", "surname", "family name", "apellidos", "apellido":
		return columnLast
	case "country", "country code", "país", "pais":
		return columnCountry
	case "owner", "user", "salesperson", "propietario", "comercial":
		return columnOwner
	case "follow up", "followup", "seguimiento":
		return columnFollowUp
	case "do not call", "donotcall", "dnc", "opt out", "opted out", "no llamar":
		return columnDoNotCall
	case "note", "notes", "comment", "comments", "notas", "comentarios":
		return columnNotes
	}
	return ""
}

func checkColumns(columns []column) error {
	if !slices.Contains(columns, columnNumbers) {
		return &InvalidError{Field: "file", Why: "its first line names no column numbers, number or phone"}
	}
	return nil
}

// rowContact reads a line and checks it as if somebody had typed it. Several
// columns of numbers, and several numbers in one, are fine.
func (b *AddressBook) rowContact(columns []column, fields []string) (c Contact, err error) {
	values := make(map[column]string, len(columns))
	numbers := []string{}
	for i, field := range fields[:min(len(fields), len(columns))] {
		if err := checkField(field); err != nil {
			return c, err
		}
		field = strings.TrimSpace(decoded(field))
		if columns[i] == columnNumbers {
			numbers = append(numbers, splitNumbers(field)...)
		} else if values[columns[i]] == "" {
			values[columns[i]] = field
		}
	}
	p := ContactPatch{Numbers: &numbers}
	name, country, owner, notes := values[columnName], values[columnCountry], values[columnOwner], values[columnNotes]
	if name == "" {
		name = values[columnFirst] + " " + values[columnLast]
	}
	p.Name, p.Country, p.Owner, p.Notes = &name, &country, &owner, &notes
	if p.FollowUp, err = yesOrNo(columnFollowUp, values); err != nil {
		return c, err
	}
	if p.DoNotCall, err = yesOrNo(columnDoNotCall, values); err != nil {
		return c, err
	}
	err = b.apply(&c, p)
	return c, err
}

// splitNumbers takes a field apart in which several numbers stand.
func splitNumbers(field string) []string {
	list := strings.FieldsFunc(field, func(r rune) bool { return strings.ContainsRune(",;|\n", r) })
	for i := range list {
		list[i] = strings.TrimSpace(list[i])
	}
	return slices.DeleteFunc(list, func(s string) bool { return s == "" })
}

// yesOrNo reads a flag. A word that might mean either is refused: whom we must
// not call is no matter for guesses.
func yesOrNo(c column, values map[column]string) (*bool, error) {
	switch strings.ToLower(values[c]) {
	case "", "no", "n", "false", "f", "0", "off", "-":
		return new(false), nil
	case "yes", "y", "true", "t", "1", "on", "x", "sí", "si", "s":
		return new(true), nil
	}
	return nil, &InvalidError{Field: string(c), Why: fmt.Sprintf("%.40q is neither yes nor no", values[c])}
}
