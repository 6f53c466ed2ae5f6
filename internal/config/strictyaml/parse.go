package strictyaml

import (
	"bytes"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

const (
	// MaxBytes bounds a file.
	MaxBytes = 256 << 10
	// maxDepth bounds how deep sections and lists may be nested.
	maxDepth = 32
	// maxNodes bounds what aliases may unfold to.
	maxNodes = 20_000
)

// Parse reads a file that holds one mapping. An empty file is an empty mapping.
// The error is of type Problems; when the file could be read in spite of it
// (a duplicate key), the Node is not nil and may be decoded to find the rest.
// file is only used to name the place.
func Parse(file string, data []byte) (*Node, error) {
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	if problem := unreadable(file, data); problem != nil {
		return nil, Problems{*problem}
	}
	parsed, problem := parse(file, data)
	if problem != nil {
		return nil, Problems{*problem}
	}
	body, problem := single(file, parsed)
	if problem != nil {
		return nil, Problems{*problem}
	}
	b := &builder{file: file, anchors: make(map[string]ast.Node)}
	root := b.node(body, "", 0)
	switch root.kind {
	case Mapping:
		return root, b.problems.Err()
	case Broken:
		return nil, b.problems.Err()
	case Null:
		root.kind = Mapping
		return root, b.problems.Err()
	default:
		return nil, append(b.problems, root.Problem("expected lines of the form \"key: value\", found %s", root.kind)).Err()
	}
}

// unreadable returns why data cannot be YAML at all, nil when it may be.
func unreadable(file string, data []byte) *Problem {
	if len(data) > MaxBytes {
		return &Problem{File: file, Message: fmt.Sprintf("the file is larger than %d kB; is it a configuration file?", MaxBytes>>10)}
	}
	line := 1
	for rest := data; len(rest) > 0; {
		r, size := utf8.DecodeRune(rest)
		switch {
		case r == utf8.RuneError && size == 1, r == 0:
			column := utf8.RuneCount(data[bytes.LastIndexByte(data[:len(data)-len(rest)], '\n')+1:len(data)-len(rest)]) + 1
			return &Problem{File: file, Line: line, Column: column, Message: "the file is not UTF-8 text"}
		case r == '\n':
			line++
		}
		rest = rest[size:]
	}
	if tooDeep(data) {
		return &Problem{File: file, Message: "brackets or list markers are nested too deep; is it a configuration file?"}
	}
	return nil
}

// tooDeep reports whether data opens so many nested values in a row that the
// recursive parser should not see it. Counting brackets that are never closed
// is enough: quoted ones only make the bound a little stricter.
func tooDeep(data []byte) bool {
	const limit = 1000
	depth, run := 0, 0
	for _, c := range data {
		switch c {
		case '[', '{':
			depth++
		case ']', '}':
			depth = max(0, depth-1)
		}
		switch c {
		case '-', '?', ':':
			run++
		case ' ', '\t':
		default:
			run = 0
		}
		if depth > limit || run > limit {
			return true
		}
	}
	return false
}

// syntaxError is what the parser's errors offer.
type syntaxError interface {
	error
	GetToken() *token.Token
	GetMessage() string
}

// parse runs the parser. A panic of it, which only nonsense provokes, is a
// syntax error too.
func parse(file string, data []byte) (parsed *ast.File, problem *Problem) {
	defer func() {
		if recover() != nil {
			parsed, problem = nil, &Problem{File: file, Message: "the file is not valid YAML"}
		}
	}()
	// Duplicate keys are found later, all of them and with both places.
	parsed, err := parser.ParseBytes(data, 0, parser.AllowDuplicateMapKey())
	if err == nil {
		return parsed, nil
	}
	problem = &Problem{File: file, Message: "the file is not valid YAML"}
	if s, ok := errors.AsType[syntaxError](err); ok {
		problem.Message = explain(s.GetMessage())
		if t := s.GetToken(); t != nil && t.Position != nil {
			problem.Line, problem.Column = t.Position.Line, t.Position.Column
		}
	}
	return nil, problem
}

// single returns the body of the only document, nil when there is none.
func single(file string, parsed *ast.File) (ast.Node, *Problem) {
	var body ast.Node
	for _, doc := range parsed.Docs {
		if doc == nil {
			continue
		}
		_, directive := doc.Body.(*ast.DirectiveNode) // %YAML 1.2
		switch {
		case doc.Body == nil, directive:
		case body != nil:
			p := Problem{File: file, Message: "the file has more than one YAML document; keep one (no \"---\" between parts)"}
			p.Line, p.Column = position(doc.Body)
			return nil, &p
		default:
			body = doc.Body
		}
	}
	return body, nil
}

// position returns where a node of the parser's tree begins.
func position(n ast.Node) (line, column int) {
	t := n.GetToken()
	switch typed := n.(type) {
	case *ast.MappingNode:
		if !typed.IsFlowStyle && len(typed.Values) > 0 {
			t = typed.Values[0].Key.GetToken()
		}
	case *ast.MappingValueNode:
		t = typed.Key.GetToken()
	case *ast.LiteralNode:
		t = typed.Start
	}
	if t == nil || t.Position == nil {
		return 1, 1
	}
	return t.Position.Line, t.Position.Column
}
