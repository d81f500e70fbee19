package bolt

import (
	"bytes"
	"errors"
	"net/netip"
	"reflect"
	"testing"
	"time"

	"tandem/call"
	"tandem/crm"
	"tandem/routing"
)

func FuzzCall(f *testing.F)       { fuzzStored[call.Record](f) }
func FuzzContact(f *testing.F)    { fuzzStored[routing.Contact](f) }
func FuzzTask(f *testing.F)       { fuzzStored[routing.Task](f) }
func FuzzBinding(f *testing.F)    { fuzzStored[call.Binding](f) }
func FuzzDialog(f *testing.F)     { fuzzStored[call.Dialog](f) }
func FuzzUserStatus(f *testing.F) { fuzzStored[routing.UserStatus](f) }
func FuzzOverride(f *testing.F)   { fuzzStored[routing.Override](f) }
func FuzzToken(f *testing.F)      { fuzzStored[routing.Token](f) }
func FuzzAccess(f *testing.F)     { fuzzStored[routing.Access](f) }
func FuzzEntry(f *testing.F)      { fuzzStored[crm.Entry](f) }
func FuzzLane(f *testing.F)       { fuzzStored[lane](f) }
func FuzzRemembered(f *testing.F) { fuzzStored[remembered](f) }

// fuzzStored: whatever lies in the file under a type, reading it gives damage or
// a record, and storing that record again changes nothing any more. A record in
// which every field says something comes back whole.
func fuzzStored[T any](f *testing.F) {
	var full T
	fill(f, reflect.ValueOf(&full).Elem())
	raw, err := encode(full)
	if err != nil {
		f.Fatal(err)
	}
	if back, err := decode[T](raw); err != nil || !reflect.DeepEqual(back, full) {
		f.Fatalf("%+v came back as %+v, %v", full, back, err)
	}
	f.Add(raw)
	for _, seed := range []string{"{}", "null", "[]", "{", `{"id":"\ud800"}`, `{"id":1}`, "{\"ID\":\"\xff\",\"id\":\"a\\u0000\"}", `{"started_at":"9999-12-31T23:59:59+23:59"}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		v, err := decode[T](raw)
		if err != nil {
			if !errors.Is(err, errBadRecord) || !reflect.ValueOf(v).IsZero() {
				t.Fatalf("%+v, %v", v, err)
			}
			return
		}
		first, err := encode(v)
		if err != nil {
			return // a year beyond 9999
		}
		back, err := decode[T](first)
		if err != nil {
			t.Fatalf("%q is stored as %q: %v", raw, first, err)
		}
		if again, err := encode(back); err != nil || !bytes.Equal(first, again) {
			t.Fatalf("%q is stored as %q, then as %q, %v", raw, first, again, err)
		}
		if len(first) > 6*len(raw)+len(`"0001-01-01T00:00:00Z"`)*100 {
			t.Fatalf("%d bytes became %d", len(raw), len(first))
		}
	})
}

// fill sets every field that there is to something.
func fill(f *testing.F, v reflect.Value) {
	switch v.Interface().(type) {
	case time.Time:
		v.Set(reflect.ValueOf(time.Date(2026, 11, 22, 10, 0, 0, 123456789, time.UTC)))
		return
	case netip.AddrPort:
		v.Set(reflect.ValueOf(netip.MustParseAddrPort("192.0.2.7:5060")))
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString("José <a>&\"\\\u2028\x00")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(-7)
	case reflect.Uint, reflect.Uint32, reflect.Uint64:
		v.SetUint(1<<32 - 1)
	case reflect.Float64:
		v.SetFloat(0.1)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(f, v.Elem())
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fill(f, v.Index(0))
		fill(f, v.Index(1))
	case reflect.Map:
		item := reflect.New(v.Type().Elem()).Elem()
		fill(f, item)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(reflect.ValueOf("contact"), item)
	case reflect.Struct:
		for _, field := range v.Fields() {
			fill(f, field)
		}
	default:
		f.Fatalf("a stored field of type %s", v.Type())
	}
}
