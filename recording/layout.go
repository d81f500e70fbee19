package recording

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"

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
// sealed and its call knows of it. It stays when the recording is archived and
// says where it went.
type note struct {
	sides
	sum      string // SHA-256 of the WAV file, hexadecimal
	pending  bool   // the command has still to be run
	beside   string // extension of the file that the command made, such as .flac
	place    string // archive that may hold the files; empty: none does
	archived int64  // bytes of the WAV file that the archive confirmed; 0: none yet
}

// encode makes the note in the form that sha256sum checks; it ignores comments.
func (n note) encode(wav string) string {
	text := n.public(wav)
	if n.pending {
		text += "# pending command\n"
	}
	return text + n.whereabouts()
}

// public is what the note says wherever the recording lies; the copy in the
// archive says no more.
func (n note) public(wav string) string {
	text := fmt.Sprintf("# direction %s\n# left %s\n", n.direction, n.left)
	if n.sum != "" {
		text += n.sum + " *" + wav + "\n"
	}
	if n.beside != "" {
		text += "# beside " + n.beside + "\n"
	}
	return text
}

// whereabouts are the lines about the archive. One that is cut short says
// nothing, and of two the later counts.
func (n note) whereabouts() (text string) {
	if n.place != "" {
		text += "# place " + strconv.Quote(n.place) + "\n"
	}
	if n.archived > 0 {
		text += "# archived " + strconv.FormatInt(n.archived, 10) + " bytes\n"
	}
	return text
}

// parseNote reads a note. What it does not say is taken to be inbound with the
// contact on the left.
func parseNote(r io.Reader) note {
	n := note{sides: sides{direction: call.Inbound, left: contact}}
	lines := bufio.NewScanner(io.LimitReader(r, maxNote))
	for lines.Scan() {
		switch line := lines.Text(); {
		case line == "# direction outbound":
			n.direction = call.Outbound
		case line == "# left person":
			n.left = person
		case line == "# pending command":
			n.pending = true
		case len(line) > 64 && line[64] == ' ' && isSum(line[:64]):
			n.sum = line[:64]
		default:
			n.parseArchived(line)
		}
	}
	return n
}

// maxNote is how much of a note is read, in bytes.
const maxNote = 8 << 10

// isSum reports whether a text is a SHA-256 in small hexadecimal digits.
func isSum(s string) bool {
	return len(s) == 64 && strings.Trim(s, "0123456789abcdef") == ""
}

// parseArchived reads the lines about what came after the recording was sealed.
func (n *note) parseArchived(line string) {
	if extension, ok := strings.CutPrefix(line, "# beside "); ok && isExtension(extension) {
		n.beside = extension
	}
	if quoted, ok := strings.CutPrefix(line, "# place "); ok {
		n.place, _ = strconv.Unquote(quoted) // what is no place is none
	}
	if size, ok := strings.CutPrefix(line, "# archived "); ok {
		digits, whole := strings.CutSuffix(size, " bytes")
		if length, err := strconv.ParseInt(digits, 10, 64); whole && err == nil {
			n.archived = max(length, 0)
		}
	}
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
	if err := replace(root, notePath(id), []byte(n.encode(string(id)+suffixSealed))); err != nil {
		return fmt.Errorf("recording of call %s: %w", id, err)
	}
	return nil
}

// settleNote stores a note as writeNote does and returns when it is on the
// disk: what it says is acted on. On a full disk the new lines are added to the
// note that is there, so that a move can make room.
func settleNote(root *os.Root, id call.ID, n note) error {
	temporary := notePath(id) + ".tmp"
	err := writeThrough(root, temporary, os.O_TRUNC, n.encode(string(id)+suffixSealed))
	if err == nil {
		err = root.Rename(temporary, notePath(id))
	} else if errors.Is(err, syscall.ENOSPC) {
		_ = root.Remove(temporary) // the next note writes over it
		err = writeThrough(root, notePath(id), os.O_APPEND, n.whereabouts())
	}
	if err != nil {
		return fmt.Errorf("recording of call %s: %w", id, err)
	}
	return syncFolder(root, dayPath(id))
}
