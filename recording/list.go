package recording

import (
	"context"
	"errors"
	"io/fs"
	"os"
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

// entry describes a recording; false when it is deleted, or was sealed or moved
// meanwhile.
func entry(root *os.Root, f found) (Entry, bool) {
	if f.dropped {
		return Entry{}, false
	}
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
