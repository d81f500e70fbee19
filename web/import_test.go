package web

import (
	"slices"
	"strings"
	"testing"

	"tandem/routing"
)

func TestImport(t *testing.T) {
	w := newWorld()
	s := w.server(t)
	file := "\xef\xbb\xbfName;Numbers;Owner;do_not_call;country\r\n" +
		"Nuria;600 000 010|600 000 011;leo;;\r\n" + // new
		"Luis Gil;600000001/600000012;;yes;\r\n" + // known by its first number
		"Broken;12;;;\r\n" +
		"Nobody's;600000013;nobody;;\r\n" +
		"Both;600000001|600000002;;;\r\n" + // of two contacts
		"Short;600000014\r\n" +
		"Odd;600000015;;perhaps;\r\n" +
		"Lost;600000016;;;Spain\r\n" +
		"Empty;;;;\r\n" +
		"\"Multi\r\nline\";600000017;;;fr\r\n"
	got := decode[Imported](t, ask(t, w, s, "eva", "POST", "/api/v1/contacts/import", file))
	var faults []string
	for _, f := range got.Faults {
		faults = append(faults, strings.TrimSpace(string(rune('0'+f.Line))+" "+f.Field))
	}
	want := []string{"4 numbers", "5 owner", "6 numbers", "7", "8 do_not_call", "9 country", ": numbers"}
	if got.Created != 2 || got.Changed != 1 || !slices.Equal(faults, want) {
		t.Errorf("got %+v, faults %q", got, faults)
	}
	luis, err := book{w}.Contact(t.Context(), "c1")
	if err != nil || luis.Name != "Luis Gil" || !luis.DoNotCall || luis.Owner != "ana" || !slices.Equal(luis.Numbers, []string{"+34600000001", "+34600000012"}) {
		t.Errorf("Luis is %+v", luis)
	}
	nuria, err := book{w}.ContactByNumber(t.Context(), "+34600000011")
	if err != nil || nuria.Name != "Nuria" || nuria.Owner != "leo" || nuria.Country != "ES" || nuria.DoNotCall {
		t.Errorf("Nuria is %+v", nuria)
	}
	if c, err := (book{w}).ContactByNumber(t.Context(), "+34600000017"); err != nil || c.Country != "FR" || c.Name != "Multi line" {
		t.Errorf("the last is %+v", c)
	}
}

func TestImportDryRun(t *testing.T) {
	w := newWorld()
	before := slices.Clone(w.contacts)
	got := decode[Imported](t, ask(t, w, w.server(t), "", "POST", "/api/v1/contacts/import?dry_run=true", "numbers,name\n600000010,A\n600000001,B\n1,C\n"))
	if got.Created != 1 || got.Changed != 1 || len(got.Faults) != 1 || !got.DryRun {
		t.Errorf("got %+v", got)
	}
	if !slices.EqualFunc(before, w.contacts, func(a, b routing.Contact) bool { return a.ID == b.ID && a.Name == b.Name }) {
		t.Error("something was stored")
	}
}

// Importing a file twice changes nothing the second time.
func TestImportIsIdempotent(t *testing.T) {
	w := newWorld()
	s := w.server(t)
	file := "numbers,name\n600000010,A\n600000011|600000012,B\n"
	ask(t, w, s, "", "POST", "/api/v1/contacts/import", file)
	n := len(w.contacts)
	got := decode[Imported](t, ask(t, w, s, "", "POST", "/api/v1/contacts/import", file))
	if got.Created != 0 || got.Changed != 2 || len(w.contacts) != n {
		t.Errorf("got %+v, %d contacts, %d before", got, len(w.contacts), n)
	}
}

func TestFilesThatAreNoList(t *testing.T) {
	many := "numbers\n" + strings.Repeat("600000010\n", maxImportRows+1)
	for name, file := range map[string]string{
		"empty": " ", "no numbers": "name,owner\n", "twice": "number,phone\n", "unknown": "numbers,shoe\n",
		"not text": "numbers\n\xff\xfe\n", "open quote": "numbers\n\"600", "too many": many,
	} {
		w := newWorld()
		if rec := ask(t, w, w.server(t), "", "POST", "/api/v1/contacts/import", file); rec.Code != 422 {
			t.Errorf("%s: %d %s", name, rec.Code, rec.Body)
		}
	}
}

func FuzzParseContacts(f *testing.F) {
	for _, seed := range []string{
		"numbers,name\n600000001,Ana\n", "name;number\r\nAna;\"600\"\"1\"\r\n", "\xef\xbb\xbfphone\n1|2|3\n", "numbers\tdo_not_call\n1\tyes\n",
		"numbers\n\"", "numbers,country\n1,es\n", "\x00", "numbers,numbers\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		rows, faults, err := parseContacts(data)
		if err != nil && (rows != nil || faults != nil) {
			t.Error("a refused file has rows")
		}
		for _, row := range rows {
			if row.line < 2 || len(row.numbers) == 0 || len(row.numbers) > maxNumbers || len(row.country) != 0 && len(row.country) != 2 {
				t.Errorf("row %+v", row)
			}
		}
		for _, fault := range faults {
			if fault.Line < 2 || fault.Message == "" {
				t.Errorf("fault %+v", fault)
			}
		}
	})
}
