//go:build linux

package interop_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"tandem/call"
	"tandem/media/tone"
)

// certify writes a certificate for a host, which it signs itself, and its key
// into the data folder of a switch.
func certify(t *testing.T, dir string, host netip.Addr) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{"pbx.test"}, IPAddresses: []net.IP{host.AsSlice()},
		NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]pem.Block{"tls.pem": {Type: "CERTIFICATE", Bytes: cert}, "tls.key": {Type: "EC PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(&block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// TestSecureSoftphones: two phones that speak TLS and encrypt their audio hold,
// resume and pass a call on, whose contact has neither.
func TestSecureSoftphones(t *testing.T) {
	t.Parallel()
	h := newHouse(newNetwork(t, "baresip", "sox"), settings{secure: true})
	s := scene{house: h, wire: h.tap(), outside: h.outsider("auto")}
	s.ana = h.newPhone(desk{user: "ana", says: anaTone, answer: "manual", trusts: h.trust})
	luis := h.newPhone(desk{user: "luis", line: luisLine, says: luisTone, answer: "auto", trusts: h.trust})
	s.ana.command("dial", outsideDialed)
	s.outside.tells(established)
	s.ana.tells(established)
	holds(t, "what the contact hears", s.wire.hears(s.outside), anaTone, outsideTone)
	s.sealed(s.ana)
	s.ana.command("hold", "")
	s.becomes(call.StateHeld)
	music(t, "what the contact hears on hold", s.wire.hears(s.outside))
	s.ana.command("resume", "")
	s.becomes(call.StateActive)
	holds(t, "what the contact hears again", s.wire.hears(s.outside), anaTone, outsideTone)
	s.ana.command("transfer", "sip:102@pbx.test")
	luis.tells(established)
	s.ana.tells(closed)
	s.ana.isNotified("200 OK")
	holds(t, "what the contact hears of luis", s.wire.hears(s.outside), luisTone, anaTone)
	s.sealed(luis)
	s.hangsUp(luis, s.outside, "luis")
	luis.stops()
	s.ana.stops()
	holds(t, "what luis's phone wrote down", luis.noted(), outsideTone, anaTone)
}

// sealed fails if somebody on the cable can hear what the switch sends a phone.
func (s scene) sealed(p *phone) {
	s.t.Helper()
	samples := s.wire.hears(p)
	if power := tone.Power(samples, outsideTone); power > spoken-12 {
		s.t.Errorf("on the cable the contact is heard at %.1f dB", power)
	}
}
