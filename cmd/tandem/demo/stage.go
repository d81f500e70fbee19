package demo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"tandem/cmd/tandem/daemon"
	"tandem/cmd/tandem/peer"
)

// salesperson is a user with a telephone; Nuria is their supervisor.
type salesperson struct {
	user          string // SIP user, login
	name, display string
	voice         float64 // the tone they speak in, in Hz
	phone         *peer.Phone
}

// caller is somebody outside.
type caller struct {
	name, display, number string
	voice                 float64 // the tone they speak in, in Hz
	withheld              bool    // they do not show their number
}

// stage is a running switch with a carrier and telephones around it.
type stage struct {
	file        string // the configuration
	recordings  string // folder
	log         *os.File
	switchboard *daemon.Daemon
	api         *client
	events      *feed // nil before the morning
	carrier     *peer.Carrier
	crm         *crmDesk
	ana, luis   *salesperson
	nuria       *salesperson

	stop  context.CancelFunc
	ended chan struct{} // closed when the switch has ended
	end   error         // why it ended, once it has
}

// open puts up the stage: when it returns the switch serves, and phones and
// carrier have their sockets. Close it.
func open(ctx context.Context, folder, version string) (_ *stage, err error) {
	st := &stage{file: filepath.Join(folder, "tandem.yaml"), recordings: filepath.Join(folder, "recordings")}
	defer func() {
		if err != nil {
			err = errors.Join(err, st.close())
		}
	}()
	// A trunk is known by its source, so the carrier has an address of its own.
	st.carrier, err = peer.NewCarrier(peer.Options{Name: "carrier", Bind: "127.0.0.2:0", Domain: "carrier.example"})
	if err != nil {
		return nil, fmt.Errorf("carrier, which needs the loopback address 127.0.0.2: %w", err)
	}
	if st.crm, err = openCRM(); err != nil {
		return nil, err
	}
	p, err := newPlan(folder, st.carrier.Addr(), st.crm)
	if err != nil {
		return nil, err
	}
	if err := p.write(st.file); err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	if err := st.serve(ctx, folder, version); err != nil {
		return nil, err
	}
	st.api = newClient(st.switchboard.Socket())
	st.ana, err = st.hire(salesperson{user: "ana", name: "Ana", display: "Ana García", voice: 700}, p.AnaPassword)
	if err != nil {
		return nil, err
	}
	st.luis, err = st.hire(salesperson{user: "luis", name: "Luis", display: "Luis Pérez", voice: 900}, p.LuisPassword)
	if err != nil {
		return nil, err
	}
	st.nuria, err = st.hire(salesperson{user: "nuria", name: "Nuria", display: "Nuria Soler", voice: 1270}, p.NuriaPassword)
	return st, err
}

// serve starts the switch; its log goes to a file.
func (st *stage) serve(ctx context.Context, folder, version string) (err error) {
	st.log, err = os.OpenFile(filepath.Join(folder, "tandem.log"), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("log: %w", err)
	}
	st.switchboard, err = daemon.New(ctx, daemon.Options{
		Config: st.file, Version: version, Log: st.log,
	})
	if err != nil {
		return err
	}
	// The switch outlives the day's context: it is stopped last, by close.
	serving, stop := context.WithCancel(context.WithoutCancel(ctx))
	st.stop, st.ended = stop, make(chan struct{})
	go func() {
		defer close(st.ended)
		st.end = st.switchboard.Run(serving)
	}()
	return nil
}

// hire opens the telephone of a salesperson.
func (st *stage) hire(p salesperson, password string) (*salesperson, error) {
	phone, err := peer.NewPhone(peer.Options{
		Server: st.switchboard.SIPAddrs()[0].String(), Domain: domain, User: p.user, Password: password,
		Display: p.display, Media: peer.MediaOptions{Source: peer.Tone(p.voice)},
	})
	if err != nil {
		return nil, fmt.Errorf("phone of %s: %w", p.name, err)
	}
	p.phone = phone
	return &p, nil
}

// floor returns the users there are.
func (st *stage) floor() []*salesperson {
	var all []*salesperson
	for _, p := range []*salesperson{st.ana, st.luis, st.nuria} {
		if p != nil {
			all = append(all, p)
		}
	}
	return all
}

// agents returns everybody whose messages are on record.
func (st *stage) agents() []peer.Traced {
	all := []peer.Traced{st.carrier}
	for _, p := range st.floor() {
		all = append(all, p.phone)
	}
	return all
}

// close takes down what is up: the switch first, while there still is somebody
// to take leave of.
func (st *stage) close() error {
	var errs []error
	if st.stop != nil {
		st.stop()
		<-st.ended
		errs = append(errs, st.end)
	}
	for _, p := range st.floor() {
		errs = append(errs, p.phone.Close())
	}
	if st.events != nil {
		st.events.close()
	}
	if st.api != nil {
		st.api.close()
	}
	if st.carrier != nil {
		errs = append(errs, st.carrier.Close())
	}
	if st.crm != nil {
		errs = append(errs, st.crm.close())
	}
	if st.log != nil {
		errs = append(errs, st.log.Close())
	}
	return errors.Join(errs...)
}
