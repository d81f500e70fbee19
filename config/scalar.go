package config

import (
	"cmp"
	"encoding"
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/goccy/go-yaml/ast"
)

// scalar reads one value: placeholders are replaced, then the text is parsed as
// the type of v wants it, then the bounds of the tag are checked.
func (d *decoder) scalar(n ast.ScalarNode, path string, v reflect.Value, tag reflect.StructTag) {
	written := scalarText(n)
	at := d.spots[path]
	at.text = written
	d.spots[path] = at
	shown := quote(written)
	if v.Type() == reflect.TypeFor[Secret]() {
		shown = "the value"
	}
	if message, hint := mismatch(n, v.Type(), written); message != "" {
		d.fault(path, message, hint)
		return
	}
	text, err := d.expand.expand(written)
	if err != nil {
		d.fault(path, err.Error(), "")
		return
	}
	if err := parseInto(v, text); err != nil {
		d.fault(path, shown+" "+err.Error(), suggestChoice(v, written))
		return
	}
	if err := within(v, tag); err != nil {
		d.fault(path, err.Error(), "")
	}
	if tag.Get("required") != "" && text == "" {
		d.fault(path, "must not be empty", "")
	}
}

// scalarText is a scalar as it stands in the file, without quotes.
func scalarText(n ast.ScalarNode) string {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value
	case *ast.LiteralNode:
		return n.Value.Value
	}
	return n.GetToken().Value
}

// mismatch words a YAML type that the wanted type does not take: a number where
// a text is wanted would lose its + or its leading zeros, and a quoted number is
// a text.
func mismatch(n ast.ScalarNode, t reflect.Type, written string) (message, hint string) {
	got := shape(n)
	kind := t.Kind()
	switch {
	case hasPlaceholder(written):
		return "", ""
	case got == "a text" && kind == reflect.Bool:
		return "must be true or false, not a text", "yes, no, on and off are texts in YAML"
	case got == "a text" && isNumber(t):
		return "must be " + wanted(t) + ", not a text", ""
	case got == "true or false" && kind != reflect.Bool, got == "a number" && kind == reflect.Bool:
		return "must be " + wanted(t) + ", not " + got, ""
	case got == "a number" && kind == reflect.String && !isChoice(t):
		return "must be a text, not a number", "write it in quotes"
	}
	return "", ""
}

func isNumber(t reflect.Type) bool {
	return t.Kind() == reflect.Int && t.Name() == "int" || t.Kind() == reflect.Float64
}

func isChoice(t reflect.Type) bool { return t.Implements(reflect.TypeFor[choice]()) }

// wanted names the kind of value that a type takes.
func wanted(t reflect.Type) string {
	switch {
	case t == reflect.TypeFor[time.Duration]():
		return "a duration such as 30s"
	case t.Kind() == reflect.Bool:
		return "true or false"
	case t.Kind() == reflect.Float64:
		return "a number"
	case isNumber(t):
		return "a whole number"
	}
	return "a text"
}

// parseInto parses text into v. Errors are predicates without the text.
func parseInto(v reflect.Value, text string) error {
	switch p := v.Addr().Interface().(type) {
	case *time.Duration:
		return assign(p, text, parseDuration)
	case *netip.Prefix:
		return assign(p, text, parsePrefix)
	case *bool:
		return assign(p, text, parseBool)
	case *int:
		return assign(p, text, parseInt)
	case *float64:
		return assign(p, text, parseFloat)
	case choice:
		if !slices.Contains(p.choices(), text) {
			return fmt.Errorf("is not one of %s", strings.Join(p.choices(), ", "))
		}
	case encoding.TextUnmarshaler:
		return p.UnmarshalText([]byte(text))
	}
	if strings.ContainsFunc(text, unicode.IsControl) {
		return errors.New("has a control character, such as a line end")
	}
	v.SetString(text)
	return nil
}

func assign[T any](p *T, text string, parse func(string) (T, error)) error {
	value, err := parse(text)
	if err != nil {
		return err
	}
	*p = value
	return nil
}

func parseBool(s string) (bool, error) {
	if s != "true" && s != "false" {
		return false, errors.New("is neither true nor false")
	}
	return s == "true", nil
}

func parseInt(s string) (int, error) {
	n, err := strconv.ParseInt(s, 10, 32)
	if err != nil || !regexp.MustCompile(`^-?(0|[1-9][0-9]*)$`).MatchString(s) {
		return 0, errors.New("is not a whole number in plain decimal digits")
	}
	return int(n), nil
}

func parseFloat(s string) (float64, error) {
	n, err := strconv.ParseFloat(s, 64)
	if err != nil || !regexp.MustCompile(`^-?[0-9]*\.?[0-9]+$`).MatchString(s) {
		return 0, errors.New("is not a number in plain decimal digits")
	}
	return n, nil
}

// suggestChoice is a hint for a misspelt choice.
func suggestChoice(v reflect.Value, written string) string {
	c, ok := reflect.TypeAssert[choice](v)
	if !ok {
		return ""
	}
	if hint := suggest(written, c.choices()); strings.HasPrefix(hint, "did you mean") {
		return hint
	}
	return ""
}

// within checks the min and max of a tag. Bounds are written in the type's own
// notation; a tag that does not parse is a fault of this package, which the
// tests find.
func within(v reflect.Value, tag reflect.StructTag) error {
	for _, bound := range []struct{ name, word string }{{"min", "at least"}, {"max", "at most"}} {
		text, has := tag.Lookup(bound.name)
		if !has || v.Kind() == reflect.Slice {
			continue
		}
		limit := reflect.New(v.Type()).Elem()
		if err := parseInto(limit, text); err != nil {
			return fmt.Errorf("%s %q: %w", bound.name, text, err)
		}
		if c := compare(v, limit); bound.name == "min" && c < 0 || bound.name == "max" && c > 0 {
			return fmt.Errorf("must be %s %s", bound.word, text)
		}
	}
	return nil
}

// compare orders two numbers or durations of one type.
func compare(a, b reflect.Value) int {
	if a.CanFloat() {
		return cmp.Compare(a.Float(), b.Float())
	}
	return cmp.Compare(a.Int(), b.Int())
}
