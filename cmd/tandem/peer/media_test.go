package peer_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tandem/cmd/tandem/peer"

	"github.com/go-audio/audio"
	"github.com/go-audio/wav"
)

func TestDTMF(t *testing.T) {
	p := connect(t, says(peer.Tone(440)), says(nil))
	from, to := p.answered(t, peer.CallOptions{})
	must(t, to.Media().HearsTone(within(t), 440))
	must(t, from.Media().SendDTMF("15#D"))
	must(t, to.Media().WaitDigits(within(t), "15#D"))
	must(t, to.Media().WaitStats(within(t), "the last end", func(s peer.Stats) bool { return s.EventEnds == 12 }))
	must(t, to.Media().HearsTone(within(t), 440)) // the audio goes on
	s := to.Media().Stats()
	if s.Digits != "15#D" || s.LastEventDuration != 800 || s.PayloadTypes[101] != 4*8 {
		t.Errorf("digits %q, last duration %d, %d event packets", s.Digits, s.LastEventDuration, s.PayloadTypes[101])
	}
	must(t, s.Continuous())
	must(t, to.Media().SendDTMF("9")) // without any audio of its own
	must(t, from.Media().WaitDigits(within(t), "9"))
	if err := from.Media().SendDTMF("x"); err == nil {
		t.Error("digit x accepted")
	}
}

func TestNoDTMF(t *testing.T) {
	p := connect(t, peer.Options{}, peer.Options{Media: peer.MediaOptions{NoDTMF: true}})
	from, _ := p.answered(t, peer.CallOptions{})
	if err := from.Media().SendDTMF("1"); err == nil {
		t.Error("digit sent to a phone without telephone-event")
	}
}

func TestCodecs(t *testing.T) {
	tests := []struct {
		offer, phone []string
		want         string
	}{
		{nil, nil, "PCMA"},
		{[]string{"PCMU", "PCMA"}, nil, "PCMU"},
		{[]string{"PCMA", "PCMU"}, []string{"PCMU"}, "PCMU"},
	}
	for _, tt := range tests {
		phone := says(peer.Tone(700))
		phone.Media.Codecs = tt.phone
		p := connect(t, peer.Options{}, phone)
		from, to := p.answered(t, peer.CallOptions{Media: &peer.MediaOptions{Codecs: tt.offer, Source: peer.Tone(300)}})
		if got := from.Media().Codec(); got != tt.want || to.Media().Codec() != tt.want {
			t.Errorf("offer %v to %v: %s and %s, want %s", tt.offer, tt.phone, got, to.Media().Codec(), tt.want)
		}
		must(t, from.Media().HearsTone(within(t), 700))
		must(t, to.Media().HearsTone(within(t), 300))
	}
}

func TestNoCommonCodec(t *testing.T) {
	p := connect(t, peer.Options{}, peer.Options{})
	offer := "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 9 RTP/AVP 18\r\n"
	_, to := p.call(t, peer.CallOptions{Offer: []byte(offer)})
	if err := to.Answer(); err == nil {
		t.Error("G.729 answered")
	}
	must(t, to.Reject(488))
}

// Everything that breaks a stream must be told from one that is whole.
func TestBrokenStreams(t *testing.T) {
	p := connect(t, says(peer.Tone(440)), says(peer.Silence()))
	from, to := p.answered(t, peer.CallOptions{})
	sent, got := from.Media(), to.Media()
	must(t, got.WaitPackets(within(t), 10))
	must(t, got.Stats().Unbroken())

	sent.Impair(peer.Impairment{Loss: 0.5})
	must(t, got.WaitStats(within(t), "losses", func(s peer.Stats) bool { return s.Lost >= 5 }))
	must(t, got.Stats().Continuous()) // a lost packet takes its timestamp with it
	if got.Stats().Unbroken() == nil {
		t.Error("losses unnoticed")
	}
	sent.Impair(peer.Impairment{Reorder: 0.5, Jitter: 15 * time.Millisecond})
	must(t, got.WaitStats(within(t), "reordering", func(s peer.Stats) bool { return s.Reordered >= 3 }))
	must(t, got.Stats().Continuous())
	sent.Impair(peer.Impairment{})

	sent.Say(nil)
	must(t, sent.WaitPackets(within(t), 3)) // the other stream as a clock
	must(t, sent.Inject([]byte("not RTP")))
	must(t, got.WaitStats(within(t), "junk", func(s peer.Stats) bool { return s.Malformed == 1 }))
	sent.Say(peer.Tone(600))
	must(t, got.HearsTone(within(t), 600))
	if s := got.Stats(); s.Markers < 2 || s.TimestampJumps == 0 || s.Continuous() == nil {
		t.Errorf("pause unnoticed: %d markers, %d timestamp jumps", s.Markers, s.TimestampJumps)
	}
	sent.ChangeSSRC()
	must(t, got.WaitStats(within(t), "a second SSRC", func(s peer.Stats) bool { return len(s.SSRCs) == 2 }))
	if err := got.Stats().Continuous(); err == nil || !strings.Contains(err.Error(), "2 SSRCs") {
		t.Errorf("Continuous = %v", err)
	}
}

