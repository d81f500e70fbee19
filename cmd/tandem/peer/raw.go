package peer

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"
)

// Raw is a bare socket, for strangers, junk and exact races: no transaction, no answer, no repetition.
type Raw struct {
	udp *net.UDPConn
}

// Datagram is what a Raw received.
type Datagram struct {
	At   time.Time
	From string // host:port
	Data []byte
}

// NewRaw binds a UDP socket to a loopback host:port.
func NewRaw(bind string) (*Raw, error) {
	if !loopback(bind) {
		return nil, fmt.Errorf("bind %q: want a loopback address and port", bind)
	}
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.MustParseAddrPort(bind)))
	if err != nil {
		return nil, fmt.Errorf("bind raw: %w", err)
	}
	return &Raw{conn}, nil
}

// Addr returns the bound host:port.
func (r *Raw) Addr() string { return r.udp.LocalAddr().String() }

// Close closes the socket.
func (r *Raw) Close() error { return r.udp.Close() }

// Send sends any bytes to a loopback host:port.
func (r *Raw) Send(to string, data []byte) error {
	if !loopback(to) {
		return fmt.Errorf("%q is not a loopback address", to)
	}
	_, err := r.udp.WriteToUDPAddrPort(data, netip.MustParseAddrPort(to))
	return err
}

// Receive waits for the next datagram.
func (r *Raw) Receive(ctx context.Context) (Datagram, error) {
	buf := make([]byte, maxMessage)
	var n int
	var from netip.AddrPort
	err := interruptible(ctx, r.udp.SetReadDeadline, func() (err error) {
		n, from, err = r.udp.ReadFromUDPAddrPort(buf)
		return err
	})
	return Datagram{At: time.Now(), From: from.String(), Data: buf[:n]}, err
}

// ReceiveMessage waits for the next datagram that is a SIP message, dropping others, and those that match refuses; a nil
// match takes any.
func (r *Raw) ReceiveMessage(ctx context.Context, match func(*Message) bool) (*Message, error) {
	for {
		d, err := r.Receive(ctx)
		if err != nil {
			return nil, err
		}
		m, err := ParseMessage(d.Data)
		if err != nil {
			continue
		}
		m.At, m.Source = d.At, d.From
		if match == nil || match(m) {
			return m, nil
		}
	}
}

// Template returns a complete request from user at this socket to uri, as a stranger's phone would send it; tests
// change it before they send its Bytes.
func (r *Raw) Template(method, uri, user string) *Message {
	own := "sip:" + user + "@" + r.Addr()
	return NewRequest(method, uri).
		Add("Via", "SIP/2.0/UDP "+r.Addr()+";rport;branch=z9hG4bK"+token()).
		Add("Max-Forwards", "70").
		Add("From", Address{URI: own, Tag: token()}.String()).
		Add("To", Address{URI: uri}.String()).
		Add("Call-ID", token()).
		Add("CSeq", "1 "+method).
		Add("Contact", Address{URI: own}.String())
}

// RawStream is a bare TCP connection.
type RawStream struct {
	conn net.Conn
	r    *bufio.Reader
}

// DialRaw connects to a loopback host:port from another (its port may be 0).
func DialRaw(ctx context.Context, bind, to string) (*RawStream, error) {
	if !loopback(bind) || !loopback(to) {
		return nil, fmt.Errorf("%q or %q is not a loopback address", bind, to)
	}
	dialer := net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(netip.MustParseAddrPort(bind))}
	conn, err := dialer.DialContext(ctx, "tcp", to)
	if err != nil {
		return nil, fmt.Errorf("connect raw: %w", err)
	}
	return &RawStream{conn, bufio.NewReader(conn)}, nil
}

// Addr returns our end's host:port.
func (s *RawStream) Addr() string { return s.conn.LocalAddr().String() }

// Close closes the connection.
func (s *RawStream) Close() error { return s.conn.Close() }

// Send writes any bytes.
func (s *RawStream) Send(data []byte) error {
	_, err := s.conn.Write(data)
	return err
}

// ReceiveMessage waits for the next whole message; io.EOF when the far end closed.
func (s *RawStream) ReceiveMessage(ctx context.Context) (*Message, error) {
	var data []byte
	err := interruptible(ctx, s.conn.SetReadDeadline, func() (err error) {
		data, err = readStream(s.r)
		return err
	})
	if err != nil {
		return nil, err
	}
	m, err := ParseMessage(data)
	if err != nil {
		return nil, err
	}
	m.At, m.Source = time.Now(), s.conn.RemoteAddr().String()
	return m, nil
}

// interruptible runs a read that the context's end interrupts, and then returns the context's cause.
func interruptible(ctx context.Context, deadline func(time.Time) error, read func() error) error {
	if err := deadline(time.Time{}); err != nil {
		return err
	}
	over := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		_ = deadline(time.Unix(1, 0))
		close(over)
	})
	err := read()
	if !stop() {
		<-over // so that it cannot touch the next read
	}
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}
