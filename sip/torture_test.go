package sip

import (
	"bytes"
	"encoding/csv"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// tortureDir names the folder with the messages of RFC 4475 and a MANIFEST.tsv
// that says what each wants: file, section, parser, answer. Without it a folder
// beside the repository's is tried.
const (
	tortureDir    = "TANDEM_TORTURE_DIR"
	tortureBeside = "../../shared/torture"
)

// outcome is what comes back for a message: statuses, and whether the
// connection ends.
type outcome struct {
	statuses []string
	closed   bool
}

func (o outcome) String() string {
	all := o.statuses
	if len(all) == 0 {
		all = []string{"silence"}
	}
	if o.closed {
		all = append(slices.Clone(all), "closed")
	}
	return strings.Join(all, " ")
}

// Every message of RFC 4475 is sent by a trunk, over UDP and octet by octet
// over TCP; each gets what it wants, and after it the Agent still answers.
func TestTorture(t *testing.T) {
	dir := os.Getenv(tortureDir)
	if dir == "" {
		dir = tortureBeside
	}
	rows := manifest(t, dir)
	for _, network := range []string{"udp", "tcp"} {
		for _, row := range rows {
			if network == "tcp" && row[0] == "valid/dblreq.dat" {
				continue // about datagrams: in a stream what follows is a message of its own
			}
			t.Run(network+"/"+row[0], func(t *testing.T) {
				data, err := os.ReadFile(filepath.Join(dir, row[0]))
				if err != nil {
					t.Fatal(err)
				}
				got, want := torture(t, network, data).String(), wanted(network, row[0], row[3])
				if got != want {
					t.Errorf("got %q, want %q (%s)", got, want, row[3])
				}
			})
		}
	}
}

// wanted is what a message gets: what the manifest says, and what we chose
// where it leaves that open, or where the transport makes a difference.
func wanted(network, file, answer string) string {
	if network == "tcp" {
		switch file {
		case "invalid/clerr.dat", "invalid/test.dat":
			return "silence closed" // never whole; no SIP
		case "invalid/ncl.dat", "invalid/mcl01.dat", "valid/inv2543.dat":
			return "400 closed" // nobody knows where the next message begins
		}
	}
	switch file {
	case "valid/mpart01.dat":
		return "405" // we take no MESSAGE
	case "valid/wsinv.dat":
		return "481" // it has a To tag, and belongs to no dialog of ours
	case "invalid/mismatch02.dat":
		return "400"
	case "invalid/escruri.dat", "invalid/baddate.dat", "valid/sdp01.dat":
		return "100"
	case "invalid/regbadct.dat", "valid/unksm2.dat", "valid/cparam01.dat", "valid/cparam02.dat", "valid/regescrt.dat":
		return "401" // before anything else is looked at
	case "invalid/baddn.dat", "valid/zeromf.dat":
		return "200"
	case "invalid/baddn-noendcrlf.dat", "invalid/test.dat":
		return "silence"
	}
	switch word, _, _ := strings.Cut(answer, " "); {
	case strings.HasPrefix(answer, "normal INVITE"):
		return "100"
	case strings.HasPrefix(answer, "normal REGISTER"), strings.HasPrefix(answer, "answer the REGISTER"):
		return "401"
	case strings.HasPrefix(answer, "normal OPTIONS"):
		return "200"
	case word == "response:", word == "dropped,":
		return "silence"
	default:
		return strings.TrimRight(word, ";,")
	}
}

// manifest reads the list of messages, or skips the test where there is none.
func manifest(t *testing.T, dir string) [][]string {
	text, err := os.ReadFile(filepath.Join(dir, "MANIFEST.tsv"))
	if err != nil {
		t.Skipf("the messages of RFC 4475 are no part of the project; set %s to their folder: %v", tortureDir, err)
	}
	r := csv.NewReader(bytes.NewReader(text))
	r.Comma, r.Comment, r.LazyQuotes, r.FieldsPerRecord = '\t', '#', true, -1
	rows, err := r.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// torture sends one message to a new Agent, and OPTIONS after it, and returns
// what the message got. Answers carry what was wrong with the message, so they
// are read without a parser.
func torture(t *testing.T, network string, data []byte) outcome {
	// Answers go to the port that the Via names, and that is mostly none.
	conn, err := net.ListenPacket("udp4", "127.0.0.60:5060")
	if err != nil {
		t.Skip(err)
	}
	defer func() { _ = conn.Close() }()
	p := &peer{t: t, network: "udp", packet: conn, addr: addrOf(conn.LocalAddr())}
	b := newBench(t, carrierAt(p))
	p.dial(b)
	other, err := net.ListenPacket("udp4", "127.0.0.60:5050")
	if err != nil {
		t.Skip(err)
	}
	defer func() { _ = other.Close() }()
	answers := make(chan string, 64)
	go datagrams(other, answers)
	if network == "udp" {
		go datagrams(conn, answers)
		if _, err := conn.WriteTo(data, net.UDPAddrFromAddrPort(p.server)); err != nil {
			t.Fatal(err)
		}
		p.send(mark(p))
		return collect(t, answers)
	}
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: p.addr.Addr().AsSlice()}}
	stream, err := dialer.Dial("tcp4", b.Addrs()[1].String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = stream.Close() }()
	p.network, p.addr = "tcp", addrOf(stream.LocalAddr())
	ended := make(chan string, 64)
	go messages(stream, ended)
	for i := range data {
		if _, err := stream.Write(data[i : i+1]); err != nil {
			break // the other side has ended it, and said why
		}
	}
	_, _ = stream.Write([]byte(mark(p))) // it may be closed by now
	return collect(t, ended)
}

// datagrams passes on what comes over UDP.
func datagrams(conn net.PacketConn, answers chan<- string) {
	buf := make([]byte, 65535)
	for {
		n, _, err := conn.ReadFrom(buf)
		if err != nil {
			return
		}
		answers <- string(buf[:n])
	}
}

// messages passes on what comes over TCP.
func messages(stream net.Conn, answers chan<- string) {
	defer close(answers)
	var f framer
	for f.read(stream) == nil {
		for {
			msg, _, err := f.next(65535)
			if err != nil || msg == nil {
				break
			}
			answers <- string(msg)
		}
	}
}

// mark is an OPTIONS whose answer shows that the Agent goes on.
func mark(p *peer) string {
	return strings.Join([]string{"OPTIONS sip:pbx.test SIP/2.0", p.via("mark"), "From: <sip:a@b>;tag=1",
		"To: <sip:pbx.test>", "Call-ID: the-mark", "CSeq: 1 OPTIONS", "Content-Length: 0", "", ""}, "\r\n")
}

// collect gathers what comes until the mark is answered or the connection ends.
func collect(t *testing.T, answers <-chan string) outcome {
	var o outcome
	marked := false
	rest := time.NewTimer(patience)
	for {
		select {
		case answer, open := <-answers:
			status, isResponse := strings.CutPrefix(answer, "SIP/2.0 ")
			switch {
			case !open:
				o.closed = true
				return o
			case !isResponse:
				t.Fatalf("a request came: %s", answer)
			case strings.Contains(answer, "the-mark"):
				marked = true
				rest.Reset(30 * time.Millisecond)
			case !slices.Contains(o.statuses, status[:3]):
				o.statuses = append(o.statuses, status[:3])
			}
		case <-rest.C:
			if !marked {
				t.Fatal("the Agent does not answer any more")
			}
			return o
		}
	}
}
