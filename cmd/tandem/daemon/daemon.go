package daemon

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"tandem/call"
	"tandem/config"
	"tandem/crm"
	"tandem/media"
	"tandem/recording"
	"tandem/routing"
	"tandem/sip"
	"tandem/store/bolt"
	"tandem/web"
)

// storeTimeout bounds what the daemon itself asks of the store.
const storeTimeout = 10 * time.Second

// Options of a Daemon.
type Options struct {
	// Config is the configuration file; it is read at New and at each Reload.
	Config string
	// Getenv looks up what ${NAME} stands for; os.LookupEnv when nil.
	Getenv func(string) (string, bool)
	// Log takes the switch's log lines as log.level and log.format of the
	// configuration say; standard error when nil.
	Log     io.Writer
	Version string

	vendor func(config.CRM) (crm.Vendor, error) // tests: a CRM of their own
}

// Daemon is a whole switch.
type Daemon struct {
	opts     Options
	log      *slog.Logger
	level    *slog.LevelVar
	registry *prometheus.Registry
	started  time.Time
	drain    chan struct{} // closed when a drain was asked for
	draining sync.Once

	mu  sync.Mutex
	cfg *config.Config // as it is in force

	bus       *call.Bus
	store     *bolt.Store
	backups   *backups
	directory *routing.Directory
	floor     *routing.Floor
	offices   *routing.Offices
	explainer *routing.Explainer
	book      *routing.AddressBook
	taskList  *routing.TaskList
	router    router
	exchange  *call.Exchange
	media     *media.Engine
	recorder  *recording.Library
	sip       *sip.Agent
	web       *web.Server
	trunks    *trunkBoard
	reloads   *reloadMeter
	crm       *crm.Worker

	http, socket net.Listener
	open         []func() error // what New opened and Run did not take over yet
}

// New reads the configuration and builds the switch: every file is open and
// every port is bound when it returns, but nothing is served before Run.
func New(ctx context.Context, o Options) (*Daemon, error) {
	if o.Getenv == nil {
		o.Getenv = os.LookupEnv
	}
	cfg, err := config.Load(o.Config, o.Getenv)
	if err != nil {
		return nil, err
	}
	d := &Daemon{
		opts: o, level: new(slog.LevelVar), cfg: cfg, started: time.Now(), drain: make(chan struct{}),
		registry: prometheus.NewRegistry(), bus: call.NewBus(time.Now()),
	}
	d.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	d.log = newLog(cfg, o.Log, d.level)
	for _, warning := range cfg.Warnings {
		d.log.Warn("configuration: " + warning.String()) //nolint:sloglint // worded as by config check
	}
	if err := d.build(ctx, cfg); err != nil {
		return nil, errors.Join(err, d.abandon())
	}
	return d, nil
}

// build makes the rooms, those that others need first.
func (d *Daemon) build(ctx context.Context, cfg *config.Config) error {
	steps := []func(context.Context, *config.Config) error{
		d.openStore, d.buildRouting, d.buildRecorder, d.buildExchange, d.buildMedia, d.buildSIP, d.buildCRM, d.buildWeb,
	}
	for _, step := range steps {
		if err := step(ctx, cfg); err != nil {
			return err
		}
	}
	return nil
}

// abandon closes what a failed New left open.
func (d *Daemon) abandon() error {
	var errs []error
	for _, closing := range slices.Backward(d.open) {
		errs = append(errs, closing())
	}
	return errors.Join(errs...)
}

// SIPAddrs returns the addresses that SIP is served on, in the order of
// sip.listen.
func (d *Daemon) SIPAddrs() []netip.AddrPort { return d.sip.Addrs() }

// HTTPAddr returns the address of the API, the console and the metrics.
func (d *Daemon) HTTPAddr() net.Addr { return d.http.Addr() }

// Socket returns the path of the admin socket.
func (d *Daemon) Socket() string { return SocketPath(d.config()) }

// SocketPath is where a switch of that configuration has its admin socket.
func SocketPath(cfg *config.Config) string { return filepath.Join(cfg.Data, "tandem.sock") }

