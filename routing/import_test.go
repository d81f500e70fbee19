package routing

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"tandem/call"
)

// imported is a report in one line: what became of each line of the file.
func imported(r ImportReport) string {
	var b strings.Builder
	for _, l := range r.Lines {
		fmt.Fprintf(&b, "%d %s %s\n", l.Line, l.Outcome, strings.Join(l.Changed, " ")+l.Why)
	}
	return b.String()
}

func TestImport(t *testing.T) {
	ulids := regexp.MustCompile(`\([0-9A-Z]{26}\)`)
	b := newBook(t)
	if _, err := b.Create(t.Context(), patch("", "600000001")); err != nil {
		t.Fatal(err)
	}
	file := "\ufeffName;Phone;Mobile 2;Country;Owner;Notes;Do not call;Shoe size\r\n" +
		"Luis Pérez;600 000 001;910 111 222;ES;ana;met at \"the\" fair;;42\r\n" + // known by number alone: learns
		"Marta;600000002, 600000003;;;;;no\r\n" +
		"Again;0034600000003;;;;;\r\n" + // known, nothing new
		"Nobody;112;;;;;\r\n" +
		"Short\r\n" +
		"Bad owner;600000004;;;zoe;;\r\n" +
		"Two people;600000001;600000002;;;;\r\n" +
		"\xd1u\xf1ez \x80;600000005;;;;\"two\r\nlines\";\r\n" + // Windows-1252
		"Marta;600000003;;;;;Yes\r\n" + // a file may add to its own lines
		"Unsure;600000006;;;;;perhaps\r\n" +
		"=cmd|' /C calc'!A0\x1b[31m;600000007;;;;;x\r\n"
	want := "2 updated name numbers owner notes\n" +
		"3 created \n" +
		"4 unchanged \n" +
		`5 refused numbers: "112" is no phone number` + "\n" +
		"6 refused numbers: must be 1 to 20\n" +
		"7 refused owner: is no user\n" +
		"8 refused numbers: belong to two contacts, Luis Pérez (ID) and Marta (ID); merge them first\n" +
		"9 created \n" +
		"11 updated do_not_call\n" +
		`12 refused do_not_call: "perhaps" is neither yes nor no` + "\n" +
		"13 created \n"
	events := b.events.types()
	for _, dry := range []bool{true, false} {
		before := maps.Clone(b.store.contacts)
		report, err := b.Import(t.Context(), strings.NewReader(file), dry)
		if err != nil {
			t.Fatal(err)
		}
		var known []string
		for _, l := range report.Lines {
			if known = append(known, l.ContactID); l.Outcome == ImportRefused && l.ContactID != "" {
				t.Errorf("refused line %+v", l)
			}
		}
		if got := ulids.ReplaceAllString(imported(report), "(ID)"); got != want {
			t.Errorf("dry run %t: got\n%s\nwant\n%s", dry, got, want)
		}
		if report.DryRun != dry || report.Created != 3 || report.Updated != 2 || report.Unchanged != 1 || report.Refused != 5 {
			t.Errorf("dry run %t: counted %+v", dry, report)
		}
		if events = b.events.types(); dry && (len(events) > 0 || !slices.Equal(slices.Sorted(maps.Keys(before)), slices.Sorted(maps.Keys(b.store.contacts)))) {
			t.Error("a dry run changed something")
		}
		if dry && (known[0] == "" || known[1] != "" || known[2] != "") {
			t.Errorf("a dry run named %q: a known contact has an ID, one to come has none", known)
		}
	}
	if !slices.Equal(events, []call.EventType{call.EventContactChanged, call.EventContactCreated, call.EventContactCreated, call.EventContactChanged, call.EventContactCreated}) {
		t.Errorf("events %v", events)
	}
	c, _ := b.store.byNumber("+34910111222")
	if c.Name != "Luis Pérez" || c.Owner != "ana" || len(c.Numbers) != 2 || c.Notes != `met at "the" fair` {
		t.Errorf("updated %+v", c)
	}
	if c, _ := b.store.byNumber("+34600000005"); c.Name != "Ñuñez €" || c.Notes != "two\nlines" || c.Country != "ES" || c.CreatedAt.IsZero() {
		t.Errorf("created %+v", c)
	}
	if c, _ := b.store.byNumber("+34600000007"); c.Name != "=cmd|' /C calc'!A0[31m" || !c.DoNotCall {
		t.Errorf("created %+v", c)
	}
	before := len(b.store.contacts)
	report, err := b.Import(t.Context(), strings.NewReader(file), false)
	if err != nil || report.Created != 0 || report.Updated != 0 || len(b.store.contacts) != before || len(b.events.types()) != 0 {
		t.Errorf("a second time: %+v, %v", report, err)
	}
}

