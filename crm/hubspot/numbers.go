package hubspot

import (
	"cmp"
	"strings"

	"github.com/nyaruka/phonenumbers"
)

// longestNumber bounds what somebody typed as a number before it is parsed.
const longestNumber = 60

// national returns a number (E.164) as HubSpot's calculated properties have it:
// without the country.
func national(e164 string) string {
	number, err := phonenumbers.Parse(e164, "")
	if err != nil {
		return strings.TrimPrefix(e164, "+")
	}
	return phonenumbers.GetNationalSignificantNumber(number)
}

// isNumber reports whether what somebody typed is the number (E.164). What has
// no country is of the account's, or, where that is not known, of the number's.
func isNumber(typed, e164, country string) bool {
	if typed == "" || len(typed) > longestNumber {
		return false
	}
	if wanted, err := phonenumbers.Parse(e164, ""); err == nil {
		country = cmp.Or(country, phonenumbers.GetRegionCodeForCountryCode(int(wanted.GetCountryCode())))
	}
	number, err := phonenumbers.Parse(typed, country)
	return err == nil && phonenumbers.Format(number, phonenumbers.E164) == e164
}
