package srtp

import (
	"bytes"
	"crypto/aes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"math/rand/v2"
	"testing"
)

var suites = []Suite{AESCM128SHA180, AEADAES128GCM}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// keyOf is the master key and salt of the vectors that another implementation made.
func keyOf(s Suite) []byte {
	key := make([]byte, s.KeySize())
	for i := range key {
		key[i] = byte(i*37 + 11)
	}
	return key
}

// rtp is a packet of 160 bytes of audio; extended ones have a CSRC and an extension.
func rtp(seq uint16, ssrc uint32, extended bool) []byte {
	b := []byte{0x80, 8}
	b = binary.BigEndian.AppendUint16(b, seq)
	b = binary.BigEndian.AppendUint32(b, uint32(seq)*160)
	b = binary.BigEndian.AppendUint32(b, ssrc)
	if extended {
		b[0] = 0x91
		b = append(b, 1, 2, 3, 4, 0xBE, 0xDE, 0, 1, 0x10, 0xAA, 0, 0)
	}
	for i := range 160 {
		b = append(b, byte(i)^byte(seq))
	}
	return b
}

func newPair(t testing.TB, s Suite) (*Sender, *Receiver) {
	t.Helper()
	out, err := NewSender(s, keyOf(s))
	if err != nil {
		t.Fatal(err)
	}
	in, err := NewReceiver(s, keyOf(s), nil)
	if err != nil {
		t.Fatal(err)
	}
	return out, in
}

// RFC 3711 appendix B.3.
func TestKeyDerivation(t *testing.T) {
	master := unhex(t, "E1F97A0D3E018BE0D64FA32C06DE4139"+"0EC675AD498AFEEBB6960B3AABE6")
	for _, c := range []struct {
		label byte
		want  string
	}{
		{labelKey, "C61E7A93744F39EE10734AFE3FF7A087"},
		{labelSalt, "30CBBC08863D8C85D49DB34A9AE1"},
		{labelAuth, "CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4"},
	} {
		want := unhex(t, c.want)
		if got, err := derive(master, c.label, len(want)); err != nil || !bytes.Equal(got, want) {
			t.Errorf("label %d: %X, %v", c.label, got, err)
		}
	}
}

// RFC 3711 appendix B.2: the first blocks, and the last ones that it shows.
func TestKeystream(t *testing.T) {
	block, err := aes.NewCipher(unhex(t, "2B7E151628AED2A6ABF7158809CF4F3C"))
	if err != nil {
		t.Fatal(err)
	}
	var iv [aes.BlockSize]byte
	copy(iv[:], unhex(t, "F0F1F2F3F4F5F6F7F8F9FAFBFCFD0000"))
	b := make([]byte, 0xFF02*aes.BlockSize)
	newKeystream(block).xor(b, &iv)
	for at, want := range map[int]string{
		0:      "E03EAD0935C95E80E166B16DD92B4EB4D23513162B02D0F72A43A2FE4A5F97AB41E95B3BB0A2E8DD477901E4FCA894C0",
		0xFEFF: "EC8CDF7398607CB0F2D21675EA9EA1E4362B7C3C6773516318A077D7FC5073AE6A2CC3787889374FBEB4C81B17BA6C44",
	} {
		if got := b[at*16:][:48]; !bytes.Equal(got, unhex(t, want)) {
			t.Errorf("block %#x: %X", at, got)
		}
	}
}

