package demand

import "strings"

// graph is a filter graph (ffmpeg's "Filtergraph syntax"), as far as it matters here.
type graph struct {
	filters []string        // their names, without what they are called here
	reads   []string        // labels that nothing in the graph writes, such as 0:v
	labels  map[string]byte // what it writes: the kind of stream, 0 when it is not known
	open    []byte          // the same of what it writes without a label
}

// parseGraph reads the description of a graph. What cannot be understood, and all behind
// it, is left out.
func parseGraph(text string) graph {
	g := graph{labels: make(map[string]byte)}
	if rest, ok := strings.CutPrefix(strings.TrimSpace(text), "sws_flags="); ok {
		if _, text, ok = strings.Cut(rest, ";"); !ok {
			return g
		}
	}
	kind := byte(0) // of what the filter before writes
	for text != "" {
		var filter string
		var chained bool
		filter, text, chained = nextFilter(text)
		in, filter, ok := leadingLabels(filter)
		if !ok {
			return g
		}
		filter, out := trailingLabels(filter)
		end := strings.IndexAny(filter, "=@[ \t\r\n")
		if end < 0 {
			end = len(filter)
		}
		name := filter[:end]
		g.filters = append(g.filters, name)
		kind = kindWritten(name, g.read(in, kind))
		for _, label := range out {
			g.labels[label] = kind
		}
		if !chained {
			if len(out) == 0 && !strings.HasSuffix(name, "nullsink") {
				g.open = append(g.open, kind)
			}
			kind = 0
		}
	}
	return g
}

// read notes the labels in front of a filter and returns the kind of stream that it
// reads: that of the first label, or of the filter before.
func (g *graph) read(labels []string, before byte) byte {
	for i, label := range labels {
		kind, written := g.labels[label]
		if !written {
			g.reads = append(g.reads, label)
			if _, of, ok := parseInput(label); ok {
				kind = of.kind
			}
		}
		if i == 0 {
			before = kind
		}
	}
	return before
}

// kindWritten returns the kind of stream that a filter writes when it reads one of a
// kind. Most do not change it.
func kindWritten(filter string, reads byte) byte {
	switch filter {
	case "concat", "ebur128", "movie", "amovie", "avsynctest", "aphasemeter", "spectrumsynth":
		return 0 // both, or either
	case "a3dscope", "abitscope", "adrawgraph", "agraphmonitor", "ahistogram", "avectorscope":
		return video
	}
	if reads == audio && strings.HasPrefix(filter, "show") {
		return video
	}
	return reads
}

// nextFilter cuts the first filter off a graph: up to a comma, which chains it to the
// next one, or semicolon that is neither quoted nor escaped.
func nextFilter(text string) (filter, rest string, chained bool) {
	quoted := false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\'':
			quoted = !quoted
		case quoted:
		case c == '\\':
			i++
		case c == ',', c == ';':
			return text[:i], text[i+1:], c == ','
		}
	}
	return text, "", false
}

// leadingLabels cuts the labels in front of a filter; ok is false when one has no end.
func leadingLabels(filter string) (labels []string, rest string, ok bool) {
	for filter = strings.TrimSpace(filter); strings.HasPrefix(filter, "["); filter = strings.TrimSpace(filter) {
		label, after, closed := strings.Cut(filter[1:], "]")
		if !closed {
			return nil, "", false
		}
		labels, filter = append(labels, label), after
	}
	return labels, filter, true
}

// trailingLabels cuts the labels behind a filter.
func trailingLabels(filter string) (rest string, labels []string) {
	for filter = strings.TrimSpace(filter); strings.HasSuffix(filter, "]") && !strings.HasSuffix(filter, `\]`); filter = strings.TrimSpace(filter) {
		at := strings.LastIndexByte(filter, '[')
		if at < 0 {
			break
		}
		labels, filter = append(labels, filter[at+1:len(filter)-1]), filter[:at]
	}
	return filter, labels
}
