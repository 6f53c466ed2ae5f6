// Package proxy runs a program elsewhere as if it ran here: it submits the
// command line as a job, passes its output on as it comes, and ends with its
// exit code. The drop-in binary and `dffmpeg run` are both made of it.
package proxy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/client"
)

// Mapper turns local paths into the form that jobs carry.
type Mapper interface {
	// MapCommand returns the arguments, of a command that runs in dir, with paths
	// replaced: in version 1 and, if that does not say all, in segments. Names are
	// those of the roots used, unmapped the paths that lie below none.
	MapCommand(args []string, dir string) (v1 []string, segments []dffmpeg.Argument, names, unmapped []string)
	// MapWorkingDirectory does that for the directory to run in.
	MapWorkingDirectory(dir string) (mapped string, names []string)
}

// exitBrokenPipe is what a shell shows of a program that writes to a reader that
// is gone: 128 + SIGPIPE. Like that program, we say nothing.
const exitBrokenPipe = 141

// Invocation is a command line as the caller typed it.
type Invocation struct {
	Binary string // the program, by name
	Args   []string
	Dir    string // working directory
	// Environment is what of the caller's environment goes with the job.
	Environment map[string]string
	// Umask is the caller's; nil when it is not known.
	Umask *int
	// Terms are what it asks of the queue.
	Terms dffmpeg.JobTerms
	// Stdin is read as far as the program might read it; nil for an empty one.
	Stdin  io.Reader
	Stdout io.Writer
	Stderr io.Writer
	// Signals receives what asks the caller to end. The program gets them. Before
	// it runs, or where signals cannot be passed on, the first one cancels the job
	// and the second gives up waiting for it.
	Signals <-chan os.Signal
	// OtherTransports is called, and ends the run with the code it returns, when
	// the coordinator has none of our transports. Nil: that is an error.
	OtherTransports func() int
	// Fallback runs the program here when it cannot run on a worker; nil: that is an
	// error.
	Fallback *Fallback
}

// Proxy runs invocations. It may run several at once.
type Proxy struct {
	client    *client.Client
	paths     Mapper
	heartbeat int // seconds; 0: the coordinator's default
}

// New returns a Proxy. heartbeat is the interval in seconds to ask for, 0 for
// the coordinator's default.
func New(c *client.Client, paths Mapper, heartbeat int) *Proxy {
	return &Proxy{client: c, paths: paths, heartbeat: heartbeat}
}

// Request returns the submission for an invocation.
func (p *Proxy) Request(inv Invocation) dffmpeg.SubmitRequest {
	args, segments, names, unmapped := p.paths.MapCommand(inv.Args, inv.Dir)
	request := dffmpeg.SubmitRequest{
		Terms: inv.Terms, Environment: inv.Environment, Umask: inv.Umask, BinaryName: inv.Binary, Arguments: args, Segments: segments, Paths: names,
	}
	warnings := unmappedPaths(unmapped)
	if inv.Dir != "" {
		dir, dirNames := p.paths.MapWorkingDirectory(inv.Dir)
		request.WorkingDirectory = &dir
		request.Paths = union(names, dirNames)
		if len(dirNames) == 0 {
			warnings = append(unmappedDirectory(inv), warnings...)
		}
	}
	request.Warnings = dffmpeg.Warnings(warnings)
	if p.heartbeat > 0 {
		request.HeartbeatInterval = &p.heartbeat
	}
	return request
}

// union adds the names in more that names lacks.
func union(names, more []string) []string {
	have := make(map[string]bool, len(names))
	for _, n := range names {
		have[n] = true
	}
	for _, n := range more {
		if !have[n] {
			names = append(names, n)
		}
	}
	return names
}

