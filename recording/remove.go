package recording

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"tandem/call"
)

// ErrLeft says that a recording is deleted for everybody, and that the archive
// still has it, until Sweep deletes it there.
var ErrLeft = errors.New("deleted, but not yet in the archive, which is tried again every hour")

// errElsewhere says that nothing can be deleted in the archive that it is in.
var errElsewhere = errors.New("it is in an archive that is not the configured one")

// removeTime bounds how long an archive may take to delete a recording.
const removeTime = 30 * time.Second

// Remove deletes a call's recording, by somebody's hand, in the archive too.
// Nothing is deleted with ErrLive, while it is being recorded; ErrHeld, while it
// is on hold; ErrUnreachable, when it is in an archive that does not answer; and
// fs.ErrNotExist, when there is none. With ErrLeft nobody finds it any more.
func (l *Library) Remove(ctx context.Context, id call.ID, by, why string) error {
	if l.isLive(id) {
		return fmt.Errorf("recording of call %s: %w", id, ErrLive)
	}
	root, err := l.shelf(id)
	if err != nil {
		return err
	}
	if a := l.current().Archive; a != nil && !isHere(root, id) {
		if err := adopt(ctx, root, id, a); err != nil {
			return fmt.Errorf("recording of call %s: %w", id, err)
		}
	}
	if err := l.drop(ctx, root, id, by, why); err != nil {
		return err
	}
	return removeEmpty(root, dayPath(id))
}

// isHere reports whether the folder knows of a recording.
func isHere(root *os.Root, id call.ID) bool {
	return exists(root, notePath(id)) || exists(root, sealedPath(id)) || exists(root, partPath(id))
}

// drop deletes a recording once its call's record says so. A mark says so here,
// until nothing is left: from then on nobody finds it, whatever a crash or the
// archive leaves, and Sweep deletes that.
func (l *Library) drop(ctx context.Context, root *os.Root, id call.ID, by, why string) error {
	ctx, cancel := context.WithTimeout(ctx, removeTime)
	defer cancel()
	archive := l.current().Archive
	if err := deletable(ctx, archive, id, readNote(root, id)); err != nil {
		return fmt.Errorf("recording of call %s: %w", id, err)
	}
	if err := l.ledger.Drop(ctx, id, by, why); err != nil {
		return fmt.Errorf("recording of call %s: %w", id, err)
	}
	marked := mark(root, id)
	if err := l.remove(ctx, root, id, archive); err != nil {
		return fmt.Errorf("recording of call %s: %w", id, errors.Join(err, marked))
	}
	l.metrics.deleted.Inc()
	l.log.Info("recording deleted", "call_id", string(id), "user", by, "reason", why)
	return nil
}

// deletable returns why an archive would not delete what it holds of a
// recording, as far as can be known before. Another archive than the recording
// went to is believed only if it has it.
func deletable(ctx context.Context, a Archive, id call.ID, n note) error {
	if n.place == "" {
		return nil
	}
	if a == nil {
		return fmt.Errorf("%w: %w: %s; set recording.archive to that", ErrUnreachable, errElsewhere, n.place)
	}
	_, err := a.Stat(ctx, sealedPath(id))
	switch {
	case err == nil, errors.Is(err, fs.ErrNotExist) && n.place == a.String():
		return nil
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%w: %w: it was moved to %s, and recording.archive is %s now", ErrUnreachable, errElsewhere, n.place, a)
	}
	return fmt.Errorf("%w: %w", ErrUnreachable, err)
}

// mark marks a recording that is deleted. One of which nothing is here needs no
// mark.
func mark(root *os.Root, id call.ID) error {
	if !isHere(root, id) {
		return nil
	}
	if err := writeThrough(root, droppedPath(id), 0, ""); err != nil {
		return err
	}
	return syncFolder(root, dayPath(id))
}

// remove deletes a recording in the archive, then here.
func (l *Library) remove(ctx context.Context, root *os.Root, id call.ID, a Archive) error {
	if err := l.withdraw(id); err != nil {
		return fmt.Errorf("%w: %w", ErrLeft, err)
	}
	n := readNote(root, id)
	if a != nil && n.place != "" {
		for _, name := range append(movable(id, n), notePath(id)) {
			if err := a.Remove(ctx, name); err != nil {
				return fmt.Errorf("%w: %s: %w", ErrLeft, a, err)
			}
		}
	}
	l.filing.Lock() // whoever makes its peaks would leave them behind
	defer l.filing.Unlock()
	gone := n.archived > 0
	for _, name := range everyFile(id, n) {
		err := root.Remove(name)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		gone = gone || err == nil
	}
	if !gone {
		return fs.ErrNotExist
	}
	return nil
}
