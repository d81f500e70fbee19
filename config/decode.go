package config

import (
	"encoding"
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// maxElements bounds every list, so that checks may compare their elements.
const maxElements = 5000

// decoder walks the syntax tree beside the Go value that it fills in. It notes
// every fault and goes on, and keeps the position of every key for the checks
// that follow.
type decoder struct {
	root   ast.Node
	expand expander
	report *report

	spots map[string]spot     // by key path: where its value stands, and the text as written
	keys  map[string][]string // by path of a mapping read by entries: its keys, as written
}

func newDecoder(root ast.Node, e expander) *decoder {
	return &decoder{
		root:   root,
		expand: e,
		report: &report{bad: map[string]bool{}},
		spots:  map[string]spot{"": startOf(root)},
		keys:   map[string][]string{},
	}
}

// decode fills in cfg, which holds the defaults.
func (d *decoder) decode(cfg *Config) {
	d.structure(d.root, "", reflect.ValueOf(cfg).Elem())
}

// fault notes a fault at the value of a key.
func (d *decoder) fault(path, message, hint string) {
	d.report.add(d.spots[path], path, message, hint)
}

// value fills in v from n. Tag is the struct tag with the bounds of the value.
func (d *decoder) value(n ast.Node, path string, v reflect.Value, tag reflect.StructTag) {
	if n == nil {
		d.fault(path, "has no value", "")
		return
	}
	// What the parser puts where nothing stands has no place of its own; the
	// key has.
	_, null := n.(*ast.NullNode)
	if _, keyed := d.spots[path]; !null || !keyed {
		d.spots[path] = startOf(n)
	}
	if message, hint := unsupported(n); message != "" {
		d.fault(path, message, hint)
		return
	}
	if v.Kind() == reflect.Pointer {
		v.Set(reflect.New(v.Type().Elem()))
		v = v.Elem()
	}
	_, isScalar := n.(ast.ScalarNode)
	switch {
	case isScalar && isText(v.Type()):
		d.scalar(n.(ast.ScalarNode), path, v, tag)
	case v.Kind() == reflect.Slice:
		d.sequence(n, path, v, tag)
	case isText(v.Type()):
		d.fault(path, "must be "+wanted(v.Type())+", not "+shape(n), "")
	case v.Kind() == reflect.Map:
		d.entries(n, path, v)
	default:
		d.structure(n, path, v)
	}
}

// unsupported words what is valid YAML but not part of a configuration.
func unsupported(n ast.Node) (message, hint string) {
	switch n.(type) {
	case *ast.AnchorNode, *ast.AliasNode, *ast.MergeKeyNode:
		return "anchors and aliases are not supported", "write the value out"
	case *ast.TagNode:
		return "YAML tags are not supported", "leave the tag out"
	case *ast.NullNode:
		return "has no value", `leave the key out for its default, or write "" for an empty text and [] for an empty list`
	}
	return "", ""
}

// structure reads a mapping with known keys.
func (d *decoder) structure(n ast.Node, path string, v reflect.Value) {
	fields := fieldsOf(v.Type())
	seen := d.mapping(n, path, func(key string, child ast.Node) {
		at := join(path, key)
		field, known := fields[key]
		if !known {
			d.fault(at, "unknown key", suggest(key, keysOf(v.Type())))
			return
		}
		d.value(child, at, v.FieldByIndex(field.Index), field.Tag)
	})
	if seen == nil {
		return
	}
	for _, key := range keysOf(v.Type()) {
		if at := join(path, key); fields[key].Tag.Get("required") != "" && seen[key] == 0 {
			d.spots[at] = d.spots[path]
			d.fault(at, "is required", "")
		}
	}
}

// entries reads a mapping whose keys are values themselves: days, dates, results.
func (d *decoder) entries(n ast.Node, path string, v reflect.Value) {
	v.Set(reflect.MakeMap(v.Type()))
	first := map[any]string{}
	d.mapping(n, path, func(key string, child ast.Node) {
		at := join(path, key)
		k := reflect.New(v.Type().Key()).Elem()
		if err := parseInto(k, key); err != nil {
			d.fault(at, quote(key)+" "+err.Error(), "")
			return
		}
		if other, twice := first[k.Interface()]; twice {
			d.fault(at, "means the same as "+quote(other)+" before it", "write them as one")
			return
		}
		first[k.Interface()] = key
		d.keys[path] = append(d.keys[path], key)
		e := reflect.New(v.Type().Elem()).Elem()
		d.value(child, at, e, "")
		v.SetMapIndex(k, e)
	})
}

// mapping calls each for every pair of a mapping and refuses keys that are not
// plain text or come twice. It returns the keys with their lines, nil when n is
// no mapping.
func (d *decoder) mapping(n ast.Node, path string, each func(key string, child ast.Node)) map[string]int {
	pairs, ok := pairsOf(n)
	if !ok {
		d.fault(path, "must be a mapping of keys, not "+shape(n), "")
		return nil
	}
	seen := map[string]int{}
	for _, pair := range pairs {
		key, ok := keyText(pair.Key)
		at, place := join(path, key), startOf(pair.Key)
		switch {
		case !ok:
			d.report.add(place, at, "a key must be plain text", "")
		case seen[key] > 0:
			// Even beside a fault of the first: it is a mistake of its own.
			delete(d.report.bad, at)
			d.report.add(place, at, fmt.Sprintf("is given twice, first on line %d", seen[key]), "")
		default:
			seen[key] = place.line
			d.spots[at] = place
			each(key, pair.Value)
		}
	}
	return seen
}

// pairsOf are the pairs of a mapping, which the parser has in two forms.
func pairsOf(n ast.Node) ([]*ast.MappingValueNode, bool) {
	switch n := n.(type) {
	case *ast.MappingNode:
		return n.Values, true
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{n}, true
	}
	return nil, false
}

// keyText is the text of a mapping key.
func keyText(key ast.MapKeyNode) (string, bool) {
	if _, merge := key.(*ast.MergeKeyNode); merge {
		return "<<", false
	}
	scalar, ok := key.(ast.ScalarNode)
	if !ok {
		return "?", false
	}
	return scalar.GetToken().Value, true
}

// sequence reads a list. An element with a fault keeps its place, so that the
// indices of the others stay those of the file.
func (d *decoder) sequence(n ast.Node, path string, v reflect.Value, tag reflect.StructTag) {
	seq, ok := n.(*ast.SequenceNode)
	if !ok {
		d.fault(path, "must be a list, not "+shape(n), "write [ ] around it, or a line with - for each element")
		return
	}
	if len(seq.Values) > maxElements {
		d.fault(path, fmt.Sprintf("has more than %d elements", maxElements), "")
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(seq.Values), len(seq.Values)))
	for i, child := range seq.Values {
		element := v.Index(i)
		element.Set(elementDefault(element.Type()))
		d.value(child, path+"["+strconv.Itoa(i)+"]", element, tag)
	}
}

