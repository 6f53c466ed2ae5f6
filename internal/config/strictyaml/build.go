package strictyaml

import (
	"slices"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// builder turns the parser's tree into nodes: aliases and merge keys are
// resolved, duplicates found.
type builder struct {
	file     string
	anchors  map[string]ast.Node
	open     []string // anchors being built, so that none contains itself
	nodes    int
	problems Problems
}

// node returns n as a Node at path.
func (b *builder) node(n ast.Node, path string, depth int) *Node {
	out := &Node{file: b.file, path: path, line: 1, column: 1}
	if n == nil {
		return out
	}
	out.line, out.column = position(n)
	b.nodes++
	if depth > maxDepth || b.nodes > maxNodes {
		return b.broken(out, "too many values inside values; is it a configuration file?")
	}
	switch n := n.(type) {
	case *ast.MappingNode:
		b.mapping(out, n.Values, depth)
	case *ast.MappingValueNode:
		b.mapping(out, []*ast.MappingValueNode{n}, depth)
	case *ast.SequenceNode:
		out.kind = Sequence
		for i, item := range n.Values {
			out.items = append(out.items, b.node(item, indexPath(path, i), depth+1))
		}
	case *ast.AnchorNode:
		return b.anchor(n, path, depth)
	case *ast.AliasNode:
		return b.alias(out, n, depth)
	case *ast.TagNode:
		return b.tag(out, n, depth)
	case *ast.NullNode:
	case *ast.LiteralNode:
		out.kind, out.text, out.quoted = Scalar, n.Value.Value, true
	case *ast.StringNode:
		out.kind, out.text, out.quoted = Scalar, n.Value, quoted(n.Token)
	case ast.ScalarNode:
		out.kind, out.text = Scalar, n.GetToken().Value
	default:
		return b.broken(out, "not possible here")
	}
	return out
}

// broken records a problem with a node that decoding shall pass over. Of a file
// that is nonsense a few are enough.
func (b *builder) broken(out *Node, format string, args ...any) *Node {
	const enough = 100
	if len(b.problems) < enough {
		b.problems = append(b.problems, out.Problem(format, args...))
	}
	out.kind = Broken
	return out
}

// quoted reports whether a token stood in quotes.
func quoted(t *token.Token) bool {
	return t != nil && (t.Type == token.SingleQuoteType || t.Type == token.DoubleQuoteType)
}

// anchor returns the value behind &name and remembers it.
func (b *builder) anchor(n *ast.AnchorNode, path string, depth int) *Node {
	name := nameOf(n.Name)
	b.anchors[name] = n.Value
	b.open = append(b.open, name)
	defer func() { b.open = b.open[:len(b.open)-1] }()
	return b.node(n.Value, path, depth+1)
}

// alias returns the value that *name stands for, at the place of the alias.
func (b *builder) alias(out *Node, n *ast.AliasNode, depth int) *Node {
	name := nameOf(n.Value)
	target, known := b.anchors[name]
	if !known || slices.Contains(b.open, name) {
		return b.broken(out, "the *name refers to nothing above; put the value in quotes if it begins with *")
	}
	b.open = append(b.open, name)
	defer func() { b.open = b.open[:len(b.open)-1] }()
	return b.node(target, out.path, depth+1)
}

// nameOf returns the name of an anchor or alias.
func nameOf(n ast.Node) string {
	if n == nil || n.GetToken() == nil {
		return ""
	}
	return n.GetToken().Value
}

// tag returns the value behind a !!tag. Fields decide what a value means, so
// only "this is text" makes a difference.
func (b *builder) tag(out *Node, n *ast.TagNode, depth int) *Node {
	switch n.Start.Value {
	case "!!str":
		value := b.node(n.Value, out.path, depth+1)
		if value.kind == Null {
			value.kind = Scalar
		}
		value.quoted = true
		return value
	case "!!int", "!!float", "!!bool", "!!null", "!!map", "!!seq":
		return b.node(n.Value, out.path, depth+1)
	default:
		return b.broken(out, "the !tag means nothing here; put the value in quotes if it begins with !")
	}
}

// mapping fills out with keys and values.
func (b *builder) mapping(out *Node, values []*ast.MappingValueNode, depth int) {
	out.kind = Mapping
	var merged []*Node
	lines := make(map[string]int, len(values)) // where keys were given first
	for _, v := range values {
		e := entry{line: 1, column: 1}
		if t := v.Key.GetToken(); t != nil && t.Position != nil {
			e.line, e.column = t.Position.Line, t.Position.Column
		}
		if v.Key.IsMergeKey() {
			merged = append(merged, b.merge(v, out.path, depth)...)
			continue
		}
		key, ok := keyText(v.Key)
		if !ok {
			p := out.Problem("this key is not plain text")
			p.Line, p.Column = e.line, e.column
			b.problems = append(b.problems, p)
			continue
		}
		e.key = key
		e.value = b.node(v.Value, joinPath(out.path, showKey(key)), depth+1)
		if _, absent := v.Value.(*ast.NullNode); absent {
			e.value.line, e.value.column = e.line, e.column
		}
		if line, twice := lines[key]; twice {
			p := e.value.Problem("the key is given twice (first on line %d)", line)
			p.Line, p.Column = e.line, e.column
			b.problems = append(b.problems, p)
			continue
		}
		lines[key] = e.line
		out.entries = append(out.entries, e)
	}
	for _, m := range merged {
		out.entries = out.Over(m).entries
	}
}

// merge returns the mappings that "<<: *name" (or a list of them) adds.
func (b *builder) merge(v *ast.MappingValueNode, path string, depth int) []*Node {
	value := b.node(v.Value, path, depth+1)
	sources := value.items
	if value.kind == Mapping {
		sources = []*Node{value}
	}
	if value.kind != Mapping && value.kind != Sequence {
		b.problems = append(b.problems, value.Problem("<< wants keys and values, found %s", value.kind))
	}
	for _, source := range sources {
		if source.kind != Mapping {
			b.problems = append(b.problems, source.Problem("<< wants keys and values, found %s", source.kind))
			return nil
		}
	}
	return sources
}

// keyText returns the text of a key.
func keyText(key ast.MapKeyNode) (string, bool) {
	var n ast.Node = key
	if explicit, ok := n.(*ast.MappingKeyNode); ok {
		n = explicit.Value
	}
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.NullNode, *ast.TagNode, *ast.AnchorNode, *ast.AliasNode, nil:
		return "", false
	case ast.ScalarNode:
		return n.GetToken().Value, n.GetToken() != nil
	default:
		return "", false
	}
}
