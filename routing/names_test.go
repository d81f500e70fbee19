package routing

import (
	"strings"
	"testing"
)

func FuzzCleanName(f *testing.F) {
	for _, s := range []string{"Ana", "\x00\x1b[31m", "\u202eanA", "\xff", "a\nb\tc", strings.Repeat("🙂", 500)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		name := CleanName(s)
		if len([]rune(name)) > maxName || strings.ContainsAny(name, "\x00\r\n\x1b\u202e") || name != CleanName(name) {
			t.Fatalf("CleanName(%q) = %q", s, name)
		}
		if notes := cleanNotes(s); strings.ContainsAny(notes, "\x00\r\x1b\u202e") {
			t.Fatalf("cleanNotes(%q) = %q", s, notes)
		}
		nameOf(s)
	})
}
