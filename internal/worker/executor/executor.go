// Package executor runs the processes of jobs on this machine, each in a
// process group of its own, and sees to it that none outlives the worker.
//
// Three mechanisms end what a dead worker leaves behind, each for what the
// others miss:
//
//   - The kernel sends SIGKILL to a job's leading process when the thread that
//     started it ends (PR_SET_PDEATHSIG). It is per thread, not per process
//     (golang/go#27505), so all processes are started by one goroutine that is
//     locked to a thread for as long as the executor runs.
//   - Descendants are not covered by that. A single small guard process, started
//     once per worker, is told the process groups that run; when the pipe to the
//     worker closes, however the worker died, it kills them all. It costs no
//     start-up time per job, unlike a supervisor around each.
//   - When a job's leading process ends, the rest of its group is killed before
//     the exit is reported, so nothing is left running for a job that is over.
//
// A process that leaves its group on purpose (setsid) is out of reach; ffmpeg
// does not.
package executor

import (
	"context"
	"errors"
	"io"
	"os/exec"
	"runtime"
	"syscall"
)

// Errors of Start; compare with errors.Is.
var (
	ErrNotRunning    = errors.New("the executor is not running")
	ErrNotFound      = errors.New("the program does not exist")
	ErrNotExecutable = errors.New("the program may not be executed")
	ErrDirectory     = errors.New("the working directory cannot be used")
)

// Spec says what to run.
type Spec struct {
	Path string   // absolute path of the program
	Args []string // arguments without the program's name
	Dir  string   // working directory
	Env  []string // whole environment, as NAME=value
	// Umask is the process's; nil for the worker's own. See Process.Masked.
	Umask *int
	// Account is whom it runs as; nil for the worker's own. Its standard streams
	// belong to that account, as /dev/stdin and the like are opened anew.
	Account *Account
	// Stdin is what the process reads; nil is an empty input. It is closed when the
	// process reads no more, or has ended; that must end a Read that waits.
	Stdin io.ReadCloser
	// Stdout and Stderr get the output as it comes, each from a goroutine of
	// its own. A writer that blocks makes the process wait; one that fails
	// closes the pipe, as a reader does that goes away.
	Stdout, Stderr io.Writer
}

// Account is whom a process runs as. To run as another than oneself takes root.
type Account struct {
	UID, GID uint32
	Groups   []uint32 // supplementary ones
}

// Executor starts processes. Make one with New; Start works while Run runs.
type Executor struct {
	guardCommand []string
	starts       chan request
	stopped      chan struct{} // closed when Run has ended
}

// request asks the goroutine that starts processes for one.
type request struct {
	cmd  *exec.Cmd
	mask *int
	done chan answer
}

// answer is what became of a request.
type answer struct {
	guard  *guard
	masked bool
	err    error
}

// New returns an executor. guardCommand is the command line of a program that
// calls Guard, usually this very program.
func New(guardCommand []string) *Executor {
	return &Executor{guardCommand: guardCommand, starts: make(chan request), stopped: make(chan struct{})}
}

// Run starts processes on behalf of Start until ctx is done. It is called once.
// The caller waits for the processes first: those that still run when Run
// returns are killed.
func (e *Executor) Run(ctx context.Context) error {
	defer close(e.stopped)
	guard, err := startGuard(e.guardCommand)
	if err != nil {
		return err
	}
	defer guard.end()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		// Never unlocked: the thread ends with this goroutine, and with the
		// thread every process that it started.
		runtime.LockOSThread()
		e.serve(ctx, guard)
	}()
	<-ended
	return ctx.Err()
}

// serve starts one process after the other.
func (e *Executor) serve(ctx context.Context, guard *guard) {
	thread := newThread()
	for {
		select {
		case <-ctx.Done():
			return
		case r := <-e.starts:
			masked, err := thread.with(r.mask, func() error { return launch(r.cmd, guard) })
			r.done <- answer{guard: guard, masked: masked, err: err}
		}
	}
}

// launch starts a process that is guarded from its first moment: until the
// guard knows it, the kernel's signal at the thread's end holds.
func launch(cmd *exec.Cmd, guard *guard) error {
	if err := cmd.Start(); err != nil {
		return err
	}
	err := guard.watch(cmd.Process.Pid)
	if err != nil {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // not reaped: it is ours
		_ = cmd.Wait()
	}
	return err
}
