package recording

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strings"

	"tandem/call"
)

// Layout says who is on the left channel.
type Layout string

// The layouts.
const (
	ContactLeft Layout = "contact-left" // the contact, whoever called
	CallerLeft  Layout = "caller-left"  // who called: the contact inbound, the salesperson outbound
)

// ParseLayout checks a layout's name; empty means ContactLeft.
func ParseLayout(name string) (Layout, error) {
	switch Layout(name) {
	case "":
		return ContactLeft, nil
	case ContactLeft, CallerLeft:
		return Layout(name), nil
	}
	return "", fmt.Errorf("recording: layout %.40q: want %s or %s", name, ContactLeft, CallerLeft)
}

// side is who is on a channel.
type side string

const (
	contact side = "contact"
	person  side = "person"
)

func (s side) other() side {
	if s == contact {
		return person
	}
	return contact
}

// name is the side as the API calls it.
func (s side) name() string {
	if s == person {
		return "salesperson"
	}
	return string(s)
}

func (l Layout) left(d call.Direction) side {
	if l == CallerLeft && d == call.Outbound {
		return person
	}
	return contact
}

// sides is who is on which channel of a file, and what is needed to say so for
// another layout.
type sides struct {
	direction call.Direction
	left      side
}

// note is the file beside a recording: sum is empty until the recording is
// sealed and its call knows of it.
type note struct {
	sides
	sum string // SHA-256 of the WAV file, hexadecimal
}

// encode makes the note in the form that sha256sum checks; it ignores comments.
func (n note) encode(wav string) string {
	text := fmt.Sprintf("# direction %s\n# left %s\n", n.direction, n.left)
	if n.sum != "" {
		text += n.sum + " *" + wav + "\n"
	}
	return text
}

// parseNote reads a note. What it does not say is taken to be inbound with the
// contact on the left.
func parseNote(r io.Reader) note {
	n := note{sides: sides{direction: call.Inbound, left: contact}}
	lines := bufio.NewScanner(io.LimitReader(r, 1024))
	for lines.Scan() {
		switch line := lines.Text(); {
		case line == "# direction outbound":
			n.direction = call.Outbound
		case line == "# left person":
			n.left = person
		case len(line) > 64 && line[64] == ' ' && strings.Trim(line[:64], "0123456789abcdef") == "":
			n.sum = line[:64]
		}
	}
	return n
}

// readNote reads the note of a call; without one, what parseNote assumes.
func readNote(root *os.Root, id call.ID) note {
	f, err := root.Open(notePath(id))
	if err != nil {
		return parseNote(strings.NewReader(""))
	}
	defer func() { _ = f.Close() }() // only read
	return parseNote(f)
}

// writeNote stores a note in place of the one before.
func writeNote(root *os.Root, id call.ID, n note) error {
	temporary := notePath(id) + ".tmp"
	if err := root.WriteFile(temporary, []byte(n.encode(string(id)+suffixSealed)), 0o600); err != nil {
		return fmt.Errorf("recording of call %s: %w", id, err)
	}
	if err := root.Rename(temporary, notePath(id)); err != nil {
		return fmt.Errorf("recording of call %s: %w", id, err)
	}
	return nil
}
