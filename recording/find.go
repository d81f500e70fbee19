package recording

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"tandem/call"
)

// track is the open file of a recording, wherever it lies.
type track struct {
	Reader
	Info
	sealed bool
}

const (
	// openTime bounds how long an archive may take to open a recording.
	openTime = 10 * time.Second
	// pieceTime bounds how long it may take to give a piece of one.
	pieceTime = time.Minute
)

// find opens a call's recording: the sealed file in the folder, or the one in
// progress, or the one in the archive. It may go from the first to the last
// between two looks.
func (l *Library) find(root *os.Root, id call.ID) (track, error) {
	for range 2 {
		for _, name := range []string{sealedPath(id), partPath(id)} {
			f, err := root.Open(name)
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			return local(f, name == sealedPath(id), err)
		}
	}
	a := l.current().Archive
	if a != nil && !exists(root, notePath(id)) {
		if err := adopt(context.Background(), root, id, a); err != nil {
			return track{}, err
		}
	}
	return fetch(id, readNote(root, id), a)
}

// local is the track of a file that was opened in the folder.
func local(f *os.File, sealed bool, err error) (track, error) {
	if err != nil {
		return track{}, err
	}
	info, err := f.Stat()
	if err != nil {
		return track{}, errors.Join(err, f.Close())
	}
	return track{Reader: f, Info: Info{Size: info.Size(), ModTime: info.ModTime()}, sealed: sealed}, nil
}

// adopt writes the note of a recording that only the archive knows: the folder
// is another one since, after the loss of its disk.
func adopt(ctx context.Context, root *os.Root, id call.ID, a Archive) error {
	ctx, cancel := context.WithTimeout(ctx, openTime)
	defer cancel()
	info, err := a.Stat(ctx, sealedPath(id))
	if errors.Is(err, fs.ErrNotExist) {
		return fs.ErrNotExist
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	f, noted, err := a.Open(ctx, notePath(id))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	text := make([]byte, min(noted.Size, maxNote))
	_, err = f.ReadAt(text, 0)
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	n := parseNote(bytes.NewReader(text))
	n.place, n.archived = a.String(), info.Size
	if err := root.MkdirAll(dayPath(id), 0o700); err != nil {
		return err
	}
	return settleNote(root, id, n)
}

// fetch opens a recording in the archive. One whose note does not say that it is
// archived is not there.
func fetch(id call.ID, n note, a Archive) (track, error) {
	switch {
	case n.archived == 0:
		return track{}, fs.ErrNotExist
	case a == nil:
		return track{}, fmt.Errorf("%w: it is in %s, and recording.archive is not set; set it to that", ErrUnreachable, n.place)
	}
	ctx, cancel := context.WithCancel(context.Background())
	late := time.AfterFunc(openTime, cancel)
	f, info, err := a.Open(ctx, sealedPath(id))
	if err == nil && late.Stop() {
		return track{Reader: borrowed{newWindow(timed{f, cancel}, info.Size), f, cancel}, Info: info, sealed: true}, nil
	}
	if err == nil {
		err = errors.Join(context.DeadlineExceeded, f.Close())
	}
	late.Stop()
	cancel()
	if errors.Is(err, fs.ErrNotExist) {
		return track{}, unknownTo(a, n)
	}
	return track{}, fmt.Errorf("%w: %w", ErrUnreachable, err)
}

// unknownTo says that a recording is not in the archive where it should be. It
// is not fs.ErrNotExist: there is a recording.
func unknownTo(a Archive, n note) error {
	if n.place != a.String() {
		return fmt.Errorf("%w: it was moved to %s, and recording.archive is %s now; copy it there", ErrUnreachable, n.place, a)
	}
	return fmt.Errorf("%w: it is not in %s any more; restore it there", ErrUnreachable, a)
}

// borrowed is a file of an archive that is read through a window.
type borrowed struct {
	*window
	file   Reader
	cancel context.CancelFunc
}

func (b borrowed) Close() error {
	defer b.cancel()
	return b.file.Close()
}

// timed gives up on a read that takes too long.
type timed struct {
	io.ReaderAt
	giveUp func()
}

func (t timed) ReadAt(p []byte, off int64) (int, error) {
	late := time.AfterFunc(pieceTime, t.giveUp)
	n, err := t.ReaderAt.ReadAt(p, off)
	if err != nil && !late.Stop() {
		err = fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	late.Stop()
	return n, err
}
