package bolt

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

// mapSize is how much address space the file is given at once: while the file
// is smaller, a long reader (a backup) never holds up the writer.
const mapSize = 1 << 30

// lockWait is how long Open waits for the file: long enough for a process that
// is just closing it, too short to look like a hang.
const lockWait = 150 * time.Millisecond

var (
	// ErrInUse says that another process has the file open.
	ErrInUse = errors.New("in use by another process")
	// ErrDamaged says that the file is not consistent.
	ErrDamaged = errors.New("damaged")
	// ErrClosed says that the store was closed before the verb was carried out.
	ErrClosed = errors.New("store is closed")
)

// Options say where the store is and whom it tells about itself.
type Options struct {
	Path       string                // the file, e.g. data/tandem.db; made when absent, mode 0600
	Log        *slog.Logger          // nil: nothing is logged
	Registerer prometheus.Registerer // nil: metrics are kept but shown nowhere

	commit     func(*bbolt.Tx) error // tests: a failing or slow disk
	migrations []migration           // tests: a schema of their own
}

// Store is an open file. Its methods may be called from any goroutine.
type Store struct {
	path    string
	log     *slog.Logger
	db      *bbolt.DB
	schema  schema
	metrics metrics

	commit  func(*bbolt.Tx) error
	queue   chan *op
	wake    chan struct{} // write-behind work waits
	closing chan struct{}
	done    chan struct{} // the writer has ended
	close   func() error

	behind     behind
	failure    atomic.Pointer[error] // of the newest commit
	committing atomic.Int64          // since when, Unix nanoseconds; 0: no commit is under way
	reported   sync.Map              // damaged records that were logged already

	alive   time.Time // last heartbeat of the run before
	unclean bool
}

// Open opens the file or makes it. Its pages are looked through first, and more
// closely after a run that did not Close. Errors: ErrInUse at once when another process
// has it, ErrDamaged when it is inconsistent, and a plain error when a newer
// Tandem wrote it.
func Open(o Options) (*Store, error) {
	if o.Path == "" {
		return nil, errors.New("store: no path")
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.commit == nil {
		o.commit = (*bbolt.Tx).Commit
	}
	if o.migrations == nil {
		o.migrations = migrations()
	}
	if err := os.MkdirAll(filepath.Dir(o.Path), 0o700); err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	if err := inspect(o.Path, o.Log); err != nil {
		return nil, err
	}
	db, err := openFile(o.Path, false)
	if err != nil {
		return nil, err
	}
	s := &Store{
		path: o.Path, log: o.Log, db: db, schema: newSchema(), metrics: newMetrics(o.Registerer),
		commit: o.commit, queue: make(chan *op, maxBatch), wake: make(chan struct{}, 1),
		closing: make(chan struct{}), done: make(chan struct{}),
	}
	if err := s.begin(o.migrations); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	s.close = sync.OnceValue(s.shut)
	go s.write()
	return s, nil
}

// openFile opens the bbolt file. The free list is rebuilt at open instead of
// being written with every commit.
func openFile(path string, readOnly bool) (*bbolt.DB, error) {
	options := bbolt.Options{
		Timeout:        lockWait,
		NoFreelistSync: true,
		FreelistType:   bbolt.FreelistMapType,
		ReadOnly:       readOnly,
	}
	if !readOnly {
		options.InitialMmapSize = mapSize
	}
	db, err := bbolt.Open(path, 0o600, &options)
	if err == nil {
		return db, nil
	}
	if errors.Is(err, berrors.ErrTimeout) {
		return nil, fmt.Errorf("store %s: %w: stop the other switch, or give this one a data folder of its own", path, ErrInUse)
	}
	if _, system := errors.AsType[syscall.Errno](err); system {
		return nil, fmt.Errorf("store %s: %w", path, err)
	}
	return nil, damaged(path, err) // bbolt could not make sense of it
}

// begin brings the schema up to date, reads the marks that the run before left
// and sets our own.
func (s *Store) begin(steps []migration) error {
	if err := os.Chmod(s.path, 0o600); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	return s.db.Update(func(tx *bbolt.Tx) error {
		if err := migrate(tx, steps); err != nil {
			return fmt.Errorf("store %s: %w", s.path, err)
		}
		if err := s.schema.create(tx); err != nil {
			return fmt.Errorf("store %s: %w", s.path, err)
		}
		m := readMarks(tx)
		s.alive, s.unclean = m.alive, m.unclean()
		return writeMarks(tx, time.Now(), false)
	})
}

// Close carries out what was asked for, marks the stop as clean and closes the
// file. Later verbs fail with ErrClosed.
func (s *Store) Close() error { return s.close() }

func (s *Store) shut() error {
	close(s.closing)
	<-s.done
	if err := s.db.Close(); err != nil {
		return fmt.Errorf("store %s: close: %w", s.path, err)
	}
	return nil
}

// Alive returns when the store was known to be open last before this Open: to
// about a second, when the run before was interrupted. Zero for a new file.
func (s *Store) Alive(ctx context.Context) (time.Time, error) {
	return s.alive, ctx.Err()
}

// Unclean reports whether the run before ended without Close.
func (s *Store) Unclean() bool { return s.unclean }

// marks are what a run leaves for the next one.
type marks struct {
	alive time.Time
	clean bool
}

// unclean: a new file has no heartbeat and was not interrupted.
func (m marks) unclean() bool { return !m.alive.IsZero() && !m.clean }

const (
	keyAlive  = "heartbeat"
	keyClean  = "clean"
	keySchema = "schema"
)

func readMarks(tx *bbolt.Tx) marks {
	b := tx.Bucket([]byte(bucketMeta))
	if b == nil {
		return marks{}
	}
	nanos, err := strconv.ParseInt(string(b.Get([]byte(keyAlive))), 10, 64)
	if err != nil {
		return marks{}
	}
	return marks{alive: time.Unix(0, nanos).UTC(), clean: string(b.Get([]byte(keyClean))) == "true"}
}

func writeMarks(tx *bbolt.Tx, at time.Time, clean bool) error {
	b := tx.Bucket([]byte(bucketMeta))
	if err := b.Put([]byte(keyAlive), strconv.AppendInt(nil, at.UnixNano(), 10)); err != nil {
		return err
	}
	return b.Put([]byte(keyClean), strconv.AppendBool(nil, clean))
}
