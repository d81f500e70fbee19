package config

import (
	"reflect"
	"slices"
	"strings"
)

// restartKeys are the keys that are taken up only when the program starts.
func restartKeys() []string {
	return []string{
		"account.timezone", "data",
		"sip.listen", "sip.domain", "sip.external", "sip.tls", "sip.user_agent", "sip.max_calls_per_second",
		"media.ports", "http", "recording.directory", "limits", "log.format",
	}
}

// Changed lists the keys whose values differ between two configurations, in
// the order of the file: sip.max_calls for a single value, trunks for a list.
func (c *Config) Changed(old *Config) []string {
	return changed("", reflect.ValueOf(*c), reflect.ValueOf(*old))
}

func changed(path string, a, b reflect.Value) []string {
	if a.Kind() != reflect.Struct || isText(a.Type()) {
		if reflect.DeepEqual(a.Interface(), b.Interface()) {
			return nil
		}
		return []string{path}
	}
	var keys []string
	for i := range a.NumField() {
		if key := a.Type().Field(i).Tag.Get("yaml"); key != "-" {
			keys = append(keys, changed(join(path, key), a.Field(i), b.Field(i))...)
		}
	}
	return keys
}

// Equal reports whether two configurations mean the same; warnings do not count.
func (c *Config) Equal(old *Config) bool { return len(c.Changed(old)) == 0 }

// RestartNeeded lists the changed keys that cannot be applied while the program
// runs. A reload is refused when there are any, naming them. The folder of the
// recordings follows data where the file does not name it; both are listed then.
func (c *Config) RestartNeeded(old *Config) []string {
	return slices.DeleteFunc(c.Changed(old), func(key string) bool {
		return !slices.ContainsFunc(restartKeys(), func(fixed string) bool {
			return key == fixed || strings.HasPrefix(key, fixed+".")
		})
	})
}
