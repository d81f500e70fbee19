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
	"time"

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
			want := wanted(row[3])
			due := want != nil && want[0] != "silence"
			got := tortured(t, p, data, due)
			if want != nil && !strings.Contains(strings.Join(want, " "), got) {
				t.Errorf("got %q, want one of %q (%s)", got, want, row[3])
			}
		})
	}
}

// tortured sends a message and returns the status of the first answer to it.
// When none is due it sends OPTIONS after it and returns "silence" once those
// were answered and the message was not.
func tortured(t *testing.T, p *peer, data []byte, due bool) string {
	t.Helper()
	if _, err := p.packet.WriteTo(data, net.UDPAddrFromAddrPort(p.server)); err != nil {
		t.Fatal(err)
	}
	const marks = 3
	if !due {
		for i := range marks {
			p.send(strings.Join([]string{"OPTIONS sip:pbx.test SIP/2.0", p.via(fmt.Sprint("mark", i)), "From: <sip:a@b>;tag=1",
				"To: <sip:pbx.test>", "Call-ID: mark" + t.Name(), "CSeq: 1 OPTIONS", "Content-Length: 0", "", ""}, "\r\n"))
		}
	}
	for seen := 0; seen < marks; {
		select {
		case m := <-p.inbox:
			res, ok := m.(*wire.Response)
			switch {
			case !ok:
				t.Fatalf("a request came: %s", m.String())
			case res.CallID() == nil || bytes.Contains(data, []byte(res.CallID().Value())):
				return fmt.Sprint(res.StatusCode)
			case res.CallID().Value() == "mark"+t.Name():
				seen++
			}
		case <-time.After(patience):
			t.Fatal("no answer")
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
