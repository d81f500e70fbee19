package recording

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"time"

	"tandem/call"
)

// FaultKind says in which way a recording is not what it should be.
type FaultKind string

// The kinds of faults.
const (
	FaultDamaged  FaultKind = "damaged"  // length, header or checksum differ
	FaultMissing  FaultKind = "missing"  // a call's record names it, and it is not there
	FaultUnsealed FaultKind = "unsealed" // nobody records into it, and it was not finished
	FaultOrphan   FaultKind = "orphan"   // it is there, and no call's record names it
)

// Fault is a recording that is not what it should be.
type Fault struct {
	ID      call.ID   `json:"id"`
	Kind    FaultKind `json:"kind"`
	Path    string    `json:"path"` // within the recordings folder
	Problem string    `json:"problem"`
}

// Kept is the checksum of each recording that a call's record names, by the
// call's ID; nil: nobody knows the records.
type Kept map[string]string

// resting is how long a file was left alone that nobody records into, and that
// its call has had time to hear of.
const resting = time.Minute

// Verify checks every recording of a folder: header against length, and
// checksum against the one beside the file and the one in the call's record. It
// needs no running switch. checked is how many it looked at.
func Verify(ctx context.Context, directory string, kept Kept) (faults []Fault, checked int, err error) {
	v := verifier{kept: kept, seen: make(map[call.ID]bool), now: time.Now()}
	root, err := os.OpenRoot(directory)
	if errors.Is(err, fs.ErrNotExist) {
		return v.missing(), 0, nil
	}
	if err != nil {
		return nil, 0, fmt.Errorf("recording: %w", err)
	}
	err = walk(ctx, root, func(f found) error {
		v.look(root, f)
		return nil
	})
	if err = errors.Join(err, root.Close()); err != nil {
		return v.faults, v.checked, err
	}
	return v.missing(), v.checked, nil
}

// Verify is the package's Verify for the library's folder.
func (l *Library) Verify(ctx context.Context, kept Kept) ([]Fault, int, error) {
	return Verify(ctx, l.directory, kept)
}

// verifier is one look at all recordings.
type verifier struct {
	kept    Kept
	seen    map[call.ID]bool
	now     time.Time
	faults  []Fault
	checked int
}

func (v *verifier) fault(id call.ID, kind FaultKind, path, problem string) {
	v.faults = append(v.faults, Fault{ID: id, Kind: kind, Path: path, Problem: problem})
}

// look checks one recording.
func (v *verifier) look(root *os.Root, f found) {
	v.seen[f.id] = true
	if !f.sealed {
		if v.rests(root, partPath(f.id)) {
			v.fault(f.id, FaultUnsealed, partPath(f.id), "was never finished; the switch does that when it starts")
		}
		return
	}
	v.checked++
	if problem := verify(root, f.id, v.kept); problem != nil {
		v.fault(f.id, FaultDamaged, sealedPath(f.id), problem.Error())
	}
	if _, named := v.kept[string(f.id)]; v.kept != nil && !named && v.rests(root, sealedPath(f.id)) {
		v.fault(f.id, FaultOrphan, sealedPath(f.id), "no call's record names it")
	}
}

// rests reports whether nobody has written to a file lately.
func (v *verifier) rests(root *os.Root, path string) bool {
	info, err := root.Stat(path)
	return err == nil && v.now.Sub(info.ModTime()) > resting
}

// missing adds the recordings that were not seen, the newest first, and returns
// all faults.
func (v *verifier) missing() []Fault {
	var gone []call.ID
	for id := range v.kept {
		if !v.seen[call.ID(id)] && call.ValidID(id) {
			gone = append(gone, call.ID(id))
		}
	}
	slices.SortFunc(gone, func(a, b call.ID) int { return cmp.Compare(b, a) })
	for _, id := range gone {
		v.fault(id, FaultMissing, sealedPath(id), "the call's record names it, and it is not there")
	}
	return v.faults
}

// verify returns what is wrong with a recording, nil when nothing is.
func verify(root *os.Root, id call.ID, kept Kept) error {
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
	return compare(sum, readNote(root, id).sum, id, kept)
}

func compare(sum, noted string, id call.ID, kept Kept) error {
	recorded, known := kept[string(id)]
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
