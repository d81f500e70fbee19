package recording

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"tandem/call"
)

// register is a ledger in memory.
type register struct {
	playbooks map[call.ID]string
	held      map[call.ID]bool
	dropped   []string
	fail      error
}

func (r *register) Playbook(_ context.Context, id call.ID) (string, error) {
	return r.playbooks[id], r.fail
}

func (r *register) Drop(_ context.Context, id call.ID, by, why string) error {
	if r.held[id] {
		return ErrHeld
	}
	r.dropped = append(r.dropped, fmt.Sprintf("%s: %s: %s", id, by, why))
	return r.fail
}

// there reports whether a recording's file is there.
func (s *studio) there(id call.ID) bool {
	_, err := os.Stat(filepath.Join(s.dir, sealedPath(id)))
	return err == nil
}

// TestRetentionOfPlaybooks: each recording is kept as long as its playbook
// says, or the account; one that is on hold stays; the call's record is told
// before.
func TestRetentionOfPlaybooks(t *testing.T) {
	r := &register{playbooks: map[call.ID]string{}, held: map[call.ID]bool{}}
	s := newStudio(t, func(o *Options) {
		o.Ledger = r
		o.Settings.Retention = 30 * 24 * time.Hour
		o.Settings.Playbooks = map[string]time.Duration{"support": 36 * time.Hour, "trading": 0}
	})
	now := time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)
	took := func(days int, playbook string) call.ID {
		id := s.keep(t, now.AddDate(0, 0, -days), 1)
		r.playbooks[id] = playbook
		return id
	}
	supportOld, supportNew := took(2, "support"), took(1, "support")
	salesOld, salesNew := took(31, "sales"), took(29, "sales")
	trading, unknown, held := took(400, "trading"), took(401, ""), took(402, "sales")
	r.held[held] = true
	gone, err := s.Sweep(t.Context(), now)
	if err != nil || !slices.Equal(gone, []call.ID{supportOld, salesOld, unknown}) {
		t.Errorf("swept %v, %v", gone, err)
	}
	for id, want := range map[call.ID]bool{supportNew: true, salesNew: true, trading: true, held: true, supportOld: false, salesOld: false, unknown: false} {
		if s.there(id) != want {
			t.Errorf("%s of playbook %q is there: %v", id, r.playbooks[id], !want)
		}
	}
	want := []string{
		string(supportOld) + ": : older than 36h0m0s, the retention of playbook support",
		string(salesOld) + ": : older than 30d, the retention", string(unknown) + ": : older than 30d, the retention",
	}
	if !slices.Equal(r.dropped, want) || testutil.ToFloat64(s.metrics.deleted) != 3 {
		t.Errorf("dropped %q; %v counted", r.dropped, testutil.ToFloat64(s.metrics.deleted))
	}
	if err := s.Remove(t.Context(), held, "boss", "asked for"); !errors.Is(err, ErrHeld) || !s.there(held) {
		t.Errorf("removal of a held recording: %v", err)
	}
	if err := s.Remove(t.Context(), trading, "boss", "asked for"); err != nil || r.dropped[3] != string(trading)+": boss: asked for" {
		t.Errorf("removal by hand: %q, %v", r.dropped, err)
	}
	if _, err := s.Sweep(t.Context(), now); err != nil || len(r.dropped) != 4 {
		t.Errorf("swept again: %q, %v", r.dropped, err)
	}
}

// TestNothingIsDeletedUnheard: while the calls cannot be asked or told, every
// recording stays.
func TestNothingIsDeletedUnheard(t *testing.T) {
	r := &register{fail: errors.New("store is down")}
	s := newStudio(t, func(o *Options) { o.Ledger, o.Settings.Retention = r, time.Hour })
	id := s.keep(t, time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC), 1)
	if gone, err := s.Sweep(t.Context(), time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)); !errors.Is(err, r.fail) || len(gone) != 0 {
		t.Errorf("swept %v, %v", gone, err)
	}
	if err := s.Remove(t.Context(), id, "boss", ""); !errors.Is(err, r.fail) || !s.there(id) {
		t.Errorf("removed: %v", err)
	}
}
