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
		e := Entry{ID: f.id, Path: partPath(f.id), Began: began(f.id), Sealed: f.sealed}
		if f.sealed {
			e.Path = sealedPath(f.id)
		}
		if info, err := root.Stat(e.Path); err == nil { // or it was sealed or deleted meanwhile
			e.Size, e.Seconds = info.Size(), seconds(wholeSamples(info.Size()))
			entries = append(entries, e)
		}
		return nil
	})
	return entries, err
}

// Remove deletes a call's recording, by somebody's hand; ErrLive while it is
// being recorded, ErrHeld while it is on hold, fs.ErrNotExist when there is none.
func (l *Library) Remove(ctx context.Context, id call.ID, by, why string) error {
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
	if err := l.drop(ctx, root, id, by, why); err != nil {
		return err
	}
	return removeEmpty(root, dayPath(id))
}

func remove(root *os.Root, id call.ID) error {
	gone := false
	for _, name := range []string{sealedPath(id), partPath(id), peaksPath(id), notePath(id)} {
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

// Sweep deletes the recordings of calls that began longer ago than the
// retention of their playbook, and the folders that it leaves empty; those on
// hold stay. It returns whose they were. A retention of 0 keeps everything.
func (l *Library) Sweep(ctx context.Context, now time.Time) ([]call.ID, error) {
	l.mu.Lock()
	settings := l.settings
	l.mu.Unlock()
	keep := settings.shortest()
	root, err := l.folder(false)
	if keep == 0 || errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	limit := now.Add(-keep)
	var gone []call.ID
	err = walk(ctx, root, func(f found) error {
		if !began(f.id).Before(limit) || l.isLive(f.id) {
			return nil
		}
		why, err := l.outlived(ctx, f.id, settings, now)
		if err != nil || why == "" {
			return err
		}
		err = l.drop(ctx, root, f.id, "", why)
		if errors.Is(err, ErrHeld) {
			return nil
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		gone = append(gone, f.id)
		return nil
	})
	if err != nil {
		return gone, err
	}
	return gone, eachDay(ctx, root, func(day string) error {
		if end := endOf(day); end.After(limit) {
			return nil
		}
		return removeEmpty(root, day)
	})
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