func TestImportReadsFiles(t *testing.T) {
	utf16le := func(s string) string {
		b := []byte{0xff, 0xfe}
		for _, u := range utf16.Encode([]rune(s)) {
			b = append(b, byte(u), byte(u>>8))
		}
		return string(b)
	}
	tests := []struct{ what, file, name string }{
		{"first and last name", "first name,last name,tel\nAna,García,600111222\n", "Ana García"},
		{"tabs", "TELEPHONE\tNAME\n600111222\tAna\n", "Ana"},
		{"an empty column between tabs", "country\tphone\tname\n\t600111222\tAna\n", "Ana"},
		{"one column", "numbers\n600111222\n", "+34600111222"},
		{"quotes, no last line end", "\"name\",\"phone\"\n\"García, Ana\",\"600111222\"", "García, Ana"},
		{"CRLF and a byte order mark", "\ufeffname,phone\r\nAna,600111222\r\n", "Ana"},
		{"UTF-16", utf16le("name\tphone\r\nGarcía €\t600111222\r\n"), "García €"},
		{"a spreadsheet's hint", "sep=;\r\nname;phone\r\nGarcía, Ana;600111222\r\n", "García, Ana"},
		{"a CRM's export", "Record ID,First Name,Last Name,Phone Number,Mobile Phone Number,Contact owner\n1,Ana,García,600111222,,ana\n", "Ana García"},
		{"another CRM's export", "Person - Name,Person - Phone - Work,Person - Phone - Mobile\nAna,,600111222\n", "Ana"},
		{"underscores", "Full_Name,phone_number_1,do_not_call\nAna,600111222,0\n", "Ana"},
		{"spaces", "name , phone\n Ana , 600111222\n", "Ana"},
		{"a long name", "name,phone\n" + strings.Repeat("x", 4096) + ",600111222\n", strings.Repeat("x", maxName)},
	}
	for _, tt := range tests {
		b := newBook(t)
		report, err := b.Import(t.Context(), strings.NewReader(tt.file), false)
		c, _ := b.store.byNumber("+34600111222")
		if err != nil || report.Created != 1 || c.Name != tt.name {
			t.Errorf("%s: %+v, %v, %+v", tt.what, report, err, c)
		}
	}
}

func TestImportRefusesFiles(t *testing.T) {
	for _, file := range []string{"", "\n\n", "name,owner\nx,y\n", "sep=;\n", "PK\x03\x04\x00\x00"} {
		var invalid *InvalidError
		if _, err := newBook(t).Import(t.Context(), strings.NewReader(file), false); !errors.As(err, &invalid) || invalid.Field != "file" {
			t.Errorf("%q: %v", file, err)
		}
	}
	b := newBook(t)
	report, err := b.Import(t.Context(), strings.NewReader("phone,name\n600111222,\"open\n"+strings.Repeat("600111333,x\n", 300)), false)
	if err != nil || report.Refused != 1 || !strings.Contains(report.Lines[0].Why, "quote") || len(b.store.contacts) != 0 {
		t.Errorf("a quote left open: %+v, %v", report, err)
	}
}

