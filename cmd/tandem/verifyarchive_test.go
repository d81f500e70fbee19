package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What is in the archive is said to be unchecked, or checked.
func TestVerifyArchive(t *testing.T) {
	dir := newFolder(t)
	const id = "01M81WE5GEFAQ504VQP8JM5EXX"
	day := filepath.Join("2026", "11", "22")
	wav := "what was said"
	sum := sha256.Sum256([]byte(wav))
	note := hex.EncodeToString(sum[:]) + " *" + id + ".wav\n# place \"folder disk\"\n# archived 13 bytes\n"
	for path, text := range map[string]string{
		filepath.Join("recordings", day, id+".sha256"): note, filepath.Join("disk", day, id+".wav"): wav,
	} {
		full := filepath.Join(dir, path)
		if err := errors.Join(os.MkdirAll(filepath.Dir(full), 0o700), os.WriteFile(full, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	if r := tandem(t.Context(), dir, "", "recordings", "verify", "--archive"); r.code == 0 || !strings.Contains(r.errOut, "recording.archive is not set") {
		t.Errorf("no archive: exit %d: %q %q", r.code, r.out, r.errOut)
	}
	if r := tandem(t.Context(), dir, "", "recordings", "verify"); r.code != 0 || !strings.Contains(r.out, "1 are in the archive, which --archive checks") {
		t.Errorf("unchecked: exit %d: %q %q", r.code, r.out, r.errOut)
	}
	file := filepath.Join(dir, "tandem.yaml")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, append(text, "\nrecording: { archive: { directory: disk } }\n"...), 0o600); err != nil {
		t.Fatal(err)
	}
	if r := tandem(t.Context(), dir, "", "recordings", "verify", "--archive"); r.code != 0 || !strings.HasSuffix(r.out, "\n0 recordings checked, and 1 in the archive, 0 with faults\n") {
		t.Errorf("sound: exit %d: %q %q", r.code, r.out, r.errOut)
	}
	if err := os.Remove(filepath.Join(dir, "disk", day, id+".wav")); err != nil {
		t.Fatal(err)
	}
	if r := tandem(t.Context(), dir, "", "recordings", "verify", "--archive"); r.code != 1 || !strings.Contains(r.out, id+".wav: missing: ") {
		t.Errorf("lost: exit %d: %q %q", r.code, r.out, r.errOut)
	}
}