// What another implementation made of the same keys: packets on either side of
// a wrap of the sequence number, with CSRC and extension, and SRTCP.
func TestForeignPackets(t *testing.T) {
	for _, c := range []struct {
		name, mki   string
		suite       Suite
		plain, seal [2]string
		report      [2]string
	}{
		{
			"counter mode", "", AESCM128SHA180,
			[2]string{
				"8008ea6100000001deadbeefa825c8e308d1d26cc4067f4815dc43ed4844b3bfbb6f182a",
				"91080001000015a1deadbeef01020304bede000110aa0000516f3ab61b53efe8642db233c675b8f64c704fa7fc56d4dd",
			},
			[2]string{
				"8008ea6100000001deadbeefff2ea0432a7361b3871916c34562de79cae2b864a3779291b170ccd509d569a393f0",
				"91080001000015a1deadbeef01020304bede000110aa000042b5fa47f13f1add64afd3840d4d0c10b32437f7fdd321040d102e543160ffa35c98",
			},
			[2]string{
				"80c90007deadbeefa26ef1e4e18461133ae55e3f49740361bc59ecf221e52db2",
				"80c90007deadbeef38afbdc2fbc6a9a5f6f5ce9b2964a00d8cf9a6b0ed3dcbd980000001e1c6a610e37014c87d88",
			},
		},
		{
			"counter mode with identifier", "01020304", AESCM128SHA180,
			[2]string{
				"8008ea6100000001deadbeefa5b55354e2d39ff8aa155f286e4e9d27fdbbc9600b9e9eed",
				"91080001000015a1deadbeef01020304bede000110aa0000d796f675ae69548ed60b24fef3698a2303c12b044d09b432",
			},
			[2]string{
				"8008ea6100000001deadbeeff2be3bf4c0712c27e90a36a33ef000b37f1dc2bb13861456010203044b2766d962e35399345e",
				"91080001000015a1deadbeef01020304bede000110aa0000c44c36844405a1bbd689454938513ec5fc9553544c8c41eb010203042cdb13fb2b10b5aefe98",
			},
			[2]string{
				"80c90007deadbeef5b2aa1baaca998dd4f6a0af5a476cd03f7bb90ff149b5bc0",
				"80c90007deadbeefc1ebed9cb6eb506b837a9a51c4666e6fc71bdabdd843bdab800000010102030425241734200e9c2a93ea",
			},
		},
		{
			"galois", "", AEADAES128GCM,
			[2]string{
				"8008ea6100000001deadbeef11c412317ee64c60aa088509760dbb0c5e603ba0b409cba4",
				"91080001000015a1deadbeef01020304bede000110aa0000b030399c827ade88556c43afaaba5e6e081bb40714448eaa",
			},
			[2]string{
				"8008ea6100000001deadbeefd3d8e8d0b94ff59a20793523443752d43f455425cec88f7cf4484ba0c38bd043ea4cd5f643107df6",
				"91080001000015a1deadbeef01020304bede000110aa000045584fe0c37d1649f8a5a97d3fcfcf3d0b650b9d88823f3c365e1838c44f349bfec2173f93b5a722",
			},
			[2]string{
				"80c90007deadbeef1eddc4cc01b1d4431c5f39cf9c657dafc7972682cacf105c",
				"80c90007deadbeefa3fe4b2cd1d0ff046cfadc98b184de5a2ad0be537788fb6709f4d49fc2e991a8a123778392f8190080000001",
			},
		},
		{
			"galois with identifier", "01020304", AEADAES128GCM,
			[2]string{
				"8008ea6100000001deadbeefc2793b25c476cfa7802cc054fd6b7315a6a50aa2c4cd800c",
				"91080001000015a1deadbeef01020304bede000110aa00000b5382ec7aa4ae7b23159b5f9639f748b84becb35682b3d7",
			},
			[2]string{
				"8008ea6100000001deadbeef0065c1c403df765d0a5d707ecf519acdc7806527be0cc4d49c22f38f49a8d4be377bd8214fc2c8ee01020304",
				"91080001000015a1deadbeef01020304bede000110aa0000fe3bf4903ba366ba8edc718d034c661bbb355329ca4402419dc942d6b57c5df55e382dd52291314a01020304",
			},
			[2]string{
				"80c90007deadbeefd846cd9176f3538f3ba436289b3759a3d72f734d828c77cd",
				"80c90007deadbeef65654271a69278c84b01d37fb6d6fa563a68eb9c3fcb9cf6a8797457cab06633725bdcda693ccc838000000101020304",
			},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			in, err := NewReceiver(c.suite, keyOf(c.suite), unhex(t, c.mki))
			if err != nil {
				t.Fatal(err)
			}
			for i, seal := range c.seal {
				got, err := in.Unprotect(unhex(t, seal))
				if err != nil || !bytes.Equal(got, unhex(t, c.plain[i])) {
					t.Fatalf("packet %d: %x, %v", i, got, err)
				}
			}
			got, err := in.UnprotectRTCP(unhex(t, c.report[1]))
			if err != nil || !bytes.Equal(got, unhex(t, c.report[0])) {
				t.Fatalf("report: %x, %v", got, err)
			}
			if c.mki != "" {
				return // we send no identifier
			}
			out, err := NewSender(c.suite, keyOf(c.suite))
			if err != nil {
				t.Fatal(err)
			}
			for i, plain := range c.plain {
				if got, err := out.Protect(unhex(t, plain)); err != nil || !bytes.Equal(got, unhex(t, c.seal[i])) {
					t.Fatalf("our packet %d: %x, %v", i, got, err)
				}
			}
			if _, err := out.ProtectRTCP(unhex(t, c.report[0])); err != nil { // index 0; the other side began at 1
				t.Fatal(err)
			}
			if got, err := out.ProtectRTCP(unhex(t, c.report[0])); err != nil || !bytes.Equal(got, unhex(t, c.report[1])) {
				t.Fatalf("our report: %x, %v", got, err)
			}
		})
	}
}