// config returns the configuration in force.
func (d *Daemon) config() *config.Config {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.cfg
}

func (d *Daemon) buildRouting(ctx context.Context, cfg *config.Config) error {
	acct, err := account(cfg)
	if err != nil {
		return err
	}
	if d.directory, err = routing.NewDirectory(acct); err != nil {
		return err
	}
	zone, err := cfg.Account.Timezone.Location()
	if err != nil {
		return err
	}
	d.floor, err = routing.NewFloor(ctx, routing.FloorOptions{
		Account: acct, Zone: zone, Desk: d.store, Events: d.bus, Seed: uint64(d.started.UnixNano()),
	})
	if err != nil {
		return err
	}
	if err := d.registry.Register(d.floor); err != nil {
		return err
	}
	d.offices, err = routing.NewOffices(ctx, routing.OfficesOptions{Directory: d.directory, Desk: d.store, Events: d.bus})
	if err != nil {
		return err
	}
	d.router.Reception, err = routing.NewReception(routing.ReceptionOptions{
		Directory: d.directory, Offices: d.offices, Journal: d.store, Contacts: d.store, Events: d.bus,
	})
	if err != nil {
		return err
	}
	d.book, err = routing.NewAddressBook(routing.AddressBookOptions{Directory: d.directory, Contacts: d.store, Events: d.bus})
	if err != nil {
		return err
	}
	d.taskList, err = routing.NewTaskList(routing.TaskListOptions{Directory: d.directory, Tasks: d.store, Events: d.bus})
	if err != nil {
		return err
	}
	chooser, err := routing.NewChooser(routing.ChooserOptions{Directory: d.directory, History: d.store, Usable: func(trunk string) bool { return d.sip.TrunkUsable(trunk) }})
	if err != nil {
		return err
	}
	d.router.Dispatch, err = routing.NewDispatch(routing.DispatchOptions{
		Directory: d.directory, Chooser: chooser, Floor: d.floor, Journal: d.store, Contacts: d.store, Tasks: d.store, Events: d.bus,
	})
	if err != nil {
		return err
	}
	d.explainer, err = routing.NewExplainer(routing.ExplainerOptions{
		Directory: d.directory, Offices: d.offices, Floor: d.floor, Contacts: d.store, Chooser: chooser,
	})
	return err
}

// router decides about calls that come in and calls that go out.
type router struct {
	*routing.Reception
	*routing.Dispatch
}

func (d *Daemon) buildRecorder(_ context.Context, cfg *config.Config) error {
	settings, err := recordingSettings(cfg)
	if err != nil {
		return err
	}
	d.recorder, err = recording.New(recording.Options{
		Directory: RecordingsPath(cfg), Settings: settings, Log: d.log,
		Done: d.recorded, Ledger: ledger{d.store}, Registerer: d.registry,
	})
	return err
}

// RecordingsPath is where a switch of that configuration keeps its recordings.
func RecordingsPath(cfg *config.Config) string {
	if cfg.Recording.Directory != "" {
		return cfg.Recording.Directory
	}
	return filepath.Join(cfg.Data, "recordings")
}

// storePath is where a switch of that configuration keeps its store.
func storePath(cfg *config.Config) string { return filepath.Join(cfg.Data, "tandem.db") }

// StoredRecordings returns the checksum of each recording that a call names, by
// the call's ID, from the store of a switch that is not running; fs.ErrNotExist
// when it never ran.
func StoredRecordings(cfg *config.Config) (map[string]string, error) {
	return bolt.Recordings(storePath(cfg))
}

// recorded stores a sealed recording beside its call and tells of it.
func (d *Daemon) recorded(id call.ID, r call.Recording) error {
	ctx, cancel := context.WithTimeout(context.Background(), storeTimeout)
	defer cancel()
	if err := d.store.SetRecording(ctx, id, r); errors.Is(err, routing.ErrNotFound) {
		d.log.Warn("a recording is of a call that the store does not know; the file is kept", "call_id", id)
		return nil
	} else if err != nil {
		return err
	}
	rec, err := d.store.Call(ctx, id)
	if err != nil {
		return err
	}
	d.bus.Publish(call.Event{
		Type: call.EventRecordingReady, At: time.Now().UTC(), User: rec.User, Playbook: rec.Playbook,
		CallID: id, ContactID: rec.ContactID, Call: &rec,
	})
	return nil
}

