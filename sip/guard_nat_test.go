package sip

import (
	"fmt"
	"strings"
	"testing"

	wire "github.com/emiago/sipgo/sip"

	"tandem/call"
)

// Who guesses passwords behind the same NAT as a registered phone cuts it off
// from nothing: neither where it registered from, nor from a new port.
func TestGuessingBesideAPhone(t *testing.T) {
	const nat = "127.0.5.1"
	b := benchWith(t, func(o *Options) { o.Limits.FailedAuthPerMinute = 3 })
	phone := udpPeerAt(t, nat).dial(b)
	phone.send(phone.registration("ana", 1))
	challenge := phone.response(401, wire.REGISTER)
	phone.send(phone.registration("ana", 2, phone.authorize(challenge, "MD5", "ana", "secret", "REGISTER", "sip:pbx.test")))
	phone.response(200, wire.REGISTER)

	thief := udpPeerAt(t, nat).dial(b)
	for i := range 3 * hostStrikes {
		thief.register([]string{"ana", "eva", "bob"}[i%3], "wrong", 2*i+1)
	}
	if res := thief.register("ana", "wrong", 101); res.StatusCode != 403 {
		t.Errorf("the thief as ana: %d", res.StatusCode)
	}
	if res := thief.register("eva", "geheim", 103); res.StatusCode != 403 {
		t.Errorf("eva, whose password was guessed there: %d", res.StatusCode)
	}
	// The phone's cached credentials were used up: it is asked anew, not refused.
	phone.send(phone.registration("ana", 3, phone.authorize(challenge, "MD5", "ana", "secret", "REGISTER", "sip:pbx.test")))
	again := phone.response(401, wire.REGISTER)
	if !strings.Contains(headerValue(again, "WWW-Authenticate"), "stale=true") {
		t.Errorf("%s", again)
	}
	phone.send(phone.registration("ana", 4, phone.authorize(again, "MD5", "ana", "secret", "REGISTER", "sip:pbx.test")))
	phone.response(200, wire.REGISTER)
	moved := udpPeerAt(t, nat).dial(b)
	if res := moved.register("ana", "secret", 5); res.StatusCode != 200 {
		t.Errorf("from a new port: %d", res.StatusCode)
	}
	b.Invite("01J-2", call.Target{User: "ana"}, []byte(testSDP))
	phone.reply(phone.request(wire.INVITE), 486, "busy")
	phone.request(wire.ACK)
}

// Once the last phone behind an address is gone, its ban holds for everybody.
func TestBanAfterThePhone(t *testing.T) {
	const nat = "127.0.5.2"
	b := benchWith(t, func(o *Options) { o.Limits.FailedAuthPerMinute = 3 })
	phone := udpPeerAt(t, nat).dial(b)
	if res := phone.register("ana", "secret", 1); res.StatusCode != 200 {
		t.Fatal(res.StatusCode)
	}
	thief := udpPeerAt(t, nat).dial(b)
	for i := range 3 * hostStrikes {
		thief.register(fmt.Sprint("user", i), "wrong", 1)
	}
	if res := phone.register("ana", "secret", 3, "Expires: 0"); res.StatusCode != 200 {
		t.Fatal(res.StatusCode)
	}
	if v := b.guard.judge([]byte(phone.registration("ana", 5)), phone.addr, b.guard.now()); v != dropped(reasonBanned) {
		t.Errorf("%+v", v)
	}
}
