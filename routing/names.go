package routing

import (
	"strings"
	"unicode"
)

// InvalidError says that a value given by a person cannot be taken, and which.
type InvalidError struct {
	Field string // as in the API, e.g. numbers
	Why   string
}

func (e *InvalidError) Error() string { return e.Field + ": " + e.Why }

const (
	maxName  = 100   // runes
	maxNotes = 10000 // runes
)

// CleanName makes one line of a name that came from anywhere: no control
// characters, no invisible marks that turn text around, no invalid UTF-8, no
// more than 100 runes.
func CleanName(s string) string {
	return clean(s, maxName, func(r rune) rune {
		if unicode.IsSpace(r) {
			return ' '
		}
		return r
	})
}

// cleanNotes does the same with text of several lines.
func cleanNotes(s string) string {
	s = strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
	lines := strings.Split(clean(s, maxNotes, func(r rune) rune { return r }), "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " \t")
	}
	return strings.Join(lines, "\n")
}

// clean bounds text and removes what has no place in it; each maps space.
func clean(s string, limit int, each func(rune) rune) string {
	if most := limit * 8; len(s) > most { // before anything is looked at
		s = s[:most]
	}
	s = strings.Map(func(r rune) rune {
		switch r = each(r); {
		case r == '\n' || r == '\t':
			return r
		case r == unicode.ReplacementChar, unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co, unicode.Zl, unicode.Zp):
			return -1
		}
		return r
	}, s)
	s = strings.TrimSpace(s)
	if runes := []rune(s); len(runes) > limit {
		s = strings.TrimSpace(string(runes[:limit]))
	}
	return s
}

// nameOf returns a caller's display name if it is one: not the number again
// and not a word for somebody who has none.
func nameOf(display string) (string, bool) {
	name := CleanName(display)
	if !strings.ContainsFunc(name, unicode.IsLetter) || strings.Contains(name, "@") {
		return "", false
	}
	if _, digits := dialable(name); digits {
		return "", false
	}
	switch strings.ToLower(name) {
	case "anonymous", "unknown", "unknown caller", "unavailable", "restricted", "private", "private number",
		"withheld", "blocked", "no caller id", "caller id", "not available", "null", "undefined",
		"anonimo", "anónimo", "desconocido", "oculto", "privado", "número oculto":
		return "", false
	}
	return name, true
}