func (d *Daemon) buildExchange(_ context.Context, cfg *config.Config) (err error) {
	d.exchange, err = call.NewExchange(call.Options{
		MaxCalls: cfg.SIP.MaxCalls, Log: d.log, Overloaded: func() bool { return d.media.Overloaded() },
	})
	if err != nil {
		return err
	}
	return d.registry.Register(coachGauge{d.exchange})
}

func (d *Daemon) buildMedia(ctx context.Context, cfg *config.Config) error {
	s, err := audio(ctx, cfg)
	if err != nil {
		return err
	}
	d.media, err = media.New(media.Options{
		Lines: d.exchange, From: uint16(cfg.Media.Ports.First), To: uint16(cfg.Media.Ports.Last), Bind: onlyHost(cfg), Workers: workers(),
		External: s.External, Codecs: s.Codecs, TrunkEncryption: s.TrunkEncryption, UserEncryption: s.UserEncryption, Sounds: s.Sounds, Country: s.Country,
		JitterMin: s.JitterMin, JitterMax: s.JitterMax, Timeout: s.Timeout, Log: d.log, Registerer: d.registry,
	})
	return err
}

func (d *Daemon) buildSIP(ctx context.Context, cfg *config.Config) error {
	listen, err := listeners(cfg)
	if err != nil {
		return err
	}
	external, err := address(ctx, cfg.SIP.External)
	if err != nil {
		return fmt.Errorf("sip.external: %w", err)
	}
	d.trunks = newTrunkBoard(d.bus)
	d.reloads = newReloadMeter(d.registry)
	d.sip, err = sip.New(sip.Options{
		Lines: d.exchange, Bindings: d.store, Dialogs: d.store, Presence: d.floor, Trunks: d.trunks,
		Directory: phones(cfg), Listen: listen, TLS: sip.KeyPair{Cert: cfg.SIP.TLS.Cert, Key: cfg.SIP.TLS.Key}, Domain: cfg.SIP.Domain, External: text(external),
		UserAgent: cfg.SIP.UserAgent, CallsPerSecond: cfg.SIP.MaxCallsPerSecond, Log: d.log, Metrics: d.registry,
		Limits: sip.Limits{
			FailedAuthPerMinute: cfg.Limits.FailedAuthPerMinute, RequestsPerSecond: cfg.Limits.RequestsPerSecond, Ban: cfg.Limits.Ban,
		},
	})
	if _, unbound := errors.AsType[*net.OpError](err); unbound {
		return fmt.Errorf("sip.listen: %w", err)
	}
	if err != nil {
		return err
	}
	d.open = append(d.open, func() error { d.sip.Close(); return nil })
	return nil
}

// text is an address as options take it: empty for none.
func text(addr netip.Addr) string {
	if !addr.IsValid() {
		return ""
	}
	return addr.String()
}

func (d *Daemon) buildWeb(_ context.Context, cfg *config.Config) (err error) {
	if d.http, err = net.Listen("tcp", cfg.HTTP.Listen.String()); err != nil {
		return fmt.Errorf("http.listen: %w", err)
	}
	d.open = append(d.open, d.http.Close)
	if cfg.HTTP.TLS.Cert != "" {
		pair, err := tls.LoadX509KeyPair(cfg.HTTP.TLS.Cert, cfg.HTTP.TLS.Key)
		if err != nil {
			return fmt.Errorf("http.tls: %w", err)
		}
		d.http = tls.NewListener(d.http, &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12})
	}
	if d.socket, err = web.ListenSocket(SocketPath(cfg)); err != nil {
		return err
	}
	d.open = append(d.open, d.socket.Close)
	d.web, err = web.New(d.webOptions(cfg))
	return err
}
