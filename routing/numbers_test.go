package routing

import (
	"strings"
	"testing"
)

func TestNormalize(t *testing.T) {
	tests := []struct {
		raw, country, want string
	}{
		{"+34910000001", "ES", "+34910000001"},
		{"0034910000001", "ES", "+34910000001"},
		{"34910000001", "ES", "+34910000001"},
		{"910000001", "ES", "+34910000001"},
		{"910 00 00-01", "ES", "+34910000001"},
		{"(910) 000.001", "ES", "+34910000001"},
		{"tel:+34-910-000-001", "ES", "+34910000001"},
		{"+34910000001;ext=12", "ES", "+34910000001"},
		{"+34 910 000 001 ext. 12", "ES", "+34910000001"},
		{"+34 910 000 001 x12", "ES", "+34910000001"},
		{"\u202a+34\u00a0600\u2011111\u2011222\u202c", "ES", "+34600111222"},
		{"+44 (0)20 7946 0000", "ES", "+442079460000"},
		{"02079460000", "GB", "+442079460000"},
		{"442079460000", "ES", "+442079460000"},
		{"011 34 910000001", "US", "+34910000001"},
		{"0034910000001", "US", "+34910000001"},
		{"(650) 253-0000", "US", "+16502530000"},
		{"1 650 253 0000", "US", "+16502530000"},
		{"06 698 12345", "IT", "+390669812345"},
		{"030 123456", "DE", "+4930123456"},
		{"1234", "ES", ""},
		{"1234", "DE", ""},
		{"12345", "DE", ""}, // possible, but it might as well be an extension
		{"112", "ES", ""},
		{"5550100", "US", ""}, // no area code
		{"+34123", "ES", ""},
		{"+999123456789", "ES", ""},
		{"+", "ES", ""},
		{"", "ES", ""},
		{"unknown", "ES", ""},
		{"anonymous", "ES", ""},
		{"1-800-FLOWERS", "US", ""},
		{"+34910000001+34", "ES", ""},
		{"910000001\x00", "ES", ""},
		{"+349100000011", "ES", ""},
		{strings.Repeat("9", 65), "ES", ""},
	}
	for _, tt := range tests {
		got, ok := Normalize(tt.raw, tt.country)
		if ok != (tt.want != "") || ok && got != tt.want {
			t.Errorf("Normalize(%q, %s) = %q, %v; want %q", tt.raw, tt.country, got, ok, tt.want)
		}
	}
}

func TestKindOf(t *testing.T) {
	tests := []struct {
		raw, country string
		want         Kind
	}{
		{"112", "ES", KindEmergency},
		{"911", "US", KindEmergency},
		{"010", "ES", KindShort},
		{"016", "ES", KindShort},
		{"+34600111222", "ES", KindE164},
		{"600111222", "ES", KindE164},
		{"101", "ES", KindInvalid},
		{"hello", "ES", KindInvalid},
	}
	for _, tt := range tests {
		if got := KindOf(tt.raw, tt.country); got != tt.want {
			t.Errorf("KindOf(%q, %s) = %s, want %s", tt.raw, tt.country, got, tt.want)
		}
	}
}

func TestCountryOf(t *testing.T) {
	for number, want := range map[string]string{
		"+34600111222": "ES", "+442079460000": "GB", "+16502530000": "US", "+14165550123": "CA",
		"+15550001111": "US", "+80012345678": "", "+999": "", "": "",
	} {
		if got := CountryOf(number); got != want {
			t.Errorf("CountryOf(%q) = %q, want %q", number, got, want)
		}
	}
}

func TestFormat(t *testing.T) {
	tests := []struct {
		number  string
		format  NumberFormat
		country string
		want    string
	}{
		{"+34910000001", FormatE164, "ES", "+34910000001"},
		{"+34910000001", FormatDigits, "ES", "34910000001"},
		{"+34910000001", FormatNational, "ES", "910000001"},
		{"+442079460000", FormatNational, "GB", "02079460000"},
		{"+442079460000", FormatNational, "ES", "00442079460000"},
		{"+34910000001", FormatNational, "US", "01134910000001"},
		{"+16502530000", FormatNational, "US", "6502530000"},
		{"112", FormatNational, "ES", "112"},
		{"112", FormatDigits, "ES", "112"},
	}
	for _, tt := range tests {
		if got := Format(tt.number, tt.format, tt.country); got != tt.want {
			t.Errorf("Format(%s, %s, %s) = %q, want %q", tt.number, tt.format, tt.country, got, tt.want)
		}
	}
}

// A number that was normalised once stays as it is, wherever it is read again.
func FuzzNormalize(f *testing.F) {
	for _, seed := range []string{"+34910000001", "0034 910", "tel:+1-650;ext=2", "x12", "anonymous", "+44 (0)20 7946 0000", "\u202a600111222"} {
		f.Add(seed, "ES")
		f.Add(seed, "US")
	}
	f.Fuzz(func(t *testing.T, raw, country string) {
		e164, ok := Normalize(raw, country)
		KindOf(raw, country)
		if !ok {
			return
		}
		if e164[0] != '+' || len(e164) < minDigits+1 || len(e164) > maxDigits+1 {
			t.Fatalf("Normalize(%q, %q) = %q", raw, country, e164)
		}
		for _, elsewhere := range []string{country, "ES", "US", "DE"} {
			again, ok := Normalize(e164, elsewhere)
			if !ok || again != e164 {
				t.Fatalf("Normalize(%q, %q) = %q; read again in %s: %q, %v", raw, country, e164, elsewhere, again, ok)
			}
		}
		for _, format := range []NumberFormat{FormatE164, FormatDigits, FormatNational} {
			if Format(e164, format, country) == "" {
				t.Fatalf("Format(%q, %s, %q) is empty", e164, format, country)
			}
		}
	})
}

// BenchmarkNormalize reads a caller's number as a carrier sends it.
func BenchmarkNormalize(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := Normalize("+34600111222", "ES"); !ok {
			b.Fatal("refused")
		}
	}
}
