package tone

import "strings"

// Language returns the language (ISO 639-1) in which callers of a country (ISO
// 3166-1 alpha-2) are spoken to, among those that there are messages in; English
// where there is none.
func Language(country string) string {
	switch strings.ToUpper(country) {
	case "ES", "MX", "AR", "CO", "CL", "PE", "VE", "EC", "GT", "CU", "BO", "DO", "HN", "PY", "SV", "NI", "CR", "PA", "UY", "PR", "GQ":
		return "es"
	case "FR", "BE", "LU", "MC", "SN", "CI", "ML", "BF", "NE", "TG", "BJ", "GA", "CG", "CD", "CM", "GP", "MQ", "RE", "GF":
		return "fr"
	case "DE", "AT", "CH", "LI":
		return "de"
	case "IT", "SM", "VA":
		return "it"
	case "PT", "BR", "AO", "MZ", "CV", "GW", "ST":
		return "pt"
	}
	return "en"
}
