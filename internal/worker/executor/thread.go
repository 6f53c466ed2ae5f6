package executor

import (
	"golang.org/x/sys/unix"

	"github.com/dffmpeg/dffmpeg/internal/umask"
)

// thread is the operating system's thread that starts processes, whose umask they
// inherit. Its methods are called on that thread.
//
// The umask belongs to what threads of a process share, so setting it would change
// the files that others make at that moment, unless the thread leaves the others
// first (unshare(2), CLONE_FS; the working directory leaves with it, which nobody
// here changes). That takes no privilege, but container runtimes may forbid the
// call, as they forbid all of unshare. Then there is one umask, the worker's.
type thread struct {
	mask  *int // its umask between starts; nil when that is not known
	alone bool // its umask is its own
}

// newThread makes the calling thread, which must end with its goroutine, one that
// starts processes.
func newThread() thread {
	if unix.Unshare(unix.CLONE_FS) != nil {
		return thread{mask: umask.OfThread()}
	}
	mask := unix.Umask(0)
	unix.Umask(mask)
	return thread{mask: &mask, alone: true}
}

// with calls start while the thread's umask is mask, or what it is anyway when that
// is nil. Masked says whether it was.
func (t thread) with(mask *int, start func() error) (masked bool, err error) {
	switch {
	case mask == nil || t.mask != nil && *mask == *t.mask:
		return true, start()
	case !t.alone:
		return false, start()
	}
	unix.Umask(*mask)
	defer unix.Umask(*t.mask)
	return true, start()
}