func TestListening(t *testing.T) {
	p := connect(t, says(peer.Silence()), peer.Options{})
	from, to := p.answered(t, peer.CallOptions{})
	ear := to.Media()
	must(t, ear.HearsSilence(within(t), 200*time.Millisecond))
	must(t, ear.HearsNoTone(within(t), 440, 200*time.Millisecond))

	from.Media().Say(peer.Samples(chord(440, 620, 950)))
	must(t, ear.HearsTone(within(t), 620)) // one of three
	must(t, ear.HearsMusic(within(t), 500, 800))
	if err := ear.HearsNoTone(within(t), 950, time.Hour); err == nil || !strings.Contains(err.Error(), "hears 950 Hz") {
		t.Errorf("HearsNoTone = %v", err)
	}
	must(t, from.Hangup(within(t)))
	if err := ear.HearsTone(within(t), 500); err == nil || !strings.Contains(err.Error(), "the call is over") {
		t.Errorf("HearsTone after the end = %v", err)
	}
	if len(ear.Heard()) == 0 {
		t.Error("nothing kept of what was heard")
	}
}

// chord mixes tones of equal strength, one second long.
func chord(hz ...float64) []int16 {
	pcm, one := make([]int16, 8000), make([]int16, 8000)
	for _, f := range hz {
		peer.Tone(f)(0, one)
		for i, s := range one {
			pcm[i] += s / int16(len(hz))
		}
	}
	return pcm
}

// Behind NAT the SDP names a port that nobody reads: the phone is heard, and hears nothing from who believes the SDP.
func TestNAT(t *testing.T) {
	phone := says(peer.Tone(800))
	phone.Media.NAT = true
	p := connect(t, says(peer.Tone(440)), phone)
	from, to := p.answered(t, peer.CallOptions{})
	must(t, from.Media().HearsTone(within(t), 800))
	if s := from.Media().Stats(); len(s.Sources) != 1 || s.Sources[0] != to.Media().LocalAddr() || s.Sources[0] == from.Media().RemoteAddr() {
		t.Errorf("heard from %v, SDP says %v", s.Sources, from.Media().RemoteAddr())
	}
	if n := to.Media().Stats().Packets; n != 0 {
		t.Errorf("phone behind NAT received %d packets", n)
	}
}

func TestRTCP(t *testing.T) {
	carrier, phone := says(peer.Tone(440)), says(nil)
	carrier.Media.RTCP, phone.Media.RTCP = 20*time.Millisecond, 20*time.Millisecond
	p := connect(t, carrier, phone)
	from, to := p.answered(t, peer.CallOptions{})
	must(t, to.Media().WaitStats(within(t), "sender reports", func(s peer.Stats) bool { return s.SenderReports >= 2 }))
	must(t, from.Media().WaitStats(within(t), "receiver reports", func(s peer.Stats) bool { return s.ReceiverReports >= 2 }))
	if s := from.Media().Stats(); s.ReportsSent == 0 || s.Malformed != 0 {
		t.Errorf("%d reports sent, %d malformed received", s.ReportsSent, s.Malformed)
	}
}

func TestWAV(t *testing.T) {
	path := filepath.Join(t.TempDir(), "voice.wav")
	f, err := os.Create(path)
	must(t, err)
	enc := wav.NewEncoder(f, 8000, 16, 1, 1)
	buf := &audio.IntBuffer{Format: &audio.Format{NumChannels: 1, SampleRate: 8000}, SourceBitDepth: 16}
	for _, s := range chord(1200) {
		buf.Data = append(buf.Data, int(s))
	}
	must(t, enc.Write(buf))
	must(t, enc.Close())
	must(t, f.Close())
	source, err := peer.WAV(path)
	must(t, err)
	p := connect(t, says(source), peer.Options{})
	_, to := p.answered(t, peer.CallOptions{})
	must(t, to.Media().HearsTone(within(t), 1200))
	if _, err := peer.WAV(filepath.Join(t.TempDir(), "none.wav")); err == nil {
		t.Error("missing file played")
	}
}
