package bolt

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
)

// Whatever page is damaged, and however the run before ended: Open refuses the
// file or opens it, and never takes the process down.
func TestAnyPageDamaged(t *testing.T) {
	unclean := crashed(t)
	clean := filepath.Join(t.TempDir(), "clean.db")
	raw, err := os.ReadFile(unclean)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(clean, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := open(t, clean).Close(); err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(1, 2)) // a test that can be repeated
	refused := 0
	for _, path := range []string{unclean, clean} {
		good, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		good = good[:min(len(good), len(raw)+8*os.Getpagesize())] // the rest was never used
		for _, bad := range damages(good, random) {
			if !opens(t, bad) {
				refused++
			}
		}
	}
	if refused == 0 {
		t.Error("nothing was refused")
	}
}

// damages returns copies of a file, each with another page damaged.
func damages(good []byte, random *rand.Rand) [][]byte {
	size := os.Getpagesize()
	var all [][]byte
	for from := 0; from+size <= len(good); from += size {
		for kind := range 5 {
			bad := bytes.Clone(good)
			page := bad[from : from+size]
			switch kind {
			case 0:
				clear(page)
			case 1:
				for i := range page {
					page[i] = byte(random.Uint32())
				}
			case 2: // another page in its place
				copy(page, good[random.IntN(len(good)/size)*size:][:size])
			case 3: // its head kept, the rest not
				for i := 16; i < len(page); i++ {
					page[i] = byte(random.Uint32())
				}
			case 4: // one byte of the elements' positions and sizes
				page[random.IntN(128)] ^= byte(1 + random.IntN(255))
			}
			all = append(all, bad)
		}
	}
	return all
}

func opens(t *testing.T, raw []byte) bool {
	t.Helper()
	path := filepath.Join(t.TempDir(), "tandem.db")
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := Open(Options{Path: path})
	if err != nil {
		return false
	}
	if err := s.Close(); err != nil {
		t.Log(err)
	}
	return os.Remove(path) == nil
}

// FuzzPages: pages of any content are found legible or not.
func FuzzPages(f *testing.F) {
	f.Add(page(flagLeaf, "key", "value"))
	f.Add(append(page(flagBranch, "key", ""), page(flagLeaf, "key", "value")...))
	f.Add(page(flagLeaf, "bucket", string(make([]byte, bucketHead))+string(page(flagLeaf, "k", "v")[:40])))
	f.Fuzz(func(t *testing.T, raw []byte) {
		const size = 128
		if len(raw) > 64*size {
			return
		}
		file := append(make([]byte, 2*size), raw...) // after the meta pages
		w := &pageWalk{file: bytes.NewReader(file), size: size, seen: make([]bool, len(file)/size)}
		if err := w.page(2, keyRange{}, 0); err == nil && !w.seen[2] {
			t.Error("legible, and never looked at")
		}
	})
}

// page makes page 2 of 128 bytes with one element; a branch leads to page 3.
func page(flags uint16, key, value string) []byte {
	ne := binary.NativeEndian
	b := ne.AppendUint64(nil, 2)
	b = ne.AppendUint16(b, flags)
	b = ne.AppendUint16(b, 1)
	b = ne.AppendUint32(b, 0)
	if flags == flagBranch {
		b = ne.AppendUint32(b, elementSize)
		b = ne.AppendUint32(b, uint32(len(key)))
		b = ne.AppendUint64(b, 3)
	} else {
		b = ne.AppendUint32(b, 0)
		b = ne.AppendUint32(b, elementSize)
		b = ne.AppendUint32(b, uint32(len(key)))
		b = ne.AppendUint32(b, uint32(len(value)))
	}
	b = append(append(b, key...), value...)
	return append(b, make([]byte, max(0, 128-len(b)))...)
}
