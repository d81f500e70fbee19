package recording

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"tandem/call"
)

// ErrDisabled says that the administrator has not activated recording.
var ErrDisabled = errors.New("recording is not enabled")

// ErrLive says that the call is being recorded.
var ErrLive = errors.New("still being recorded")

// ErrHeld says that a recording must not be deleted.
var ErrHeld = errors.New("on hold")

// Settings are what may change while the switch runs.
type Settings struct {
	Enabled   bool          // false: nothing is ever written
	Layout    Layout        // empty: ContactLeft
	Retention time.Duration // 0: recordings are kept for ever
	// Playbooks have a retention of their own.
	Playbooks map[string]time.Duration
	Archive   Archive  // nil: recordings stay in the folder
	Command   *Command // nil: none is run on sealed recordings
}

// shortest is the shortest time that any recording is kept; 0: for ever.
func (s Settings) shortest() time.Duration {
	least := s.Retention
	for _, d := range s.Playbooks {
		if least == 0 || d > 0 && d < least {
			least = d
		}
	}
	return least
}

// retention is how long recordings of a playbook are kept; 0: for ever.
func (s Settings) retention(playbook string) time.Duration {
	if d, own := s.Playbooks[playbook]; own {
		return d
	}
	return s.Retention
}

// Options say where recordings are kept and who is told of them.
type Options struct {
	Directory string // made, mode 0700, with the first recording
	Settings  Settings
	Log       *slog.Logger // nil: nothing is logged
	// Done is told of each sealed recording, from a goroutine of its own. When
	// it fails, Repair tells it again.
	Done       func(call.ID, call.Recording) error
	Ledger     Ledger                // nil: no call has a playbook, and nothing is on hold
	Registerer prometheus.Registerer // nil: metrics are kept but shown nowhere

	every time.Duration       // tests: how often frames go to the disk
	wrap  func(*os.File) file // tests: a disk that fails
}

// file is what a recording needs of an open file.
type file interface {
	ReadAt(p []byte, off int64) (int, error)
	WriteAt(p []byte, off int64) (int, error)
	Truncate(size int64) error
	Sync() error
	Close() error
}

// Library keeps the recordings of a folder; it implements call.Recorder. Its
// methods may be called from any goroutine.
type Library struct {
	directory string
	log       *slog.Logger
	done      func(call.ID, call.Recording) error
	ledger    Ledger
	metrics   metrics
	every     time.Duration
	wrap      func(*os.File) file
	blocks    *sync.Pool // what rings are made of
	chunks    *sync.Pool // what writers write from

	mu       sync.Mutex
	settings Settings
	live     map[call.ID]*tape
	closed   bool
	wg       sync.WaitGroup

	drawing    sync.Mutex // held while peaks are made: of one recording at a time
	filing     sync.Mutex // held while peaks are stored, or a recording's files deleted
	folderLock sync.Mutex
	root       *os.Root // nil until the folder exists

	spool spool
}

// writeEvery is how often frames go to the disk: less than half of the second
// that may be missing after a crash.
const writeEvery = 500 * time.Millisecond

