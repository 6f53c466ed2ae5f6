package pathmap

import (
	"github.com/dffmpeg/dffmpeg"
)

// place is where in an argument a path stands.
type place struct {
	start, end       int    // the bytes of the argument that say it
	closing, opening string // what ends quotes before it, and begins them again after it
	path             string // what they say; `file:` may be before the path
	prefix           string // what stands before the path in its context, as it is
	instead          string // what replaces it when it lies below no root; "": what stands there
	context          dffmpeg.PathContext
}

// whole is the place of a path that is an argument, or its end.
func whole(arg string, from int) place {
	return place{start: from, end: len(arg), path: arg[from:], context: dffmpeg.PathWhole}
}
