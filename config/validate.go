package config

import (
	"fmt"
	"regexp"
	"strings"
)

// validator makes the checks that need more than one key, or the machine. It
// reports at the positions that the decoder kept.
type validator struct {
	cfg     *Config
	spots   map[string]spot
	entries map[string][]string
	report  *report
}

func (v *validator) all() {
	v.data()
	v.listeners()
	v.media()
	v.certificates()
	v.publicURL()
	v.recordings()
	v.trunks()
	v.numbers()
	v.users()
	v.playbooks()
	v.crm()
	v.dialer()
}

// at is the position of a key, or of the nearest section around it that the
// file has.
func (v *validator) at(path string) spot {
	for {
		if s, ok := v.spots[path]; ok {
			return s
		}
		path = path[:max(strings.LastIndexAny(path, ".["), 0)]
	}
}

// given reports whether the file has a key.
func (v *validator) given(path string) bool {
	_, ok := v.spots[path]
	return ok
}

// shown is a value as the file has it, placeholders not replaced.
func (v *validator) shown(path string) string { return quote(v.spots[path].text) }

func (v *validator) fault(path, message, hint string) {
	v.report.add(v.at(path), path, message, hint)
}

func (v *validator) warn(path, message string) {
	v.report.warn(v.at(path), path, message)
}

// sound reports whether a key has no fault so far.
func (v *validator) sound(path string) bool { return !v.report.bad[path] }

// names is the set of the names of one section.
type names struct {
	section string            // trunks
	first   map[string]string // name -> path of its first use
	whole   bool              // every name could be read, so what is missing is missing
}

// collect checks that names are well formed and given once.
func (v *validator) collect(section, key string, values []string) names {
	n := names{section: section, first: map[string]string{}, whole: v.sound(section)}
	for i, name := range values {
		path := fmt.Sprintf("%s[%d].%s", section, i, key)
		if name == "" {
			n.whole = n.whole && v.sound(path) && v.sound(fmt.Sprintf("%s[%d]", section, i))
			continue
		}
		if first, twice := n.first[name]; twice {
			v.fault(path, fmt.Sprintf("%s is used twice, first on line %d", v.shown(path), v.at(first).line), "")
			continue
		}
		n.first[name] = path
	}
	return n
}

// refer checks that the value of a key, unless empty, is one of the names.
func (v *validator) refer(path, name string, to names) {
	if _, known := to.first[name]; known || !to.whole || name == "" {
		return
	}
	v.fault(path, fmt.Sprintf("%s is not among the %s", v.shown(path), to.section), v.closest(path, name, to))
}

// closest suggests a name, unless the value came from a placeholder, which a
// suggestion could give away, or the names are too many to compare them all.
func (v *validator) closest(path, name string, to names) string {
	if v.spots[path].text != name || len(to.first) > 500 {
		return ""
	}
	best, distance := "", 3
	for k := range to.first {
		n := editDistance(name, k)
		if n < len(k) && (n < distance || n == distance && k < best) {
			best, distance = k, n
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("did you mean %q?", best)
}

// referAll checks a list of references: each known, none twice.
func (v *validator) referAll(path string, list []string, to names) {
	for i, name := range list {
		at := fmt.Sprintf("%s[%d]", path, i)
		if name == "" {
			v.fault(at, "must not be empty", "")
		}
		v.refer(at, name, to)
	}
	once(v, path, list)
}

// once checks that a list has no value twice.
func once[T comparable](v *validator, path string, list []T) {
	seen := map[T]bool{}
	for i, value := range list {
		at := fmt.Sprintf("%s[%d]", path, i)
		if seen[value] && v.sound(at) {
			v.fault(at, v.shown(at)+" is in the list twice", "")
		}
		seen[value] = true
	}
}

// label checks a name that goes into commands, URLs and metrics.
func (v *validator) label(path, name string) {
	if name != "" && v.sound(path) && !regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`).MatchString(name) {
		v.fault(path, v.shown(path)+" is not a name", "letters, digits, '.', '_' and '-', at most 64")
	}
}
