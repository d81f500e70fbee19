package recording

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"

	"tandem/call"
)

// The files of a recording.
const (
	suffixSealed = ".wav"
	suffixPart   = ".wav.part"
	suffixNote   = ".sha256"
	suffixPeaks  = ".peaks"
	// suffixDropped marks a recording that is deleted, as far as anybody can
	// tell, while there may still be files of it. It sorts after the others.
	suffixDropped = ".withdrawn"
)

// began is when a call began, from its ID, which must be valid.
func began(id call.ID) time.Time {
	return ulid.Time(ulid.MustParse(string(id)).Time()).UTC()
}

// dayPath is the folder of a call's recording, within the library's. It is made
// of the ID's time alone.
func dayPath(id call.ID) string { return began(id).Format("2006/01/02") }

func sealedPath(id call.ID) string { return path.Join(dayPath(id), string(id)+suffixSealed) }
func partPath(id call.ID) string   { return path.Join(dayPath(id), string(id)+suffixPart) }
func notePath(id call.ID) string   { return path.Join(dayPath(id), string(id)+suffixNote) }
func peaksPath(id call.ID) string  { return path.Join(dayPath(id), string(id)+suffixPeaks) }

func droppedPath(id call.ID) string { return path.Join(dayPath(id), string(id)+suffixDropped) }

// besidePath is the file that the command made of a recording.
func besidePath(id call.ID, n note) string { return path.Join(dayPath(id), string(id)+n.beside) }

// movable are the files of a recording that go to the archive and leave the
// folder, the WAV file first.
func movable(id call.ID, n note) []string {
	files := []string{sealedPath(id)}
	if n.beside != "" {
		files = append(files, besidePath(id, n))
	}
	return files
}

// everyFile is what a recording may have in the folder. The note is the last
// but for the mark: until then it is known that there may be more to delete.
func everyFile(id call.ID, n note) []string {
	return append(movable(id, n), partPath(id), peaksPath(id), notePath(id), droppedPath(id))
}

// exists reports whether there is a file; one that cannot be looked at is there.
func exists(root *os.Root, name string) bool {
	_, err := root.Stat(name)
	return !errors.Is(err, fs.ErrNotExist)
}

// found is one recording in the folder.
type found struct {
	id      call.ID
	sealed  bool
	absent  bool // only its note is here: it was archived, or its removal was cut short
	dropped bool // it is deleted, and what is left of it has to go
}

// walk visits the recordings, the newest first, until visit returns an error;
// fs.SkipAll ends it without one. What does not look like ours is passed over.
func walk(ctx context.Context, root *os.Root, visit func(found) error) error {
	err := eachDay(ctx, root, func(day string) error {
		entries, err := names(root, day)
		if err != nil {
			return err
		}
		var last found
		for _, name := range entries {
			f, ok := recognise(day, name)
			if !ok || f.id == last.id && (f.absent || last.dropped) {
				continue // no recording, or more of the one before
			}
			last = f
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := visit(f); err != nil {
				return err
			}
		}
		return nil
	})
	if errors.Is(err, fs.SkipAll) {
		return nil
	}
	return err
}

// recognise tells what a file in a day's folder is.
func recognise(day, name string) (found, bool) {
	id, suffix, _ := strings.Cut(name, ".")
	f := found{id: call.ID(id)}
	switch "." + suffix {
	case suffixSealed:
		f.sealed = true
	case suffixPart:
	case suffixNote:
		f.absent = true
	case suffixDropped:
		f.dropped = true
	default:
		return found{}, false
	}
	if !call.ValidID(id) || dayPath(f.id) != day {
		return found{}, false
	}
	return f, true
}

// eachDay visits the days' folders, the newest first.
func eachDay(ctx context.Context, root *os.Root, visit func(day string) error) error {
	folders := []string{"."}
	for range 2 { // years, then months
		var next []string
		for _, folder := range folders {
			inside, err := names(root, folder)
			if err != nil {
				return err
			}
			for _, name := range inside {
				next = append(next, path.Join(folder, name))
			}
		}
		folders = next
	}
	for _, month := range folders {
		days, err := names(root, month)
		if err != nil {
			return err
		}
		for _, name := range days {
			day := path.Join(month, name)
			if _, err := time.Parse("2006/01/02", day); err != nil {
				continue
			}
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := visit(day); err != nil {
				return err
			}
		}
	}
	return nil
}

// names lists a folder, the greatest name first. What is no folder, or is gone
// meanwhile, is empty.
func names(root *os.Root, folder string) ([]string, error) {
	info, err := root.Stat(folder)
	if errors.Is(err, fs.ErrNotExist) || (err == nil && !info.IsDir()) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("recording: %w", err)
	}
	f, err := root.Open(folder)
	if err != nil {
		return nil, fmt.Errorf("recording: %w", err)
	}
	list, err := f.Readdirnames(-1)
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, fmt.Errorf("recording: %w", err)
	}
	slices.SortFunc(list, func(a, b string) int { return strings.Compare(b, a) })
	return list, nil
}

// replace stores a small file in place of the one before.
func replace(root *os.Root, name string, content []byte) error {
	temporary := name + ".tmp"
	err := root.WriteFile(temporary, content, 0o600)
	if err == nil {
		err = root.Rename(temporary, name)
	}
	if err != nil {
		_ = root.Remove(temporary) // what of it there is; it may be nothing
	}
	return err
}

// writeThrough writes a file and has it on the disk.
func writeThrough(root *os.Root, name string, how int, text string) error {
	f, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|how, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// syncFolder makes what happened to the names in a folder durable.
func syncFolder(root *os.Root, folder string) error {
	f, err := root.Open(folder)
	if err != nil {
		return fmt.Errorf("recording: %w", err)
	}
	return errors.Join(f.Sync(), f.Close())
}
