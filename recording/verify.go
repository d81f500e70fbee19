package recording

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"tandem/call"
)

// Fault is a recording that is not what it should be.
type Fault struct {
	ID      call.ID `json:"id"`
	Path    string  `json:"path"` // within the recordings folder
	Problem string  `json:"problem"`
}

// VerifyArchive checks every recording of a folder that was moved to an archive:
// that the archive holds it, its length and its SHA-256; where the archive keeps
// no checksums each is read. With a nil archive they are only counted.
func VerifyArchive(ctx context.Context, directory string, a Archive) (faults []Fault, checked int, err error) {
	root, err := os.OpenRoot(directory)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, fmt.Errorf("recording: %w", err)
	}
	err = walk(ctx, root, func(f found) error {
		n := readNote(root, f.id)
		if !f.absent || n.archived == 0 {
			return nil
		}
		checked++
		if a == nil {
			return nil
		}
		want := Info{Size: n.archived, SHA256: n.sum}
		if err := (transfer{a, func() {}}).confirm(ctx, sealedPath(f.id), want); err != nil {
			faults = append(faults, Fault{ID: f.id, Path: sealedPath(f.id), Problem: err.Error()})
		}
		return ctx.Err()
	})
	return faults, checked, errors.Join(err, root.Close())
}

// Stored returns the checksum that the call's record has; false when it has
// none or is not known.
type Stored func(call.ID) (sha256 string, ok bool)

// Verify checks every sealed recording that lies in a folder: header against length, and
// checksum against the one beside the file and, with stored, the one in the
// call's record. It needs no running switch. checked is how many it looked at.
func Verify(ctx context.Context, directory string, stored Stored) (faults []Fault, checked int, err error) {
	root, err := os.OpenRoot(directory)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, fmt.Errorf("recording: %w", err)
	}
	err = walk(ctx, root, func(f found) error {
		if !f.sealed {
			return nil
		}
		checked++
		if problem := verify(root, f.id, stored); problem != nil {
			faults = append(faults, Fault{ID: f.id, Path: sealedPath(f.id), Problem: problem.Error()})
		}
		return nil
	})
	return faults, checked, errors.Join(err, root.Close())
}

// Verify is the package's Verify for the library's folder.
func (l *Library) Verify(ctx context.Context, stored Stored) ([]Fault, int, error) {
	return Verify(ctx, l.directory, stored)
}

// verify returns what is wrong with a recording, nil when nothing is.
func verify(root *os.Root, id call.ID, stored Stored) error {
	f, err := root.Open(sealedPath(id))
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // only read
	info, err := f.Stat()
	if err != nil {
		return err
	}
	head := make([]byte, min(headerBytes, info.Size()))
	if _, err := f.ReadAt(head, 0); err != nil {
		return err
	}
	h, err := parseHeader(head)
	if err != nil {
		return err
	}
	if h.data != info.Size()-headerBytes || h.data%stereoBytes != 0 || h.channels != 2 {
		return fmt.Errorf("header says %d channels and %d bytes of sound, the file has %d", h.channels, h.data, info.Size()-headerBytes)
	}
	sum, err := checksum(f, info.Size())
	if err != nil {
		return err
	}
	return compare(sum, readNote(root, id).sum, id, stored)
}

func compare(sum, noted string, id call.ID, stored Stored) error {
	recorded, known := "", false
	if stored != nil {
		recorded, known = stored(id)
	}
	switch {
	case noted == "" && !known:
		return errors.New("no checksum was kept")
	case noted != "" && noted != sum:
		return errors.New("checksum differs from the one beside the file")
	case known && recorded != sum:
		return errors.New("checksum differs from the one in the call's record")
	}
	return nil
}
