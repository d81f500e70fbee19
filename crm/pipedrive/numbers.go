package pipedrive

import (
	"slices"
	"strings"

	"github.com/nyaruka/phonenumbers"
)

// longestNumber bounds what somebody typed as a number before it is parsed.
const longestNumber = 60

// searchTerms returns what to search for to find the people with a number
// (E.164), the likeliest first. Pipedrive compares text with text: the bare
// digits are within what programs store, the written forms within what people
// type.
func searchTerms(e164 string) []string {
	number, err := phonenumbers.Parse(e164, "")
	if err != nil {
		return []string{strings.TrimPrefix(e164, "+")}
	}
	terms := []string{phonenumbers.GetNationalSignificantNumber(number)}
	// Without the country, the international form is within both +1 201-555-0123
	// and 201-555-0123.
	_, spaced, _ := strings.Cut(phonenumbers.Format(number, phonenumbers.INTERNATIONAL), " ")
	for _, written := range []string{spaced, phonenumbers.Format(number, phonenumbers.NATIONAL)} {
		within := func(term string) bool { return strings.Contains(written, term) }
		if written != "" && !slices.ContainsFunc(terms, within) {
			terms = append(terms, written)
		}
	}
	return terms
}

// isNumber reports whether what somebody typed, in the account's country, is
// the number (E.164).
func isNumber(typed, e164, country string) bool {
	if len(typed) > longestNumber {
		return false
	}
	number, err := phonenumbers.Parse(typed, country)
	return err == nil && phonenumbers.Format(number, phonenumbers.E164) == e164
}
