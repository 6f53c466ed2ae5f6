package pathmap

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"unicode"
)

// root is a named directory.
type root struct {
	name string
	dir  string // absolute, clean, without a trailing '/'; "" stands for "/"
}

// CheckName returns an error that says what is wrong with the name of a root,
// nil when it may be used. A name ends at '/' in an argument, so it cannot
// contain one.
func CheckName(name string) error {
	switch {
	case name == "":
		return errors.New("the name of a path must not be empty")
	case strings.ContainsAny(name, "/$"):
		return fmt.Errorf("path name %q: must not contain '/' or '$'", name)
	case strings.ContainsFunc(name, unicode.IsControl):
		return fmt.Errorf("path name %q: must not contain control characters", name)
	}
	return nil
}

// checkRoots reports every wrong name and every root that is not an absolute
// path, in the order of the names.
func checkRoots(roots map[string]string) error {
	var problems []error
	for _, name := range slices.Sorted(maps.Keys(roots)) {
		if err := CheckName(name); err != nil {
			problems = append(problems, err)
		}
		if !path.IsAbs(roots[name]) {
			problems = append(problems, fmt.Errorf("path %s: %q must be an absolute path", name, roots[name]))
		}
	}
	return errors.Join(problems...)
}

// trimRoot brings a clean absolute path into the form of root.dir.
func trimRoot(dir string) string {
	if dir == "/" {
		return ""
	}
	return dir
}

// longestFirst orders roots so that the first match is the longest one; of two
// names for one directory the first in alphabetical order wins, every time.
func longestFirst(a, b root) int {
	return cmp.Or(cmp.Compare(len(b.dir), len(a.dir)), cmp.Compare(a.name, b.name))
}

// find returns the reference to a resolved path below one of the roots, which
// are ordered longest first.
func find(roots []root, resolved string) (reference, bool) {
	for _, r := range roots {
		rest, ok := strings.CutPrefix(trimRoot(resolved), r.dir)
		if !ok || rest != "" && rest[0] != '/' {
			continue
		}
		if special(resolved) && !special(r.dir) {
			continue
		}
		return reference{name: r.name, rest: rest}, true
	}
	return reference{}, false
}
