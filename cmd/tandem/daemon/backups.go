package daemon

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"tandem/config"
	"tandem/store/bolt"
)

// When backups are made, and how many are kept.
const (
	backupEvery = time.Hour
	backupKeep  = 24
	backupDelay = 10 * time.Second // after a start, which has other things to do
	backupRetry = 5 * time.Minute  // after a failure
	backupLimit = 15 * time.Minute // for one backup
)

// backups makes a copy of the store every hour. A copy that turns out to be
// damaged counts as a failure and never takes the place of an older one.
type backups struct {
	dir   string
	copy  func(ctx context.Context, path string) error // writes a new file
	check func(path string) error
	log   *slog.Logger

	failures prometheus.Counter
	success  prometheus.Gauge
}

func newBackups(dir string, store *bolt.Store, log *slog.Logger, r prometheus.Registerer) *backups {
	b := &backups{
		dir: dir, copy: store.BackupTo, check: bolt.Check, log: log,
		failures: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "tandem_backup_failures_total", Help: "Backups of the store that failed.",
		}),
		success: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "tandem_backup_last_success_timestamp_seconds", Help: "When the newest backup of the store was made; 0 when there is none.",
		}),
	}
	r.MustRegister(b.failures, b.success)
	return b
}

// backupsPath is where a switch of that configuration keeps its backups.
func backupsPath(cfg *config.Config) string { return filepath.Join(cfg.Data, "backups") }

// Run makes backups until ctx ends: the first one soon when the newest is older
// than an hour.
func (b *backups) Run(ctx context.Context) error {
	wait := max(b.due(), backupDelay)
	for {
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-timer.C:
		}
		wait = backupEvery
		if err := b.make(ctx); err != nil && ctx.Err() == nil {
			b.failures.Inc()
			b.log.Error("no backup of the store", "folder", b.dir, "error", err)
			wait = backupRetry
		}
	}
}

// due is how long the newest backup is young enough. One from the future, as
// after a clock was set back, is taken to be made now.
func (b *backups) due() time.Duration {
	list, err := bolt.Backups(b.dir)
	if err != nil || len(list) == 0 {
		return 0 // the backup itself will tell
	}
	b.success.Set(float64(list[0].At.Unix()))
	return min(backupEvery-time.Since(list[0].At), backupEvery)
}

// make makes one backup and deletes those that are too many.
func (b *backups) make(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, backupLimit)
	defer cancel()
	if err := os.MkdirAll(b.dir, 0o700); err != nil {
		return fmt.Errorf("backups: %w", err)
	}
	now := time.Now()
	path := bolt.BackupPath(b.dir, now)
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("backup %s: %w", path, errors.Join(fs.ErrExist, err))
	}
	if err := b.copy(ctx, path); err != nil {
		return err
	}
	if err := b.check(path); err != nil {
		return errors.Join(err, os.Remove(path))
	}
	b.success.Set(float64(now.Unix()))
	b.log.Info("backup of the store", "path", path)
	return bolt.PruneBackups(b.dir, backupKeep)
}
