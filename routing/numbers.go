package routing

import (
	"strings"
	"unicode"

	"github.com/nyaruka/phonenumbers"
)

// Kind is what a string of digits is to somebody who dials it.
type Kind string

// The kinds of number.
const (
	KindE164      Kind = "e164"
	KindShort     Kind = "short"     // valid only within its country, e.g. 010
	KindEmergency Kind = "emergency" // goes out as dialed, whatever else is configured
	KindExtension Kind = "extension" // a colleague's
	KindInvalid   Kind = "invalid"
)

// NumberFormat is how a trunk wants to see numbers.
type NumberFormat string

// The formats of a number on a trunk.
const (
	FormatE164     NumberFormat = "e164"     // +34910000001
	FormatDigits   NumberFormat = "digits"   // 34910000001
	FormatNational NumberFormat = "national" // 910000001; abroad with the country's international prefix
)

const (
	numberBytes = 64 // longer input is no number
	// ITU-T E.164 allows 15 digits; the shortest numbers in use, country code
	// included, have 7.
	minDigits = 7
	maxDigits = 15
	// A national form shorter than this must be a number that is in use: it
	// might as well be an extension or a typing error.
	safeNational = 8
	// Bare digits that begin with a foreign country code are believed from
	// this length on; carriers that omit the plus send callers that way.
	bareForeign = 11
)

// Normalize returns the E.164 form of a number as people and carriers write
// it: with + or 00, with the trunk prefix or without, with separators, with an
// extension, which is dropped. country (ISO 3166-1 alpha-2) is where a number
// without a country code belongs. ok is false for anything that could not be
// dialed from abroad: words, extensions, short and emergency numbers.
func Normalize(raw, country string) (e164 string, ok bool) {
	digits, ok := dialable(raw)
	if !ok {
		return "", false
	}
	if rest, found := strings.CutPrefix(digits, "00"); found {
		if e164, ok = parse("+"+rest, country); ok {
			return e164, true
		}
	}
	if e164, ok = parse(digits, country); ok {
		return e164, true
	}
	if len(digits) < bareForeign || digits[0] == '+' || digits[0] == '0' {
		return "", false
	}
	number, err := phonenumbers.Parse("+"+digits, country)
	if err != nil || !phonenumbers.IsValidNumber(number) {
		return "", false
	}
	return sane(number, "+"+digits)
}

// parse reads digits, which may begin with a plus.
func parse(digits, country string) (string, bool) {
	number, err := phonenumbers.Parse(digits, country)
	if err != nil || phonenumbers.IsPossibleNumberWithReason(number) != phonenumbers.IS_POSSIBLE {
		return "", false
	}
	national := digits[0] != '+'
	if national && len(digits) < safeNational && !phonenumbers.IsValidNumber(number) {
		return "", false
	}
	return sane(number, digits)
}

// sane formats a number whose length E.164 allows and which reads the same
// again: some that nobody has lose a leading zero each time they are parsed.
// One that was parsed from its E.164 form has just shown that it does.
func sane(number *phonenumbers.PhoneNumber, from string) (string, bool) {
	e164 := phonenumbers.Format(number, phonenumbers.E164)
	if n := len(e164) - 1; n < minDigits || n > maxDigits {
		return "", false
	}
	if e164 == from {
		return e164, true
	}
	again, err := phonenumbers.Parse(e164, "")
	return e164, err == nil && phonenumbers.Format(again, phonenumbers.E164) == e164 &&
		phonenumbers.IsPossibleNumberWithReason(again) == phonenumbers.IS_POSSIBLE
}

// dialable strips what people write around digits: separators, invisible
// marks that come with copied text, tel: and its parameters, an extension.
func dialable(raw string) (string, bool) {
	if len(raw) > numberBytes {
		return "", false
	}
	raw, _, _ = strings.Cut(strings.ToLower(strings.TrimSpace(raw)), ";") // RFC 3966 section 3: ;ext=, ;isub=
	raw = withoutExtension(strings.TrimPrefix(raw, "tel:"))
	var b strings.Builder
	for _, r := range raw {
		switch {
		case r >= '0' && r <= '9', r == '+' && b.Len() == 0:
			b.WriteRune(r)
		case strings.ContainsRune("().,/\t", r), unicode.In(r, unicode.Zs, unicode.Pd, unicode.Cf):
		default:
			return "", false
		}
	}
	return b.String(), b.Len() > 0 && b.String() != "+"
}

// withoutExtension cuts "ext. 12" or "x12" off lower-case text.
func withoutExtension(s string) string {
	at := strings.IndexFunc(s, unicode.IsLetter)
	if at <= 0 {
		return s
	}
	word := strings.TrimRight(s[at:], "0123456789")
	switch strings.Trim(word, " .:") {
	case "x", "ext", "extn", "extension", "extensión":
		return s[:at]
	}
	return s
}

// KindOf says what a number is to somebody who dials it in country. Extensions
// are known to Directory.Dialed alone.
func KindOf(raw, country string) Kind {
	digits, ok := dialable(raw)
	if !ok {
		return KindInvalid
	}
	if phonenumbers.IsEmergencyNumber(digits, country) {
		return KindEmergency
	}
	number, err := phonenumbers.Parse(digits, country)
	if err == nil && digits[0] != '+' && phonenumbers.IsValidShortNumberForRegion(number, country) {
		return KindShort
	}
	if _, ok := Normalize(raw, country); ok {
		return KindE164
	}
	return KindInvalid
}

// CountryOf returns the country (ISO 3166-1 alpha-2) of an E.164 number, or
// nothing when it belongs to none.
func CountryOf(e164 string) string {
	number, err := phonenumbers.Parse(e164, "")
	if err != nil {
		return ""
	}
	region := phonenumbers.GetRegionCodeForNumber(number)
	if region == "" {
		region = phonenumbers.GetRegionCodeForCountryCode(int(number.GetCountryCode()))
	}
	if len(region) != 2 || region == "ZZ" { // ZZ: unknown; 001: belongs to no country
		return ""
	}
	return region
}

// Format writes a number as a trunk in the given country wants it. Short and
// emergency numbers, which have no +, come back as they are.
func Format(number string, format NumberFormat, country string) string {
	digits, international := strings.CutPrefix(number, "+")
	if !international || format == FormatE164 {
		return number
	}
	if format == FormatDigits {
		return digits
	}
	parsed, err := phonenumbers.Parse(number, country)
	if err != nil {
		return number
	}
	text := phonenumbers.FormatOutOfCountryCallingNumber(parsed, country)
	if int(parsed.GetCountryCode()) == phonenumbers.GetCountryCodeForRegion(country) {
		text = phonenumbers.Format(parsed, phonenumbers.NATIONAL)
	}
	if strings.HasPrefix(text, "+") { // the country has no single international prefix
		return number
	}
	return phonenumbers.NormalizeDigitsOnly(text)
}