// A long stream that loses, reorders and repeats arrives as it was sent, each
// packet once.
func TestRoughNetwork(t *testing.T) {
	for _, suite := range suites {
		t.Run(suite.String(), func(t *testing.T) {
			out, in := newPair(t, suite)
			dice := rand.New(rand.NewPCG(1, 2))
			var late [][]byte
			deliver := func(sealed []byte, seq uint16) {
				t.Helper()
				want := rtp(seq, 7, seq%5 == 0)
				got, err := in.Unprotect(bytes.Clone(sealed))
				if err != nil || !bytes.Equal(got, want) {
					t.Fatalf("seq %d: %v", seq, err)
				}
				if _, err := in.Unprotect(bytes.Clone(sealed)); !errors.Is(err, ErrReplayed) {
					t.Fatalf("seq %d again: %v", seq, err)
				}
			}
			for i := range 70000 {
				seq := uint16(65000 + i)
				sealed, err := out.Protect(rtp(seq, 7, seq%5 == 0))
				if err != nil {
					t.Fatal(err)
				}
				switch dice.IntN(40) {
				case 0: // lost
				case 1:
					late = append(late, sealed)
				default:
					deliver(sealed, seq)
				}
				if len(late) == 2 {
					for _, b := range late {
						if seq-binary.BigEndian.Uint16(b[2:]) < windowSize {
							deliver(b, binary.BigEndian.Uint16(b[2:]))
						}
					}
					late = nil
				}
			}
		})
	}
}

// A thousand packets with bad tags change nothing, those of unknown streams and
// of sequence numbers far ahead included.
func TestForgeriesChangeNothing(t *testing.T) {
	for _, suite := range suites {
		t.Run(suite.String(), func(t *testing.T) {
			out, in := newPair(t, suite)
			for seq := range uint16(500) {
				sealed, err := out.Protect(rtp(seq, 7, false))
				if err != nil {
					t.Fatal(err)
				}
				for i, forged := range [][]byte{
					bytes.Clone(sealed), rtp(seq+20000, 7, true), rtp(seq, uint32(seq)+100, false), sealed[:len(sealed)-1],
				} {
					forged = bytes.Clone(forged)
					forged[len(forged)-1-int(seq)%100] ^= 1
					if _, err := in.Unprotect(forged); !errors.Is(err, ErrForged) {
						t.Fatalf("forgery %d of %d: %v", i, seq, err)
					}
				}
				if _, err := in.Unprotect(sealed); err != nil {
					t.Fatalf("seq %d: %v", seq, err)
				}
			}
			if len(in.streams) != 1 {
				t.Errorf("%d streams", len(in.streams))
			}
		})
	}
}

