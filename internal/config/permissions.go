package config

import "strconv"

// The values of a worker's umask that are no number.
const (
	UmaskCaller  = "caller"  // that of the job's requester, if it tells
	UmaskInherit = "inherit" // the worker's own
)

// Umask says which permissions the files of processes lack: UmaskCaller,
// UmaskInherit, or the octal digits of a mask.
type Umask string

// Fixed returns the mask, and false when it is not fixed.
func (u Umask) Fixed() (mask int, ok bool) {
	n, err := strconv.ParseUint(string(u), 8, 9)
	return int(n), err == nil
}

// RunAs is the section "run_as" of a worker: whom its processes run as. Users and
// groups are names or numbers.
type RunAs struct {
	User string `yaml:"user"` // "" for the worker's own
	// Group is the user's own one when it is "".
	Group string `yaml:"group"`
	// Groups are the supplementary ones; default: those that the system's database
	// says.
	Groups []string `yaml:"groups"`
}

// Validate checks what concerns several keys.
func (r *RunAs) Validate(problem func(key, message string)) {
	if r.User == "" && (r.Group != "" || len(r.Groups) > 0) {
		problem("user", "the user is missing; groups alone say not whom processes run as")
	}
}

func (w *Worker) checkUmask(problem func(key, message string)) {
	if _, fixed := w.Umask.Fixed(); !fixed && w.Umask != UmaskCaller && w.Umask != UmaskInherit {
		problem("umask", `expected octal digits such as "0022", or `+UmaskCaller+", or "+UmaskInherit)
	}
}
