package executor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// drainLimit bounds how long the executor waits for more output once the
// process group is gone, in case a process outside of it holds the pipes open.
const drainLimit = 2 * time.Second

// pipeSize is how much output a pipe is to hold (man 7 pipe): with more of it in one
// go, fewer switches between the process and us.
const pipeSize = 256 << 10

// Exit is how a process ended.
type Exit struct {
	Code   int            // 0 to 255; 128 + n after signal n
	Signal syscall.Signal // the signal that killed it, 0 if none did
}

// Process is a process group that was started. Its methods may be called by
// several goroutines at once.
type Process struct {
	cmd    *exec.Cmd
	pipes  []*os.File // read ends of output
	input  *os.File   // write end of stdin; nil without one
	source io.Closer  // what is copied into it
	copies sync.WaitGroup
	gone   chan struct{} // closed when the group is gone
	ended  chan struct{} // closed when the output was passed on as well
	exit   Exit
	masked bool

	mu     sync.Mutex
	reaped bool // the group's number may belong to others
}

// Start starts a process. When ctx ends before the process was started, it is
// not; later ctx has no effect. The errors say what is wrong in words for the
// job's owner.
func (e *Executor) Start(ctx context.Context, spec Spec) (*Process, error) {
	if err := check(spec); err != nil {
		return nil, err
	}
	p := &Process{gone: make(chan struct{}), ended: make(chan struct{})}
	p.cmd = &exec.Cmd{
		Path: spec.Path,
		Args: append([]string{spec.Path}, spec.Args...),
		Dir:  spec.Dir,
		Env:  spec.Env,
		SysProcAttr: &syscall.SysProcAttr{
			Setpgid:   true,
			Pdeathsig: syscall.SIGKILL,
		},
	}
	if spec.Account != nil {
		// The kernel forgets Pdeathsig when an account changes; it is set after.
		p.cmd.SysProcAttr.Credential = &syscall.Credential{Uid: spec.Account.UID, Gid: spec.Account.GID, Groups: spec.Account.Groups}
	}
	childEnds, err := p.connect(spec)
	defer closeAll(childEnds)
	if err != nil {
		p.disconnect()
		return nil, err
	}
	started := e.start(ctx, p.cmd, spec.Umask)
	if started.err != nil {
		p.disconnect()
		return nil, fmt.Errorf("start %s: %w", spec.Path, started.err)
	}
	p.masked = started.masked
	if p.input != nil {
		p.copies.Go(func() { p.feed(spec.Stdin) })
	}
	for i, writer := range []io.Writer{spec.Stdout, spec.Stderr} {
		p.copies.Go(func() { p.copy(p.pipes[i], writer) })
	}
	go p.await(started.guard)
	return p, nil
}

// check finds the usual mistakes, to name them better than the kernel does.
func check(spec Spec) error {
	info, err := os.Stat(spec.Path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%w: %s", ErrNotFound, spec.Path)
	case err != nil:
		return fmt.Errorf("%w: %w", ErrNotExecutable, err)
	case info.IsDir() || info.Mode()&0o111 == 0:
		return fmt.Errorf("%w: %s", ErrNotExecutable, spec.Path)
	}
	if spec.Dir == "" {
		return nil
	}
	info, err = os.Stat(spec.Dir)
	switch {
	case err != nil:
		return fmt.Errorf("%w: %w", ErrDirectory, err)
	case !info.IsDir():
		return fmt.Errorf("%w: %s is not a directory", ErrDirectory, spec.Dir)
	}
	return nil
}

// connect makes the pipes and returns the child's ends.
func (p *Process) connect(spec Spec) (childEnds []*os.File, err error) {
	if spec.Stdin != nil {
		read, write, err := os.Pipe()
		if err != nil {
			return nil, fmt.Errorf("pipe for input: %w", err)
		}
		p.input, p.cmd.Stdin, p.source = write, read, spec.Stdin
		childEnds = append(childEnds, read)
	}
	var outputs []*os.File
	for range 2 {
		read, write, err := os.Pipe()
		if err != nil {
			return childEnds, fmt.Errorf("pipe for output: %w", err)
		}
		widen(read)
		p.pipes = append(p.pipes, read)
		childEnds, outputs = append(childEnds, write), append(outputs, write)
	}
	p.cmd.Stdout, p.cmd.Stderr = outputs[0], outputs[1]
	if spec.Account == nil {
		return childEnds, nil
	}
	for _, end := range childEnds {
		if err := end.Chown(int(spec.Account.UID), int(spec.Account.GID)); err != nil {
			return childEnds, fmt.Errorf("give a pipe to the process's account: %w", err)
		}
	}
	return childEnds, nil
}

