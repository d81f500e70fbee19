package sdp

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
)

// inline is a key of so many bytes as SDP has it.
func inline(n int) string {
	return "inline:" + base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{7}, n))
}

func TestParseCrypto(t *testing.T) {
	cm, gcm := "1 AES_CM_128_HMAC_SHA1_80 ", "2 AEAD_AES_128_GCM "
	for _, c := range []struct {
		line string
		ok   bool
		mki  []byte
	}{
		{cm + inline(30), true, nil},
		{gcm + inline(28), true, nil},
		{"1  aes_cm_128_hmac_sha1_80  INLINE:" + inline(30)[7:], true, nil},
		{gcm + strings.TrimRight(inline(28), "="), true, nil}, // padding left out
		{cm + inline(30) + "|2^20", true, nil},
		{cm + inline(30) + "|2^48", true, nil},
		{cm + inline(30) + "|1048576", true, nil},
		{cm + inline(30) + "|2^20|1:4", true, []byte{0, 0, 0, 1}},
		{cm + inline(30) + "|258:2", true, []byte{1, 2}},
		{cm + inline(30) + "|1:128", true, append(make([]byte, 127), 1)},
		{cm + inline(30) + " WSH=64", true, nil},
		{cm + inline(30) + " -FUTURE=1", true, nil},

		{cm + inline(28), false, nil},
		{gcm + inline(30), false, nil},
		{cm + "inline:", false, nil},
		{cm + "inline:%%%", false, nil},
		{cm + inline(30) + ";" + inline(30), false, nil},
		{cm + inline(30) + "|2^49", false, nil},
		{cm + inline(30) + "|2^0", false, nil},
		{cm + inline(30) + "|0", false, nil},
		{cm + inline(30) + "|2^20|1:0", false, nil},
		{cm + inline(30) + "|2^20|1:129", false, nil},
		{cm + inline(30) + "|2^20|256:1", false, nil},
		{cm + inline(30) + "|1:4|2^20", false, nil},
		{cm + inline(30) + "|2^20|1:4|1", false, nil},
		{cm + inline(30) + " KDR=1", false, nil},
		{cm + inline(30) + " UNENCRYPTED_SRTP", false, nil},
		{cm + inline(30) + " UNENCRYPTED_SRTCP", false, nil},
		{cm + inline(30) + " UNAUTHENTICATED_SRTP", false, nil},
		{cm + inline(30) + " FEC_ORDER=FEC_SRTP", false, nil},
		{cm + inline(30) + " WSH=63", false, nil},
		{cm + inline(30) + " FUTURE", false, nil},
		{"1 AES_CM_128_HMAC_SHA1_32 " + inline(30), false, nil},
		{"1 F8_128_HMAC_SHA1_80 " + inline(30), false, nil},
		{"x AES_CM_128_HMAC_SHA1_80 " + inline(30), false, nil},
		{"-1 AES_CM_128_HMAC_SHA1_80 " + inline(30), false, nil},
		{"1234567890 AES_CM_128_HMAC_SHA1_80 " + inline(30), false, nil},
		{"1 AES_CM_128_HMAC_SHA1_80 uri:" + inline(30)[7:], false, nil},
		{"1 AES_CM_128_HMAC_SHA1_80", false, nil},
		{"", false, nil},
	} {
		got, ok := parseCrypto(c.line)
		if ok != c.ok {
			t.Errorf("%q: taken %t", c.line, ok)
			continue
		}
		if ok && (!bytes.Equal(got.MKI, c.mki) || got.Key[0] != 7) {
			t.Errorf("%q: %+v", c.line, got)
		}
	}
}

func offering(e Encryption) Local {
	return Local{ID: 1, Version: 1, Address: netip.MustParseAddr("192.0.2.1"), Port: 20000, Direction: SendRecv, Encryption: e, Crypto: NewCrypto()}
}

