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
	FaultDamaged     FaultKind = "damaged"     // length, header or checksum differ
	FaultMissing     FaultKind = "missing"     // a call's record, or the note beside it, names it, and it is not there
	FaultUnsealed    FaultKind = "unsealed"    // nobody records into it, and it was not finished
	FaultOrphan      FaultKind = "orphan"      // it is there, and no call's record names it
	FaultUnreachable FaultKind = "unreachable" // the archive that has it does not give it
)

// Fault is a recording that is not what it should be.
type Fault struct {
	ID      call.ID   `json:"id"`
	Kind    FaultKind `json:"kind"`
	Path    string    `json:"path"` // within the recordings folder or the archive
	Problem string    `json:"problem"`
}

// Report is what a check of all recordings found.
type Report struct {
	Checked  int     `json:"checked"`  // recordings in the folder
	Archived int     `json:"archived"` // recordings that were moved to the archive; looked at when that was given
	Faults   []Fault `json:"faults"`
}

// Kept is the checksum of each recording that a call's record names, by the
// call's ID; nil: nobody knows the records.
type Kept map[string]string

// resting is how long a file was left alone that nobody records into, and that
// its call has had time to hear of.
const resting = time.Minute

// Verify checks every recording of a folder: header against length, and
// checksum against the one beside the file and the one in the call's record. Of
// those that were moved to an archive the checksums are compared; given the
// archive (it may be nil), its files are too, by the checksums that it keeps or
// by reading them. It needs no running switch.
func Verify(ctx context.Context, directory string, kept Kept, a Archive) (Report, error) {
	v := verifier{kept: kept, archive: a, seen: make(map[call.ID]bool), now: time.Now()}
	root, err := os.OpenRoot(directory)
	if errors.Is(err, fs.ErrNotExist) {
		err = v.unseen(ctx)
		return v.report, err
	}
	if err != nil {
		return v.report, fmt.Errorf("recording: %w", err)
	}
	err = walk(ctx, root, func(f found) error {
		v.look(ctx, root, f)
		return ctx.Err()
	})
	if err = errors.Join(err, root.Close()); err == nil {
		err = v.unseen(ctx)
	}
	return v.report, err
}

// verifier is one look at all recordings.
type verifier struct {
	kept    Kept
	archive Archive
	seen    map[call.ID]bool
	now     time.Time
	report  Report
}

func (v *verifier) fault(id call.ID, kind FaultKind, path, problem string) {
	v.report.Faults = append(v.report.Faults, Fault{ID: id, Kind: kind, Path: path, Problem: problem})
}

// look checks one recording.
func (v *verifier) look(ctx context.Context, root *os.Root, f found) {
	switch {
	case f.dropped:
		v.seen[f.id] = true // what is left of it is deleted
	case f.absent:
		v.lookAway(ctx, root, f.id)
	case !f.sealed:
		v.seen[f.id] = true
		if v.rests(root, partPath(f.id)) {
			v.fault(f.id, FaultUnsealed, partPath(f.id), "was never finished; the switch does that when it starts")
		}
	default:
		v.lookHere(ctx, root, f.id)
	}
}

// lookHere checks a recording in the folder.
func (v *verifier) lookHere(ctx context.Context, root *os.Root, id call.ID) {
	problem := verify(root, id, v.kept)
	if errors.Is(problem, fs.ErrNotExist) {
		v.lookAway(ctx, root, id) // moved meanwhile
		return
	}
	v.seen[id] = true
	v.report.Checked++
	if problem != nil {
		v.fault(id, FaultDamaged, sealedPath(id), problem.Error())
	}
	v.named(root, id, sealedPath(id))
}

// lookAway checks a recording of which only the note is in the folder.
func (v *verifier) lookAway(ctx context.Context, root *os.Root, id call.ID) {
	n := readNote(root, id)
	if n.archived == 0 {
		return // nor is it anywhere else
	}
	v.seen[id] = true
	v.report.Archived++
	if err := compare(n.sum, n.sum, id, v.kept); err != nil {
		v.fault(id, FaultDamaged, sealedPath(id), err.Error())
	}
	v.named(root, id, notePath(id))
	v.confirm(ctx, id, Info{Size: n.archived, SHA256: n.sum})
}

// named finds fault with a recording that no call's record names.
func (v *verifier) named(root *os.Root, id call.ID, file string) {
	if _, named := v.kept[string(id)]; v.kept != nil && !named && v.rests(root, file) {
		v.fault(id, FaultOrphan, sealedPath(id), "no call's record names it")
	}
}

// confirm checks what the archive has of a recording.
func (v *verifier) confirm(ctx context.Context, id call.ID, want Info) {
	if v.archive == nil {
		return
	}
	kind := FaultUnreachable
	err := transfer{v.archive, func() {}}.confirm(ctx, sealedPath(id), want)
	switch {
	case err == nil:
		return
	case errors.Is(err, fs.ErrNotExist):
		kind = FaultMissing
	case errors.Is(err, errOtherBytes):
		kind = FaultDamaged
	}
	v.fault(id, kind, sealedPath(id), err.Error())
}

// rests reports whether nobody has written to a file lately.
func (v *verifier) rests(root *os.Root, path string) bool {
	info, err := root.Stat(path)
	return err == nil && v.now.Sub(info.ModTime()) > resting
}

// unseen checks the recordings that calls name and the folder does not know, the
// newest first: the archive may have them, when the folder was lost.
func (v *verifier) unseen(ctx context.Context) error {
	var unknown []call.ID
	for id := range v.kept {
		if !v.seen[call.ID(id)] && call.ValidID(id) {
			unknown = append(unknown, call.ID(id))
		}
	}
	slices.SortFunc(unknown, func(a, b call.ID) int { return cmp.Compare(b, a) })
	for _, id := range unknown {
		v.lookFor(ctx, id)
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return nil
}

// lookFor looks in the archive for a recording that the folder does not know.
func (v *verifier) lookFor(ctx context.Context, id call.ID) {
	err := fs.ErrNotExist
	var is Info
	if v.archive != nil {
		is, err = v.archive.Stat(ctx, sealedPath(id))
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		v.fault(id, FaultMissing, sealedPath(id), "the call's record names it, and it is not there")
	case err != nil:
		v.fault(id, FaultUnreachable, sealedPath(id), err.Error())
	default:
		v.report.Archived++
		v.confirm(ctx, id, Info{Size: is.Size, SHA256: v.kept[string(id)]})
	}
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
