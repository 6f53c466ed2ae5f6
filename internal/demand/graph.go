package demand

import (
	"strings"

	"github.com/dffmpeg/dffmpeg"
)

// graph notes the filters of a filter graph (ffmpeg's "Filtergraph syntax").
func (l *line) graph(text string) {
	if rest, ok := strings.CutPrefix(strings.TrimSpace(text), "sws_flags="); ok {
		if _, text, ok = strings.Cut(rest, ";"); !ok {
			return
		}
	}
	for text != "" {
		var filter string
		filter, text = nextFilter(text)
		for filter = strings.TrimSpace(filter); strings.HasPrefix(filter, "["); filter = strings.TrimSpace(filter) {
			_, after, closed := strings.Cut(filter, "]")
			if !closed {
				return
			}
			filter = after
		}
		end := strings.IndexAny(filter, "=@[ \t\r\n")
		if end < 0 {
			end = len(filter)
		}
		l.need(dffmpeg.AbilityFilter, filter[:end])
	}
}

// nextFilter cuts the first filter off a graph: up to a comma or semicolon that is
// neither quoted nor escaped.
func nextFilter(text string) (filter, rest string) {
	quoted := false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\'':
			quoted = !quoted
		case quoted:
		case c == '\\':
			i++
		case c == ',', c == ';':
			return text[:i], text[i+1:]
		}
	}
	return text, ""
}