// audioOf is a description with one audio stream of some protocol and keys.
func audioOf(proto string, keys ...string) []byte {
	body := "v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\nm=audio 6000 " + proto + " 8\r\n"
	for _, k := range keys {
		body += "a=crypto:" + k + "\r\n"
	}
	return []byte(body)
}

func TestAnswerEncryption(t *testing.T) {
	cm, gcm, odd := "7 AES_CM_128_HMAC_SHA1_80 "+inline(30), "8 AEAD_AES_128_GCM "+inline(28), "6 AES_256_CM_HMAC_SHA1_80 "+inline(46)
	for _, c := range []struct {
		want  Encryption
		proto string
		keys  []string
		suite string
		err   error
	}{
		{EncryptionOff, "RTP/AVP", []string{cm}, "", nil},
		{EncryptionOff, "RTP/SAVP", []string{cm}, "", ErrSRTP},
		{EncryptionOnDemand, "RTP/AVP", []string{cm}, "", nil},
		{EncryptionOnDemand, "RTP/SAVP", []string{cm}, SuiteAESCM, nil},
		{EncryptionPreferred, "RTP/AVP", nil, "", nil},
		{EncryptionPreferred, "RTP/AVP", []string{odd}, "", nil},
		{EncryptionPreferred, "RTP/AVP", []string{odd, cm, gcm}, SuiteAESCM, nil},
		{EncryptionPreferred, "RTP/SAVP", []string{gcm, cm}, SuiteGCM, nil},
		{EncryptionPreferred, "RTP/SAVPF", []string{gcm}, SuiteGCM, nil},
		{EncryptionPreferred, "RTP/SAVP", []string{odd}, "", ErrSRTP},
		{EncryptionPreferred, "UDP/TLS/RTP/SAVP", []string{cm}, "", ErrSRTP},
		{EncryptionRequired, "RTP/AVP", nil, "", ErrPlain},
		{EncryptionRequired, "RTP/AVP", []string{cm}, SuiteAESCM, nil},
		{EncryptionRequired, "RTP/SAVP", []string{cm}, SuiteAESCM, nil},
		{EncryptionRequired, "RTP/SAVP", nil, "", ErrSRTP},
	} {
		name := fmt.Sprintf("%d %s %d keys", c.want, c.proto, len(c.keys))
		local := offering(c.want)
		peer, err := ParseSecure(audioOf(c.proto, c.keys...))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		body, chosen, err := Answer(local, peer)
		if !errors.Is(err, c.err) || err == nil && (chosen.Keys == nil) != (c.suite == "") {
			t.Errorf("%s: %v, keys %v", name, err, chosen.Keys)
			continue
		}
		if err != nil {
			continue
		}
		ours, err := ParseSecure(body)
		if err != nil || ours.Streams[0].Proto != c.proto {
			t.Fatalf("%s: answer %s, %v", name, body, err)
		}
		if c.suite == "" {
			if len(ours.Crypto) > 0 {
				t.Errorf("%s: key in a plain answer", name)
			}
			continue
		}
		if len(ours.Crypto) != 1 || ours.Crypto[0].Suite != c.suite || !bytes.Equal(ours.Crypto[0].Key, chosen.Keys.Ours) ||
			ours.Crypto[0].Tag != tagIn(c.keys, c.suite) || chosen.Keys.Theirs[0] != 7 || bytes.Equal(chosen.Keys.Ours, chosen.Keys.Theirs) {
			t.Errorf("%s: %s", name, body)
		}
	}
}

func tagIn(keys []string, suite string) int {
	for _, k := range keys {
		if c, ok := parseCrypto(k); ok && c.Suite == suite {
			return c.Tag
		}
	}
	return 0
}

func TestOfferEncryption(t *testing.T) {
	for want, c := range map[Encryption]struct {
		proto string
		keys  int
	}{
		EncryptionOff: {"RTP/AVP", 0}, EncryptionOnDemand: {"RTP/AVP", 0},
		EncryptionPreferred: {"RTP/AVP", 2}, EncryptionRequired: {"RTP/SAVP", 2},
	} {
		got, err := Parse(Offer(offering(want)))
		if err != nil || got.Streams[0].Proto != c.proto || len(got.Crypto) != c.keys {
			t.Errorf("%d: %+v, %v", want, got, err)
		}
	}
}

