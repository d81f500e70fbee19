package config

import (
	"encoding"
	"encoding/json"
	"net/netip"
	"reflect"
	"time"

	"github.com/invopop/jsonschema"
)

// The patterns of values, as editors check them; Load checks more.
const (
	placeholderPattern = `\$\{`
	durationPattern    = `^(0|([0-9]+(ms|s|m|h|d))+)$`
	clockPattern       = `([01][0-9]|2[0-4]):[0-5][0-9]`
	datePattern        = `^[0-9]{4}-[0-9]{2}-[0-9]{2}$`
	weekdayPattern     = `(mon|tue|wed|thu|fri|sat|sun)`
	daysPattern        = `^` + weekdayPattern + `(-` + weekdayPattern + `)?(, *` + weekdayPattern + `(-` + weekdayPattern + `)?)*$`
)

// Schema is the JSON Schema (2020-12) of a configuration file, for editors and
// other tools: every key with description, type, default and bounds. Wherever a
// single value stands, a text with a ${...} placeholder may stand too.
func Schema() []byte {
	r := jsonschema.Reflector{
		Anonymous:                  true,
		ExpandedStruct:             true,
		FieldNameTag:               "yaml",
		RequiredFromJSONSchemaTags: true,
		Mapper:                     valueSchema,
	}
	s := r.Reflect(&Config{})
	s.Title = "Tandem configuration"
	s.Description = "One file configures the whole switch. Unknown keys are refused."
	describe(s, s.Definitions, reflect.ValueOf(defaultConfig()))
	// A schema of plain values always marshals; the tests read it back.
	out, _ := json.MarshalIndent(s, "", "  ")
	return append(out, '\n')
}

// describe adds what the struct tags and the defaults say to the schema of one
// section and of the sections inside it.
func describe(s *jsonschema.Schema, defs jsonschema.Definitions, v reflect.Value) {
	t := v.Type()
	for i := range t.NumField() {
		field := t.Field(i)
		p, ok := s.Properties.Get(field.Tag.Get("yaml"))
		if !ok {
			continue
		}
		p.Description = field.Tag.Get("doc")
		if field.Tag.Get("required") != "" {
			s.Required = append(s.Required, field.Tag.Get("yaml"))
		} else {
			p.Default = defaultOf(v.Field(i))
		}
		if !isDuration(field.Type) && field.Type.Kind() != reflect.Slice {
			p.Minimum, p.Maximum = json.Number(field.Tag.Get("min")), json.Number(field.Tag.Get("max"))
		}
		if inner, ok := section(field.Type, v.Field(i)); ok {
			describe(defs[inner.Type().Name()], defs, inner)
		}
	}
}

// section is the struct that a field holds, directly, by pointer or in a list,
// with its defaults.
func section(t reflect.Type, v reflect.Value) (reflect.Value, bool) {
	if t.Kind() == reflect.Slice || t.Kind() == reflect.Pointer {
		t = t.Elem()
		v = elementDefault(t)
	}
	return v, t.Kind() == reflect.Struct && !isText(t) && t != reflect.TypeFor[netip.Prefix]()
}

// defaultOf is a default as it would stand in a file; nil where there is none
// to name: a section, or a value that follows from other keys.
func defaultOf(v reflect.Value) any {
	switch value := v.Interface().(type) {
	case time.Duration:
		return formatDuration(value)
	case Secret:
		return string(value)
	case string, bool, int, float64:
		return value
	case encoding.TextMarshaler:
		text, err := value.MarshalText()
		if err != nil || v.IsZero() {
			return nil
		}
		return string(text)
	}
	switch {
	case v.Kind() == reflect.String && !v.IsZero():
		return v.String()
	case v.Kind() == reflect.Slice && !v.IsNil():
		values := make([]any, v.Len())
		for i := range values {
			values[i] = defaultOf(v.Index(i))
		}
		return values
	}
	return nil
}

func isDuration(t reflect.Type) bool { return t == reflect.TypeFor[time.Duration]() }

// valueSchema is the schema of the types that are written as one value, and of
// the mappings whose keys are values; nil leaves a type to reflection.
func valueSchema(t reflect.Type) *jsonschema.Schema {
	if c, ok := reflect.TypeAssert[choice](reflect.Zero(t)); ok {
		return anyOf(oneOf(c))
	}
	switch reflect.Zero(t).Interface().(type) {
	case time.Duration:
		return anyOf(&jsonschema.Schema{Type: "integer", Const: 0}, text(durationPattern))
	case bool:
		return anyOf(&jsonschema.Schema{Type: "boolean"})
	case int:
		return anyOf(&jsonschema.Schema{Type: "integer"})
	case float64:
		return anyOf(&jsonschema.Schema{Type: "number"})
	case Secret:
		return &jsonschema.Schema{Type: "string"}
	case Country:
		return anyOf(text(`^[A-Z]{2}$`))
	case Zone:
		return anyOf(text(`^[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*$`))
	case PortRange:
		return anyOf(text(`^[0-9]+ *- *[0-9]+$`))
	case HostPort:
		return anyOf(text(`^.*:[0-9]+$`))
	case Listen:
		return anyOf(text(`^(udp|tcp|tls|ws|wss)://.+:[0-9]+$`))
	case netip.Prefix:
		return anyOf(text(`^[0-9A-Fa-f.:]+(/[0-9]+)?$`))
	case Interval:
		return anyOf(text(`^` + clockPattern + ` *- *` + clockPattern + `$`))
	case Date:
		return anyOf(text(datePattern))
	case Day:
		return day()
	case Weekly:
		return mapOf(text(daysPattern), day())
	case map[Date]Day:
		return mapOf(text(datePattern), day())
	case map[Result]string:
		return mapOf(oneOf(Result("")), &jsonschema.Schema{Type: "string"})
	}
	return nil
}

func text(pattern string) *jsonschema.Schema {
	return &jsonschema.Schema{Type: "string", Pattern: pattern}
}

func oneOf(c choice) *jsonschema.Schema {
	s := &jsonschema.Schema{Type: "string"}
	for _, value := range c.choices() {
		s.Enum = append(s.Enum, value)
	}
	return s
}

// anyOf allows each of the forms, or a text with a placeholder.
func anyOf(forms ...*jsonschema.Schema) *jsonschema.Schema {
	return &jsonschema.Schema{AnyOf: append(forms, text(placeholderPattern))}
}

func day() *jsonschema.Schema {
	return anyOf(
		&jsonschema.Schema{Type: "array", Items: valueSchema(reflect.TypeFor[Interval]())},
		&jsonschema.Schema{Type: "string", Const: "closed"},
	)
}

func mapOf(keys, values *jsonschema.Schema) *jsonschema.Schema {
	return &jsonschema.Schema{Type: "object", PropertyNames: keys, AdditionalProperties: values}
}
