package pathmap

import (
	"os"
	"strings"
)

// maxLinks is how many symbolic links Linux follows in one path.
const maxLinks = 40

// maxPath is the length of the longest path that the kernel takes (PATH_MAX).
const maxPath = 4096

// resolver makes paths absolute in the sense of the file system: without
// symbolic links, `.`, `..` or a trailing '/'.
type resolver struct {
	// readlink fails for whatever is not a symbolic link.
	readlink func(name string) (string, error)
}

// osResolver asks the machine's own file system.
func osResolver() resolver { return resolver{readlink: os.Readlink} }

// resolve follows the links of an absolute path. Parts that do not exist are
// kept as they are: outputs are yet to be made. It fails for a loop of links.
//
// `..` goes to the parent of what stands before it after links were followed,
// as in the kernel. path/filepath.EvalSymlinks would do for paths that exist.
func (r resolver) resolve(name string) (resolved string, ok bool) {
	pending, links := name, 0
	for pending != "" {
		var part string
		part, pending, _ = strings.Cut(pending, "/")
		switch part {
		case "", ".":
			continue
		case "..":
			resolved = resolved[:max(strings.LastIndexByte(resolved, '/'), 0)]
			continue
		}
		target, err := r.readlink(resolved + "/" + part)
		if err != nil {
			resolved += "/" + part
			continue
		}
		if links++; links > maxLinks {
			return "", false
		}
		if strings.HasPrefix(target, "/") {
			resolved = ""
		}
		pending = target + "/" + pending
	}
	if resolved == "" {
		resolved = "/"
	}
	return resolved, true
}

// localPath returns the absolute path that an argument consists of. It asks no
// file system.
func localPath(arg string) (scheme, name string, ok bool) {
	scheme, name = splitScheme(arg)
	ok = strings.HasPrefix(name, "/") && len(name) < maxPath && strings.IndexByte(name, 0) < 0
	return scheme, name, ok
}
