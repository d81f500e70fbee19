package recording

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"tandem/call"
)

// stallTime is how long a move may go on without a byte before it is given up.
const stallTime = 5 * time.Minute

// errStalled is the cause of a move that ends because nothing moves.
var errStalled = errors.New("the archive took nothing for five minutes")

// errDamaged says that a file is not what it was when it was sealed.
var errDamaged = errors.New("its checksum differs from the one beside it")

// carry does what is to be done with a sealed recording: it runs the command on
// it, then moves it to the archive. Each step is on the disk before the next
// that relies on it, so that a crash at any point leaves something that carry
// goes on with. A recording that is gone is done with.
func (l *Library) carry(ctx context.Context, id call.ID, s Settings) (sent bool, err error) {
	root, err := l.folder(false)
	if err != nil {
		return false, err
	}
	f, err := root.Open(sealedPath(id))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer func() { _ = f.Close() }() // only read
	n := readNote(root, id)
	if n.pending && s.Command != nil {
		if n, err = l.runCommand(ctx, root, id, n, s.Command); err != nil {
			return false, err
		}
	}
	if s.Archive == nil {
		return false, nil
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stall := time.AfterFunc(stallTime, func() { cancel(errStalled) })
	defer stall.Stop()
	m := move{root: root, id: id, note: n, wav: f, to: transfer{s.Archive, func() { stall.Reset(stallTime) }}}
	sent, err = m.run(ctx)
	if err != nil && errors.Is(context.Cause(ctx), errStalled) {
		err = errStalled
	}
	return sent, err
}

// runCommand runs the command on a recording, once: when it fails that is loud,
// and the recording is kept as it is.
func (l *Library) runCommand(ctx context.Context, root *os.Root, id call.ID, n note, c *Command) (note, error) {
	err := c.run(ctx, root, id)
	if ctx.Err() != nil {
		return n, ctx.Err()
	}
	if err != nil {
		l.metrics.commands.WithLabelValues("failed").Inc()
		l.log.Error("command failed on a recording, which is kept as it is; correct recording.command", "call_id", string(id), "error", err)
		n.beside = ""
	} else {
		l.metrics.commands.WithLabelValues("done").Inc()
		n.beside = c.extension
	}
	n.pending = false
	return n, settleNote(root, id, n)
}

// move is a recording on its way to an archive.
type move struct {
	root *os.Root
	id   call.ID
	note note
	wav  *os.File
	to   transfer
}

// run copies the recording's files to the archive, the WAV file last: where that
// is, all are. Then it deletes those that were large here and leaves the note.
func (m move) run(ctx context.Context) (sent bool, err error) {
	info, err := m.wav.Stat()
	if err != nil {
		return false, err
	}
	sum, err := checksum(attended{m.wav, m.to.moved}, info.Size())
	if err != nil {
		return false, err
	}
	if sum != m.note.sum {
		return false, errDamaged
	}
	again := m.note.place == m.to.String()
	if !again {
		m.note.place, m.note.archived = m.to.String(), 0
		if err := settleNote(m.root, m.id, m.note); err != nil {
			return false, err
		}
	}
	if err := m.depositNote(ctx, again); err != nil {
		return false, err
	}
	if err := m.depositBeside(ctx, again); err != nil {
		return false, err
	}
	sent, err = m.to.deposit(ctx, sealedPath(m.id), m.wav, Info{Size: info.Size(), SHA256: sum, ModTime: info.ModTime()}, again)
	if err != nil {
		return false, err
	}
	m.note.archived = info.Size()
	if err := settleNote(m.root, m.id, m.note); err != nil {
		return false, err
	}
	return sent, m.clear()
}

// depositNote copies what the note says of the recording itself, so that the
// archive can be checked and understood without the switch.
func (m move) depositNote(ctx context.Context, again bool) error {
	text := m.note.public(string(m.id) + suffixSealed)
	sum := sha256.Sum256([]byte(text))
	want := Info{Size: int64(len(text)), SHA256: hex.EncodeToString(sum[:])}
	_, err := m.to.deposit(ctx, notePath(m.id), strings.NewReader(text), want, again)
	return err
}

// depositBeside copies what the command made, if anything.
func (m move) depositBeside(ctx context.Context, again bool) error {
	if m.note.beside == "" {
		return nil
	}
	name := besidePath(m.id, m.note)
	f, err := m.root.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // moved before, or taken away by hand
	}
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // only read
	info, err := f.Stat()
	if err != nil {
		return err
	}
	sum, err := checksum(attended{f, m.to.moved}, info.Size())
	if err != nil {
		return err
	}
	_, err = m.to.deposit(ctx, name, f, Info{Size: info.Size(), SHA256: sum}, again)
	return err
}

// clear deletes the files that are in the archive now.
func (m move) clear() error {
	for _, name := range movable(m.id, m.note) {
		if err := m.root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("archived, but not deleted here: %w", err)
		}
	}
	return nil
}
