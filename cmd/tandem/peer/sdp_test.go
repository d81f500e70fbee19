package peer

import (
	"testing"
)

func TestParseSDP(t *testing.T) {
	text := "v=0\r\no=x 1 1 IN IP4 127.0.0.9\r\ns=-\r\nc=IN IP4 127.0.0.9\r\nt=0 0\r\n" +
		"m=audio 4000 RTP/AVP 96 0 8 97 101\r\nc=IN IP4 127.0.0.2\r\na=rtpmap:96 opus/48000/2\r\n" +
		"a=rtpmap:97 telephone-event/48000\r\na=rtpmap:101 Telephone-Event/8000\r\na=sendonly\r\n" +
		"m=video 5000 RTP/AVP 31\r\nc=IN IP4 127.0.0.3\r\na=inactive\r\n"
	d, err := parseSDP([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if d.addr.String() != "127.0.0.2:4000" || d.direction != "sendonly" {
		t.Errorf("%v %s", d.addr, d.direction)
	}
	for name, want := range map[string]uint8{"PCMU": 0, "PCMA": 8, eventName: 101} {
		if got, ok := d.payload(name); !ok || got != want {
			t.Errorf("%s: %d %v, want %d", name, got, ok, want)
		}
	}
	if _, ok := d.payload("OPUS"); ok {
		t.Error("opus at 48000 Hz taken for a codec of 8000 Hz")
	}
}

func TestAnswerDirection(t *testing.T) {
	for _, tt := range [][3]string{ // offered, own, answer: RFC 3264 6.1
		{"sendrecv", "sendrecv", "sendrecv"},
		{"sendonly", "sendrecv", "recvonly"},
		{"recvonly", "sendrecv", "sendonly"},
		{"inactive", "sendrecv", "inactive"},
		{"sendrecv", "sendonly", "sendonly"},
		{"sendonly", "sendonly", "inactive"},
	} {
		if got := answerDirection(tt[0], tt[1]); got != tt[2] {
			t.Errorf("offer %s to %s: %s, want %s", tt[0], tt[1], got, tt[2])
		}
	}
}

func FuzzParseSDP(f *testing.F) {
	f.Add([]byte("v=0\r\nc=IN IP4 127.0.0.1\r\nm=audio 4000 RTP/AVP 8 0 101\r\na=rtpmap:101 telephone-event/8000\r\n"))
	f.Add([]byte("m=audio 1 x 300 -1 8\nc=::1\na=rtpmap:8"))
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := parseSDP(data)
		if err != nil {
			return
		}
		again, err := parseSDP(d.bytes(1, 1))
		if err != nil || again.addr != d.addr || again.direction != d.direction {
			t.Fatalf("%q became %q: %v", data, d.bytes(1, 1), err)
		}
	})
}
