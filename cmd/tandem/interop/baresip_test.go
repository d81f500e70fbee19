//go:build linux

package interop_test

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"tandem/media/tone"
	"tandem/routing"
)

// phone is baresip: a user's softphone without a screen, steered through its
// ctrl_tcp module (JSON in netstrings).
type phone struct {
	*process
	t         *testing.T
	directory string
	rtp       uint16 // the first of its ports for audio
	control   net.Conn
	events    chan event
}

// event is what baresip tells.
type event struct {
	Type string `json:"type"`
	Peer string `json:"peeruri"`
	Text string `json:"param"`
}

// What baresip tells of a call.
const (
	incoming    = "CALL_INCOMING"
	progress    = "CALL_PROGRESS" // it hears something before the answer
	established = "CALL_ESTABLISHED"
	closed      = "CALL_CLOSED"
	digit       = "CALL_DTMF_START"
)

// The first ports of phones and of what steers them, and how many each has for
// audio.
const (
	phonePort   = 5100
	controlPort = 4400
	rtpPort     = 30000
	rtpPorts    = 100
)

// baresipConfig is all that a phone needs: G.711, a WAV file as its microphone,
// and sndfile, which writes down what it hears.
const baresipConfig = `
module_path /usr/lib/baresip/modules
module g711.so
module aufile.so
module sndfile.so
module srtp.so
module_tmp account.so
module_app menu.so
module_app ctrl_tcp.so
poll_method epoll
sip_listen %[1]s:%[2]d
ctrl_tcp_listen %[1]s:%[3]d
audio_source aufile,%[4]s/microphone.wav
ausrc_srate 8000
ausrc_channels 1
audio_buffer 20-160
jitter_buffer_delay 2-10
snd_path %[4]s
rtp_ports %[5]d-%[6]d
menu_bell no
statmode_default off
`

// desk is how a phone is set up.
type desk struct {
	user   string
	line   int     // its place in the network, from 0
	says   float64 // a tone in Hz
	answer string  // auto: it lifts by itself; manual: that is the test's
	codecs string  // in baresip's terms; default both laws
	trusts string  // a file of certificates: it speaks TLS with the switch, and encrypts its audio
}

// newPhone starts a user's phone and waits until the switch has registered it.
func (h *house) newPhone(d desk) *phone {
	h.t.Helper()
	account := fmt.Sprintf(`<sip:%[1]s@pbx.test>;auth_pass=secret-%[1]s;outbound="sip:%[2]s";regint=600`, d.user, h.sip)
	if d.trusts != "" {
		account = fmt.Sprintf(`<sip:%[1]s@pbx.test;transport=tls>;auth_pass=secret-%[1]s;outbound="sip:%[2]s;transport=tls";mediaenc=srtp-mand;regint=600`, d.user, h.tls)
	}
	p := h.equip(d, phonePort+10*d.line, account)
	h.user(d.user, func(u routing.UserState) bool { return u.Registered })
	return p
}

// equip starts a phone that listens on a port, for an account in baresip's
// terms.
func (n *network) equip(d desk, port int, account string) *phone {
	n.t.Helper()
	p := &phone{t: n.t, directory: n.t.TempDir(), rtp: uint16(rtpPort + rtpPorts*d.line), events: make(chan event, 64)}
	config := fmt.Sprintf(baresipConfig, n.phones, port, controlPort+d.line, p.directory, p.rtp, p.rtp+rtpPorts-1)
	if d.trusts != "" {
		config += "sip_cafile " + d.trusts + "\n"
	}
	p.write("config", config)
	p.write("accounts", fmt.Sprintf("%s;answermode=%s;audio_codecs=%s\n", account, d.answer, cmp.Or(d.codecs, "PCMA/8000/1,PCMU/8000/1")))
	p.write("contacts", "")
	writeWAV(n.t, filepath.Join(p.directory, "microphone.wav"), d.says, time.Minute)
	p.process = n.start(p.directory, "baresip", "-4", "-f", p.directory, "-p", p.directory, "-v", "-s")
	p.connect(n, controlPort+d.line)
	return p
}

func (p *phone) write(name, text string) {
	p.t.Helper()
	if err := os.WriteFile(filepath.Join(p.directory, name), []byte(text), 0o600); err != nil {
		p.t.Fatal(err)
	}
}

// connect opens the control connection as soon as the phone takes it, and
// listens to its events until the test ends.
func (p *phone) connect(n *network, port int) {
	p.t.Helper()
	n.eventually("baresip takes commands", func() bool {
		var err error
		p.control, err = net.DialTimeout("tcp", net.JoinHostPort(n.phones.String(), strconv.Itoa(port)), time.Second)
		return err == nil
	})
	done := make(chan struct{})
	go func() {
		defer close(done)
		p.listen()
	}()
	p.t.Cleanup(func() {
		_ = p.control.Close()
		<-done
	})
}

// listen reads events until the connection ends. Answers to commands have no
// type and are passed over.
func (p *phone) listen() {
	r := bufio.NewReader(p.control)
	for {
		length, err := r.ReadString(':')
		if err != nil {
			return
		}
		n, err := strconv.ParseUint(strings.TrimSuffix(length, ":"), 10, 16)
		if err != nil {
			return
		}
		payload := make([]byte, n+1) // and the closing comma
		if _, err := io.ReadFull(r, payload); err != nil {
			return
		}
		var e event
		if json.Unmarshal(payload[:n], &e) != nil || e.Type == "" {
			continue
		}
		select {
		case p.events <- e:
		default: // a test that reads nothing needs nothing
		}
	}
}

// command tells the phone to do something.
func (p *phone) command(name, parameters string) {
	p.t.Helper()
	b, err := json.Marshal(map[string]string{"command": name, "params": parameters})
	if err != nil {
		p.t.Fatal(err)
	}
	if _, err := fmt.Fprintf(p.control, "%d:%s,", len(b), b); err != nil {
		p.t.Fatal(err)
	}
}

// tells waits for an event, passing over others.
func (p *phone) tells(kind string) event {
	p.t.Helper()
	deadline := time.After(patience)
	var passed []event
	for {
		select {
		case e := <-p.events:
			if e.Type == kind {
				return e
			}
			passed = append(passed, e)
		case <-deadline:
			p.t.Fatalf("baresip tells no %s within %s, but %+v", kind, patience, passed)
		}
	}
}

// heard returns the middle half of all that the phone heard in its one call.
func (p *phone) heard() []int16 {
	p.t.Helper()
	names, err := filepath.Glob(filepath.Join(p.directory, "dump-*-dec.wav"))
	if err != nil || len(names) != 1 {
		p.t.Fatalf("what the phone heard: %v, %v", names, err)
	}
	f, err := os.Open(names[0])
	if err != nil {
		p.t.Fatal(err)
	}
	defer f.Close()
	clip, err := tone.LoadWAV(f)
	if err != nil {
		p.t.Fatal(err)
	}
	return clip[len(clip)/4 : len(clip)*3/4]
}
