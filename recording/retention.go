package recording

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"time"

	"tandem/call"
)

// Entry is one recording in a listing.
type Entry struct {
	ID      call.ID   `json:"id"`
	Path    string    `json:"path"` // within the recordings folder
	Began   time.Time `json:"began_at"`
	Seconds float64   `json:"seconds"`
	Size    int64     `json:"size"` // bytes
	Sealed  bool      `json:"sealed"`
	// Archived: it is in the archive and no longer in the folder.
	Archived bool `json:"archived,omitempty"`
}

// List returns up to limit recordings, the newest first, of calls older than
// before; before may be empty.
func (l *Library) List(ctx context.Context, limit int, before call.ID) ([]Entry, error) {
	entries := []Entry{}
	root, err := l.folder(false)
	if errors.Is(err, fs.ErrNotExist) {
		return entries, nil
	}
	if err != nil {
		return nil, err
	}
	err = walk(ctx, root, func(f found) error {
		if len(entries) >= limit {
			return fs.SkipAll
		}
		if before != "" && f.id >= before {
			return nil
		}
		if e, ok := entry(root, f); ok {
			entries = append(entries, e)
		}
		return nil
	})
	return entries, err
}

// entry describes a recording; false when it was sealed, moved or deleted
// meanwhile.
func entry(root *os.Root, f found) (Entry, bool) {
	e := Entry{ID: f.id, Path: partPath(f.id), Began: began(f.id), Sealed: f.sealed}
	if f.sealed || f.absent {
		e.Path = sealedPath(f.id)
	}
	info, err := root.Stat(e.Path)
	if err == nil {
		e.Size = info.Size()
	} else if n := readNote(root, f.id); f.absent && n.archived > 0 {
		e.Size, e.Sealed, e.Archived = n.archived, true, true
	} else {
		return Entry{}, false
	}
	e.Seconds = seconds(wholeSamples(e.Size))
	return e, true
}

// Remove deletes a call's recording, in the archive too; ErrLive while it is
// being recorded, fs.ErrNotExist when there is none. When the archive cannot
// delete it nothing is deleted, and Remove may be called again.
func (l *Library) Remove(id call.ID) error {
	if !call.ValidID(string(id)) {
		return fmt.Errorf("recording of call %.40q: %w", id, fs.ErrNotExist)
	}
	if l.isLive(id) {
		return fmt.Errorf("recording of call %s: %w", id, ErrLive)
	}
	root, err := l.folder(false)
	if err != nil {
		return err
	}
	if err := l.remove(context.Background(), root, id); err != nil {
		return err
	}
	return removeEmpty(root, dayPath(id))
}

// removeTime bounds how long an archive may take to delete a recording.
const removeTime = 30 * time.Second

// remove deletes a recording in the archive, then here, its note last: until
// then it is known that there may be more to delete.
func (l *Library) remove(ctx context.Context, root *os.Root, id call.ID) error {
	if err := l.withdraw(id); err != nil {
		return err
	}
	n := readNote(root, id)
	if n.place != "" {
		ctx, cancel := context.WithTimeout(ctx, removeTime)
		defer cancel()
		if err := removeArchived(ctx, l.current().Archive, id, n); err != nil {
			l.spool.renew() // what was withdrawn still waits
			return fmt.Errorf("recording of call %s: %w", id, err)
		}
	}
	gone := n.archived > 0
	for _, name := range append(besideWAV(id, n), partPath(id), notePath(id)) {
		err := root.Remove(name)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("recording of call %s: %w", id, err)
		}
		gone = gone || err == nil
	}
	if !gone {
		return fmt.Errorf("recording of call %s: %w", id, fs.ErrNotExist)
	}
	return nil
}

// removeArchived deletes what an archive may hold of a recording. Another
// archive than it went to is believed only if it has it.
func removeArchived(ctx context.Context, a Archive, id call.ID, n note) error {
	if a == nil {
		return fmt.Errorf("%w: it is in %s; set recording.archive to that", errElsewhere, n.place)
	}
	if n.place != a.String() {
		_, err := a.Stat(ctx, sealedPath(id))
		if errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%w: it was moved to %s, and recording.archive is %s now", errElsewhere, n.place, a)
		}
	}
	for _, name := range append(besideWAV(id, n), notePath(id)) {
		if err := a.Remove(ctx, name); err != nil {
			return fmt.Errorf("%w: %s: %w", errNotDeleted, a, err)
		}
	}
	return nil
}

var (
	errNotDeleted = errors.New("the archive does not delete it")
	errElsewhere  = errors.New("not deleted in an archive that is not the configured one")
)

// Sweep deletes the recordings of calls that began longer ago than the
// retention, in the archive too, and the folders that it leaves empty. It
// returns whose they were. A retention of 0 keeps everything. When the archive
// fails, those that are there are left for the next time, the others deleted.
func (l *Library) Sweep(ctx context.Context, now time.Time) ([]call.ID, error) {
	keep := l.current().Retention
	root, err := l.folder(false)
	if keep == 0 || errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	s := sweep{library: l, root: root, limit: now.Add(-keep)}
	if err := walk(ctx, root, func(f found) error { return s.visit(ctx, f) }); err != nil {
		return s.gone, err
	}
	err = eachDay(ctx, root, func(day string) error {
		if end := endOf(day); end.After(s.limit) {
			return nil
		}
		return removeEmpty(root, day)
	})
	if s.kept > 0 {
		err = errors.Join(err, fmt.Errorf("%d recordings are kept longer than recording.retention: %w", s.kept, s.fault))
	}
	return s.gone, err
}

// sweep is a look for recordings past their retention.
type sweep struct {
	library *Library
	root    *os.Root
	limit   time.Time // calls that began before it
	gone    []call.ID
	kept    int   // that an archive did not delete
	fault   error // why, the first time
	down    bool  // the archive fails and is not asked again this time
}

func (s *sweep) visit(ctx context.Context, f found) error {
	if !began(f.id).Before(s.limit) || s.library.isLive(f.id) || s.library.isMoving(f.id) {
		return nil
	}
	if s.down && readNote(s.root, f.id).place != "" {
		s.kept++
		return nil
	}
	err := s.library.remove(ctx, s.root, f.id)
	switch {
	case err == nil, errors.Is(err, fs.ErrNotExist):
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, errNotDeleted), errors.Is(err, errElsewhere), errors.Is(err, ErrMoving):
		s.down = s.down || errors.Is(err, errNotDeleted)
		if s.kept++; s.fault == nil {
			s.fault = err
		}
		return nil
	default:
		return err
	}
	s.gone = append(s.gone, f.id)
	return nil
}

// endOf is when a day's folder gets no more recordings.
func endOf(day string) time.Time {
	at, err := time.Parse("2006/01/02", day)
	if err != nil { // not a day: eachDay passes none such
		return time.Time{}
	}
	return at.AddDate(0, 0, 1)
}

// removeEmpty deletes a day's folder, its month's and its year's, as far as
// nothing is in them.
func removeEmpty(root *os.Root, day string) error {
	for folder := day; folder != "."; folder = path.Dir(folder) {
		inside, err := names(root, folder)
		if err != nil || len(inside) > 0 {
			return err
		}
		if err := root.Remove(folder); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("recording: %w", err)
		}
	}
	return nil
}
