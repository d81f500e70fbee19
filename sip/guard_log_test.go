package sip

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// What is refused is logged once a second for each source, cut to 120 characters
// and quoted, on one line.
func TestRefusalsAreLogged(t *testing.T) {
	g := testGuard(t)
	var out bytes.Buffer
	g.log = slog.New(slog.NewJSONHandler(&out, nil))
	home, away := netip.MustParseAddrPort("192.0.2.9:5062"), netip.MustParseAddrPort("192.0.2.8:5062")
	junk := []byte("INVITE \x1b[31m\n\r\x00\u202e" + strings.Repeat("é", 200))
	for _, at := range []time.Duration{0, 10 * time.Millisecond, 999 * time.Millisecond, time.Second} {
		g.refused(reasonGarbage, junk, home, at)
		g.refused(reasonGarbage, junk, home, at)
	}
	g.refused(reasonBanned, junk, away, time.Second)
	g.refused(reasonNone, junk, away, 2*time.Second)
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 3 {
		t.Fatalf("%d lines: %s", len(lines), out.String())
	}
	for i, want := range []struct{ reason, source string }{{"garbage", home.String()}, {"garbage", home.String()}, {"banned", away.String()}} {
		var line struct{ Level, Reason, Source, Sample string }
		if err := json.Unmarshal([]byte(lines[i]), &line); err != nil {
			t.Fatal(err)
		}
		if line.Reason != want.reason || line.Source != want.source || line.Level != "WARN" {
			t.Errorf("%+v", line)
		}
		if want := cut(string(junk[:maxLogged])); line.Sample != want || strings.ContainsAny(line.Sample, "\x1b\n\r\x00\u202e") {
			t.Errorf("sample %q, want %q", line.Sample, want)
		}
	}
}

// counter counts what is written.
type counter struct{ bytes int }

func (c *counter) Write(p []byte) (int, error) {
	c.bytes += len(p)
	return len(p), nil
}

// However much comes from however many sources, a minute of it is less than
// 1 MB of log, in either format.
func TestFloodedLogIsBounded(t *testing.T) {
	for name, handler := range map[string]func(io.Writer, *slog.HandlerOptions) slog.Handler{
		"text": func(w io.Writer, o *slog.HandlerOptions) slog.Handler { return slog.NewTextHandler(w, o) },
		"json": func(w io.Writer, o *slog.HandlerOptions) slog.Handler { return slog.NewJSONHandler(w, o) },
	} {
		g := testGuard(t)
		var out counter
		g.log = slog.New(handler(&out, nil))
		junk := bytes.Repeat([]byte{0}, 300) // each becomes four characters, and five in a quoted text
		const packets = 100_000
		for n := range packets {
			g.refused(reasonParameters, junk, netip.AddrPortFrom(host(n), 5060), time.Duration(n)*time.Minute/packets)
		}
		if out.bytes > 1_000_000 || out.bytes < 100_000 {
			t.Errorf("%s: %d bytes", name, out.bytes)
		}
		if n := len(g.said.each.young) + len(g.said.each.old); n > maxSources {
			t.Errorf("%d sources are remembered", n)
		}
	}
}
