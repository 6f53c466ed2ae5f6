package strictyaml

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Kind is what a node is.
type Kind int

// The kinds of a node.
const (
	Null     Kind = iota // nothing written, or ~ or null
	Scalar               // text, a number, true or false: what it means is the field's choice
	Sequence             // a list
	Mapping              // keys and values
	Broken               // something that Parse has reported; decoding passes over it
)

// String names the kind in messages.
func (k Kind) String() string {
	switch k {
	case Null:
		return "nothing"
	case Scalar:
		return "a single value"
	case Sequence:
		return "a list"
	case Mapping:
		return "keys and values"
	case Broken:
		return "something unreadable"
	default:
		return "unknown"
	}
}

// Node is a value as it stands in a file, with its place. A Node is immutable
// and safe for concurrent use. A nil *Node is an absent section: a mapping
// without keys.
type Node struct {
	file         string
	line, column int
	path         string
	kind         Kind
	text         string // of a scalar, as written, without quotes
	quoted       bool   // a scalar that was written in quotes or as a block
	items        []*Node
	entries      []entry
}

// entry is one key of a mapping.
type entry struct {
	key          string
	line, column int
	value        *Node
	// shared marks a key that was written for several readers at once, who
	// ignore it when they do not know it.
	shared bool
}

// NewMapping returns a mapping of texts that no file contains.
func NewMapping(values map[string]string) *Node {
	n := &Node{kind: Mapping}
	for _, key := range slices.Sorted(maps.Keys(values)) {
		value := &Node{kind: Scalar, path: key, text: values[key], quoted: true}
		n.entries = append(n.entries, entry{key: key, value: value})
	}
	return n
}

// Kind returns what the node is.
func (n *Node) Kind() Kind {
	if n == nil {
		return Mapping
	}
	return n.kind
}

// Text returns a scalar as written, without its quotes.
func (n *Node) Text() string {
	if n == nil {
		return ""
	}
	return n.text
}

// Items returns the elements of a list.
func (n *Node) Items() []*Node {
	if n == nil {
		return nil
	}
	return slices.Clone(n.items)
}

// Keys returns the keys of a mapping in the order of the file.
func (n *Node) Keys() []string {
	if n == nil {
		return nil
	}
	keys := make([]string, len(n.entries))
	for i, e := range n.entries {
		keys[i] = e.key
	}
	return keys
}

// Get returns the value of a key, nil when the mapping does not have it.
func (n *Node) Get(key string) *Node {
	if n == nil {
		return nil
	}
	for _, e := range n.entries {
		if e.key == key {
			return e.value
		}
	}
	return nil
}

// Path returns the key path of the node.
func (n *Node) Path() string {
	if n == nil {
		return ""
	}
	return n.path
}

// Problem returns a problem at the node's place.
func (n *Node) Problem(format string, args ...any) Problem {
	p := Problem{Message: fmt.Sprintf(format, args...)}
	if n != nil {
		p.File, p.Line, p.Column, p.Path = n.file, n.line, n.column, n.path
	}
	return p
}

// ProblemAt returns a problem with a key below the node, at the place of that
// key or of the nearest section that exists. The key may be a dotted path.
func (n *Node) ProblemAt(key, format string, args ...any) Problem {
	place, rest := n, key
	for place != nil && rest != "" {
		i, after := slices.IndexFunc(place.entries, func(e entry) bool { return e.key == rest }), ""
		if i < 0 {
			var first string
			first, after, _ = strings.Cut(rest, ".")
			i = slices.IndexFunc(place.entries, func(e entry) bool { return e.key == first })
		}
		if i < 0 {
			break
		}
		found := place.entries[i]
		place, rest = found.value, after
		if rest == "" {
			p := place.Problem(format, args...)
			p.Line, p.Column = found.line, found.column
			return p
		}
	}
	p := place.Problem(format, args...)
	p.Path = joinPath(p.Path, rest)
	return p
}

// Over returns the mapping n laid over weaker ones, strongest last: a key of n
// hides the same key of the others. Every value keeps its own place.
func (n *Node) Over(weaker ...*Node) *Node {
	merged := &Node{kind: Mapping}
	if n != nil {
		merged.file, merged.line, merged.column, merged.path = n.file, n.line, n.column, n.path
	}
	index := make(map[string]int)
	for _, layer := range append(slices.Clone(weaker), n) {
		if layer == nil {
			continue
		}
		if merged.file == "" {
			merged.file, merged.line, merged.column, merged.path = layer.file, layer.line, layer.column, layer.path
		}
		for _, e := range layer.entries {
			if i, there := index[e.key]; there {
				merged.entries[i] = e
				continue
			}
			index[e.key] = len(merged.entries)
			merged.entries = append(merged.entries, e)
		}
	}
	return merged
}

// Shared returns the mapping n as defaults for several readers: a key that one
// of them does not know is no problem for it.
func (n *Node) Shared() *Node {
	if n == nil {
		return nil
	}
	shared := *n
	shared.entries = slices.Clone(n.entries)
	for i := range shared.entries {
		shared.entries[i].shared = true
	}
	return &shared
}

// Without returns the mapping n without some keys.
func (n *Node) Without(keys ...string) *Node {
	if n == nil {
		return nil
	}
	rest := *n
	rest.entries = slices.DeleteFunc(slices.Clone(n.entries), func(e entry) bool { return slices.Contains(keys, e.key) })
	return &rest
}

// Equal reports whether both say the same, in whatever order and place.
func (n *Node) Equal(other *Node) bool {
	if n.Kind() != other.Kind() {
		return false
	}
	if n.Kind() != Mapping {
		return n.text == other.text &&
			slices.EqualFunc(n.items, other.items, func(a, b *Node) bool { return a.Equal(b) })
	}
	if len(n.Keys()) != len(other.Keys()) {
		return false
	}
	for _, key := range n.Keys() {
		a, b := n.Get(key), other.Get(key)
		if b == nil || !a.Equal(b) {
			return false
		}
	}
	return true
}

// longestShownKey is the longest key that a message repeats: an HMAC key has 44
// characters, and one that landed in a key by mistake must not be shown.
const longestShownKey = 40

// showKey returns key fit for a message. A key that does not look like a name
// may be a secret put in the wrong place.
func showKey(key string) string {
	if key == "" || len(key) > longestShownKey {
		return "…"
	}
	for _, r := range key {
		name := r == '_' || r == '-' || r == '.' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
		if !name {
			return "…"
		}
	}
	return key
}

// joinPath returns the path of a key below path.
func joinPath(path, key string) string {
	switch {
	case key == "":
		return path
	case path == "":
		return key
	default:
		return path + "." + key
	}
}

// indexPath returns the path of a list's element.
func indexPath(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }
