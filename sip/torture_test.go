package sip

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	wire "github.com/emiago/sipgo/sip"
)

// tortureDir names the folder with the messages of RFC 4475 and a MANIFEST.tsv
// that says what each wants: file, section, parser, answer.
const tortureDir = "TANDEM_TORTURE_DIR"

// Every message of RFC 4475 is sent by a trunk; after each the Agent still
// answers, and none is taken for something that it is not.
func TestTorture(t *testing.T) {
	dir := os.Getenv(tortureDir)
	if dir == "" {
		t.Skipf("%s is not set: the messages of RFC 4475 are not part of the project", tortureDir)
	}
	manifest, err := os.ReadFile(filepath.Join(dir, "MANIFEST.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	r := csv.NewReader(bytes.NewReader(manifest))
	r.Comma, r.Comment, r.LazyQuotes, r.FieldsPerRecord = '\t', '#', true, -1
	rows, err := r.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		t.Run(row[0], func(t *testing.T) {
			data, err := os.ReadFile(filepath.Join(dir, row[0]))
			if err != nil {
				t.Fatal(err)
			}
			// Answers go to the port that the Via names, and that is mostly none.
			conn, err := net.ListenPacket("udp4", "127.0.0.60:5060")
			if err != nil {
				t.Skip(err)
			}
			defer func() { _ = conn.Close() }()
			p := packetPeer(t, conn)
			b := newBench(t, carrierAt(p))
			p.dial(b)
			got := tortured(t, p, data)
			if want := wanted(row[3]); want != nil && !strings.Contains(strings.Join(want, " "), got) {
				t.Errorf("got %q, want one of %q (%s)", got, want, row[3])
			}
		})
	}
}

// tortured sends a message and then an OPTIONS, and returns the status of the
// first answer to the message, "silence" when there was none.
func tortured(t *testing.T, p *peer, data []byte) string {
	t.Helper()
	if _, err := p.packet.WriteTo(data, net.UDPAddrFromAddrPort(p.server)); err != nil {
		t.Fatal(err)
	}
	for i := range 20 { // requests are served in any order
		id := fmt.Sprint("mark", t.Name(), i)
		p.send(strings.Join([]string{"OPTIONS sip:pbx.test SIP/2.0", p.via(fmt.Sprint("m", len(id), i)), "From: <sip:a@b>;tag=1", "To: <sip:pbx.test>",
			"Call-ID: " + id, "CSeq: 1 OPTIONS", "Content-Length: 0", "", ""}, "\r\n"))
		for m := range p.inbox {
			res, ok := m.(*wire.Response)
			if !ok {
				t.Fatalf("a request came: %s", m.String())
			}
			if res.CallID() != nil && res.CallID().Value() == id {
				break
			}
			if res.CallID() != nil && strings.HasPrefix(res.CallID().Value(), "mark") {
				continue // of the message before, to the same port
			}
			return fmt.Sprint(res.StatusCode)
		}
	}
	return "silence"
}

// wanted reads which answers a row of the manifest leaves open; nil means any.
func wanted(answer string) []string {
	for _, free := range []string{" or ", "may", "leni", "liberal", "policy", "UAS answers"} {
		if strings.Contains(answer, free) {
			return nil
		}
	}
	switch {
	case strings.HasPrefix(answer, "normal INVITE"):
		return []string{"100", "400"} // RFC 2543's INVITE has no tag to keep it by
	case strings.HasPrefix(answer, "normal REGISTER"), strings.HasPrefix(answer, "answer the REGISTER"):
		return []string{"401", "400"}
	case strings.HasPrefix(answer, "normal OPTIONS"):
		return []string{"200"}
	case strings.HasPrefix(answer, "response:"), strings.HasPrefix(answer, "dropped"):
		return []string{"silence"}
	}
	var codes []string
	for _, word := range strings.FieldsFunc(answer, func(r rune) bool { return r < '0' || r > '9' }) {
		if len(word) == 3 && word >= "300" && word < "700" {
			codes = append(codes, word)
		}
	}
	return codes
}
