package demand

import (
	"slices"
	"strconv"
	"strings"
)

// mapping is a -map that takes streams from an input or a graph.
type mapping struct {
	input    int       // -1 for a graph
	label    string    // of the graph
	of       specifier // of the input
	optional bool      // it may take none
	without  []byte    // kinds that another -map takes out again
}

// several reports whether any number of streams may be taken.
func (m *mapping) several() bool { return m.input >= 0 && (m.of.index < 0 || m.of.vague) }

// all reports whether they may be of any kind.
func (m *mapping) all() bool { return m.several() && m.of.kind == 0 }

// addMap notes a -map: "[-]INPUT[:SPECIFIER][?]" or "[LABEL]".
func (f *file) addMap(value string) {
	f.mapped = true
	if rest, negative := strings.CutPrefix(value, "-"); negative {
		f.unmap(rest)
		return
	}
	m := mapping{input: -1}
	if label, ok := strings.CutPrefix(value, "["); ok {
		m.label = strings.TrimSuffix(label, "]")
	} else {
		value, _, _ = strings.Cut(value, ",") // what to synchronise with, until ffmpeg 6
		value, m.optional = strings.CutSuffix(value, "?")
		if input, of, ok := parseInput(value); ok {
			m.input, m.of = input, of
		}
	}
	if len(f.maps) < most {
		f.maps = append(f.maps, m)
	}
}

// unmap takes streams of an input out of what is mapped so far.
func (f *file) unmap(value string) {
	input, of, ok := parseInput(strings.TrimSuffix(value, "?"))
	if !ok {
		return
	}
	whole := of.index < 0 && !of.vague // all of a kind, or all
	f.maps = slices.DeleteFunc(f.maps, func(m mapping) bool {
		return m.input == input && (m.of == of || whole && (of.kind == 0 || of.kind == m.of.kind))
	})
	for i := range f.maps {
		if m := &f.maps[i]; m.input == input && whole && !slices.Contains(m.without, of.kind) {
			m.without = append(m.without, of.kind)
		}
	}
}

// parseInput reads how -map and graphs name streams of an input.
func parseInput(text string) (input int, of specifier, ok bool) {
	number, rest, _ := strings.Cut(text, ":")
	input, err := strconv.Atoi(number)
	return input, parseSpecifier(rest), err == nil && input >= 0
}

// stream returns what is known of the first stream that a specifier is for.
func (s specifier) stream() stream {
	of := stream{kind: s.kind, index: -1, place: -1}
	switch {
	case s.vague:
	case s.kind == 0:
		of.place = s.index
	default:
		of.index = max(s.index, 0)
	}
	return of
}
