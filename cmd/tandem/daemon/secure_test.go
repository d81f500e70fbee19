package daemon_test

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/md5"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"tandem/cmd/tandem/daemon/daemontest"
	"tandem/media/codec"
	"tandem/media/srtp"
	"tandem/media/tone"
	"tandem/routing"
)

// certify writes a certificate for localhost and returns who believes it.
func certify(t *testing.T, dir string) *x509.CertPool {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"localhost"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	for name, data := range map[string][]byte{"tls.pem": cert, "tls.key": pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: private})} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(cert)
	return pool
}

// handset is a telephone made by hand that speaks TLS and SRTP.
type handset struct {
	t     *testing.T
	conn  *tls.Conn
	lines *bufio.Reader
	rtp   *net.UDPConn
	out   *srtp.Sender
	in    *srtp.Receiver
	to    *net.UDPAddr
}

// receive reads the next message.
func (p *handset) receive() (head, body string) {
	p.t.Helper()
	length := 0
	for {
		line, err := p.lines.ReadString('\n')
		if err != nil {
			p.t.Fatal(err)
		}
		if line == "\r\n" && head != "" {
			break
		}
		head += line
		if value, ok := strings.CutPrefix(line, "Content-Length:"); ok {
			length, _ = strconv.Atoi(strings.TrimSpace(value))
		}
	}
	b := make([]byte, length)
	if _, err := io.ReadFull(p.lines, b); err != nil {
		p.t.Fatal(err)
	}
	return head, string(b)
}

func (p *handset) send(lines ...string) {
	p.t.Helper()
	if _, err := io.WriteString(p.conn, strings.Join(lines, "\r\n")); err != nil {
		p.t.Fatal(err)
	}
}

// register answers the MD5 challenge.
func (p *handset) register(user, password string) {
	p.t.Helper()
	ask := func(seq int, auth string) string {
		p.send("REGISTER sip:pbx.test SIP/2.0", "Via: SIP/2.0/TLS "+p.conn.LocalAddr().String()+";branch=z9hG4bKreg"+strconv.Itoa(seq),
			"Max-Forwards: 70", "From: <sip:"+user+"@pbx.test>;tag=1", "To: <sip:"+user+"@pbx.test>", "Call-ID: handset",
			fmt.Sprintf("CSeq: %d REGISTER", seq), "Contact: <sip:"+user+"@"+p.conn.LocalAddr().String()+";transport=tls>",
			"User-Agent: a handset of the tests", auth+"Content-Length: 0", "", "")
		head, _ := p.receive()
		return head
	}
	challenge := ask(1, "")
	// The barest telephones get one challenge, without the algorithm that goes without saying.
	at := regexp.MustCompile(`(?m)^WWW-Authenticate:.*$`).FindString(challenge)
	nonce := regexp.MustCompile(`nonce="([^"]*)"`).FindStringSubmatch(at)
	realm := regexp.MustCompile(`realm="([^"]*)"`).FindStringSubmatch(at)
	if nonce == nil || realm == nil {
		p.t.Fatalf("challenge %s", challenge)
	}
	sum := func(s string) string { h := md5.Sum([]byte(s)); return hex.EncodeToString(h[:]) }
	ha1, ha2 := sum(user+":"+realm[1]+":"+password), sum("REGISTER:sip:pbx.test")
	response := sum(ha1 + ":" + nonce[1] + ":00000001:abc:auth:" + ha2)
	auth := fmt.Sprintf(`Authorization: Digest username="%s", realm="%s", nonce="%s", uri="sip:pbx.test", algorithm=MD5, qop=auth, nc=00000001, cnonce="abc", response="%s"`+"\r\n",
		user, realm[1], nonce[1], response)
	if head := ask(2, auth); !strings.HasPrefix(head, "SIP/2.0 200") {
		p.t.Fatalf("not registered: %s", head)
	}
}

