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

// Sweep deletes the recordings of calls that began longer ago than the
// retention of their playbook, in the archive too, and the folders that it
// leaves empty; it finishes deletions that were cut short. Those on hold stay.
// It returns whose they were. A retention of 0 keeps everything. When the
// archive fails, those that are there are left for the next time, the others
// deleted.
func (l *Library) Sweep(ctx context.Context, now time.Time) ([]call.ID, error) {
	root, err := l.folder(false)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	s := sweep{library: l, root: root, settings: l.current(), now: now}
	if least := s.settings.shortest(); least > 0 {
		s.limit = now.Add(-least)
	}
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
		err = errors.Join(err, fmt.Errorf("%d recordings in the archive are kept longer than they should be: %w", s.kept, s.fault))
	}
	return s.gone, err
}

// sweep is a look for recordings past their retention.
type sweep struct {
	library  *Library
	root     *os.Root
	settings Settings
	now      time.Time
	limit    time.Time // no call that began later is past its retention
	gone     []call.ID
	kept     int   // that an archive did not delete
	fault    error // why, the first time
	down     bool  // the archive fails and is not asked again this time
}

func (s *sweep) visit(ctx context.Context, f found) error {
	why, err := s.due(ctx, f)
	if err != nil || why == "" {
		return err
	}
	if s.down && readNote(s.root, f.id).place != "" {
		s.kept++
		return nil
	}
	err = s.library.drop(ctx, s.root, f.id, "", why)
	switch {
	case errors.Is(err, ErrHeld):
		return nil
	case err == nil, errors.Is(err, fs.ErrNotExist):
		s.gone = append(s.gone, f.id)
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, ErrUnreachable), errors.Is(err, ErrLeft):
		s.keep(err)
		return nil
	}
	return err
}

// due says why a recording is to be deleted now, or nothing.
func (s *sweep) due(ctx context.Context, f found) (why string, err error) {
	switch {
	case f.dropped:
		return "deleted before, which was cut short", nil
	case !began(f.id).Before(s.limit), s.library.isLive(f.id), s.library.isMoving(f.id):
		return "", nil
	}
	return s.library.outlived(ctx, f.id, s.settings, s.now)
}

// keep takes note of a recording that its archive does not delete.
func (s *sweep) keep(err error) {
	s.down = s.down || !errors.Is(err, errElsewhere) && !errors.Is(err, errMoving)
	if s.kept++; s.fault == nil {
		s.fault = err
	}
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
