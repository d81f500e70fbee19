package config

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	yaml "github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// Bounds on nesting and on the size of one mapping. The parser's time grows
// with the square of both, so that they are checked on the tokens, before parsing.
const (
	maxPairs     = 2000
	maxFlowDepth = 16  // brackets and braces inside each other
	maxMarkers   = 16  // "-" and "?" on one line
	maxIndent    = 200 // spaces before the first character of a line
)

// parseYAML turns bytes into the mapping at the root of their one document. A
// fault it returns has a position but no file yet.
func parseYAML(data []byte) (ast.Node, *Fault) {
	if len(data) > MaxSize {
		return nil, &Fault{Message: fmt.Sprintf("the file is longer than %d bytes", MaxSize)}
	}
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	if fault := checkBytes(data); fault != nil {
		return nil, fault
	}
	tokens := lexer.Tokenize(string(data))
	if fault := checkShape(tokens); fault != nil {
		return nil, fault
	}
	file, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		return nil, syntaxFault(err, data)
	}
	return rootOf(file)
}

// checkBytes refuses what is not text: broken UTF-8 and NUL.
func checkBytes(data []byte) *Fault {
	line, start := 1, 0
	for i := 0; i < len(data); {
		r, size := utf8.DecodeRune(data[i:])
		if r == 0 || r == utf8.RuneError && size == 1 {
			column := utf8.RuneCount(data[start:i]) + 1
			return &Fault{Line: line, Column: column, Message: "the file is not text in UTF-8"}
		}
		i += size
		if r == '\n' {
			line, start = line+1, i
		}
	}
	return nil
}

// shapeGuard follows the tokens of a file and measures its shape.
type shapeGuard struct {
	depth   int         // open brackets and braces
	line    int         // of the last token
	markers int         // "-" and "?" on that line
	pairs   map[int]int // of the open mappings: by column, in brackets by depth below zero
}

func checkShape(tokens token.Tokens) *Fault {
	g := shapeGuard{pairs: map[int]int{}}
	for _, t := range tokens {
		if message := g.next(t); message != "" {
			at := spotOf(t)
			return &Fault{Line: at.line, Column: at.column, Message: message}
		}
	}
	return nil
}

// next takes one token in and words what is too much, if anything.
func (g *shapeGuard) next(t *token.Token) string {
	if t.Position.Line != g.line {
		g.line, g.markers = t.Position.Line, 0
	}
	switch t.Type {
	case token.SequenceStartType, token.MappingStartType:
		g.depth++
		delete(g.pairs, -g.depth)
	case token.SequenceEndType, token.MappingEndType:
		g.depth--
	case token.SequenceEntryType, token.MappingKeyType:
		g.markers++
		g.endBeyond(t.Position.Column)
	case token.MappingValueType:
		if g.pair(t) > maxPairs {
			return fmt.Sprintf("a mapping has more than %d keys", maxPairs)
		}
	}
	if g.depth > maxFlowDepth || g.markers > maxMarkers || t.Position.IndentNum > maxIndent {
		return "the file is nested too deeply"
	}
	return ""
}

// pair counts a pair, whose colon is t, in its mapping.
func (g *shapeGuard) pair(t *token.Token) int {
	at := -g.depth
	if g.depth <= 0 {
		at = t.Position.Column
		if t.Prev != nil {
			at = t.Prev.Position.Column
		}
		g.endBeyond(at)
	}
	g.pairs[at]++
	return g.pairs[at]
}

// endBeyond forgets the block mappings that are indented further.
func (g *shapeGuard) endBeyond(column int) {
	for at := range g.pairs {
		if at > column {
			delete(g.pairs, at)
		}
	}
}

// syntaxFault words a parse error. Only the parser's message is taken, not its
// excerpt of the file, in which a password could stand.
func syntaxFault(err error, data []byte) *Fault {
	var syntax *yaml.SyntaxError
	if !errors.As(err, &syntax) || syntax.Token == nil {
		return &Fault{Line: 1, Column: 1, Message: "the file is not YAML"}
	}
	at := spotOf(syntax.Token)
	fault := &Fault{Line: at.line, Column: at.column, Message: "not YAML: " + syntax.Message}
	lines := strings.Split(string(data), "\n")
	switch {
	case at.line > len(lines) || at.line < 1:
	case strings.Contains(lines[at.line-1], "${"):
		fault.Hint = `inside { } and [ ] a placeholder needs quotes: "${NAME}"`
	case strings.Contains(lines[at.line-1], "\t"):
		fault.Hint = "indent with spaces, not tabs"
	}
	return fault
}

// rootOf finds the only document's mapping.
func rootOf(file *ast.File) (ast.Node, *Fault) {
	var bodies []ast.Node
	for _, doc := range file.Docs {
		if _, directive := doc.Body.(*ast.DirectiveNode); doc.Body != nil && !directive {
			bodies = append(bodies, doc.Body)
		}
	}
	if len(bodies) == 0 {
		return nil, &Fault{Line: 1, Column: 1, Message: "the file is empty", Hint: "tandem config example shows every key"}
	}
	if len(bodies) > 1 {
		at := startOf(bodies[1])
		return nil, &Fault{Line: at.line, Column: at.column, Message: "a second document begins here; a configuration is one document"}
	}
	if _, ok := pairsOf(bodies[0]); !ok {
		at := startOf(bodies[0])
		return nil, &Fault{Line: at.line, Column: at.column, Message: "the file must be a mapping of keys such as account, sip and trunks"}
	}
	return bodies[0], nil
}

// spot is a position in the file and the text that stands there, as written.
type spot struct {
	line, column int
	text         string
}

func spotOf(t *token.Token) spot {
	return spot{line: t.Position.Line, column: t.Position.Column}
}

// startOf is where a node begins: a block mapping begins at its first key, not
// at that key's colon, which is the token the parser keeps for it.
func startOf(n ast.Node) spot {
	switch n := n.(type) {
	case *ast.MappingNode:
		if !n.IsFlowStyle && len(n.Values) > 0 {
			return startOf(n.Values[0].Key)
		}
	case *ast.MappingValueNode:
		return startOf(n.Key)
	}
	if t := n.GetToken(); t != nil {
		return spotOf(t)
	}
	return spot{line: 1, column: 1}
}
