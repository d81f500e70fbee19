package crm

import (
	"cmp"
	"html"
	"strings"
	"unicode"

	"tandem/call"
)

// maxNotes is how much of the notes is sent, in characters.
const maxNotes = 10_000

// body is what is known of a call, as HTML: a paragraph a line. Whatever came
// from people or the wire is escaped.
func (s Style) body(rec call.Record, a Activity) string {
	var b strings.Builder
	line := func(label, value string) {
		if value != "" {
			b.WriteString("<p><b>" + label + ":</b> " + html.EscapeString(value) + "</p>")
		}
	}
	line("Result", outcomeWords(rec))
	line("From", cmp.Or(a.From, outsider(rec)))
	line("To", oneLine(rec.To))
	if rec.Direction == call.Inbound && rec.Wait > 0 {
		line("Waited", clock(seconds(rec.Wait)))
	}
	line("Talked", s.talkers(rec))
	line("Offered last to", s.offered(rec))
	line("Coached by", s.people(rec.Coaches))
	line("Disposition", oneLine(rec.Disposition))
	if a.Recording != "" {
		b.WriteString(`<p><a href="` + html.EscapeString(a.Recording) + `">Recording</a> (` + clock(seconds(rec.Recording.Seconds)) + `)</p>`)
	}
	if notes := clip(manyLines(rec.Notes), maxNotes); notes != "" {
		b.WriteString("<p><b>Notes:</b><br>" + strings.ReplaceAll(html.EscapeString(notes), "\n", "<br>") + "</p>")
	}
	return b.String()
}

// talkers are who talked with the contact, and how long each.
func (s Style) talkers(rec call.Record) string {
	var list []string
	for _, seg := range rec.Segments {
		who := cmp.Or(s.display(seg.User), oneLine(seg.Number), "somebody outside")
		list = append(list, who+" "+clock(seconds(seg.Seconds)))
	}
	if len(list) > 0 || rec.Duration <= 0 {
		return strings.Join(list, ", ")
	}
	return strings.TrimSpace(s.display(rec.User) + " " + clock(seconds(rec.Duration)))
}

// offered is whose phone rang last in vain.
func (s Style) offered(rec call.Record) string {
	if !rec.Missed {
		return ""
	}
	return s.display(rec.User)
}

// people are users by their names for people.
func (s Style) people(users []string) string {
	list := make([]string, len(users))
	for i, user := range users {
		list[i] = s.display(user)
	}
	return strings.Join(list, ", ")
}

// display is a user's name for people; one that is not there any more keeps
// the name of the login.
func (s Style) display(user string) string {
	return clip(oneLine(cmp.Or(s.Displays[user], user)), maxName)
}

// manyLines is a text without control characters and without what reorders it,
// but with its lines.
func manyLines(text string) string {
	text = strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\r", "\n")
	text = strings.Map(func(r rune) rune {
		switch {
		case r == '\n':
			return r
		case r == '\t':
			return ' '
		case unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r):
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, ""))
	return strings.TrimSpace(text)
}
