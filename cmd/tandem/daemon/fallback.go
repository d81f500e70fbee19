package daemon

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"tandem/config"
	"tandem/store/bolt"
)

// openStore opens the store, or the newest backup in the place of a damaged one.
func (d *Daemon) openStore(_ context.Context, cfg *config.Config) error {
	if err := os.MkdirAll(cfg.Data, 0o700); err != nil {
		return fmt.Errorf("data folder: %w", err)
	}
	restored := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "tandem_store_restored_timestamp_seconds",
		Help: "When the backup was made that this start took in place of a damaged store; 0 when the store was sound.",
	})
	d.registry.MustRegister(restored)
	options := bolt.Options{Path: storePath(cfg), Log: d.log, Registerer: d.registry}
	d.warnIfNew(options.Path, backupsPath(cfg))
	store, err := bolt.Open(options)
	if errors.Is(err, bolt.ErrDamaged) {
		store, err = d.fallBack(options, backupsPath(cfg), restored)
	}
	if err != nil {
		return err
	}
	d.store, d.backups = store, newBackups(backupsPath(cfg), store, d.log, d.registry)
	d.open = append(d.open, store.Close)
	return nil
}

// warnIfNew tells when a switch that has backups begins without its store.
func (d *Daemon) warnIfNew(path, backups string) {
	if info, err := os.Stat(path); err == nil && info.Size() > 0 {
		return
	}
	if list, err := bolt.Backups(backups); err == nil && len(list) > 0 {
		d.log.Warn("there is no store: an empty one is made; to go on from the newest backup, stop the switch and copy it there",
			"path", path, "backup", list[0].Path)
	}
}

// fallBack takes the newest sound backup in place of a damaged store, and tells
// what is lost. The folder is locked meanwhile: a second switch that found the
// same damage must not do it again.
func (d *Daemon) fallBack(o bolt.Options, backups string, restored prometheus.Gauge) (*bolt.Store, error) {
	unlock, err := lockFolder(filepath.Dir(o.Path))
	if err != nil {
		return nil, err
	}
	defer unlock()
	store, damage := bolt.Open(o)
	if !errors.Is(damage, bolt.ErrDamaged) {
		return store, damage
	}
	r, err := bolt.Restore(o.Path, backups, time.Now())
	if errors.Is(err, bolt.ErrNoBackup) {
		return nil, fmt.Errorf("%w; there is no sound backup to go on from: put one at %s, or move the damaged file away to begin with an empty store (%w)",
			damage, o.Path, err)
	}
	if err != nil {
		return nil, errors.Join(damage, err)
	}
	for _, refused := range r.Refused {
		d.log.Error("backup passed over", "error", refused)
	}
	restored.Set(float64(r.Backup.At.Unix()))
	d.log.Error("the store was damaged and the newest backup is in its place: what was stored since is lost",
		"error", damage, "damaged", r.Aside, "backup", r.Backup.Path, "lost_since", r.Backup.At)
	return bolt.Open(o)
}

// lockFolder waits until no other switch repairs what is in a folder.
func lockFolder(path string) (unlock func(), err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		return nil, errors.Join(fmt.Errorf("data folder: lock: %w", err), f.Close())
	}
	return func() { _ = f.Close() }, nil // which unlocks it
}
