package bolt

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// The name of a backup: tandem-YYYYMMDDTHHMMSSZ.db.
const (
	backupPrefix = "tandem-"
	backupSuffix = ".db"
	backupTime   = "20060102T150405Z"
)

// BackupFile is one backup of a folder.
type BackupFile struct {
	Path string
	At   time.Time // when it was begun, UTC, to the second
}

// BackupPath is the name of a backup that is begun at a time.
func BackupPath(dir string, at time.Time) string {
	return filepath.Join(dir, backupPrefix+at.UTC().Format(backupTime)+backupSuffix)
}

// Backups lists the backups of a folder, the newest first; whatever is not
// named like one is passed over. A folder that is not there has none.
func Backups(dir string) ([]BackupFile, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("store: backups: %w", err)
	}
	var list []BackupFile
	for _, e := range entries {
		if at, ok := backupBegun(e.Name()); ok && e.Type().IsRegular() {
			list = append(list, BackupFile{Path: filepath.Join(dir, e.Name()), At: at})
		}
	}
	slices.SortFunc(list, func(a, b BackupFile) int { return cmp.Or(b.At.Compare(a.At), cmp.Compare(b.Path, a.Path)) })
	return list, nil
}

func backupBegun(name string) (time.Time, bool) {
	text, ok := strings.CutPrefix(name, backupPrefix)
	if !ok {
		return time.Time{}, false
	}
	if text, ok = strings.CutSuffix(text, backupSuffix); !ok {
		return time.Time{}, false
	}
	at, err := time.Parse(backupTime, text)
	return at, err == nil
}

// PruneBackups deletes all backups of a folder but the newest keep, and what
// backups left behind that a crash interrupted. It must not run beside one.
func PruneBackups(dir string, keep int) error {
	list, err := Backups(dir)
	if err != nil {
		return err
	}
	var faults []error
	for _, old := range list[min(keep, len(list)):] {
		faults = append(faults, os.Remove(old.Path))
	}
	halves, err := filepath.Glob(filepath.Join(escaped(dir), "."+backupPrefix+"*"+backupSuffix+".*"))
	faults = append(faults, err)
	for _, half := range halves {
		faults = append(faults, os.Remove(half))
	}
	if err := errors.Join(faults...); err != nil {
		return fmt.Errorf("store: backups: %w", err)
	}
	return nil
}

// escaped is a folder's name in a pattern.
func escaped(dir string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(dir)
}
