package recording

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"tandem/call"
)

func TestSweep(t *testing.T) {
	s := newStudio(t, nil)
	now := time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)
	old := s.keep(t, now.AddDate(-1, 0, 0), 1)
	morning := s.keep(t, now.AddDate(0, 0, -7).Add(-time.Hour), 1)
	evening := s.keep(t, now.AddDate(0, 0, -7).Add(time.Hour), 1)
	today := s.keep(t, now, 1)
	live := call.NewID(now.AddDate(0, 0, -8))
	s.begin(t, call.Record{ID: live})

	if gone, err := s.Sweep(t.Context(), now); len(gone) != 0 || err != nil {
		t.Errorf("without a retention: %v, %v", gone, err)
	}
	if err := s.Apply(Settings{Enabled: true, Retention: 7 * 24 * time.Hour}); err != nil {
		t.Fatal(err)
	}
	gone, err := s.Sweep(t.Context(), now)
	if err != nil || !slices.Equal(gone, []call.ID{morning, old}) {
		t.Errorf("swept %v, %v", gone, err)
	}
	for id, want := range map[call.ID]bool{old: false, morning: false, evening: true, today: true} {
		for _, path := range []string{sealedPath(id), notePath(id)} {
			if _, err := os.Stat(filepath.Join(s.dir, path)); (err == nil) != want {
				t.Errorf("%s: %v", path, err)
			}
		}
	}
	if _, err := os.Stat(filepath.Join(s.dir, "2025")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an empty year is left: %v", err)
	}
	if got := s.end(live); got.SHA256 == "" {
		t.Error("a recording in progress was swept")
	}
}

func TestListAndRemove(t *testing.T) {
	s := newStudio(t, nil)
	at := time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)
	first, second, third := s.keep(t, at.AddDate(0, 0, -40), 50), s.keep(t, at, 100), s.keep(t, at.Add(time.Hour), 50)
	ids := func(limit int, before call.ID) []call.ID {
		list, err := s.List(t.Context(), limit, before)
		if err != nil {
			t.Fatal(err)
		}
		var ids []call.ID
		for _, e := range list {
			ids = append(ids, e.ID)
		}
		return ids
	}
	if got := ids(2, ""); !slices.Equal(got, []call.ID{third, second}) {
		t.Errorf("newest: %v", got)
	}
	if got := ids(2, second); !slices.Equal(got, []call.ID{first}) {
		t.Errorf("next: %v", got)
	}
	list, err := s.List(t.Context(), 9, third)
	if err != nil || len(list) != 2 {
		t.Fatalf("%v, %v", list, err)
	}
	want := Entry{ID: second, Path: sealedPath(second), Began: at, Seconds: 2, Size: 64044, Sealed: true}
	if list[0] != want {
		t.Errorf("entry %+v, want %+v", list[0], want)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.List(ctx, 9, ""); !errors.Is(err, context.Canceled) {
		t.Errorf("list for nobody: %v", err)
	}

	if err := s.Remove(t.Context(), first, "boss", "asked for"); err != nil {
		t.Error(err)
	}
	for _, id := range []call.ID{first, "../x", ""} {
		if err := s.Remove(t.Context(), id, "boss", "asked for"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("remove %q: %v", id, err)
		}
	}
	if _, err := os.Stat(filepath.Join(s.dir, filepath.Dir(dayPath(first)))); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an empty month is left: %v", err)
	}
	live := call.NewID(at)
	s.begin(t, call.Record{ID: live})
	if err := s.Remove(t.Context(), live, "boss", "asked for"); !errors.Is(err, ErrLive) {
		t.Errorf("remove of a recording in progress: %v", err)
	}
}
