package bolt

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

// ErrNoBackup says that there is no backup that could be used.
var ErrNoBackup = errors.New("no sound backup")

// Restored is what Restore did.
type Restored struct {
	Backup  BackupFile // whose copy is in the store's place; what came after it is lost
	Aside   string     // where the damaged file is now
	Refused []error    // newer backups that are damaged themselves
}

// Restore puts a copy of the newest sound backup of a folder in the place of a
// damaged file, which is kept beside it under a name of its own. Nothing is
// overwritten: at every moment the path holds the damaged file or the whole
// copy. No process may have the file open. ErrNoBackup when there is none to
// take: then nothing has changed.
func Restore(path, backups string, now time.Time) (Restored, error) {
	list, err := Backups(backups)
	if err != nil {
		return Restored{}, err
	}
	var r Restored
	for _, b := range list {
		if err := Check(b.Path); err != nil {
			r.Refused = append(r.Refused, err)
			continue
		}
		r.Backup = b
		r.Aside = path + ".damaged-" + now.UTC().Format(backupTime)
		return r, exchange(path, r.Aside, b.Path)
	}
	return r, fmt.Errorf("store %s: %w in %s: %w", path, ErrNoBackup, backups, errors.Join(r.Refused...))
}

// exchange keeps the file under the name aside and puts a copy of another in
// its place.
func exchange(path, aside, source string) (err error) {
	temporary, err := duplicate(source, filepath.Dir(path))
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(temporary))
		}
	}()
	if err := os.Link(path, aside); err != nil { // fails when the name is taken
		return fmt.Errorf("store: restore: %w", err)
	}
	if err := os.Rename(temporary, path); err != nil {
		return fmt.Errorf("store: restore: %w", err)
	}
	return syncDir(filepath.Dir(path))
}

// duplicate copies a file into a folder, mode 0600, and has it on the disk.
func duplicate(source, dir string) (path string, err error) {
	from, err := os.Open(source)
	if err != nil {
		return "", fmt.Errorf("store: restore: %w", err)
	}
	defer func() { _ = from.Close() }() // only read
	to, err := os.CreateTemp(dir, ".restored-*.db")
	if err != nil {
		return "", fmt.Errorf("store: restore: %w", err)
	}
	_, err = io.Copy(to, from)
	if err = errors.Join(err, to.Sync(), to.Close()); err != nil {
		return "", errors.Join(fmt.Errorf("store: restore: %w", err), os.Remove(to.Name()))
	}
	return to.Name(), nil
}
