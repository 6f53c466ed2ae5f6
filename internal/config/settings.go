package config

import (
	"github.com/dffmpeg/dffmpeg/internal/config/strictyaml"
)

// Settings is the section of a plug-in (a database engine, a transport) with
// the defaults that apply to it merged in. The plug-in decodes it; until then
// nobody knows its keys. The zero Settings has none.
type Settings struct{ node *strictyaml.Node }

// Decode fills the tagged struct that into points to (see strictyaml.Decode);
// set its defaults before. The error is of type Problems: unknown keys, except
// those of general defaults that were meant for others, wrong types,
// impossible values, with their places.
func (s Settings) Decode(into any) error { return s.node.Decode(into) }

// Problem returns a problem with one of the section's keys ("" for the section
// itself) at its place.
func (s Settings) Problem(key, message string) Problem { return s.node.ProblemAt(key, "%s", message) }

// Keys returns the keys that are set.
func (s Settings) Keys() []string { return s.node.Keys() }

// UnmarshalNode keeps the section.
func (s *Settings) UnmarshalNode(n *strictyaml.Node) Problems {
	switch n.Kind() {
	case strictyaml.Mapping:
		s.node = n
		return nil
	case strictyaml.Null:
		return nil
	default:
		return Problems{n.Problem("expected lines of the form \"key: value\", found %s", n.Kind())}
	}
}

// MarshalNode writes the section as it was read, without what its keys call
// secret.
func (s Settings) MarshalNode() any { return s.node }

// over returns s laid over weaker settings, strongest last.
func (s Settings) over(weaker ...Settings) Settings {
	nodes := make([]*strictyaml.Node, len(weaker))
	for i, w := range weaker {
		nodes[i] = w.node
	}
	return Settings{node: s.node.Over(nodes...)}
}

// shared returns s as defaults for several plug-ins.
func (s Settings) shared() Settings { return Settings{node: s.node.Shared()} }

// unknownName returns a problem with a name that no plug-in answers to.
func unknownName(n *strictyaml.Node, key, what, name string, known []string) Problem {
	if meant := strictyaml.Nearest(name, known); meant != "" {
		return n.ProblemAt(key, "unknown %s; did you mean %q?", what, meant)
	}
	return n.ProblemAt(key, "unknown %s; known are %s", what, list(known))
}
