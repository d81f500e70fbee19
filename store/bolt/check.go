package bolt

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"

	"go.etcd.io/bbolt"
)

const (
	checkLimit = 1 << 30 // bytes, near a million calls; looking through more would take too long at start
	checkShown = 5       // faults that an error names
)

func damaged(path string, why error) error {
	return fmt.Errorf("store %s: %w: %w: move it aside and put the newest backup in its place (`tandem backup` makes them)", path, ErrDamaged, why)
}

// Check reads the whole file, which must not be open for writing, and returns
// ErrDamaged with the first faults found, or nil.
func Check(path string) error {
	if err := there(path); err != nil {
		return err
	}
	return readOnly(path, func(tx *bbolt.Tx) error { return consistent(path, tx) })
}

// there fails when there is no file.
func there(path string) error {
	if _, err := os.Stat(path); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	return nil
}

// inspect looks at the file before it is opened for writing, and more closely
// when the run before was interrupted.
func inspect(path string, log *slog.Logger) error {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) || (err == nil && info.Size() == 0) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	if info.Size() > checkLimit {
		log.Warn("store not checked: too large", "path", path, "bytes", info.Size())
		return nil
	}
	return readOnly(path, func(tx *bbolt.Tx) error {
		if !readMarks(tx).unclean() {
			return nil
		}
		log.Info("checking the store after an unclean stop", "path", path, "bytes", tx.Size())
		return consistent(path, tx)
	})
}

// readOnly runs look on the file once its pages were found legible.
func readOnly(path string, look func(*bbolt.Tx) error) (err error) {
	db, err := openFile(path, true)
	if err != nil {
		return err
	}
	file, err := os.Open(path)
	if err != nil {
		return errors.Join(fmt.Errorf("store: %w", err), db.Close())
	}
	defer func() { err = errors.Join(err, file.Close(), db.Close()) }()
	return db.View(func(tx *bbolt.Tx) error {
		if err := legible(file, tx); err != nil {
			return damaged(path, err)
		}
		return look(tx)
	})
}

// consistent has bbolt walk all pages. The walk reports through a channel that
// has to be read to its end.
func consistent(path string, tx *bbolt.Tx) error {
	var faults []error
	count := 0
	for fault := range tx.Check() {
		if count++; count <= checkShown {
			faults = append(faults, fault)
		}
	}
	if count == 0 {
		return nil
	}
	return damaged(path, fmt.Errorf("%d faults: %w", count, errors.Join(faults...)))
}
