package bolt

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Backup writes a consistent copy of the file to w while the store goes on
// working. The copy opens as a store of its own.
func (s *Store) Backup(ctx context.Context, w io.Writer) error {
	return s.view(ctx, func(t *txn) error {
		if _, err := t.WriteTo(&bounded{ctx: ctx.Err, w: w}); err != nil {
			return fmt.Errorf("store: backup: %w", err)
		}
		return nil
	})
}

// BackupTo writes a backup to a file, mode 0600: under a temporary name first,
// so that the path never holds half a backup.
func (s *Store) BackupTo(ctx context.Context, path string) (err error) {
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, "."+filepath.Base(path)+".*")
	if err != nil {
		return fmt.Errorf("store: backup: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	err = errors.Join(s.Backup(ctx, f), f.Sync(), f.Close())
	if err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return fmt.Errorf("store: backup: %w", err)
	}
	return syncDir(dir)
}

// syncDir makes a rename durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("store: backup: %w", err)
	}
	return errors.Join(d.Sync(), d.Close())
}

// bounded ends a copy when nobody waits for it any more: a long reading
// transaction keeps old pages from being used again.
type bounded struct {
	ctx func() error
	w   io.Writer
}

func (b *bounded) Write(p []byte) (int, error) {
	if err := b.ctx(); err != nil {
		return 0, err
	}
	return b.w.Write(p)
}
