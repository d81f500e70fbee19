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

// Repair finishes what a crash left: files that were being recorded are cut to
// whole samples, get their header and are sealed; sealed ones that nobody was
// told of are told. It returns how many there were, and goes on after a file
// that cannot be repaired; the error names each.
func (l *Library) Repair(ctx context.Context) (repaired int, err error) {
	root, err := l.folder(false)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	var faults []error
	err = walk(ctx, root, func(f found) error {
		if f.absent || f.dropped || l.isLive(f.id) || (f.sealed && readNote(root, f.id).sum != "") {
			return nil
		}
		if err := l.repair(root, f); err != nil {
			faults = append(faults, err)
			return nil
		}
		repaired++
		l.log.Warn("recording repaired", "call_id", string(f.id))
		return nil
	})
	return repaired, errors.Join(append(faults, err)...)
}

func (l *Library) repair(root *os.Root, found found) error {
	name := partPath(found.id)
	if found.sealed {
		name = sealedPath(found.id)
	}
	f, err := root.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("recording of call %s: %w", found.id, err)
	}
	info, err := f.Stat()
	if err != nil {
		return errors.Join(fmt.Errorf("recording of call %s: %w", found.id, err), f.Close())
	}
	data := wholeSamples(info.Size())
	if !found.sealed {
		return l.seal(root, found.id, l.wrap(f), data, 0)
	}
	sum, err := checksum(f, info.Size())
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("recording of call %s: %w", found.id, err)
	}
	return l.tell(root, found.id, call.Recording{Seconds: seconds(data), SHA256: sum})
}

// RepairPeaks makes the peaks that are missing, as those of recordings older
// than peaks are. It returns how many there were, and goes on after a
// recording whose peaks cannot be made; the error names each. It rests as long
// as it works, for the disk has calls to record.
func (l *Library) RepairPeaks(ctx context.Context) (made int, err error) {
	root, err := l.folder(false)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	var faults []error
	err = walk(ctx, root, func(f found) error {
		if !f.sealed || l.isLive(f.id) || exists(root, peaksPath(f.id)) {
			return nil
		}
		begun := time.Now()
		_, err := l.makePeaks(root, f.id) //nolint:contextcheck // one recording, from the folder, is soon read
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			faults = append(faults, err)
		} else {
			made++
		}
		rest(ctx, time.Since(begun))
		return nil
	})
	return made, errors.Join(append(faults, err)...)
}

// rest waits, for less when ctx ends.
func rest(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