// The tag of an answer tells which of our keys was taken.
func TestAcceptEncryption(t *testing.T) {
	for _, c := range []struct {
		name, proto string
		keys        []string
		want        Encryption
		suite       string
		err         error
	}{
		{"first", "RTP/SAVP", []string{"1 AEAD_AES_128_GCM " + inline(28)}, EncryptionRequired, SuiteGCM, nil},
		{"second", "RTP/SAVP", []string{"2 AES_CM_128_HMAC_SHA1_80 " + inline(30)}, EncryptionRequired, SuiteAESCM, nil},
		{"wrong tag", "RTP/SAVP", []string{"1 AES_CM_128_HMAC_SHA1_80 " + inline(30)}, EncryptionRequired, "", ErrSRTP},
		{"plain", "RTP/AVP", nil, EncryptionRequired, "", ErrPlain},
		{"plain will do", "RTP/AVP", nil, EncryptionPreferred, "", nil},
		{"in plain", "RTP/AVP", []string{"2 AES_CM_128_HMAC_SHA1_80 " + inline(30)}, EncryptionPreferred, SuiteAESCM, nil},
		{"not offered", "RTP/AVP", []string{"2 AES_CM_128_HMAC_SHA1_80 " + inline(30)}, EncryptionOnDemand, "", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			local := offering(c.want)
			peer, err := Parse(audioOf(c.proto, c.keys...))
			if err != nil {
				t.Fatal(err)
			}
			got, err := Accept(local, peer)
			if !errors.Is(err, c.err) || c.err == nil && (got.Keys == nil) != (c.suite == "") {
				t.Fatalf("%v, %+v", err, got.Keys)
			}
			if got.Keys != nil && got.Keys.Suite != c.suite {
				t.Errorf("suite %s", got.Keys.Suite)
			}
		})
	}
}

// A peer that offers the same audio twice, plain and encrypted, is taken at the
// better one where encryption is wanted.
func TestEncryptedTwin(t *testing.T) {
	body := append(audioOf("RTP/AVP"), "m=audio 6002 RTP/SAVP 8\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 "+inline(30)+"\r\n"...)
	plain, err := Parse(body)
	if err != nil || plain.Audio != 0 {
		t.Errorf("plain: %d, %v", plain.Audio, err)
	}
	secure, err := ParseSecure(body)
	if err != nil || secure.Audio != 1 || len(secure.Crypto) != 1 {
		t.Errorf("secure: %+v, %v", secure, err)
	}
}

func TestKeysAreNew(t *testing.T) {
	seen := map[string]bool{}
	for range 100 {
		for _, c := range NewCrypto() {
			if seen[string(c.Key)] || len(c.Key) != keySize(c.Suite) {
				t.Fatal("a key twice, or of the wrong size")
			}
			seen[string(c.Key)] = true
		}
	}
}

// What is taken is whole, and what we write of it is read as the same.
func FuzzCrypto(f *testing.F) {
	f.Add("1 AES_CM_128_HMAC_SHA1_80 " + inline(30) + "|2^20|1:4 WSH=128")
	f.Add("2 AEAD_AES_128_GCM " + inline(28))
	f.Add("1 AES_CM_128_HMAC_SHA1_80 inline:|||:")
	f.Fuzz(func(t *testing.T, line string) {
		c, ok := parseCrypto(line)
		if !ok {
			return
		}
		if len(c.Key) != keySize(c.Suite) || len(c.MKI) > maxMKI || c.Tag < 0 {
			t.Fatalf("%q: %+v", line, c)
		}
		again, ok := parseCrypto(c.String())
		if !ok || again.Tag != c.Tag || again.Suite != c.Suite || !bytes.Equal(again.Key, c.Key) {
			t.Fatalf("%q became %q", line, c)
		}
	})
}
