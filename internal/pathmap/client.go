package pathmap

import (
	"fmt"
	"path"
	"slices"
)

// Client maps local paths to references, for those who submit jobs. It is
// immutable and safe for concurrent use; the file system it asks is not, of
// course: a link that changes afterwards changes what a path means.
type Client struct {
	roots    []root // longest first
	resolver resolver
	readList func(name string) (string, bool)
}

// NewClient returns a Client for the configured roots, by name. Symbolic links
// in the roots are resolved now, as those in arguments are later; 0.4 did not,
// so that a root with a link in it, or with a trailing '/', never matched. A
// root need not exist. All problems are reported at once.
func NewClient(roots map[string]string) (*Client, error) {
	return newClient(roots, osResolver())
}

func newClient(roots map[string]string, resolver resolver) (*Client, error) {
	if err := checkRoots(roots); err != nil {
		return nil, err
	}
	c := &Client{roots: make([]root, 0, len(roots)), resolver: resolver, readList: readList}
	for name, dir := range roots {
		resolved, ok := resolver.resolve(dir)
		if !ok {
			return nil, fmt.Errorf("path %s: %s is a loop of symbolic links", name, dir)
		}
		c.roots = append(c.roots, root{name: name, dir: trimRoot(resolved)})
	}
	slices.SortFunc(c.roots, longestFirst)
	return c, nil
}

// MapWorkingDirectory does for the directory to run in what MapCommand does
// for a path. One that lies below no root is returned as it is: the
// coordinator drops it, and the worker runs the job in a directory of its own.
func (c *Client) MapWorkingDirectory(dir string) (mapped string, names []string) {
	ref, ok := c.reference(dir)
	if !ok {
		return dir, []string{}
	}
	return ref.text(), []string{ref.name}
}

// reference returns what a whole argument refers to.
func (c *Client) reference(arg string) (reference, bool) {
	if len(c.roots) == 0 {
		return reference{}, false
	}
	scheme, name, ok := localPath(arg)
	if !ok {
		return reference{}, false
	}
	// /dev/stdin means the descriptor, not the file that happens to be behind it
	resolved := path.Clean(name)
	if !special(resolved) {
		if resolved, ok = c.resolver.resolve(name); !ok {
			return reference{}, false
		}
	}
	ref, ok := find(c.roots, resolved)
	ref.scheme = scheme
	return ref, ok
}
