package config

import (
	"encoding"
	"net"
	"reflect"
	"testing"
)

// FuzzText: a value that is taken from its text is written so that it is taken
// for the same again, and an address is one that the system understands.
func FuzzText(f *testing.F) {
	for _, seed := range []string{
		"20000-29999", " 1 - 2", "127.0.0.1:8080", "[::1%eth0]:80", ":0", "udp://0.0.0.0:5060", "wss://[::]:5443", "tls://a_b.test.:1",
		"09:00-14:00", "22:00-02:00", "18:00-24:00", "2026-12-25", "0000-01-01", "sat-mon,wed", "closed",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		stays[PortRange](t, text)
		stays[Interval](t, text)
		stays[Date](t, text)
		if at, ok := stays[HostPort](t, text); ok {
			understood(t, at.String())
		}
		if at, ok := stays[Listen](t, text); ok {
			understood(t, at.Address())
		}
		var days Days
		if days.UnmarshalText([]byte(text)) == nil && (days == 0 || days >= 1<<7) {
			t.Errorf("%q is the days %b", text, days)
		}
	})
}

// stays reads a text, writes what was read and reads it again.
func stays[T any](t *testing.T, text string) (T, bool) {
	t.Helper()
	var first, second T
	if any(&first).(encoding.TextUnmarshaler).UnmarshalText([]byte(text)) != nil {
		return first, false
	}
	written, err := any(first).(encoding.TextMarshaler).MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	if err := any(&second).(encoding.TextUnmarshaler).UnmarshalText(written); err != nil || !reflect.DeepEqual(first, second) {
		t.Errorf("%q is %+v, written as %q, which is %+v, %v", text, first, written, second, err)
	}
	return first, true
}

func understood(t *testing.T, address string) {
	t.Helper()
	if host, port, err := net.SplitHostPort(address); err != nil {
		t.Errorf("%q: %v", address, err)
	} else if n, err := net.LookupPort("tcp", port); err != nil || n < 0 || host != "" && !isHost(host) {
		t.Errorf("%q has host %q and port %d, %v", address, host, n, err)
	}
}
