//go:build linux

package interop_test

import (
	"bytes"
	"encoding/csv"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"tandem/media/codec"
)

// scenario is a run of SIPp.
type scenario struct {
	file   string            // in testdata
	says   float64           // the tone of its RTP, in Hz
	early  float64           // the tone of its early media, in Hz
	local  int               // its port; 0: any
	keys   map[string]string // what [name] in the scenario stands for
	status string            // what [status] stands for, which SIPp wants to know when it starts
	flags  []string          // further arguments
}

// run is SIPp while it carries a scenario out.
type run struct {
	*process
	directory string
}

// sipp starts SIPp at the carrier's address. It exits with 0 when all calls
// went as the scenario says, and with something else at any other message.
func (h *house) sipp(s scenario) *run {
	h.t.Helper()
	r := &run{directory: h.t.TempDir()}
	text, err := os.ReadFile(filepath.Join("testdata", s.file))
	if err != nil {
		h.t.Fatal(err)
	}
	file := filepath.Join(r.directory, s.file)
	if err := os.WriteFile(file, bytes.ReplaceAll(text, []byte("[status]"), []byte(s.status)), 0o600); err != nil {
		h.t.Fatal(err)
	}
	for name, hz := range map[string]float64{"voice.alaw": s.says, "early.alaw": s.early} {
		if hz > 0 {
			writeALaw(h, filepath.Join(r.directory, name), hz)
		}
	}
	h.t.Cleanup(func() { r.show(h) })
	args := []string{
		h.sip, "-sf", file, "-i", h.carrier.String(), "-mi", h.carrier.String(), "-bind_local", "-nostdin",
		"-timeout", "30s", "-timeout_error", "-trace_err", "-error_file", "errors.log",
		"-trace_msg", "-message_file", "messages.log", "-trace_stat", "-stf", "statistics.csv",
	}
	if s.local > 0 {
		args = append(args, "-p", strconv.Itoa(s.local))
	}
	for name, value := range s.keys {
		args = append(args, "-key", name, value)
	}
	if !strings.Contains(strings.Join(s.flags, " "), "-m ") {
		args = append(args, "-m", "1")
	}
	r.process = h.start(r.directory, "sipp", append(args, s.flags...)...)
	return r
}

// show prints the messages of a failed test.
func (r *run) show(h *house) {
	if !h.t.Failed() {
		return
	}
	for _, name := range []string{"errors.log", "messages.log"} {
		if b, err := os.ReadFile(filepath.Join(r.directory, name)); err == nil {
			h.t.Logf("SIPp's %s:\n%s", name, tail(b))
		}
	}
}

// statistic returns the final value of a column of SIPp's statistics.
func (r *run) statistic(column string) string {
	r.t.Helper()
	b, err := os.ReadFile(filepath.Join(r.directory, "statistics.csv"))
	if err != nil {
		r.t.Fatal(err)
	}
	reader := csv.NewReader(bytes.NewReader(b))
	reader.Comma, reader.FieldsPerRecord = ';', -1
	rows, err := reader.ReadAll()
	if err != nil {
		r.t.Fatal(err)
	}
	for i, name := range rows[0] {
		if name == column {
			return rows[len(rows)-1][i]
		}
	}
	r.t.Fatalf("SIPp has no statistic %s among %v", column, rows[0])
	return ""
}

// writeALaw writes two seconds of a tone as SIPp streams them: bare octets.
func writeALaw(h *house, path string, hz float64) {
	h.t.Helper()
	samples := sine(hz, 2*time.Second)
	octets := make([]byte, len(samples))
	codec.New(codec.PCMA).EncodeSamples(octets, samples)
	if err := os.WriteFile(path, octets, 0o600); err != nil {
		h.t.Fatal(err)
	}
}
