package pathmap

import (
	"strings"

	"github.com/dffmpeg/dffmpeg"
)

// graphPlaces returns the places of files in the description of a filter graph:
// `[in]filter=value:key=value[out],…;…`. One that cannot be understood has none.
//
// Options are quoted twice: as values among options, and all of them within the
// graph.
func graphPlaces(graph string) []place {
	var places []place
	i := 0
	for {
		if i = skipLabels(graph, i); i < 0 {
			return nil
		}
		name := readToken(graph, i, "=,;[")
		if i = name.end; i < len(graph) && graph[i] == '=' {
			options := readToken(graph, i+1, "[],;")
			filter, _, _ := strings.Cut(name.text, "@") // the rest is what this one is called
			places = append(places, filterPlaces(filter, &options)...)
			i = options.end
		}
		if i = skipLabels(graph, i); i < 0 {
			return nil
		}
		if i == len(graph) {
			return places
		}
		if graph[i] != ',' && graph[i] != ';' {
			return nil
		}
		i++
	}
}

// skipLabels returns where the labels at graph[i:] and the spaces around them
// end, -1 when one has no end.
func skipLabels(graph string, i int) int {
	for {
		for i < len(graph) && strings.IndexByte(spaces, graph[i]) >= 0 {
			i++
		}
		if i == len(graph) || graph[i] != '[' {
			return i
		}
		label := readToken(graph, i+1, "]")
		if i = label.end + 1; i > len(graph) {
			return -1
		}
	}
}

// filterPlaces returns the places of files among a filter's options.
func filterPlaces(filter string, options *token) []place {
	var places []place
	list, _ := readOptions(options.text, 0, ":")
	for n, o := range list {
		key := o.key
		if key == "" {
			key = positional(filter, n)
		}
		prefix, ok := "", isFile(filter, key)
		context := dffmpeg.PathFilter
		if !ok {
			prefix, ok = nested(filter, key, o.value.text)
			context = dffmpeg.PathNested
		}
		if !ok {
			continue
		}
		p := options.place(o.value.text[len(prefix):], o.value.start, o.value.end, context)
		p.prefix = prefix
		places = append(places, p)
	}
	return places
}

// option is one of a list of options.
type option struct {
	key   string // "" for one by its position
	value token
}

// readOptions reads `KEY=VALUE` and values by position from text[i:], separated
// by ':'. The list ends with the text, or at another of the terminators: it
// returns where. Nothing by position comes behind a key: then the list is wrong,
// and there are none.
func readOptions(text string, i int, terminators string) (options []option, end int) {
	keyed := false
	for i < len(text) {
		o, value := option{}, i
		if key, behind, ok := readKey(text, i); ok {
			o.key, value, keyed = key, behind, true
		} else if keyed {
			return nil, i
		}
		o.value = readToken(text, value, terminators)
		options = append(options, o)
		if i = o.value.end; i == len(text) || text[i] != ':' {
			break
		}
		i++
	}
	return options, i
}

// readKey reads `KEY=`, spaces allowed around the key, as ffmpeg does: a key is
// letters, digits and `-_/.`, so that the start of a path may be one.
func readKey(text string, i int) (key string, behind int, ok bool) {
	skip := func() {
		for i < len(text) && strings.IndexByte(spaces, text[i]) >= 0 {
			i++
		}
	}
	skip()
	start := i
	for i < len(text) && (letter(text[i]) || text[i] >= '0' && text[i] <= '9' || strings.IndexByte("-_/.", text[i]) >= 0) {
		i++
	}
	key = text[start:i]
	skip()
	return key, i + 1, key != "" && i < len(text) && text[i] == '='
}

func letter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }
