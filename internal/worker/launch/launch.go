// Package launch turns a job request into a local process: it resolves the
// program, maps the paths, and cuts the output into lines.
package launch

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/internal/pathmap"
	"github.com/dffmpeg/dffmpeg/internal/worker"
	"github.com/dffmpeg/dffmpeg/internal/worker/executor"
	"github.com/dffmpeg/dffmpeg/internal/worker/logview"
)

// Launcher starts the processes of jobs. It may start several at once.
type Launcher struct {
	executor *executor.Executor
	binaries map[string]string // name to path
	paths    *pathmap.Worker
	env      Environment
	rights   Rights
}

// Rights say what files of processes are like.
type Rights struct {
	// Account is whom processes run as, and who owns what is made for them; nil for
	// the worker's own.
	Account *executor.Account
	// CallersUmask says that a job's umask is that of its process. Else it is the
	// worker's.
	CallersUmask bool
}

var _ worker.Launcher = (*Launcher)(nil)

// New returns a launcher of these binaries.
func New(e *executor.Executor, binaries map[string]string, paths *pathmap.Worker, env Environment, rights Rights) *Launcher {
	return &Launcher{executor: e, binaries: binaries, paths: paths, env: env, rights: rights}
}

// Launch implements worker.Launcher.
func (l *Launcher) Launch(ctx context.Context, request dffmpeg.JobRequest, streams worker.Streams) (worker.Process, error) {
	made := &files{owner: l.rights.Account}
	spec, err := l.spec(request, made)
	if err != nil {
		made.remove()
		return nil, err
	}
	dir, scratch, err := l.directory(request)
	if err != nil {
		made.remove()
		return nil, err
	}
	job := &process{files: made, scratch: scratch}
	stderr := &lines{stream: dffmpeg.Stderr, sink: streams.Lines}
	spec.Dir, spec.Stdin = dir, streams.Stdin
	if streams.Stdout != nil {
		spec.Stdout, spec.Stderr = streams.Stdout, both{streams.Stderr, stderr}
		job.ends = []func(){stderr.end, closing(streams.Stdout), closing(streams.Stderr)}
	} else {
		stdout := &lines{stream: dffmpeg.Stdout, sink: streams.Lines}
		spec.Stdout, spec.Stderr = stdout, stderr
		job.ends = []func(){stdout.end, stderr.end}
	}
	job.Process, err = l.executor.Start(ctx, spec)
	if err != nil {
		job.cleanUp()
		return nil, err
	}
	if !job.Masked() {
		job.warnings = append(job.warnings, fmt.Sprintf("Files have the worker's umask and not the caller's (%04o): this worker may not call unshare(2), which its container runtime forbids", *spec.Umask))
	}
	return job, nil
}

func closing(c io.Closer) func() {
	return func() { _ = c.Close() } // whoever does not take its end is gone
}

// both writes output to its reader and, whatever becomes of that, into the log.
type both struct{ reader, log io.Writer }

// Write implements io.Writer. It fails when the reader does.
func (b both) Write(p []byte) (int, error) {
	n, err := b.reader.Write(p)
	_, logErr := b.log.Write(p)
	return n, cmp.Or(err, logErr)
}

// spec resolves program and arguments; files that those need are made.
func (l *Launcher) spec(request dffmpeg.JobRequest, made *files) (executor.Spec, error) {
	path, err := l.path(request.BinaryName)
	if err != nil {
		return executor.Spec{}, err
	}
	if missing := l.paths.Missing(request.Paths); len(missing) > 0 {
		return executor.Spec{}, fmt.Errorf("this worker has no path %s", strings.Join(missing, ", "))
	}
	args, err := l.arguments(request, made)
	if err != nil {
		return executor.Spec{}, err
	}
	spec := executor.Spec{Path: path, Args: args, Env: l.env.of(request.Environment), Account: l.rights.Account}
	if l.rights.CallersUmask {
		spec.Umask = request.Umask
	}
	return spec, nil
}

// path returns where a binary is.
func (l *Launcher) path(binary string) (string, error) {
	configured, ok := l.binaries[binary]
	if !ok {
		return "", fmt.Errorf("this worker has no binary %q", binary)
	}
	path, err := exec.LookPath(configured)
	if err != nil {
		return "", fmt.Errorf("binary %s of this worker: %w", binary, err)
	}
	return path, nil
}

// arguments returns the arguments, of the second form when they come in it.
func (l *Launcher) arguments(request dffmpeg.JobRequest, made *files) ([]string, error) {
	if len(request.Segments) > 0 {
		return l.paths.Arguments(request.Segments, request.Paths, made.place)
	}
	return l.paths.Args(request.Arguments, request.Paths)
}

// directory returns where to run: the mapped working directory, else a scratch
// directory.
func (l *Launcher) directory(request dffmpeg.JobRequest) (dir string, made scratch, err error) {
	if request.WorkingDirectory != nil {
		dir, err = l.paths.WorkingDirectory(*request.WorkingDirectory, request.Paths)
		if err != nil || dir != "" {
			return dir, scratch{}, err
		}
	}
	made, err = newScratch(l.rights.Account)
	return made.dir, made, err
}

// lines is a writer that passes lines on as they are completed.
type lines struct {
	stream   dffmpeg.Stream
	sink     func(dffmpeg.LogEntry) error
	splitter logview.Splitter
}

var _ io.Writer = (*lines)(nil)

// Write implements io.Writer.
func (w *lines) Write(p []byte) (int, error) {
	return len(p), w.pass(w.splitter.Split(p))
}

// end passes on what no terminator completed.
func (w *lines) end() { _ = w.pass(w.splitter.End()) } // a sink that fails has been told before

func (w *lines) pass(complete []logview.Line) error {
	for _, line := range complete {
		now := time.Now().UTC().Truncate(time.Microsecond)
		entry := dffmpeg.LogEntry{Stream: w.stream, Content: line.Content, Bytes: line.Bytes, Timestamp: &now}
		if line.Terminator != "\n" {
			entry.Terminator = &line.Terminator
		}
		if err := w.sink(entry); err != nil {
			return err
		}
	}
	return nil
}

// process is a job's process with what belongs to it.
type process struct {
	*executor.Process
	ends     []func() // called when the output has ended
	files    *files
	scratch  scratch
	warnings []string
}

// cleanUp removes what was made for the job.
func (p *process) cleanUp() {
	p.files.remove()
	if lost := p.scratch.remove(); lost != "" {
		p.warnings = append(p.warnings, lost)
	}
}

// Wait implements worker.Process.
func (p *process) Wait() int {
	exit := p.Process.Wait()
	for _, end := range p.ends {
		end()
	}
	p.cleanUp()
	return exit.Code
}

// Warnings implements worker.Process.
func (p *process) Warnings() []string { return p.warnings }
