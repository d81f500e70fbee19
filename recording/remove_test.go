package recording

import (
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"tandem/call"
)

// refuses makes an archive fail with one operation.
func (s *shelf) refuses(refused string) {
	s.fail(func(op, _ string) error {
		if op == refused {
			return errOutage
		}
		return nil
	})
}

// TestHoldOfArchived: where a recording lies makes no difference to its hold, to
// its playbook's retention and to what its call's record is told.
func TestHoldOfArchived(t *testing.T) {
	a := newShelf()
	r := &register{playbooks: map[call.ID]string{}, held: map[call.ID]bool{}}
	s := newStudio(t, func(o *Options) {
		o.Ledger, o.Settings.Archive = r, a
		o.Settings.Retention, o.Settings.Playbooks = 30*24*time.Hour, map[string]time.Duration{"support": 36 * time.Hour}
	})
	now := time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)
	support, sales := s.keep(t, now.AddDate(0, 0, -3), 5), s.keep(t, now.AddDate(0, 0, -4), 5)
	held := s.keep(t, now.AddDate(0, 0, -90), 5)
	r.playbooks[support], r.held[held] = "support", true
	stop := s.moves(t)
	eventually(t, "all is moved", func() bool { return s.waits() == 0 })
	stop()
	if gone, err := s.Sweep(t.Context(), now); err != nil || !slices.Equal(gone, []call.ID{support}) {
		t.Errorf("swept %v, %v", gone, err)
	}
	if err := s.Remove(t.Context(), held, "boss", "asked for"); !errors.Is(err, ErrHeld) {
		t.Errorf("removal of a held recording: %v", err)
	}
	for id, want := range map[call.ID]bool{support: false, sales: true, held: true} {
		p, err := s.Open(id, PlayOptions{})
		if (err == nil) != want || err == nil && p.Close() != nil || (a.holds(sealedPath(id)) != nil) != want {
			t.Errorf("%s can be played: %v", id, err)
		}
	}
	r.held[held] = false
	if err := s.Remove(t.Context(), held, "boss", "asked for"); err != nil || a.holds(sealedPath(held)) != nil {
		t.Errorf("removal once released: %v", err)
	}
	want := []string{string(support) + ": : older than 36h0m0s, the retention of playbook support", string(held) + ": boss: asked for"}
	if !slices.Equal(r.dropped, want) {
		t.Errorf("told of %q, want %q", r.dropped, want)
	}
}

// TestArchiveDoesNotDelete: in an outage nothing is deleted; an archive that
// answers and does not delete costs nobody's privacy, and is asked again for
// ever, whatever the retention.
func TestArchiveDoesNotDelete(t *testing.T) {
	a := newShelf()
	r := &register{}
	s := newStudio(t, func(o *Options) { o.Ledger, o.Settings.Archive = r, a })
	now := time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)
	id, stays := s.keep(t, now, 5), s.keep(t, now.Add(time.Hour), 5)
	stop := s.moves(t)
	eventually(t, "all is moved", func() bool { return s.waits() == 0 })
	stop()
	a.refuses("stat")
	if err := s.Remove(t.Context(), id, "boss", ""); !errors.Is(err, ErrUnreachable) || len(r.dropped) != 0 {
		t.Errorf("in an outage: %v, told of %q", err, r.dropped)
	}
	a.refuses("remove")
	if err := s.Remove(t.Context(), id, "boss", ""); !errors.Is(err, ErrLeft) || len(r.dropped) != 1 {
		t.Errorf("without a deletion: %v, told of %q", err, r.dropped)
	}
	anew := newStudio(t, func(o *Options) { o.Directory, o.Settings.Archive = s.dir, a })
	if gone, err := anew.Sweep(t.Context(), now); len(gone) != 0 || !errors.Is(err, ErrLeft) || !strings.Contains(err.Error(), "1 recordings") {
		t.Errorf("swept %v, %v", gone, err)
	}
	for what, err := range map[string]error{
		"open":   second(anew.Open(id, PlayOptions{})),
		"peaks":  second(anew.Peaks(id, "")),
		"remove": anew.Remove(t.Context(), id, "boss", ""),
	} {
		if !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s of what is deleted: %v", what, err)
		}
	}
	if list, err := anew.List(t.Context(), 9, ""); len(list) != 1 || list[0].ID != stays || err != nil {
		t.Errorf("listed %+v, %v", list, err)
	}
	if n, err := anew.Repair(t.Context()); n != 0 || err != nil {
		t.Errorf("repaired %d, %v", n, err)
	}
	if v := anew.verified(t, Kept{string(stays): readNoteOf(t, s, stays).sum}, a); len(v.Faults) != 0 || v.Archived != 1 {
		t.Errorf("verified %+v", v)
	}
	a.fail(nil)
	if gone, err := anew.Sweep(t.Context(), now); !slices.Equal(gone, []call.ID{id}) || err != nil {
		t.Errorf("swept %v, %v", gone, err)
	}
	if left := files(t, s.dir); len(a.files) != 2 || !slices.Equal(left, []string{string(stays) + ".peaks", string(stays) + ".sha256"}) {
		t.Errorf("left: %d there, here %v", len(a.files), left)
	}
}

func second[T any](_ T, err error) error { return err }

// TestRemovalCutShort: whatever a crash leaves of a recording whose call says
// that it is deleted goes with the next sweep, and is not told of again.
func TestRemovalCutShort(t *testing.T) {
	s := newStudio(t, nil)
	id := s.keep(t, time.Now(), 5)
	s.put(t, droppedPath(id), nil)
	note := s.get(t, notePath(id))
	s.put(t, notePath(id), note[:40]) // not yet told of, as Repair sees it
	if n, err := s.Repair(t.Context()); n != 0 || err != nil {
		t.Errorf("repaired %d, %v", n, err)
	}
	if gone, err := s.Sweep(t.Context(), time.Now()); !slices.Equal(gone, []call.ID{id}) || err != nil {
		t.Errorf("swept %v, %v", gone, err)
	}
	if left := files(t, s.dir); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
}

// TestRemoveAfterLoss: a recording that only the archive knows is deleted there.
func TestRemoveAfterLoss(t *testing.T) {
	a := newShelf()
	r := &register{}
	s := newStudio(t, func(o *Options) { o.Ledger, o.Settings.Archive = r, a })
	id := s.keep(t, time.Now(), 5)
	stop := s.moves(t)
	eventually(t, "all is moved", func() bool { return s.waits() == 0 })
	stop()
	if err := errors.Join(s.Close(), os.RemoveAll(s.dir)); err != nil {
		t.Fatal(err)
	}
	anew := newStudio(t, func(o *Options) { o.Directory, o.Ledger, o.Settings.Archive = s.dir, r, a })
	a.refuses("stat")
	if err := anew.Remove(t.Context(), id, "boss", ""); !errors.Is(err, ErrUnreachable) || len(r.dropped) != 0 {
		t.Errorf("in an outage: %v, told of %q", err, r.dropped)
	}
	a.fail(nil)
	if err := anew.Remove(t.Context(), id, "boss", ""); err != nil || len(a.files) != 0 || len(r.dropped) != 1 {
		t.Errorf("%v; %d left, told of %q", err, len(a.files), r.dropped)
	}
}