// New returns the library of a folder, which need not exist yet.
func New(o Options) (*Library, error) {
	if o.Directory == "" {
		return nil, errors.New("recording: no directory")
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Done == nil {
		o.Done = func(call.ID, call.Recording) error { return nil }
	}
	if o.Ledger == nil {
		o.Ledger = noLedger{}
	}
	if o.every == 0 {
		o.every = writeEvery
	}
	if o.wrap == nil {
		o.wrap = func(f *os.File) file { return f }
	}
	l := &Library{
		directory: o.Directory, log: o.Log, done: o.Done, ledger: o.Ledger, metrics: newMetrics(o.Registerer),
		every: o.every, wrap: o.wrap, live: make(map[call.ID]*tape),
		blocks: blockPool(), chunks: chunkPool(),
		spool: spool{wake: make(chan struct{}, 1)},
	}
	if o.Registerer != nil {
		l.spool.register(o.Registerer)
	}
	return l, l.Apply(o.Settings)
}

// Apply changes the settings for the recordings to come. What waits for the
// archive goes to the one that is set now, and is tried at once.
func (l *Library) Apply(s Settings) error {
	layout, err := ParseLayout(string(s.Layout))
	if err != nil {
		return err
	}
	if s.Retention < 0 {
		return fmt.Errorf("recording: retention %v is negative", s.Retention)
	}
	for playbook, d := range s.Playbooks {
		if d < 0 {
			return fmt.Errorf("recording: retention %v of playbook %s is negative", d, playbook)
		}
	}
	s.Layout, s.Playbooks = layout, maps.Clone(s.Playbooks)
	l.mu.Lock()
	l.settings = s
	l.mu.Unlock()
	l.spool.renew()
	return nil
}

// current returns the settings.
func (l *Library) current() Settings {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.settings
}

// Start begins to record a call. The disk is not touched before it returns: a
// disk that stalls costs audio after five seconds, and never holds up a call. A
// call that is being recorded gets the tape that it has. Errors: ErrDisabled,
// fs.ErrExist when the call's recording was stopped before.
func (l *Library) Start(rec call.Record) (call.Tape, error) {
	if !call.ValidID(string(rec.ID)) {
		return nil, fmt.Errorf("recording: bad call ID %.40q", rec.ID)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.settings.Enabled {
		return nil, ErrDisabled
	}
	if l.closed {
		return nil, errors.New("recording: closed")
	}
	if t := l.live[rec.ID]; t != nil && !t.stopping {
		return t, nil
	} else if t != nil {
		return nil, fmt.Errorf("recording of call %s: %w", rec.ID, fs.ErrExist)
	}
	t := newTape(l, rec.ID, sides{direction: rec.Direction, left: l.settings.Layout.left(rec.Direction)})
	l.live[rec.ID] = t
	l.wg.Go(t.run)
	return t, nil
}

// Stop seals a call's recording in the background. Nothing may be pushed any
// more. An unknown ID is ignored.
func (l *Library) Stop(id call.ID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stop(l.live[id])
}

// stop ends a tape once; the caller holds the lock.
func (l *Library) stop(t *tape) {
	if t != nil && !t.stopping {
		t.stopping = true
		close(t.stop)
	}
}

// Close seals what is being recorded and returns when that is done.
func (l *Library) Close() error {
	l.mu.Lock()
	l.closed = true
	for _, t := range l.live {
		l.stop(t)
	}
	l.mu.Unlock()
	l.wg.Wait()
	l.folderLock.Lock()
	defer l.folderLock.Unlock()
	if l.root == nil {
		return nil
	}
	root := l.root
	l.root = nil
	return root.Close()
}

// forget takes a tape off the list when it is sealed or given up.
func (l *Library) forget(id call.ID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.live, id)
}

func (l *Library) isLive(id call.ID) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.live[id] != nil
}

// shelf returns the folder for a call's recording. It is made when there is an
// archive, which may know more than the folder. fs.ErrNotExist when there is
// none, and of a recording that is deleted.
func (l *Library) shelf(id call.ID) (*os.Root, error) {
	if !call.ValidID(string(id)) {
		return nil, fmt.Errorf("recording of call %.40q: %w", id, fs.ErrNotExist)
	}
	root, err := l.folder(l.current().Archive != nil)
	if err == nil && exists(root, droppedPath(id)) {
		return nil, fmt.Errorf("recording of call %s: %w", id, fs.ErrNotExist)
	}
	return root, err
}

// folder returns the recordings folder; with create it is made when absent,
// else the error is fs.ErrNotExist. It has a lock of its own, so that a disk
// that stalls holds up no call.
func (l *Library) folder(create bool) (*os.Root, error) {
	l.folderLock.Lock()
	defer l.folderLock.Unlock()
	if l.root != nil {
		return l.root, nil
	}
	if create {
		if err := os.MkdirAll(l.directory, 0o700); err != nil {
			return nil, fmt.Errorf("recording: %w", err)
		}
	}
	root, err := os.OpenRoot(l.directory)
	if err != nil {
		return nil, fmt.Errorf("recording: %w", err)
	}
	l.root = root
	return root, nil
}