// fieldsOf are the fields of a section by their key.
func fieldsOf(t reflect.Type) map[string]reflect.StructField {
	fields := map[string]reflect.StructField{}
	for field := range t.Fields() {
		if key := field.Tag.Get("yaml"); key != "-" {
			fields[key] = field
		}
	}
	return fields
}

// keysOf are the keys of a section in the order of its struct.
func keysOf(t reflect.Type) []string {
	var keys []string
	for field := range t.Fields() {
		if key := field.Tag.Get("yaml"); key != "-" {
			keys = append(keys, key)
		}
	}
	return keys
}

// isText reports whether values of a type are written as one scalar.
func isText(t reflect.Type) bool {
	if reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()) {
		return true
	}
	switch t.Kind() {
	case reflect.String, reflect.Bool, reflect.Int, reflect.Int64, reflect.Float64:
		return true
	}
	return false
}

// join appends a key to a path.
func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// shape names what stands in the file.
func shape(n ast.Node) string {
	switch n.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		return "a mapping"
	case *ast.SequenceNode:
		return "a list"
	case *ast.BoolNode:
		return "true or false"
	case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		return "a number"
	}
	return "a text"
}

// quote shows a value of the file in a message, shortened.
func quote(s string) string {
	if r := []rune(s); len(r) > 60 {
		s = string(r[:60]) + "..."
	}
	return strconv.Quote(s)
}

// suggest is a hint for an unknown word: the known one that is closest, if any.
func suggest(word string, known []string) string {
	best, distance := "", 3
	for _, k := range known {
		if n := editDistance(strings.ToLower(word), k); n < distance && n < len(k) {
			best, distance = k, n
		}
	}
	if best == "" {
		return "known here: " + strings.Join(known, ", ")
	}
	return fmt.Sprintf("did you mean %q?", best)
}

// editDistance counts the letters to insert, delete or replace; it stops caring
// about words much longer than any key.
func editDistance(a, b string) int {
	if len(a) > 64 {
		return len(a)
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(diagonal+cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
