package bolt

import (
	"path/filepath"
	"testing"

	"tandem/store/storetest"
)

func TestContract(t *testing.T) {
	storetest.Run(t, func(t *testing.T, dir string) storetest.Engine {
		return open(t, filepath.Join(dir, "tandem.db"))
	})
}

// open opens a store; the test closes it.
func open(t testing.TB, path string) *Store {
	t.Helper()
	s, err := Open(Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	return s
}
