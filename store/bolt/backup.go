package bolt

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

// Backup writes a consistent copy of the file to w while the store goes on
// working. The copy opens as a store of its own.
func (s *Store) Backup(ctx context.Context, w io.Writer) error {
	return s.view(ctx, func(t *txn) error {
		if _, err := t.WriteTo(&bounded{over: ctx.Err, w: w}); err != nil {
			return fmt.Errorf("store: backup: %w", err)
		}
		return nil
	})
}

// BackupTo writes a backup to a file, mode 0600: under a temporary name first,
// so that the path never holds half a backup, and slowly enough for the disk to
// have time for calls.
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
	err = errors.Join(s.Backup(ctx, &paced{done: ctx.Done(), file: f}), f.Sync(), f.Close())
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
	over func() error
	w    io.Writer
}

func (b *bounded) Write(p []byte) (int, error) {
	if err := b.over(); err != nil {
		return 0, err
	}
	return b.w.Write(p)
}

// A backup writes 4 MiB, has them on the disk, and rests: 32 MiB a second at
// most. Commits, which wait for the same disk, come in between.
const (
	paceBytes = 4 << 20
	paceRest  = 125 * time.Millisecond
)

// paced writes a file without filling the disk's queue.
type paced struct {
	done    <-chan struct{} // closed when nobody waits for it any more
	file    file
	written int // since the last rest
}

// file is what a paced copy needs of an open file.
type file interface {
	io.Writer
	Sync() error
}

func (p *paced) Write(b []byte) (int, error) {
	n, err := p.file.Write(b)
	if p.written += n; err != nil || p.written < paceBytes {
		return n, err
	}
	p.written = 0
	if err := p.file.Sync(); err != nil {
		return n, err
	}
	rest := time.NewTimer(paceRest)
	defer rest.Stop()
	select {
	case <-p.done: // the next write is refused
	case <-rest.C:
	}
	return n, nil
}
