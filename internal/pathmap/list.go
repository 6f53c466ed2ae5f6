package pathmap

import (
	"bytes"
	"os"
	"strings"
	"unicode/utf8"

	"github.com/dffmpeg/dffmpeg"
)

// maxList bounds the list files that are read and sent with a job, in bytes.
const maxList = 1 << 20

// listPlaces returns the places of files in a list for the concat demuxer: lines
// of a directive and its values, of which `file NAME` is quoted as elsewhere.
// Relative names are those of files beside the list, in dir; as the list is to
// be elsewhere they become absolute.
func listPlaces(list, dir string) []place {
	var places []place
	at := 0
	for line := range strings.FieldsFuncSeq(list, func(r rune) bool { return r == '\n' || r == '\r' }) {
		at += strings.Index(list[at:], line)
		if p, ok := placeInLine(line, dir); ok {
			p.start += at
			p.end += at
			places = append(places, p)
		}
		at += len(line)
	}
	return places
}

// placeInLine returns the place of the name in a line of a list.
func placeInLine(line, dir string) (place, bool) {
	directive := strings.TrimLeft(line, spaces)
	rest, ok := strings.CutPrefix(directive, "file")
	if !ok || rest == "" || strings.IndexByte(spaces, rest[0]) < 0 {
		return place{}, false
	}
	t := readToken(line, len(line)-len(rest), spaces)
	p := place{start: t.start, end: t.end, path: t.text, context: dffmpeg.PathList}
	scheme, name := splitScheme(t.text)
	if strings.HasPrefix(name, "/") {
		return p, true
	}
	if name == "" || scheme == "" && hasProtocol(name) {
		return p, false
	}
	p.path = scheme + dir + "/" + name
	p.instead, _ = escape(p.path, dffmpeg.PathList) // a line has no line end in it
	return p, true
}

// hasProtocol reports whether a name in a list is a URL.
func hasProtocol(name string) bool {
	protocol, rest, ok := strings.Cut(name, ":")
	switch protocol {
	case "async", "bluray", "cache", "concat", "crypto", "data", "pipe":
		return ok
	}
	return ok && strings.HasPrefix(rest, "//") || strings.HasPrefix(name, "subfile,")
}

// readList returns the text of a list file. Nothing but a file is read: a pipe
// has its text only once.
func readList(name string) (string, bool) {
	info, err := os.Stat(name)
	if err != nil || !info.Mode().IsRegular() || info.Size() > maxList {
		return "", false
	}
	text, err := os.ReadFile(name)
	return string(text), err == nil && len(text) <= maxList && utf8.Valid(text) && bytes.IndexByte(text, 0) < 0
}
