package recording

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"tandem/call"
)

// kinds are the faults of a report, by recording.
func kinds(r Report) (list []string) {
	for _, f := range r.Faults {
		list = append(list, string(f.Kind)+" "+f.Path)
	}
	return list
}

// verifiesArchived fails unless two archived recordings are known to be there,
// and found to be there when the archive is asked.
func (s *studio) verifiesArchived(t *testing.T, a Archive, first, second call.ID) {
	t.Helper()
	kept := Kept{string(first): readNoteOf(t, s, first).sum, string(second): readNoteOf(t, s, second).sum}
	for _, there := range []Archive{nil, a} {
		if r := s.verified(t, kept, there); len(r.Faults) != 0 || r.Checked != 0 || r.Archived != 2 {
			t.Errorf("verify: %+v", r)
		}
	}
}

// What is wrong with archived recordings is told apart as it is with others.
func TestVerifyArchived(t *testing.T) {
	a := newShelf()
	s := archived(t, a)
	at := time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)
	var ids []call.ID
	kept := Kept{}
	for n := range 5 {
		id := s.keep(t, at.Add(time.Duration(n)*time.Hour), 5)
		ids, kept[string(id)] = append(ids, id), readNoteOf(t, s, id).sum
	}
	sound, bent, lost, unknown, other := ids[0], ids[1], ids[2], ids[3], ids[4]
	stop := s.moves(t)
	eventually(t, "all is moved", func() bool { return s.waits() == 0 })
	stop()
	a.files[sealedPath(bent)][99]++
	delete(a.files, sealedPath(lost))
	delete(kept, string(unknown))
	kept[string(other)] = "ab"
	long := time.Now().Add(-time.Hour)
	if err := os.Chtimes(filepath.Join(s.dir, notePath(unknown)), long, long); err != nil {
		t.Fatal(err)
	}
	want := []string{"damaged " + sealedPath(other), "orphan " + sealedPath(unknown), "missing " + sealedPath(lost), "damaged " + sealedPath(bent)}
	if r := s.verified(t, kept, a); r.Archived != 5 || !slices.Equal(kinds(r), want) {
		t.Errorf("found %+v", r)
	}
	if r := s.verified(t, kept, nil); r.Archived != 5 || !slices.Equal(kinds(r), want[:2]) {
		t.Errorf("unasked found %+v", r)
	}

	kept = Kept{string(sound): kept[string(sound)], string(bent): kept[string(bent)], string(lost): kept[string(lost)]}
	if err := os.RemoveAll(s.dir); err != nil {
		t.Fatal(err)
	}
	want = []string{"missing " + sealedPath(lost), "damaged " + sealedPath(bent)}
	if r := s.verified(t, kept, a); r.Archived != 2 || !slices.Equal(kinds(r), want) {
		t.Errorf("without the folder %+v", r)
	}
	a.fail(func(string, string) error { return errOutage })
	if r := s.verified(t, kept, a); len(r.Faults) != 3 || r.Faults[0].Kind != FaultUnreachable {
		t.Errorf("in an outage %+v", r)
	}
}

// The waveform of an archived recording needs no archive; one that is lost is
// made from what is there.
func TestPeaksOfArchived(t *testing.T) {
	a := newShelf()
	s := archived(t, a)
	id := s.keep(t, time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC), 1200)
	peaks := s.get(t, peaksPath(id))
	s.moves(t)
	eventually(t, "all is moved", func() bool { return s.waits() == 0 })
	a.fail(func(string, string) error { return errOutage })
	if p, err := s.Peaks(id, ""); err != nil || p.Samples != 1200*frameSamples {
		t.Errorf("in an outage: %d samples, %v", p.Samples, err)
	}
	if err := os.Remove(filepath.Join(s.dir, peaksPath(id))); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Peaks(id, ""); !errors.Is(err, ErrUnreachable) {
		t.Errorf("lost, in an outage: %v", err)
	}
	if n, err := s.RepairPeaks(t.Context()); n != 0 || err != nil {
		t.Errorf("repaired %d from the archive, %v", n, err)
	}
	a.fail(nil)
	if p, err := s.Peaks(id, CallerLeft); err != nil || p.Samples != 1200*frameSamples || !bytes.Equal(s.get(t, peaksPath(id)), peaks) {
		t.Errorf("made again: %d samples, %v", p.Samples, err)
	}
}

// mute is an archive that opens a recording and then says nothing.
type mute struct{ *shelf }

type muteReader struct {
	ctx context.Context //nolint:containedctx // of the one call that it is made for
}

func (m muteReader) ReadAt([]byte, int64) (int, error) {
	<-m.ctx.Done()
	return 0, m.ctx.Err()
}

func (muteReader) Close() error { return nil }

func (m mute) Open(ctx context.Context, name string) (Reader, Info, error) {
	f, info, err := m.shelf.Open(ctx, name)
	if err != nil {
		return nil, info, err
	}
	return muteReader{ctx}, info, f.Close()
}

// An archive that falls silent costs whoever listens a minute, and the peaks of
// other recordings no more.
func TestArchiveFallsSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newShelf()
		a.sums = true
		s := archived(t, mute{a})
		id := s.press(t, time.Now(), 1200)
		stop := s.moves(t)
		time.Sleep(time.Second)
		synctest.Wait()
		stop()
		began := time.Now()
		if _, err := s.Peaks(id, ""); !errors.Is(err, ErrUnreachable) || time.Since(began) > 2*pieceTime {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
	})
}
