package media

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"tandem/call"
	"tandem/media/codec"
	"tandem/media/mix"
	"tandem/media/srtp"
)

const (
	commandBacklog = 1024
	// catchUp is how many ticks beside the one that is due are made up for.
	catchUp = 2
	// drains bounds how often the sockets are asked before a tick that is late.
	drains = 8
	// Of this many ticks, 10 s of them, no more than one in a hundred may take
	// longer than tickBudget.
	tickWindow = 500
	tickBudget = 10 * time.Millisecond
	// A worker with too much to do is trusted again after this many ticks, 2 s of
	// them, within tickBudget: a stall of the machine is over when it is over.
	tickRecovery = 100
	// maxUnrested is how long a worker may be without a moment's rest: then packets
	// come faster than it passes them on, however little the ticks themselves do.
	maxUnrested = time.Second
)

// errStopped says that the engine has ended.
var errStopped = errors.New("media: engine stopped")

// command is something that signalling wants done by a worker.
type command func(now time.Duration)

// worker owns rooms: one locked thread with its own I/O and clock. Times inside
// it are readings of that clock, counted from the engine's epoch.
type worker struct {
	epoch    time.Time
	io       PacketIO
	notices  chan<- notice
	timeout  time.Duration
	rooms    []*room
	counters counters

	commands  chan command
	closing   chan struct{} // closed once no command is taken any more
	gate      sync.RWMutex  // held while a command is handed over
	congested atomic.Bool   // there is too much to do
	rested    time.Duration // when there was nothing to do last
	ticks     int           // in this window
	slow      int           // of them over budget
	brisk     int           // since the last one over budget

	// Scratch of the packet and tick path.
	datagram [maxDatagram + headerSize + srtp.MaxOverhead]byte
	payload  [maxDatagram]byte
	in, out  [mix.Seats]codec.Frame
	played   codec.Frame
	silence  codec.Frame
}

// now reads the worker's clock.
func (w *worker) now() time.Duration { return time.Since(w.epoch) }

// do hands the worker a command; false when it has stopped. It may wait for
// room in the queue: the caller is signalling, never a worker.
func (w *worker) do(c command) bool {
	w.gate.RLock()
	defer w.gate.RUnlock()
	select {
	case <-w.closing:
		return false
	default:
	}
	select {
	case <-w.closing:
		return false
	case w.commands <- c:
	}
	w.io.Wake()
	return true
}

// ask hands the worker a command and waits until it is done.
func (w *worker) ask(c command) bool {
	finished := make(chan struct{})
	ok := w.do(func(now time.Duration) {
		c(now)
		close(finished)
	})
	if ok {
		<-finished // what was taken is run, at the latest by stop
	}
	return ok
}

// run serves the rooms until the context ends. It then closes every socket.
func (w *worker) run(ctx context.Context) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer context.AfterFunc(ctx, func() { w.do(func(time.Duration) {}) })()
	err := w.loop(ctx)
	return errors.Join(err, w.stop())
}

func (w *worker) loop(ctx context.Context) error {
	due := w.now() + tickLength
	for ctx.Err() == nil {
		n, err := w.io.Poll(w.epoch.Add(due))
		if err != nil {
			return fmt.Errorf("media: %w", err)
		}
		if n == 0 {
			w.rested = w.now()
		}
		w.obey()
		now := w.now()
		if now < due {
			continue
		}
		if err := w.drain(now - due); err != nil {
			return err
		}
		w.counters.lateness.observe(now - due)
		due = w.beat(now, due)
		w.judge(w.now()-now, now-w.rested)
	}
	return nil
}

// drain takes what piled up in the sockets during a stall, so that the ticks that
// follow find it in the buffers.
func (w *worker) drain(late time.Duration) error {
	if late < tickLength/2 {
		return nil
	}
	for range drains {
		n, err := w.io.Poll(w.epoch)
		if err != nil {
			return fmt.Errorf("media: %w", err)
		}
		if n == 0 {
			break
		}
	}
	return nil
}

// beat runs the ticks that are due and returns when the next one is. Beyond
// catchUp the slots are skipped: the rooms are told, so that recordings keep time.
func (w *worker) beat(now, due time.Duration) time.Duration {
	skipped := max(int((now-due)/tickLength)-catchUp, 0)
	w.counters.skipped.Add(uint64(skipped))
	due += time.Duration(skipped) * tickLength
	for ; due <= now; due += tickLength {
		for _, r := range w.rooms {
			r.tick(due, skipped)
		}
		skipped = 0
	}
	return due
}

// judge decides whether the worker has too much to do, from the time that a tick
// took and from how long there was no rest before it.
func (w *worker) judge(took, unrested time.Duration) {
	w.counters.work.observe(took)
	w.ticks++
	w.brisk++
	if took > tickBudget || unrested > maxUnrested {
		w.slow++
		w.brisk = 0
	}
	if w.ticks == tickWindow || w.brisk == tickRecovery && w.congested.Load() {
		w.ticks, w.slow = 0, 0
	}
	switch {
	case w.slow > tickWindow/100:
		w.congested.Store(true)
	case w.brisk >= tickRecovery:
		w.congested.Store(false)
	}
}

// obey runs the commands that are waiting.
func (w *worker) obey() {
	for range commandBacklog {
		select {
		case c := <-w.commands:
			c(w.now())
		default:
			return
		}
	}
}

// stop refuses further commands, runs those that were taken, and ends every leg.
func (w *worker) stop() error {
	close(w.closing)
	w.gate.Lock()
	defer w.gate.Unlock()
	w.obey()
	for _, r := range w.rooms {
		for _, l := range slices.Clone(r.legs) {
			r.detach(w.now(), l)
		}
	}
	if err := w.io.Close(); err != nil {
		return fmt.Errorf("media: %w", err)
	}
	return nil
}

// room returns the room of a call, nil when it has no legs.
func (w *worker) room(id call.ID) *room {
	for _, r := range w.rooms {
		if r.id == id {
			return r
		}
	}
	return nil
}

// attach takes a leg into its room, which opens with its first leg.
func (w *worker) attach(now time.Duration, l *leg) error {
	r := w.room(l.id.Call())
	if r == nil {
		r = &room{host: w, id: l.id.Call()}
		w.rooms = append(w.rooms, r)
	}
	r.attach(now, l)
	if err := w.io.Watch(l.rtp, func(from netip.AddrPort, b []byte) { l.receive(w.now(), from, b) }); err != nil {
		return err
	}
	return w.io.Watch(l.rtcp, func(from netip.AddrPort, b []byte) { l.receiveReport(w.now(), from, b) })
}

// detach lets a leg go; its room closes with the last one.
func (w *worker) detach(now time.Duration, l *leg) {
	r := l.room
	r.detach(now, l)
	if len(r.legs) == 0 {
		w.rooms = slices.DeleteFunc(w.rooms, func(x *room) bool { return x == r })
	}
}

// tell hands an event to the engine. A full queue loses it, and that is counted.
func (w *worker) tell(n notice) {
	select {
	case w.notices <- n:
	default:
		w.counters.untold.Add(1)
	}
}
