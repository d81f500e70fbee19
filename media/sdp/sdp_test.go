package sdp

import (
	"errors"
	"flag"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tandem/media/codec"
)

var update = flag.Bool("update", false, "rewrite the golden answers")

func local() Local {
	return Local{ID: 700, Version: 3, Address: netip.MustParseAddr("192.0.2.1"), Port: 20000, Direction: SendRecv}
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	plain := strings.ReplaceAll(string(got), "\r\n", "\n")
	if strings.Count(string(got), "\n") != strings.Count(string(got), "\r\n") {
		t.Errorf("%s: a line does not end in CRLF", name)
	}
	if *update {
		if err := os.WriteFile(path, []byte(plain), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want := string(read(t, name)); plain != want {
		t.Errorf("%s: got\n%s\nwant\n%s", name, plain, want)
	}
}

func TestAnswerToRealOffers(t *testing.T) {
	addr := netip.MustParseAddrPort
	tests := []struct {
		name   string
		local  func(*Local)
		want   Chosen
		failed error
	}{
		{name: "carrier", want: Chosen{
			Law: codec.PCMA, PayloadType: 8, TelephoneEvent: 96, ComfortNoise: 13,
			Remote: addr("203.0.113.20:31044"), RemoteRTCP: addr("203.0.113.20:31045"), Direction: SendRecv, Ptime: 20,
		}},
		{name: "softphone", local: func(l *Local) { l.RTCPMux = true }, want: Chosen{
			Law: codec.PCMU, PayloadType: 0, TelephoneEvent: 101, ComfortNoise: NoPayloadType, RTCPMux: true,
			Remote: addr("192.168.1.40:4000"), RemoteRTCP: addr("192.168.1.40:4000"), Direction: SendRecv, Ptime: 20,
		}},
		{name: "fax", want: Chosen{
			Law: codec.PCMA, PayloadType: 97, TelephoneEvent: NoPayloadType, ComfortNoise: NoPayloadType,
			Remote: addr("198.51.100.7:5006"), RemoteRTCP: addr("198.51.100.7:5007"), Direction: RecvOnly, Ptime: 30,
		}},
		{name: "srtp", failed: ErrSRTP},
		{name: "srtp_or_plain", want: Chosen{
			Law: codec.PCMU, PayloadType: 0, TelephoneEvent: NoPayloadType, ComfortNoise: NoPayloadType,
			Remote: addr("192.0.2.9:6002"), RemoteRTCP: addr("192.0.2.9:6003"), Direction: SendRecv, Ptime: 20,
		}},
		{name: "hold_old", want: Chosen{
			Law: codec.PCMA, PayloadType: 8, TelephoneEvent: NoPayloadType, ComfortNoise: NoPayloadType,
			Remote: addr("0.0.0.0:6000"), RemoteRTCP: addr("0.0.0.0:6001"), Direction: RecvOnly, Ptime: 20,
		}},
		{name: "ipv6", local: func(l *Local) { l.Address = netip.MustParseAddr("2001:db8::1"); l.RTCP = 20777 }, want: Chosen{
			Law: codec.PCMU, PayloadType: 0, TelephoneEvent: NoPayloadType, ComfortNoise: NoPayloadType,
			Remote: addr("[2001:db8::9]:6000"), RemoteRTCP: addr("[2001:db8::9]:6001"), Direction: SendOnly, Ptime: 20,
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			offer, err := Parse(read(t, tt.name+".sdp"))
			if err != nil {
				t.Fatal(err)
			}
			l := local()
			if tt.local != nil {
				tt.local(&l)
			}
			answer, chosen, err := Answer(l, offer)
			if !errors.Is(err, tt.failed) || tt.failed == nil && err != nil {
				t.Fatalf("error %v, want %v", err, tt.failed)
			}
			if chosen != tt.want {
				t.Errorf("chosen\n%+v, want\n%+v", chosen, tt.want)
			}
			if tt.failed == nil {
				golden(t, tt.name+".answer.sdp", answer)
			}
		})
	}
}

func TestParseDescribesThePeer(t *testing.T) {
	d, err := Parse(read(t, "softphone.sdp"))
	if err != nil {
		t.Fatal(err)
	}
	if d.ID != 3908452 || d.Version != 2 || !d.RTCPMux || d.Ptime != 0 || d.Held() || len(d.Streams) != 2 {
		t.Errorf("%+v", d)
	}
	if d.RTCP != netip.MustParseAddrPort("192.168.1.40:4101") {
		t.Errorf("RTCP at %v", d.RTCP)
	}
	want := []Format{
		{96, "OPUS", 48000, 2, "useinbandfec=1"}, {9, "G722", 8000, 1, ""}, {0, "PCMU", 8000, 1, ""},
		{8, "PCMA", 8000, 1, ""}, {101, "TELEPHONE-EVENT", 8000, 1, "0-16"}, {102, "TELEPHONE-EVENT", 48000, 1, ""},
	}
	if len(d.Formats) != len(want) {
		t.Fatalf("formats %+v", d.Formats)
	}
	for i, f := range d.Formats {
		if f != want[i] {
			t.Errorf("format %d: %+v, want %+v", i, f, want[i])
		}
	}
	if v := d.Streams[1]; v.Kind != "video" || v.Port != 4002 || v.Formats != "97 98" {
		t.Errorf("second stream %+v", v)
	}
}

// body builds a description from the audio lines given.
func body(lines ...string) []byte {
	head := []string{"v=0", "o=- 1 1 IN IP4 192.0.2.9", "s=-", "c=IN IP4 192.0.2.9", "t=0 0"}
	return []byte(strings.Join(append(head, lines...), "\r\n") + "\r\n")
}

func TestRefusedBodies(t *testing.T) {
	many := func(line string, n int) []string {
		return strings.Split(strings.Repeat(line+"\n", n)+line, "\n")
	}
	const audio = "m=audio 6000 RTP/AVP 0"
	for name, tt := range map[string]struct {
		body []byte
		want error
	}{
		"empty":                 {nil, ErrBadSDP},
		"not SDP":               {[]byte("<xml/>"), ErrBadSDP},
		"no audio":              {body("m=video 6000 RTP/AVP 97"), ErrNoAudio},
		"no streams":            {body(), ErrNoAudio},
		"unknown transport":     {body("m=audio 6000 TCP/MRCPv2 1"), ErrNoAudio},
		"port 65536":            {body("m=audio 65536 RTP/AVP 0"), ErrBadSDP},
		"negative port":         {body("m=audio -1 RTP/AVP 0"), ErrBadSDP},
		"no formats":            {body("m=audio 6000 RTP/AVP"), ErrBadSDP},
		"payload type 128":      {body("m=audio 6000 RTP/AVP 128"), ErrBadSDP},
		"payload type text":     {body("m=audio 6000 RTP/AVP PCMU"), ErrBadSDP},
		"500 streams":           {body(many(audio, 500)...), ErrBadSDP},
		"9 streams":             {body(many(audio, 8)...), ErrBadSDP},
		"too many formats":      {body("m=audio 6000 RTP/AVP" + strings.Repeat(" 0", 65)), ErrBadSDP},
		"too many lines":        {body(append([]string{audio}, many("a=x", 70)...)...), ErrBadSDP},
		"too many lines before": {body(append(many("a=x", 70), audio)...), ErrBadSDP},
		"long line":             {body(audio, "a="+strings.Repeat("x", 2000)), ErrBadSDP},
		"too large":             {body(append([]string{audio}, many("a="+strings.Repeat("x", 900), 10)...)...), ErrBadSDP},
		"NUL":                   {body(audio, "a=x\x00y"), ErrBadSDP},
		"bare CR":               {body(audio, "a=x\ry"), ErrBadSDP},
		"control in m=":         {body("m=audio\x1b 6000 RTP/AVP 0"), ErrBadSDP},
		"ptime 0":               {body(audio, "a=ptime:0"), ErrBadSDP},
		"ptime -20":             {body(audio, "a=ptime:-20"), ErrBadSDP},
		"ptime text":            {body(audio, "a=ptime:fast"), ErrBadSDP},
		"ptime of ages":         {body(audio, "a=ptime:4294967316"), ErrBadSDP},
		"name for an address":   {body(audio, "c=IN IP4 phone.example"), ErrBadSDP},
		"multicast":             {body(audio, "c=IN IP4 224.2.1.1/127"), ErrBadSDP},
		"zone":                  {body(audio, "c=IN IP6 fe80::1%eth0"), ErrBadSDP},
		"rtpmap without clock":  {body("m=audio 6000 RTP/AVP 96", "a=rtpmap:96 PCMA"), ErrBadSDP},
		"rtcp text":             {body(audio, "a=rtcp:none"), ErrBadSDP},
		"rtcp 65536":            {body(audio, "a=rtcp:65536"), ErrBadSDP},
		"no address":            {[]byte("v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nt=0 0\r\nm=audio 6000 RTP/AVP 0\r\n"), ErrBadSDP},
		"rtcp of three words":   {body(audio, "a=rtcp:6001 IN IP4"), ErrBadSDP},
		"rtcp at a name":        {body(audio, "a=rtcp:6001 IN IP4 phone.example"), ErrBadSDP},
		"channels text":         {body("m=audio 6000 RTP/AVP 96", "a=rtpmap:96 PCMA/8000/two"), ErrBadSDP},
		"no channel":            {body("m=audio 6000 RTP/AVP 96", "a=rtpmap:96 PCMA/8000/0"), ErrBadSDP},
		"too many short lines":  {[]byte(strings.Repeat("m=audio 6000 RTP/AVP 0\r\n"+strings.Repeat("a=x\r\n", 60), 5)), ErrBadSDP},
		"half a line":           {body(audio, "a"), ErrBadSDP},
	} {
		if _, err := Parse(tt.body); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", name, err, tt.want)
		}
	}
}

func TestRefusedOffers(t *testing.T) {
	for name, tt := range map[string]struct {
		lines []string
		want  error
	}{
		"declined":          {[]string{"m=audio 0 RTP/AVP 0"}, ErrNoAudio},
		"G.729 alone":       {[]string{"m=audio 6000 RTP/AVP 18 101"}, ErrNoCommonCodec},
		"PCMU at 16 kHz":    {[]string{"m=audio 6000 RTP/AVP 96", "a=rtpmap:96 PCMU/16000"}, ErrNoCommonCodec},
		"PCMA in stereo":    {[]string{"m=audio 6000 RTP/AVP 96", "a=rtpmap:96 PCMA/8000/2"}, ErrNoCommonCodec},
		"8 is not PCMA":     {[]string{"m=audio 6000 RTP/AVP 8", "a=rtpmap:8 G729/8000"}, ErrNoCommonCodec},
		"keyed by SDES":     {[]string{"m=audio 6000 RTP/SAVP 0"}, ErrSRTP},
		"keyed by DTLS":     {[]string{"m=audio 6000 UDP/TLS/RTP/SAVPF 0"}, ErrSRTP},
		"plain is declined": {[]string{"m=audio 0 RTP/AVP 0", "m=audio 6000 RTP/SAVP 0"}, ErrSRTP},
	} {
		d, err := Parse(body(tt.lines...))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if _, _, err := Answer(local(), d); !errors.Is(err, tt.want) {
			t.Errorf("%s: answered with %v, want %v", name, err, tt.want)
		}
		if _, err := Accept(local(), d); !errors.Is(err, tt.want) {
			t.Errorf("%s: accepted with %v, want %v", name, err, tt.want)
		}
	}
}

func TestTolerance(t *testing.T) {
	for name, lines := range map[string][]string{
		"AVPF":                    {"m=audio 6000 RTP/AVPF 0"},
		"two ports":               {"m=audio 6000/2 RTP/AVP 0"},
		"format twice":            {"m=audio 6000 RTP/AVP 0 0 0"},
		"ptime with a fraction":   {"m=audio 6000 RTP/AVP 0", "a=ptime:20.0"},
		"rtpmap for another":      {"m=audio 6000 RTP/AVP 0", "a=rtpmap:99 X", "a=rtpmap:zz Y/8000"},
		"unknown attributes":      {"m=audio 6000 RTP/AVP 0", "a=foo", "a=bar:1 2 3", "a=setup:actpass"},
		"lower-case encoding":     {"m=audio 6000 RTP/AVP 100", "a=rtpmap:100 pcmu/8000/1"},
		"another medium is weird": {"m=audio 6000 RTP/AVP 0", "m=holo 9 WARP/9 x y", "c=IN IP4 what.ever", "a=ptime:0"},
	} {
		d, err := Parse(body(lines...))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if _, c, err := Answer(local(), d); err != nil || c.Law != codec.PCMU {
			t.Errorf("%s: %+v, %v", name, c, err)
		}
	}
}

func TestOrderAndMissingLines(t *testing.T) {
	const o, c, m = "o=- 1 1 IN IP4 192.0.2.9", "c=IN IP4 192.0.2.9", "m=audio 6000 RTP/AVP 0"
	for name, tt := range map[string]struct {
		lines []string
		ok    bool
	}{
		"no s=":           {[]string{"v=0", o, c, "t=0 0", m}, true},
		"no t=":           {[]string{"v=0", o, "s=-", c, m}, true},
		"b= before c=":    {[]string{"v=0", o, "s=-", "i=x", "b=AS:64", c, "t=0 0", m, "b=AS:64", "k=x"}, true},
		"c= after t=":     {[]string{"v=0", o, "s=-", "t=0 0", c, m}, true},
		"capital kind":    {[]string{"v=0", o, c, "m=AUDIO 6000 rtp/avp 0"}, true},
		"no v=":           {[]string{o, "s=-", c, "t=0 0", m}, false},
		"version 1":       {[]string{"v=1", o, "s=-", c, "t=0 0", m}, false},
		"no o=":           {[]string{"v=0", "s=-", c, "t=0 0", m}, false},
		"negative id":     {[]string{"v=0", "o=- -1 1 IN IP4 192.0.2.9", c, m}, false},
		"unknown network": {[]string{"v=0", o, "c=ATM IP4 192.0.2.9", m}, false},
	} {
		d, err := Parse([]byte(strings.Join(tt.lines, "\r\n")))
		if tt.ok && (err != nil || d.Port != 6000) || !tt.ok && !errors.Is(err, ErrBadSDP) {
			t.Errorf("%s: port %d, %v", name, d.Port, err)
		}
	}
}

func TestLineEndingsAndTrailingBlanks(t *testing.T) {
	plain := strings.ReplaceAll(string(read(t, "carrier.sdp")), "\r\n", "\n")
	for _, text := range []string{plain, strings.ReplaceAll(plain, "\n", "\r\n"), plain + "\n\n", strings.TrimSpace(plain)} {
		if d, err := Parse([]byte(text)); err != nil || d.Port != 31044 {
			t.Errorf("port %d, %v", d.Port, err)
		}
	}
}

func TestWhereRTCPGoes(t *testing.T) {
	for _, tt := range []struct{ line, attribute, want string }{
		{"m=audio 6000 RTP/AVP 0", "a=x", "192.0.2.9:6001"},
		{"m=audio 65535 RTP/AVP 0", "a=x", "192.0.2.9:65535"},
		{"m=audio 6000 RTP/AVP 0", "a=rtcp:7000", "192.0.2.9:7000"},
		{"m=audio 6000 RTP/AVP 0", "a=rtcp:0", "192.0.2.9:6001"},
		{"m=audio 6000 RTP/AVP 0", "a=rtcp:7000 IN IP4 192.0.2.10", "192.0.2.10:7000"},
		{"m=audio 6000 RTP/AVP 0", "a=rtcp-mux", "192.0.2.9:6001"},
	} {
		d, err := Parse(body(tt.line, tt.attribute))
		if err != nil || d.RTCP.String() != tt.want {
			t.Errorf("%s %s: %v, %v", tt.line, tt.attribute, d.RTCP, err)
		}
	}
}

func TestPreference(t *testing.T) {
	d, err := Parse(body("m=audio 6000 RTP/AVP 0 97 8", "a=rtpmap:97 PCMA/8000"))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		laws, preferred []codec.Law
		want            uint8
	}{
		{nil, nil, 0},
		{nil, []codec.Law{codec.PCMA}, 97},
		{[]codec.Law{codec.PCMA}, nil, 97},
		{[]codec.Law{codec.PCMU}, []codec.Law{codec.PCMA}, 0},
	} {
		l := local()
		l.Laws, l.Preferred = tt.laws, tt.preferred
		if _, c, err := Answer(l, d); err != nil || c.PayloadType != tt.want {
			t.Errorf("%v %v: %d, %v", tt.laws, tt.preferred, c.PayloadType, err)
		}
	}
}
