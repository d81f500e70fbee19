package config

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	yaml "github.com/goccy/go-yaml"
)

// object is a JSON object.
type object = map[string]any

func schemaObject(t *testing.T) object {
	t.Helper()
	var s object
	if err := json.Unmarshal(Schema(), &s); err != nil {
		t.Fatal(err)
	}
	return s
}

// checker validates with the part of JSON Schema that ours uses; any other
// keyword is an error, so that none goes unchecked.
type checker struct {
	root   object
	errors []string
}

func (c *checker) check(path string, s object, value any) {
	fail := func(format string, args ...any) {
		c.errors = append(c.errors, path+": "+fmt.Sprintf(format, args...))
	}
	for keyword, arg := range s {
		switch keyword {
		case "$schema", "$defs", "title", "description", "default":
		case "$ref":
			c.check(path, c.root["$defs"].(object)[strings.TrimPrefix(arg.(string), "#/$defs/")].(object), value)
		case "type":
			if !isType(value, arg.(string)) {
				fail("%v is not of type %s", value, arg)
			}
		case "anyOf":
			if !slices.ContainsFunc(arg.([]any), func(form any) bool {
				inner := &checker{root: c.root}
				inner.check(path, form.(object), value)
				return len(inner.errors) == 0
			}) {
				fail("%v has none of the forms", value)
			}
		case "enum":
			if !slices.Contains(arg.([]any), value) {
				fail("%v is not one of %v", value, arg)
			}
		case "const":
			if fmt.Sprint(value) != fmt.Sprint(arg) {
				fail("%v is not %v", value, arg)
			}
		case "pattern":
			if text, ok := value.(string); ok && !regexp.MustCompile(arg.(string)).MatchString(text) {
				fail("%q does not match %s", text, arg)
			}
		case "minimum", "maximum":
			if n, ok := number(value); ok && (keyword == "minimum" && n < arg.(float64) || keyword == "maximum" && n > arg.(float64)) {
				fail("%v: %s is %v", value, keyword, arg)
			}
		case "items":
			list, _ := value.([]any)
			for i, element := range list {
				c.check(fmt.Sprintf("%s[%d]", path, i), arg.(object), element)
			}
		case "required":
			m, isMap := value.(object)
			for _, key := range arg.([]any) {
				if _, has := m[key.(string)]; isMap && !has {
					fail("%s is missing", key)
				}
			}
		case "properties", "additionalProperties", "propertyNames":
			m, _ := value.(object)
			for key, child := range m {
				c.member(join(path, key), keyword, s, key, child)
			}
		default:
			fail("unknown keyword %s", keyword)
		}
	}
}

func (c *checker) member(path, keyword string, s object, key string, child any) {
	known, _ := s["properties"].(object)
	property, isKnown := known[key].(object)
	switch keyword {
	case "properties":
		if isKnown {
			c.check(path, property, child)
		}
	case "propertyNames":
		c.check(path, s["propertyNames"].(object), key)
	case "additionalProperties":
		if isKnown {
			return
		}
		if s["additionalProperties"] == false {
			c.errors = append(c.errors, path+": unknown key")
			return
		}
		c.check(path, s["additionalProperties"].(object), child)
	}
}

func isType(value any, name string) bool {
	n, isNumber := number(value)
	switch name {
	case "object":
		_, ok := value.(object)
		return ok
	case "array":
		_, ok := value.([]any)
		return ok
	case "string":
		_, ok := value.(string)
		return ok
	case "boolean":
		_, ok := value.(bool)
		return ok
	case "integer":
		return isNumber && n == float64(int64(n))
	case "number":
		return isNumber
	}
	return false
}

func number(value any) (float64, bool) {
	v := reflect.ValueOf(value)
	switch {
	case !v.IsValid():
		return 0, false
	case v.CanInt():
		return float64(v.Int()), true
	case v.CanUint():
		return float64(v.Uint()), true
	case v.CanFloat():
		return v.Float(), true
	}
	return 0, false
}

func schemaErrors(t *testing.T, text []byte) []string {
	t.Helper()
	var value any
	if err := yaml.Unmarshal(text, &value); err != nil {
		t.Fatal(err)
	}
	c := &checker{root: schemaObject(t)}
	c.check("", c.root, value)
	slices.Sort(c.errors)
	return c.errors
}

func TestSchemaAcceptsExample(t *testing.T) {
	if errs := schemaErrors(t, Example()); len(errs) > 0 {
		t.Error(strings.Join(errs, "\n"))
	}
}

func TestSchemaAcceptsReference(t *testing.T) {
	if errs := schemaErrors(t, referenceText(t)); len(errs) > 0 {
		t.Error(strings.Join(errs, "\n"))
	}
}

func TestSchemaRefuses(t *testing.T) {
	cases := map[string]string{
		"zzz: 1":                                     "zzz: unknown key",
		"sip: {max_calls: many}":                     "sip.max_calls: many has none of the forms",
		"sip: {max_calls: 0}":                        "sip.max_calls: 0: minimum is 1",
		"dialer: {abandonment_limit: 3}":             "dialer.abandonment_limit: 3: maximum is 1",
		"media: {timeout: 30}":                       "media.timeout: 30 has none of the forms",
		"log: {level: loud}":                         "log.level: loud has none of the forms",
		"trunks: [{address: x}]":                     "trunks[0]: name is missing",
		"crm: {dispositions: {lost: x}}":             "crm.dispositions.lost: lost is not one of [completed no_answer busy failed cancelled office_closed]",
		"playbooks: [{name: p, hours: {weekly: 5}}]": "playbooks[0].hours.weekly: 5 is not of type object",
		"media: {ports: 5}":                          "media.ports: 5 has none of the forms",
	}
	for text, want := range cases {
		if got := schemaErrors(t, []byte(text)); len(got) != 1 || got[0] != want {
			t.Errorf("%s: got %q, want %q", text, got, want)
		}
	}
	for _, text := range []string{"sip: {max_calls: \"${N}\"}", "recording: {retention: 0}", "playbooks: [{name: p, hours: {exceptions: {2026-12-24: closed}}}]"} {
		if got := schemaErrors(t, []byte(text)); len(got) > 0 {
			t.Errorf("%s: %q", text, got)
		}
	}
}

// Every key has a description in the schema, and every default is one that the
// schema itself allows.
func TestSchemaDescribesEverything(t *testing.T) {
	root := schemaObject(t)
	sections := map[string]any{"": root}
	maps.Copy(sections, root["$defs"].(object))
	defaults := 0
	for name, section := range sections {
		for key, p := range section.(object)["properties"].(object) {
			property := p.(object)
			if property["description"] == "" || property["description"] == nil {
				t.Errorf("%s.%s has no description", name, key)
			}
			if value, has := property["default"]; has {
				defaults++
				c := &checker{root: root}
				if c.check(name+"."+key, property, value); len(c.errors) > 0 {
					t.Errorf("default: %v", c.errors)
				}
			}
		}
	}
	if defaults < 70 {
		t.Errorf("only %d keys have their default in the schema", defaults)
	}
	if got := root["$schema"]; got != "https://json-schema.org/draft/2020-12/schema" {
		t.Errorf("$schema is %v", got)
	}
}