// lift answers the INVITE that comes, with a key of its own.
func (p *handset) lift() {
	p.t.Helper()
	head, offer := p.receive()
	key := regexp.MustCompile(`a=crypto:(\d+) AES_CM_128_HMAC_SHA1_80 inline:(\S+)`).FindStringSubmatch(offer)
	port := regexp.MustCompile(`m=audio (\d+) RTP/SAVP `).FindStringSubmatch(offer)
	if !strings.HasPrefix(head, "INVITE ") || key == nil || port == nil {
		p.t.Fatalf("offered %s%s", head, offer)
	}
	theirs, err := base64.StdEncoding.DecodeString(key[2])
	if err != nil {
		p.t.Fatal(err)
	}
	own := make([]byte, srtp.AESCM128SHA180.KeySize())
	_, _ = rand.Read(own) // never fails
	if p.in, err = srtp.NewReceiver(srtp.AESCM128SHA180, theirs, nil); err != nil {
		p.t.Fatal(err)
	}
	if p.out, err = srtp.NewSender(srtp.AESCM128SHA180, own); err != nil {
		p.t.Fatal(err)
	}
	n, _ := strconv.Atoi(port[1])
	p.to = &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: n}
	body := fmt.Sprintf("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio %d RTP/SAVP 8\r\na=rtpmap:8 PCMA/8000\r\n"+
		"a=crypto:%s AES_CM_128_HMAC_SHA1_80 inline:%s\r\n", p.rtp.LocalAddr().(*net.UDPAddr).Port, key[1], base64.StdEncoding.EncodeToString(own))
	answer := []string{"SIP/2.0 200 OK"}
	for line := range strings.SplitSeq(head, "\r\n") {
		name, _, _ := strings.Cut(line, ":")
		switch name {
		case "Via", "From", "Call-ID", "CSeq":
			answer = append(answer, line)
		case "To":
			answer = append(answer, line+";tag=handset")
		}
	}
	p.send(append(answer, "Contact: <sip:ana@"+p.conn.LocalAddr().String()+";transport=tls>", "Content-Type: application/sdp",
		fmt.Sprintf("Content-Length: %d", len(body)), "", body)...)
}

// talk says a tone every 20 ms until stop is closed.
func (p *handset) talk(hz float64, stop <-chan struct{}) {
	source, seq := tone.Sine(hz, -10), uint16(0)
	for tick := time.NewTicker(20 * time.Millisecond); ; seq++ {
		select {
		case <-stop:
			tick.Stop()
			return
		case <-tick.C:
		}
		var f codec.Frame
		source.Next(&f)
		b := []byte{0x80, 8}
		b = binary.BigEndian.AppendUint16(b, seq)
		b = binary.BigEndian.AppendUint32(b, uint32(seq)*160)
		b = append(append(b, 1, 2, 3, 4), make([]byte, 160)...)
		codec.New(codec.PCMA).Encode(b[12:], &f)
		if sealed, err := p.out.Protect(b); err == nil {
			_, _ = p.rtp.WriteToUDP(sealed, p.to) // what is lost is not heard
		}
	}
}

// hears waits for frames of a tone, all of which have to be authentic SRTP.
func (p *handset) hears(hz float64) {
	p.t.Helper()
	_ = p.rtp.SetReadDeadline(time.Now().Add(daemontest.Patience))
	for heard := 0; heard < 20; {
		b := make([]byte, 2048)
		n, err := p.rtp.Read(b)
		if err != nil {
			p.t.Fatalf("%d frames of the tone: %v", heard, err)
		}
		if b[1] >= 192 && b[1] <= 223 {
			continue // a report
		}
		plain, err := p.in.Unprotect(b[:n])
		if err != nil || len(plain) != 172 {
			p.t.Fatalf("%d bytes: %v", len(plain), err)
		}
		var f codec.Frame
		codec.New(codec.PCMA).Decode(&f, plain[12:])
		if tone.Power(f[:], hz) > -20 {
			heard++
		}
	}
}

// TestSecurePhone has a phone over TLS with SRTP talk to a contact whose carrier
// has neither, with the recording holding both in the clear.
func TestSecurePhone(t *testing.T) {
	h := prepareHouse(t, settings{})
	pool := certify(t, h.data)
	h.edit(`"tcp://127.0.0.1:0"]`, `"tcp://127.0.0.1:0", "tls://127.0.0.1:0"]
  tls: { cert: tls.pem, key: tls.key }`)
	h.edit("sip_password: secret-ana", "sip_password: secret-ana, srtp: required")
	h.run()
	conn, err := tls.Dial("tcp4", h.sw.SIPAddrs()[2].String(), &tls.Config{RootCAs: pool, ServerName: "localhost"})
	h.must(err)
	defer func() { _ = conn.Close() }()
	rtp, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	h.must(err)
	defer func() { _ = rtp.Close() }()
	ana := &handset{t: t, conn: conn, lines: bufio.NewReader(conn), rtp: rtp}
	ana.register("ana", "secret-ana")
	h.userIs("ana", func(u routing.UserState) bool { return u.Registered })

	contact := h.call()
	ana.lift()
	stop := make(chan struct{})
	talked := make(chan struct{})
	go func() { ana.talk(anaTone, stop); close(talked) }()
	h.hears("the contact", contact, anaTone)
	ana.hears(contactTone)
	close(stop)
	<-talked
	ctx, cancel := wait()
	defer cancel()
	h.must(contact.Hangup(ctx))
	h.recordingHolds(h.record(1).ID, contactTone, anaTone)
}