// Run runs an invocation to its end and returns the exit code: the program's
// own, 130 when it was canceled, 1 when it could not be run. What went wrong
// is said in one line on Stderr; a program that ran says everything itself.
func (p *Proxy) Run(ctx context.Context, inv Invocation) int {
	request := p.Request(inv)
	request.Monitor = true
	request.Features = []string{dffmpeg.FeatureStdio}
	ctx, giveUp := context.WithCancel(ctx)
	interrupt := newInterrupt(inv.Signals, giveUp)
	defer interrupt.close()
	defer giveUp()

	answer, connection, err := p.submit(ctx, request)
	if client.NoSharedTransport(err) && inv.OtherTransports != nil {
		return inv.OtherTransports()
	}
	var unsent *notSent
	if errors.As(err, &unsent) && inv.Fallback != nil && !interrupt.happened() {
		return inv.Fallback.Run(err.Error())
	}
	if err != nil {
		return p.complain(inv, interrupt, err)
	}
	interrupt.arm(func() { p.cancel(ctx, answer.ID, inv.Stderr, giveUp) })
	out := &output{stdout: inv.Stdout, stderr: inv.Stderr}
	var fallback *Fallback // one of 0.4 cancels what runs, too, and tells no attempts
	if slices.Contains(answer.Features, dffmpeg.FeatureStdio) {
		fallback = inv.Fallback
	}
	patience := p.wait(ctx, fallback, answer.ID)
	streams := &client.Streams{Stdout: inv.Stdout, Stderr: inv.Stderr, Signals: interrupt.passed, Met: func() {
		patience.end()
		interrupt.pass()
	}}
	if readsInput(inv.Binary, inv.Args) {
		streams.Stdin = inv.Stdin
	}
	final, err := p.client.Attach(ctx, client.Attachment{Job: answer.Job, Monitor: true, Streams: streams, Connection: connection}, out)
	patience.end()
	if patience.withdrawn() && !interrupt.happened() {
		return fallback.Run("no worker took the job within " + fallback.After.String())
	}
	if err == nil && fallback != nil && final.Status == dffmpeg.JobFailed && final.Attempt == 0 && !interrupt.happened() {
		return fallback.Run("no worker took the job: " + reason(final))
	}
	if err != nil {
		if out.broken {
			p.cancel(ctx, answer.ID, inv.Stderr, giveUp)
			return exitBrokenPipe
		}
		return p.complain(inv, interrupt, err)
	}
	if final.ExitCode == nil && final.Status == dffmpeg.JobFailed {
		fmt.Fprintf(inv.Stderr, "dffmpeg: %s could not be run: %s\n", inv.Binary, reason(final))
	}
	if final.Status == dffmpeg.JobCanceled && final.ExitCode == nil && interrupt.happened() {
		return interrupt.exitCode() // the program never ran
	}
	return client.ExitCode(final)
}

func reason(final dffmpeg.JobStatusChange) string {
	if final.Reason != "" {
		return final.Reason
	}
	return "the job failed without an exit code; see the coordinator's and the worker's log"
}

// complain says in one line why the program was not run to its end.
func (p *Proxy) complain(inv Invocation, interrupt *interrupt, err error) int {
	if interrupt.happened() {
		return interrupt.exitCode()
	}
	if !errors.Is(err, context.Canceled) {
		fmt.Fprintf(inv.Stderr, "dffmpeg: %v\n", err)
	}
	return client.ExitFailed
}

// cancel asks the coordinator to stop the job; when that fails, it gives up
// waiting for the job as well.
func (p *Proxy) cancel(ctx context.Context, jobID string, stderr io.Writer, giveUp func()) {
	if _, err := p.client.Cancel(ctx, jobID); err != nil && ctx.Err() == nil {
		fmt.Fprintf(stderr, "dffmpeg: could not cancel job %s: %v\n", jobID, err)
		giveUp()
	}
}

// output writes a job's output where the program's own would have gone.
type output struct {
	stdout, stderr io.Writer
	broken         bool // a write failed: the reader is gone
}

// Output implements client.Events.
func (o *output) Output(lines []dffmpeg.LogEntry) error {
	for len(lines) > 0 {
		// Lines of one stream that follow each other take one system call.
		stream, count := lines[0].Stream, 1
		for count < len(lines) && lines[count].Stream == stream {
			count++
		}
		var text strings.Builder
		for i := range lines[:count] {
			text.WriteString(lines[i].Text())
		}
		to := o.stdout
		if stream == dffmpeg.Stderr {
			to = o.stderr
		}
		if _, err := io.WriteString(to, text.String()); err != nil {
			o.broken = true
			return fmt.Errorf("write the program's %s: %w", stream, err)
		}
		lines = lines[count:]
	}
	return nil
}

// Status implements client.Events; the program's caller is not told.
func (o *output) Status(dffmpeg.JobStatusChange) {}
