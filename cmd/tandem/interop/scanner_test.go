//go:build linux

package interop_test

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"tandem/routing"
)

// TestSvmap: a search for devices learns no name and no version, whatever it asks.
func TestSvmap(t *testing.T) {
	h := newHouse(newNetwork(t, "svmap"), settings{})
	for _, method := range []string{"OPTIONS", "INVITE", "REGISTER"} {
		said := h.scan("svmap", "-d", "-m", method, "-b", h.phones.String(), h.host.String())
		if method == "OPTIONS" && !strings.Contains(said, "found nothing") {
			t.Error("OPTIONS had an answer")
		}
		for _, word := range []string{"tandem", "server:", "user-agent:", "allow:", "supported:"} {
			if strings.Contains(strings.ToLower(said), word) {
				t.Errorf("%s: svmap learned %q", method, word)
			}
		}
	}
}

// TestSvwar: a search for extensions and user names finds none, though it tries
// those that exist.
func TestSvwar(t *testing.T) {
	h := newHouse(newNetwork(t, "svwar"), settings{})
	names := h.words("bob", "ana", "luis", "carol")
	for _, method := range []string{"REGISTER", "INVITE"} {
		for _, tried := range [][]string{{"-e", "100-103"}, {"-d", names}} {
			args := append([]string{"--force", "-m", method, "-b", h.phones.String()}, tried...)
			if said := h.scan("svwar", append(args, h.host.String())...); !strings.Contains(said, "found nothing") {
				t.Errorf("%s, %s: found something", method, tried)
			}
		}
	}
}

// TestSvcrack: a list of passwords does not get in, though it has the right one.
func TestSvcrack(t *testing.T) {
	h := newHouse(newNetwork(t, "svcrack", "sipp"), settings{})
	for _, user := range []string{"ana", "101"} {
		said := h.scan("svcrack", "-u", user, "-d", h.passwords(40), "--maximumtime=3", "-b", h.phones.String(), h.host.String())
		if !strings.Contains(said, "found nothing") || strings.Contains(said, "secret-ana") {
			t.Errorf("svcrack got in as %s", user)
		}
	}
	h.registersElsewhere()
}

// TestSipsak: no answer to OPTIONS, and the same to a wrong password whether or
// not there is such a user.
func TestSipsak(t *testing.T) {
	h := newHouse(newNetwork(t, "sipsak"), settings{})
	const fast = "10" // ms before it asks again
	// Some telephones' REGISTER is long: it gets all that an answer may hold.
	padding := "X-Padding: " + strings.Repeat("x", 400)
	said := h.scan("sipsak", "-v", "-Z", fast, "-s", "sip:ana@"+h.host.String())
	if !strings.Contains(said, "no final response") {
		t.Error("OPTIONS had an answer")
	}
	register := func(user, password string) string {
		return h.scan("sipsak", "-vvv", "-i", "-Z", fast, "-j", padding, "-U", "-x", "120", "-C", fmt.Sprintf("sip:%s@%s:5099", user, h.phones),
			"-u", user, "-a", password, "-s", "sip:"+user+"@"+h.host.String())
	}
	is(t, "answer to a user who is not there", refusal(t, register("nob", "secret"), "nob"), refusal(t, register("ana", "secret"), "ana"))
	if said := register("ana", "secret-ana"); !strings.Contains(said, "SIP/2.0 200 OK") {
		t.Error("the right password was refused")
	}
}

// refusal returns the last answer that sipsak shows, without what differs
// between any two.
func refusal(t *testing.T, said, user string) string {
	t.Helper()
	_, answer, found := strings.Cut(said, "response:\n")
	answer, _, whole := strings.Cut(strings.ReplaceAll(answer, "\r", ""), "\n\n")
	if !found || !whole || !strings.HasPrefix(answer, "SIP/2.0 401 ") {
		t.Fatalf("no refusal of %s in:\n%s", user, said)
	}
	changing := regexp.MustCompile(`(tag|branch|nonce|rport)=[^\s;,]+|Call-ID: .*|:\d+`)
	return changing.ReplaceAllString(strings.ReplaceAll(answer, user, "USER"), "$1")
}