// widen gives a pipe its size; the usual one does, too. File.Fd would make the pipe
// block, and then it has no deadlines.
func widen(pipe *os.File) {
	raw, err := pipe.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) { _, _ = unix.FcntlInt(fd, unix.F_SETPIPE_SZ, pipeSize) })
}

// disconnect closes our ends, when nothing was started.
func (p *Process) disconnect() {
	closeAll(p.pipes)
	if p.input != nil {
		closeAll([]*os.File{p.input})
	}
}

// feed gives the process its input, until it takes no more.
func (p *Process) feed(from io.ReadCloser) {
	buffer := make([]byte, 32<<10)
	_, _ = io.CopyBuffer(struct{ io.Writer }{p.input}, from, buffer) // a process need not read
	_ = p.input.Close()                                              // nothing is buffered
	_ = from.Close()                                                 // whoever fills it has been told, or will be
}

func closeAll(files []*os.File) {
	for _, f := range files {
		_ = f.Close() // pipes: nothing is buffered
	}
}

// start has the executor's own thread start the process.
func (e *Executor) start(ctx context.Context, cmd *exec.Cmd, mask *int) answer {
	r := request{cmd: cmd, mask: mask, done: make(chan answer, 1)}
	select {
	case e.starts <- r:
		return <-r.done
	case <-e.stopped:
		return answer{err: ErrNotRunning}
	case <-ctx.Done():
		return answer{err: ctx.Err()}
	}
}

// copy passes one stream on until it ends.
func (p *Process) copy(from *os.File, to io.Writer) {
	defer closeAll([]*os.File{from})
	_, _ = io.Copy(to, output{from, p.gone}) // a reader that is gone is as the end
}

// output is the read end of a pipe from the process.
type output struct {
	pipe *os.File
	gone <-chan struct{} // closed when its group is gone
}

// Read implements io.Reader. Once the group is gone there is a limit to how long it
// waits.
func (o output) Read(b []byte) (int, error) {
	select {
	case <-o.gone:
		_ = o.pipe.SetReadDeadline(time.Now().Add(drainLimit)) // pipes have deadlines
	default:
	}
	return o.pipe.Read(b)
}

// await ends the group when its leading process has ended.
func (p *Process) await(guard *guard) {
	defer close(p.ended)
	pid := p.cmd.Process.Pid
	// The number of the group is the leading process's own as long as that is
	// not reaped, so the rest is killed before.
	awaitExit(pid)
	_ = syscall.Kill(-pid, syscall.SIGKILL) // usually nothing is left
	guard.forget(pid)
	p.mu.Lock()
	err := p.cmd.Wait()
	p.reaped = true
	p.mu.Unlock()
	p.exit = exitOf(p.cmd.ProcessState, err)
	close(p.gone)
	if p.input != nil {
		_ = p.input.SetWriteDeadline(time.Now()) // nobody reads it any more
		_ = p.source.Close()
	}
	for _, pipe := range p.pipes {
		_ = pipe.SetReadDeadline(time.Now().Add(drainLimit)) // closed ones have ended
	}
	p.copies.Wait()
}

// awaitExit waits until a child has ended and leaves it to be reaped.
func awaitExit(pid int) {
	for {
		err := unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if !errors.Is(err, unix.EINTR) {
			return
		}
	}
}

func exitOf(state *os.ProcessState, err error) Exit {
	if state == nil {
		return Exit{Code: 255} // cannot happen: Wait fails only for what was not started
	}
	status, ok := state.Sys().(syscall.WaitStatus)
	switch {
	case !ok && err != nil:
		return Exit{Code: 255}
	case status.Signaled():
		return Exit{Code: 128 + int(status.Signal()), Signal: status.Signal()}
	default:
		return Exit{Code: status.ExitStatus()}
	}
}

// Wait returns how the process ended, when its whole group is gone and its
// output was passed on.
func (p *Process) Wait() Exit {
	<-p.ended
	return p.exit
}

// Masked reports whether the process has the umask that it was to have. It has not
// where the worker may not set one for a process alone; then it has the worker's.
func (p *Process) Masked() bool { return p.masked }

// Signal sends a signal to the process group, if it is still there.
func (p *Process) Signal(sig syscall.Signal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.reaped {
		_ = syscall.Kill(-p.cmd.Process.Pid, sig) // it may be ending
	}
}

// Stop ends the process group: SIGTERM, and after grace SIGKILL. It returns
// when the group is gone.
func (p *Process) Stop(grace time.Duration) {
	p.Signal(syscall.SIGTERM)
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case <-p.gone:
		return
	case <-timer.C:
	}
	p.Signal(syscall.SIGKILL)
	<-p.gone
}