func TestImportIsBounded(t *testing.T) {
	b := newBook(t)
	full := "phone\n" + strings.Repeat("x\n", importRows)
	report, err := b.Import(t.Context(), strings.NewReader(full), false)
	if err != nil || report.Refused != importRows || report.Lines[importRows-1].Line != importRows+1 {
		t.Errorf("as many lines as may be: %v, %d refused", err, report.Refused)
	}
	var invalid *InvalidError
	if _, err = b.Import(t.Context(), strings.NewReader("phone\n600111222\n"+full), false); !errors.As(err, &invalid) || len(b.store.contacts) != 0 {
		t.Errorf("too many lines: %v, %d stored", err, len(b.store.contacts))
	}
	long := "phone\n600111222\n" + strings.Repeat("\n", ImportBytes)
	if _, err = b.Import(t.Context(), strings.NewReader(long), false); !errors.As(err, &invalid) || len(b.store.contacts) != 0 {
		t.Errorf("too many bytes: %v, %d stored", err, len(b.store.contacts))
	}
	b.store.fail = errors.New("disk full")
	if _, err := b.Import(t.Context(), strings.NewReader("phone\n600111222\n600111223\n"), false); !errors.Is(err, b.store.fail) {
		t.Errorf("store failed: %v", err)
	}
}

// Screens are told of a bounded number of an import's contacts.
func TestImportTellsOfSome(t *testing.T) {
	b := newBook(t)
	var file strings.Builder
	file.WriteString("phone\n")
	for n := range importEvents + importBatch {
		fmt.Fprintf(&file, "60000%04d\n", n)
	}
	report, err := b.Import(t.Context(), strings.NewReader(file.String()), false)
	if got := len(b.events.types()); err != nil || report.Created != importEvents+importBatch || got != importEvents {
		t.Errorf("%d created, %d events, %v", report.Created, got, err)
	}
}

func FuzzImport(f *testing.F) {
	for _, s := range []string{
		"phone\n600111222\n", "\ufeffname;phone\nx;y\n", "phone\n\"", "phone,phone\n1,2\n\xff,\x00", "numbers\n600111222|600111223,\n",
		"sep=;\nphone;dnc\n600111222;x\n600111222;\n", "\xff\xfep\x00h\x00o\x00n\x00e\x00\n\x001\x00",
		"phone\tname\n600111222,600111223\t\n600111223,600111224\tAna\n",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		b := newBook(t)
		dry, dryErr := b.Import(t.Context(), strings.NewReader(s), true)
		if len(b.store.contacts) > 0 {
			t.Fatal("a dry run stored something")
		}
		report, err := b.Import(t.Context(), strings.NewReader(s), false)
		if err != nil {
			if _, ok := errors.AsType[*InvalidError](err); !ok || dryErr == nil {
				t.Fatal(err, dryErr)
			}
			return
		}
		if report.Created != len(b.store.contacts) || outcomes(dry) != outcomes(report) {
			t.Fatalf("%d contacts of\n%s\nwhich was to be\n%s", len(b.store.contacts), imported(report), imported(dry))
		}
		owner := make(map[string]string)
		for id, c := range b.store.contacts {
			if len(c.Numbers) == 0 || len([]rune(c.Name)) > maxName {
				t.Fatalf("contact %+v", c)
			}
			for _, n := range c.Numbers {
				if owner[n] != "" {
					t.Fatal(fmt.Sprint(n, " belongs to two contacts"))
				}
				owner[n] = id
			}
		}
		again, err := b.Import(t.Context(), strings.NewReader(s), false)
		if err != nil || again.Created+again.Updated > 0 || again.Refused != report.Refused {
			t.Fatalf("a second time: %v\n%s", err, imported(again))
		}
	})
}

// outcomes is what became of each line, without IDs.
func outcomes(r ImportReport) string {
	var b strings.Builder
	for _, l := range r.Lines {
		fmt.Fprintln(&b, l.Line, l.Outcome, l.Name, l.Changed)
	}
	return b.String()
}
