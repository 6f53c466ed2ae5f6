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
	c := &Client{roots: make([]root, 0, len(roots)), resolver: resolver}
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

// MapArgs returns the arguments with those that are paths below a root
// replaced by references, and the names of the roots used, sorted and unique.
// Every other argument is returned byte for byte. Neither list is nil, and
// args is not changed.
//
// A path below several roots gets the longest. One that leads out of its root
// through a symbolic link or `..` is judged by where it leads. A trailing '/'
// is dropped, as 0.4 does.
func (c *Client) MapArgs(args []string) (mapped, names []string) {
	mapped, names = make([]string, len(args)), []string{}
	for i, arg := range args {
		mapped[i] = arg
		if ref, ok := c.reference(arg); ok {
			mapped[i] = ref.text()
			names = append(names, ref.name)
		}
	}
	slices.Sort(names)
	return mapped, slices.Compact(names)
}

// MapWorkingDirectory does for the directory to run in what MapArgs does for
// an argument. One that lies below no root is returned as it is: the
// coordinator drops it, and the worker runs the job in a directory of its own.
func (c *Client) MapWorkingDirectory(dir string) (mapped string, names []string) {
	ref, ok := c.reference(dir)
	if !ok {
		return dir, []string{}
	}
	return ref.text(), []string{ref.name}
}

// Unmapped returns the indices of the arguments that are absolute paths (or
// `file:` and one) below no root, ascending: the most common mistake in a
// set-up, worth a warning. Devices, descriptors and the like are not among
// them.
func (c *Client) Unmapped(args []string) []int {
	var unmapped []int
	for i, arg := range args {
		_, name, ok := localPath(arg)
		if !ok || special(path.Clean(name)) {
			continue
		}
		if _, ok := c.reference(arg); !ok {
			unmapped = append(unmapped, i)
		}
	}
	return unmapped
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
	resolved := path.Clean(name)
	if !special(resolved) { // /dev/stdin means the descriptor, not the file that happens to be behind it
		if resolved, ok = c.resolver.resolve(name); !ok {
			return reference{}, false
		}
	}
	ref, ok := find(c.roots, resolved)
	ref.scheme = scheme
	return ref, ok
}
