package bolt

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.etcd.io/bbolt"

	"tandem/call"
	"tandem/routing"
)

// FuzzDecode: whatever lies in the file, reading it gives a record that can be
// stored again, or an error.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"id":"01J","direction":"inbound","started_at":"2026-03-02T09:00:00Z","user":"a\u0000b"}`))
	f.Add([]byte(`{"id":"01J","name":"Ana García","numbers":["+34600000001"],"follow_up":true}`))
	f.Add([]byte(`{"id":"01J","kind":"missed_call","state":"open","count":2,"due_at":null}`))
	f.Add([]byte(`{"user":"ana","source":"192.0.2.7:5060","expires_at":"x"}`))
	f.Add([]byte("{\"id\":\"01J\",\"name\":\"\xff\x1f\x00\"}"))
	f.Add([]byte("[]"))
	f.Add([]byte(nil))
	sch := newSchema()
	f.Fuzz(func(t *testing.T, raw []byte) {
		check(t, sch.calls, raw)
		check(t, sch.contacts, raw)
		check(t, sch.tasks, raw)
		_, _ = decode[call.Binding](raw)
		_, _ = decode[call.Dialog](raw)
		_, _ = decode[routing.UserStatus](raw)
		_, _ = decode[routing.Override](raw)
	})
}

func check[T any](t *testing.T, tb table[T], raw []byte) {
	v, err := decode[T](raw)
	if err != nil {
		return
	}
	_ = tb.digest(v)
	for _, ix := range tb.indexes {
		_ = ix.key(v)
	}
	again, err := encode(v)
	if err != nil {
		return // a year beyond 9999
	}
	back, err := decodeAs(again, tb.id(v), tb.id)
	if err != nil || tb.digest(back) != tb.digest(v) {
		t.Errorf("%s does not survive: %q, %v", tb.name, again, err)
	}
	if _, err := decodeAs(again, tb.id(v)+"x", tb.id); err == nil {
		t.Error("a record under another's key was taken")
	}
}

// One record that cannot be read is left out of listings; the others are shown.
func TestDamagedRecord(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tandem.db")
	s := open(t, path)
	var ids []call.ID
	for n := range 5 {
		rec := record(n)
		ids = append(ids, rec.ID)
		if err := save(t.Context(), s, rec); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.SetUserStatus(t.Context(), routing.UserStatus{User: "ana"}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	edit(t, path, func(tx *bbolt.Tx) error {
		if err := tx.Bucket([]byte(bucketStatuses)).Put([]byte("bob"), []byte("{")); err != nil {
			return err
		}
		return tx.Bucket([]byte("calls")).Put([]byte(ids[2]), []byte("\x00garbage"))
	})
	s = open(t, path)
	defer func() { _ = s.Close() }()
	items, next, err := s.Calls(t.Context(), routing.CallFilter{})
	var got []call.ID
	for _, r := range items {
		got = append(got, r.ID)
	}
	if err != nil || next != "" || !slices.Equal(got, []call.ID{ids[4], ids[3], ids[1], ids[0]}) {
		t.Errorf("listed %v, %q, %v", got, next, err)
	}
	if live, err := s.Unfinished(t.Context()); err != nil || len(live) != 4 {
		t.Errorf("unfinished: %d, %v", len(live), err)
	}
	if statuses, err := s.UserStatuses(t.Context()); err != nil || len(statuses) != 1 {
		t.Errorf("statuses: %v, %v", statuses, err)
	}
	if got := testutil.ToFloat64(s.metrics.bad); got != 3 {
		t.Errorf("damaged records counted: %v", got)
	}
	if _, err := s.Call(t.Context(), ids[2]); err == nil {
		t.Error("a damaged call was returned")
	}
}
