package pathmap

import "strings"

// special reports whether a clean absolute path belongs to the machine and not
// to its files: devices (`/dev/dri/renderD128`, `/dev/null`), descriptors
// (`/dev/stdin`, `/proc/self/fd/3`) and the kernel's views. The worker has its
// own, so they are left alone, even below the root "/", unless a root lies
// among them. /dev/shm holds ordinary files.
func special(clean string) bool {
	return under(clean, "/dev") && !under(clean, "/dev/shm") || under(clean, "/proc") || under(clean, "/sys")
}

// under reports whether a clean path is dir or lies below it.
func under(clean, dir string) bool {
	rest, ok := strings.CutPrefix(clean, dir)
	return ok && (rest == "" || rest[0] == '/')
}
