package main

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/crypto/argon2"
)

func TestHash(t *testing.T) {
	dir := t.TempDir() // no configuration is needed
	first := tandem(t.Context(), dir, "correct horse\nbattery\n", "users", "hash")
	if first.code != 0 {
		t.Fatalf("exit %d: %s", first.code, first.errOut)
	}
	var memory, time uint32
	var threads uint8
	parts := strings.Split(strings.TrimSpace(first.out), "$")
	if len(parts) != 6 || parts[1] != "argon2id" || parts[2] != "v=19" {
		t.Fatalf("hash %q", first.out)
	}
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &memory, &time, &threads); err != nil || memory < 19<<10 || time < 2 {
		t.Errorf("costs %q: %v", parts[3], err)
	}
	salt, err := base64.RawStdEncoding.DecodeString(parts[4])
	if err != nil || len(salt) < 16 {
		t.Errorf("salt %q: %v", parts[4], err)
	}
	sum := argon2.IDKey([]byte("correct horse"), salt, time, memory, threads, 32)
	if base64.RawStdEncoding.EncodeToString(sum) != parts[5] {
		t.Error("the hash is not that of the first line")
	}
	if second := tandem(t.Context(), dir, "correct horse", "users", "hash"); second.out == first.out {
		t.Error("two hashes have one salt")
	}
}

func TestHashRefusesBadPasswords(t *testing.T) {
	for _, password := range []string{"", "\n", "short", strings.Repeat("x", 300)} {
		if r := tandem(t.Context(), t.TempDir(), password, "users", "hash"); r.code != 1 || r.out != "" {
			t.Errorf("%.10q: exit %d: %q", password, r.code, r.out)
		}
	}
}
