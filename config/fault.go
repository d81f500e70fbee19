package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Fault is one thing wrong with a configuration file.
type Fault struct {
	File    string `json:"file"`
	Line    int    `json:"line"`   // from 1; 0 when the fault concerns the file as a whole
	Column  int    `json:"column"` // from 1, in characters
	Key     string `json:"key"`    // such as playbooks[0].reception.on_reject; empty for the file
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"` // what to do about it, when that is not obvious
}

// String is the fault as "file:line:column: key: message".
func (f Fault) String() string {
	var b strings.Builder
	b.WriteString(f.File)
	if f.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", f.Line, f.Column)
	}
	b.WriteString(": ")
	if f.Key != "" {
		b.WriteString(f.Key + ": ")
	}
	b.WriteString(f.Message)
	return b.String()
}

// Faults is every fault of one file, by position. It is the error of Load.
type Faults []Fault

// Error has a line for every fault, with its hint in parentheses.
func (fs Faults) Error() string {
	lines := make([]string, len(fs))
	for i, f := range fs {
		lines[i] = f.String()
		if f.Hint != "" {
			lines[i] += " (" + f.Hint + ")"
		}
	}
	return strings.Join(lines, "\n")
}

// report collects faults and warnings while a file is read.
type report struct {
	faults   []Fault
	warnings []Fault
	bad      map[string]bool // paths that have a fault already
}

// add notes a fault. A second fault of the same key is dropped: it would only
// be a consequence of the first.
func (r *report) add(at spot, key, message, hint string) {
	if r.bad[key] {
		return
	}
	r.bad[key] = true
	r.faults = append(r.faults, Fault{Line: at.line, Column: at.column, Key: key, Message: message, Hint: hint})
}

func (r *report) warn(at spot, key, message string) {
	r.warnings = append(r.warnings, Fault{Line: at.line, Column: at.column, Key: key, Message: message})
}

func (r *report) sorted(file string, warnings bool) Faults {
	list := r.faults
	if warnings {
		list = r.warnings
	}
	slices.SortStableFunc(list, func(a, b Fault) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	for i := range list {
		list[i].File = file
	}
	return list
}
