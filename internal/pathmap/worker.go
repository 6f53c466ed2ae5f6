package pathmap

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/dffmpeg/dffmpeg"
)

// Worker replaces the references in a job by this machine's own paths. It is
// immutable and safe for concurrent use.
type Worker struct {
	roots map[string]string // clean, "" stands for "/"
}

// NewWorker returns a Worker for the configured roots, by name. Roots are
// taken as they are named: where links in them lead is decided when the job
// runs, since mounts come and go. All problems are reported at once.
func NewWorker(roots map[string]string) (*Worker, error) {
	if err := checkRoots(roots); err != nil {
		return nil, err
	}
	w := &Worker{roots: make(map[string]string, len(roots))}
	for name, dir := range roots {
		w.roots[name] = trimRoot(path.Clean(dir))
	}
	return w, nil
}

// Missing returns those of a job's path names that this worker has no root
// for, sorted. Such a job cannot run here.
func (w *Worker) Missing(names []string) []string {
	missing := slices.DeleteFunc(slices.Clone(names), func(name string) bool {
		_, ok := w.roots[name]
		return ok
	})
	slices.Sort(missing)
	return slices.Compact(missing)
}

// Args returns a job's arguments with the references to the worker's roots
// replaced; names are the job's paths. A reference to a name that is not among
// them, or that the worker does not have, stays as it is, as does every other
// argument. args is not changed.
//
// A reference that leads upwards is an *EscapeError: no client makes one, and
// the job must be refused.
func (w *Worker) Args(args, names []string) ([]string, error) {
	mapped := make([]string, len(args))
	for i, arg := range args {
		ref, dir, err := w.lookUp(arg, names)
		if err != nil {
			return nil, fmt.Errorf("argument %d: %w", i, err)
		}
		mapped[i] = arg
		if dir != "" {
			mapped[i] = ref.scheme + dir
		}
	}
	return mapped, nil
}

// Arguments returns the arguments of a job in the second form with the
// references replaced by local paths, escaped as their places need; names are
// the job's paths. place makes a file of that text for the job and returns its
// absolute path.
//
// A reference that leads upwards is an *EscapeError. One to a name that is not
// among the job's, or that this worker does not have, is an error too, and so is
// a place that cannot express the path or that this worker does not know: such a
// command must not run.
func (w *Worker) Arguments(args []dffmpeg.Argument, names []string, place func(text string) (string, error)) ([]string, error) {
	mapped := make([]string, len(args))
	for i, arg := range args {
		text, err := w.render(arg, names, place)
		if err != nil {
			return nil, fmt.Errorf("argument %d: %w", i, err)
		}
		mapped[i] = text
	}
	return mapped, nil
}

// render returns an argument, or the text of a file, as it is here.
func (w *Worker) render(arg dffmpeg.Argument, names []string, place func(text string) (string, error)) (string, error) {
	var text strings.Builder
	for i := range arg {
		part, err := w.segment(&arg[i], names, place)
		if err != nil {
			return "", err
		}
		text.WriteString(part)
	}
	return text.String(), nil
}

func (w *Worker) segment(s *dffmpeg.Segment, names []string, place func(text string) (string, error)) (string, error) {
	switch {
	case s.Content != nil:
		content, err := w.render(s.Content, names, place)
		if err != nil {
			return "", fmt.Errorf("list file: %w", err)
		}
		return place(content)
	case s.Name == "":
		return s.Literal, nil
	case s.Rest != "" && s.Rest[0] != '/':
		return "", fmt.Errorf("what follows $%s must begin with '/', not be %q", s.Name, s.Rest)
	}
	ref := reference{name: s.Name, rest: s.Rest}
	local, ok, err := w.local(ref, names)
	if err != nil {
		return "", err
	}
	if !ok {
		return "", fmt.Errorf("%q refers to a path that the job does not name or this worker does not have", ref.text())
	}
	escaped, ok := escape(local, s.Context)
	if !ok {
		return "", fmt.Errorf("%q cannot be passed where it stands (context %q)", local, string(s.Context))
	}
	return escaped, nil
}

// WorkingDirectory returns the directory to run a job in, "" when dir is not a
// reference to one of the worker's roots that is among the job's paths. The
// error is that of Args.
func (w *Worker) WorkingDirectory(dir string, names []string) (string, error) {
	_, local, err := w.lookUp(dir, names)
	if err != nil {
		return "", fmt.Errorf("working directory: %w", err)
	}
	return local, nil
}

// lookUp returns the local path of a reference, "" for what is none of ours.
func (w *Worker) lookUp(arg string, names []string) (reference, string, error) {
	ref, ok := parseReference(arg)
	if !ok {
		return reference{}, "", nil
	}
	local, _, err := w.local(ref, names)
	return ref, local, err
}

// local returns the path that a reference means here; ok is false when it is
// none of ours, or not among the job's names.
func (w *Worker) local(ref reference, names []string) (local string, ok bool, err error) {
	dir, ok := w.roots[ref.name]
	if !ok || !slices.Contains(names, ref.name) {
		return "", false, nil
	}
	if slices.Contains(strings.Split(ref.rest, "/"), "..") {
		return "", false, &EscapeError{Arg: ref.text()}
	}
	if dir+ref.rest == "" {
		return "/", true, nil
	}
	return dir + ref.rest, true, nil
}

// EscapeError is a reference that contains `..`, which could lead out of its
// root. Clients resolve `..` before they send a path, so it was made to.
type EscapeError struct {
	Arg string // the argument as it came
}

// Error implements error.
func (e *EscapeError) Error() string {
	return fmt.Sprintf("%q leads upwards with '..' and is refused; send the path it leads to", e.Arg)
}