// TestNmap: its scripts for SIP learn no methods and no users, and guess a
// password only when it is near the top of the list: then a ban ends it, of which
// the user elsewhere notices nothing.
func TestNmap(t *testing.T) {
	h := newHouse(newNetwork(t, "nmap", "sipp"), settings{})
	script := func(transport, names string, guesses int) string {
		return h.scan("nmap", "-n", "-Pn", transport, "-p", "5060", "--script", names, "--script-args", fmt.Sprintf(
			"userdb=%s,passdb=%s,sip-enum-users.minext=100,sip-enum-users.maxext=103,sip-enum-users.padding=3",
			h.words("ana"), h.passwords(guesses)), h.host.String())
	}
	for _, transport := range []string{"-sU", "-sT"} {
		said := script(transport, "sip-methods,sip-enum-users", 1)
		if !strings.Contains(said, "open") || strings.Contains(said, "| ") || strings.Contains(said, "|_") {
			t.Errorf("%s: nmap learned something", transport)
		}
	}
	switch said := script("-sU", "sip-brute", 3); {
	case strings.Contains(said, "ana:secret-ana - Valid credentials"):
	case strings.Contains(said, "ERROR: Script execution failed"):
		// Where addresses are long, its REGISTER is too short for an answer that
		// names the algorithm, and the script reads no other.
		t.Log("sip-brute cannot read the challenge")
		return
	default:
		t.Error("sip-brute did not get in with the right password")
	}
	if !strings.Contains(script("-sU", "sip-brute", 40), "No valid accounts found") {
		t.Error("sip-brute got in")
	}
	if h.metric("tandem_sip_rejected_total", `reason="banned"`) == 0 {
		t.Error("nobody was banned")
	}
	h.registersElsewhere()
}

// registersElsewhere has SIPp register as ana from an address that nobody used.
func (h *house) registersElsewhere() {
	h.t.Helper()
	phone := h.at(h.carrier.Next()).sipp(scenario{file: "registers.xml", keys: map[string]string{"user": "ana"}, flags: []string{
		"-t", "u1", "-au", "ana", "-ap", "secret-ana", "-auth_uri", "pbx.test", "-d", "1500"}})
	h.user("ana", func(u routing.UserState) bool { return u.Registered })
	phone.succeeds()
}

// scan runs a program to its end and returns what it says. Scanners exit with
// anything.
func (h *house) scan(program string, args ...string) string {
	h.t.Helper()
	p := h.start(h.t.TempDir(), program, args...)
	p.ends()
	p.said.mu.Lock()
	defer p.said.mu.Unlock()
	return p.said.text.String()
}

// words writes a list for scanners.
func (h *house) words(list ...string) string {
	h.t.Helper()
	path := filepath.Join(h.t.TempDir(), "words")
	if err := os.WriteFile(path, []byte(strings.Join(list, "\n")+"\n"), 0o600); err != nil {
		h.t.Fatal(err)
	}
	return path
}

// passwords is a list of so many, of which the last one is ana's.
func (h *house) passwords(n int) string {
	h.t.Helper()
	var list []string
	for i := range n - 1 {
		list = append(list, fmt.Sprint("guess", i))
	}
	return h.words(append(list, "secret-ana")...)
}

// at is the house as somebody at another address of its network sees it, where
// SIPp is then.
func (h *house) at(addr netip.Addr) *house {
	h.t.Helper()
	if out, err := ip("-n", h.name, "addr", "add", addr.String()+"/29", "dev", "eth0"); err != nil {
		h.t.Fatalf("%v: %s", err, out)
	}
	n := *h.network
	n.carrier = addr
	return &house{network: &n, sip: h.sip, api: h.api, config: h.config}
}
