package sip

import (
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"
)

const (
	acceptPause   = 50 * time.Millisecond
	writeLimit    = 2 * time.Second // a peer that reads nothing holds nobody up for longer
	messageWithin = 5 * time.Second // from the first byte of a message to its last
	shakeWithin   = 5 * time.Second // added for a handshake of TLS
	idleWithin    = 2 * time.Minute // between messages, of peers whom we do not know
	maxConns      = 2000
	maxSourceConn = 50
)

// guardedListener is a TCP listener that outlives a lack of descriptors and
// bounds its connections.
type guardedListener struct {
	net.Listener
	guard *guard
	ready func()
}

// Accept returns the next connection; errors that pass are waited out.
func (l *guardedListener) Accept() (net.Conn, error) {
	l.ready()
	for {
		conn, err := l.Listener.Accept()
		switch {
		case err == nil:
			if c := l.guard.connect(conn); c != nil {
				return c, nil
			}
		case passing(err):
			l.guard.meter.reject(reasonAccept)
			time.Sleep(acceptPause)
		default:
			return nil, err
		}
	}
}

// passing reports whether an accept error goes away by itself.
func passing(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) ||
		errors.Is(err, syscall.ECONNABORTED) || errors.Is(err, syscall.EINTR)
}

// connect takes a new connection; nil when there is no room for it.
func (g *guard) connect(conn net.Conn) net.Conn {
	from := addrOf(conn.RemoteAddr())
	trusted := g.trusted(from.Addr())
	why := reasonBanned
	if trusted || !g.bans.host(from.Addr(), g.now()) {
		each, all := maxSourceConn, maxConns
		if trusted {
			each, all = unlimited, unlimited
		}
		if g.doors.enter(from.Addr(), each, all) {
			within := messageWithin
			hidden, _ := conn.(*tls.Conn)
			if hidden != nil {
				within += shakeWithin
				g.proofs.drop(from)
			}
			return &guardedConn{Conn: conn, guard: g, from: from, hidden: hidden, due: time.Now().Add(within)}
		}
		why = reasonConnections
	}
	_ = conn.Close() // nothing was sent
	g.refused(why, nil, from, g.now())
	return nil
}

// adopt takes a connection that we opened: nothing has to come first. nil when
// there is no room for it.
func (g *guard) adopt(conn net.Conn) net.Conn {
	c, ok := g.connect(conn).(*guardedConn)
	if !ok {
		return nil
	}
	c.due = time.Time{}
	return c
}

// guardedConn hands sipgo whole messages only: one that TCP cut within a
// folded header would end the connection. It bounds how long a message and a
// write may take.
type guardedConn struct {
	net.Conn
	guard  *guard
	from   netip.AddrPort
	frames framer
	rest   []byte    // of a message that the reader had no room for
	due    time.Time // when the message that began has to be whole; zero between messages
	over   sync.Once

	hidden *tls.Conn // nil without TLS
	shaken bool      // what its peer has shown is known
}

var (
	errFraming = errors.New("sip: not a SIP stream")
	errIdle    = errors.New("sip: no whole message in time")
)

// Read returns the next message that the guard lets pass.
func (c *guardedConn) Read(b []byte) (int, error) {
	for len(c.rest) == 0 {
		msg, pings, err := c.frames.next(c.guard.limit(c.trusted()))
		if pings > 0 {
			_, _ = c.Write([]byte("\r\n")) // RFC 5626 section 3.5.1; a peer that is gone ends the read
		}
		switch {
		case err != nil:
			c.misframed()
			return 0, err
		case msg == nil:
			if err := c.fill(); err != nil {
				return 0, err
			}
		default:
			c.due = time.Time{}
			if c.passes(msg) {
				c.rest = msg
			}
		}
	}
	n := copy(b, c.rest)
	c.rest = c.rest[n:]
	return n, nil
}

// trusted reports whether the peer is a trunk, by its address or its certificate.
func (c *guardedConn) trusted() bool {
	return c.guard.trusted(c.from.Addr()) || c.hidden != nil && c.guard.proofs.trunk(c.from) != nil
}

// passes judges a message, and answers it when that is all it needs.
func (c *guardedConn) passes(data []byte) bool {
	now := c.guard.now()
	v := c.guard.judgeAs(data, c.from, now, c.trusted())
	if v.status != 0 {
		if out := c.guard.answer(data, c.from, v); out != nil {
			_, _ = c.Write(out) // a peer that is gone ends the read
		}
	}
	c.guard.refused(v.why, data, c.from, now)
	return v.pass
}

// misframed answers a stream that lost its boundaries, if we know the peer;
// the connection ends with it.
func (c *guardedConn) misframed() {
	data := c.frames.buf
	if c.trusted() || c.guard.phone(c.from) {
		if out := c.guard.answer(data, c.from, answered(400, reasonFraming)); out != nil {
			_, _ = c.Write(out) // the connection ends now
		}
	}
	c.guard.refused(reasonFraming, data, c.from, c.guard.now())
}

// fill reads more of the stream, for as long as the peer may take.
func (c *guardedConn) fill() error {
	if c.due.IsZero() && c.frames.partial() {
		c.due = time.Now().Add(messageWithin)
	}
	due := c.due
	if due.IsZero() {
		due = time.Now().Add(idleWithin)
	}
	if err := c.SetReadDeadline(due); err != nil {
		return err
	}
	err := c.frames.read(c.Conn)
	if err == nil && c.hidden != nil && !c.shaken { // the handshake is over
		c.shaken = true
		c.guard.proofs.note(c.from, c.hidden)
	}
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		return err
	}
	if c.due.IsZero() && (c.trusted() || c.guard.phone(c.from) || c.guard.familiar(c.from.Addr())) {
		return nil // it is there for what we have to say
	}
	c.guard.refused(reasonIdle, c.frames.buf, c.from, c.guard.now())
	return errIdle
}

// Close ends the connection and says so.
func (c *guardedConn) Close() error {
	c.over.Do(func() {
		c.guard.doors.leave(c.from.Addr())
		if c.hidden != nil {
			c.guard.proofs.drop(c.from)
		}
		c.guard.closed(c.from)
	})
	return c.Conn.Close()
}

// Write sends within writeLimit.
func (c *guardedConn) Write(b []byte) (int, error) {
	if err := c.SetWriteDeadline(time.Now().Add(writeLimit)); err != nil {
		return 0, err
	}
	return c.Conn.Write(b)
}
