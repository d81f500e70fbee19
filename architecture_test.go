package tandem

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "tandem/"

// TestArrows compares the arrows drawn in ARCHITECTURE.md with the imports of
// the code: an import that is not drawn is forbidden, and a room that is drawn
// has to be there.
func TestArrows(t *testing.T) {
	drawn := readArrows(t)
	found := make(map[string][]string)
	for _, p := range listPackages(t) {
		room := strings.TrimPrefix(p.ImportPath, module)
		if p.ImportPath+"/" == module || room == p.ImportPath {
			continue // the folder of this test
		}
		for _, imported := range p.Imports {
			if target, ours := strings.CutPrefix(imported, module); ours {
				found[room] = append(found[room], target)
			}
		}
		if _, ok := drawn[room]; !ok {
			t.Errorf("room %s is not drawn", room)
			continue
		}
		for _, target := range found[room] {
			if !slices.Contains(drawn[room], target) {
				t.Errorf("%s imports %s, which is not drawn", room, target)
			}
		}
		delete(drawn, room)
	}
	for room := range drawn {
		t.Errorf("room %s is drawn but not there", room)
	}
}

// readArrows reads the block marked "arrows".
func readArrows(t *testing.T) map[string][]string {
	t.Helper()
	text, err := os.ReadFile("ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	_, block, ok := bytes.Cut(text, []byte("```arrows\n"))
	if !ok {
		t.Fatal("ARCHITECTURE.md draws no arrows")
	}
	block, _, _ = bytes.Cut(block, []byte("```"))
	arrows := make(map[string][]string)
	lines := bufio.NewScanner(bytes.NewReader(block))
	for lines.Scan() {
		room, targets, ok := strings.Cut(lines.Text(), "->")
		if !ok {
			t.Fatalf("no arrow in %q", lines.Text())
		}
		arrows[strings.TrimSpace(room)] = strings.Fields(targets)
	}
	return arrows
}

type listedPackage struct {
	ImportPath string
	Imports    []string
}

func listPackages(t *testing.T) []listedPackage {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Imports", "./...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var packages []listedPackage
	decoder := json.NewDecoder(bytes.NewReader(out))
	for {
		var p listedPackage
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return packages
		} else if err != nil {
			t.Fatal(err)
		}
		packages = append(packages, p)
	}
}