// Nothing is encrypted twice under the same piece of key stream.
func TestSenderRepeatsNothing(t *testing.T) {
	out, _ := newPair(t, AEADAES128GCM)
	for _, c := range []struct {
		seq  uint16
		want error
	}{
		{100, nil}, {100, ErrReplayed}, {99, nil}, {99, ErrReplayed}, {300, nil}, {172, ErrReplayed}, {173, nil},
		{300 + 1<<15, ErrReplayed},
	} {
		if _, err := out.Protect(rtp(c.seq, 7, false)); !errors.Is(err, c.want) {
			t.Errorf("%d: %v, want %v", c.seq, err, c.want)
		}
	}
}

func TestWornOutKeys(t *testing.T) {
	out, _ := newPair(t, AESCM128SHA180)
	out.control = maxControlIndex
	if _, err := out.ProtectRTCP(make([]byte, 8)); err != nil {
		t.Errorf("the last report: %v", err)
	}
	if _, err := out.ProtectRTCP(make([]byte, 8)); !errors.Is(err, ErrExhausted) {
		t.Errorf("one more report: %v", err)
	}
	out.sent.mark(maxIndex)
	if _, err := out.Protect(rtp(0, 7, false)); !errors.Is(err, ErrExhausted) {
		t.Errorf("one more packet: %v", err)
	}
}

func TestReportsRoundTrip(t *testing.T) {
	for _, suite := range suites {
		out, in := newPair(t, suite)
		for i := range 300 {
			report := append([]byte{0x80, 201, 0, 1, 0, 0, 0, 9}, make([]byte, i%8*4)...)
			sealed, err := out.ProtectRTCP(bytes.Clone(report))
			if err != nil {
				t.Fatal(err)
			}
			forged := bytes.Clone(sealed)
			forged[len(forged)-1-i%len(forged)] ^= 0x10
			if _, err := in.UnprotectRTCP(forged); err == nil {
				t.Fatalf("%s: forged report %d taken", suite, i)
			}
			if got, err := in.UnprotectRTCP(bytes.Clone(sealed)); err != nil || !bytes.Equal(got, report) {
				t.Fatalf("%s: report %d: %x, %v", suite, i, got, err)
			}
			if _, err := in.UnprotectRTCP(sealed); !errors.Is(err, ErrReplayed) {
				t.Fatalf("%s: report %d again: %v", suite, i, err)
			}
		}
	}
}

// A peer that changes its key goes on counting, or begins anew.
func TestFollow(t *testing.T) {
	for _, suite := range suites {
		for _, wraps := range []uint64{0, 5} {
			_, old := newPair(t, suite)
			old.enter(7).rtp.mark(5<<16 | 40)
			out, in := newPair(t, suite)
			in.Follow(old)
			out.sent.mark(wraps<<16 | 40)
			sealed, err := out.Protect(rtp(41, 7, false))
			if err != nil {
				t.Fatal(err)
			}
			if got, err := in.Unprotect(sealed); err != nil || !bytes.Equal(got, rtp(41, 7, false)) {
				t.Errorf("%s after %d wraps: %v", suite, wraps, err)
			}
		}
	}
}

func TestStreamsAreBounded(t *testing.T) {
	out, in := newPair(t, AESCM128SHA180)
	for ssrc := range uint32(50) {
		out.sent = window{}
		sealed, err := out.Protect(rtp(1, ssrc, false))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := in.Unprotect(sealed); err != nil {
			t.Fatalf("ssrc %d: %v", ssrc, err)
		}
	}
	if len(in.streams) != maxStreams || in.stream(49) == nil || in.stream(0) != nil {
		t.Errorf("%d streams", len(in.streams))
	}
}

func TestKeysOfTheWrongSize(t *testing.T) {
	for _, suite := range suites {
		if _, err := NewSender(suite, make([]byte, suite.KeySize()-1)); err == nil {
			t.Errorf("%s: short key taken", suite)
		}
		if got, ok := SuiteOf(suite.String()); !ok || got != suite {
			t.Errorf("%s: read as %v", suite, got)
		}
	}
	if _, err := NewReceiver(0, nil, nil); err == nil {
		t.Error("no suite taken")
	}
	if _, ok := SuiteOf("AES_CM_128_HMAC_SHA1_32"); ok {
		t.Error("a suite that we do not have")
	}
}

