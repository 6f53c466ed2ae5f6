package pathmap

import "strings"

// fileScheme is the URL scheme of ffmpeg's file protocol, which takes a plain
// path after it, never percent-escapes.
const fileScheme = "file:"

// reference is a path relative to a named root.
type reference struct {
	scheme string // "" or fileScheme
	name   string
	rest   string // "" for the root itself, else begins with '/'
}

// text returns the form that version 1 arguments carry.
func (r reference) text() string { return r.scheme + "$" + r.name + r.rest }

// parseReference reads the form of version 1. The name ends at the first '/'
// or at the end, so `$Name.mkv` is a reference to "Name.mkv", which no job has
// among its paths unless a root is called so.
func parseReference(arg string) (reference, bool) {
	scheme, path := splitScheme(arg)
	if !strings.HasPrefix(path, "$") {
		return reference{}, false
	}
	name, rest := path[1:], ""
	if slash := strings.IndexByte(name, '/'); slash >= 0 {
		name, rest = name[:slash], name[slash:]
	}
	return reference{scheme: scheme, name: name, rest: rest}, name != ""
}

// splitScheme separates the prefix `file:` from a path.
func splitScheme(arg string) (scheme, path string) {
	if path, ok := strings.CutPrefix(arg, fileScheme); ok {
		return fileScheme, path
	}
	return "", arg
}
