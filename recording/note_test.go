package recording

import (
	"strings"
	"testing"

	"tandem/call"
)

// A note reads back as it was written; one that was cut short anywhere says
// less, and nothing that is wrong.
func TestNote(t *testing.T) {
	whole := note{
		sides: sides{direction: call.Outbound, left: person}, sum: strings.Repeat("0a", 32), pending: true,
		beside: ".flac", place: "folder /mnt/a \"b\"\nc", archived: 64044,
	}
	for _, n := range []note{{sides: sides{direction: call.Inbound, left: contact}}, whole} {
		if got := parseNote(strings.NewReader(n.encode("X.wav"))); got != n {
			t.Errorf("read %+v, wrote %+v", got, n)
		}
	}
	text := whole.encode("X.wav")
	for cut := range text {
		got := parseNote(strings.NewReader(text[:cut]))
		if got.archived != 0 && got.archived != whole.archived || got.place != "" && got.place != whole.place ||
			got.sum != "" && got.sum != whole.sum || got.beside != "" && !strings.HasPrefix(whole.beside, got.beside) {
			t.Errorf("cut at %d: %+v", cut, got)
		}
	}
	later := note{place: "elsewhere", archived: 7}
	if got := parseNote(strings.NewReader(text + later.whereabouts())); got.place != "elsewhere" || got.archived != 7 || got.sum != whole.sum {
		t.Errorf("of two lines the later: %+v", got)
	}
}

// Nothing that a note says leads out of its folder.
func FuzzNote(f *testing.F) {
	f.Add("# direction outbound\n# left person\n# pending command\n# beside .flac\n# place \"folder /a\"\n# archived 44 bytes\n")
	f.Add("# beside ../../etc/passwd\n# archived -1 bytes\n# place \"\n")
	f.Fuzz(func(t *testing.T, text string) {
		n := parseNote(strings.NewReader(text))
		if n.beside != "" && !isExtension(n.beside) || n.archived < 0 {
			t.Errorf("%+v", n)
		}
		if n.sum != "" && !isSum(n.sum) {
			t.Errorf("checksum %q", n.sum)
		}
		if again := parseNote(strings.NewReader(n.encode("X.wav"))); again != n && len(n.encode("X.wav")) < maxNote {
			t.Errorf("%+v is written and read as %+v", n, again)
		}
	})
}