// A window knows what a list of everything would.
func TestWindow(t *testing.T) {
	dice := rand.New(rand.NewPCG(3, 4))
	for range 200 {
		var w window
		seen := map[uint64]bool{}
		highest, at := uint64(0), uint64(1000)
		for range 500 {
			index := at + dice.Uint64N(300) - 150
			want := !seen[index] && (len(seen) == 0 || index+windowSize > highest)
			if got := w.fresh(index); got != want {
				t.Fatalf("%d with highest %d: fresh %t", index, highest, got)
			}
			if !want {
				continue
			}
			w.mark(index)
			seen[index] = true
			highest = max(highest, index)
			at += dice.Uint64N(40)
		}
	}
}

func TestNothingIsAllocated(t *testing.T) {
	for _, suite := range suites {
		out, in := newPair(t, suite)
		plain := rtp(0, 7, false)
		buffer := make([]byte, 0, len(plain)+MaxOverhead)
		seq := uint16(0)
		one := func() {
			binary.BigEndian.PutUint16(plain[2:], seq)
			seq++
			sealed, err := out.Protect(append(buffer[:0], plain...))
			if err == nil {
				_, err = in.Unprotect(sealed)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		one()
		if n := testing.AllocsPerRun(1000, one); n != 0 {
			t.Errorf("%s: %.1f allocations", suite, n)
		}
	}
}

func FuzzUnprotect(f *testing.F) {
	f.Add(rtp(1, 7, false), rtp(2, 7, true))
	f.Add([]byte{0x8F, 8, 0, 1}, []byte{0x80, 200, 0, 1, 0, 0, 0, 7, 0x80, 0, 0, 1})
	f.Add([]byte{}, bytes.Repeat([]byte{0x90}, 3000))
	f.Fuzz(func(t *testing.T, first, second []byte) {
		for _, suite := range suites {
			for _, mki := range [][]byte{nil, {1}} {
				in, err := NewReceiver(suite, keyOf(suite), mki)
				if err != nil {
					t.Fatal(err)
				}
				for _, b := range [][]byte{first, second} {
					if got, err := in.Unprotect(bytes.Clone(b)); err == nil {
						t.Fatalf("%x opened as %x", b, got)
					}
					if got, err := in.UnprotectRTCP(bytes.Clone(b)); err == nil {
						t.Fatalf("%x opened as report %x", b, got)
					}
				}
				if len(in.streams) > 0 {
					t.Fatal("a forgery is remembered")
				}
			}
			out, in := newPair(t, suite)
			sealed, err := out.Protect(bytes.Clone(first))
			if err != nil {
				continue
			}
			if got, err := in.Unprotect(sealed); err != nil || !bytes.Equal(got, first) {
				t.Fatalf("%x came back as %x, %v", first, got, err)
			}
		}
	})
}

func BenchmarkProtect(b *testing.B) {
	for _, suite := range suites {
		b.Run(suite.String(), func(b *testing.B) {
			out, _ := newPair(b, suite)
			plain := rtp(0, 7, false)
			buffer := make([]byte, 0, len(plain)+MaxOverhead)
			b.ReportAllocs()
			for seq := uint16(0); b.Loop(); seq++ {
				binary.BigEndian.PutUint16(plain[2:], seq)
				if _, err := out.Protect(append(buffer, plain...)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkUnprotect(b *testing.B) {
	for _, suite := range suites {
		b.Run(suite.String(), func(b *testing.B) {
			out, in := newPair(b, suite)
			sealed, err := out.Protect(rtp(0, 7, false))
			if err != nil {
				b.Fatal(err)
			}
			buffer := make([]byte, len(sealed))
			b.ReportAllocs()
			for b.Loop() {
				copy(buffer, sealed)
				in.streams = in.streams[:0]
				in.enter(7).rtp = window{begun: true, highest: 1}
				if _, err := in.Unprotect(buffer); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
