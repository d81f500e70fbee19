package peer

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"
)

// writeTimeout bounds connecting and writing to a TCP far end that does not react.
const writeTimeout = 2 * time.Second

// link carries whole messages between an agent and any address. send goes to host:port, on the open connection with that
// address if there is one.
type link interface {
	send(to string, data []byte) error
	addr() string
	close()
}

// receiver is told every message read, with the address that an answer goes to. data is the receiver's to keep.
type receiver func(from string, data []byte)

// openLink binds transport ("udp" or "tcp") to a loopback host:port and reads it until close; spawn runs its goroutines.
func openLink(transport, bind string, spawn func(func()), got receiver) (link, error) {
	if !loopback(bind) {
		return nil, fmt.Errorf("bind %q: not a loopback address", bind)
	}
	switch transport {
	case "udp":
		return openUDP(bind, spawn, got)
	case "tcp":
		return openTCP(bind, spawn, got)
	}
	return nil, fmt.Errorf("transport %q: want udp or tcp", transport)
}

type udpLink struct{ conn *net.UDPConn }

func openUDP(bind string, spawn func(func()), got receiver) (link, error) {
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.MustParseAddrPort(bind)))
	if err != nil {
		return nil, fmt.Errorf("bind udp: %w", err)
	}
	l := &udpLink{conn}
	spawn(func() { l.read(got) })
	return l, nil
}

func (l *udpLink) read(got receiver) {
	buf := make([]byte, maxMessage)
	for {
		n, from, err := l.conn.ReadFromUDPAddrPort(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err == nil { // another error is an ICMP refusal of something sent earlier
			got(from.String(), append([]byte(nil), buf[:n]...))
		}
	}
}

func (l *udpLink) send(to string, data []byte) error {
	ap, err := netip.ParseAddrPort(to)
	if err != nil {
		return err
	}
	_, err = l.conn.WriteToUDPAddrPort(data, ap)
	return err
}

func (l *udpLink) addr() string { return l.conn.LocalAddr().String() }
func (l *udpLink) close()       { _ = l.conn.Close() }

type tcpLink struct {
	listener net.Listener
	spawn    func(func())
	got      receiver
	mu       sync.Mutex
	conns    map[string]net.Conn // by remote host:port
	closed   bool
}

func openTCP(bind string, spawn func(func()), got receiver) (link, error) {
	listener, err := net.Listen("tcp", bind)
	if err != nil {
		return nil, fmt.Errorf("bind tcp: %w", err)
	}
	l := &tcpLink{listener: listener, spawn: spawn, got: got, conns: make(map[string]net.Conn)}
	spawn(l.accept)
	return l, nil
}

func (l *tcpLink) accept() {
	for {
		conn, err := l.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err == nil {
			l.keep(conn)
		}
	}
}

// keep remembers a connection and reads it until it ends.
func (l *tcpLink) keep(conn net.Conn) {
	remote := conn.RemoteAddr().String()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		_ = conn.Close()
		return
	}
	l.conns[remote] = conn
	l.spawn(func() {
		l.read(conn, remote)
		_ = conn.Close()
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.conns[remote] == conn {
			delete(l.conns, remote)
		}
	})
}

func (l *tcpLink) read(conn net.Conn, remote string) {
	r := bufio.NewReader(conn)
	for {
		data, err := readStream(r)
		if err != nil {
			return
		}
		l.got(remote, data)
	}
}

func (l *tcpLink) send(to string, data []byte) error {
	l.mu.Lock()
	conn := l.conns[to]
	l.mu.Unlock()
	if conn == nil {
		own := &net.TCPAddr{IP: l.listener.Addr().(*net.TCPAddr).IP} // the far end may know us by it
		var err error
		if conn, err = (&net.Dialer{LocalAddr: own, Timeout: writeTimeout}).Dial("tcp", to); err != nil {
			return err
		}
		l.keep(conn)
	}
	_ = conn.SetWriteDeadline(time.Now().Add(writeTimeout))
	_, err := conn.Write(data)
	return err
}

func (l *tcpLink) addr() string { return l.listener.Addr().String() }

func (l *tcpLink) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	_ = l.listener.Close()
	for _, conn := range l.conns {
		_ = conn.Close()
	}
}

// readStream cuts the next message out of a stream by its Content-Length (RFC 3261 18.3), skipping keep-alive line ends.
func readStream(r *bufio.Reader) ([]byte, error) {
	var head []byte
	length := 0
	for {
		line, err := r.ReadSlice('\n')
		if err != nil {
			return nil, err
		}
		if len(head) == 0 && strings.TrimSpace(string(line)) == "" {
			continue
		}
		head = append(head, line...)
		if len(head) > maxMessage {
			return nil, errors.New("headers too long")
		}
		if string(line) == "\r\n" {
			break
		}
		name, value, _ := strings.Cut(string(line), ":")
		if !strings.EqualFold(fullName(strings.TrimSpace(name)), "Content-Length") {
			continue
		}
		if length, err = strconv.Atoi(strings.TrimSpace(value)); err != nil || length < 0 || length > maxMessage {
			return nil, fmt.Errorf("Content-Length %q", value)
		}
	}
	body := make([]byte, length)
	if _, err := io.ReadFull(r, body); err != nil {
		return nil, err
	}
	return append(head, body...), nil
}
