package launch

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/dffmpeg/dffmpeg/internal/worker/executor"
)

// Program is what a binary's name stands for on this machine.
type Program struct {
	Path        string
	Environment []string // what its processes find in theirs, when a job brings none
	Account     string   // whom they run as, with all groups
}

// Answer is what a program put out when it was asked something, each stream up to a
// bound.
type Answer struct {
	Stdout, Stderr []byte
	Code           int // exit code
}

// maxAnswer bounds how much of a stream is kept; ffmpeg's longest list has 60 kB.
const maxAnswer = 1 << 20

// ErrStuck says that a process does not end although it was killed: it waits in the kernel,
// for a device or a file system that hangs.
var ErrStuck = errors.New("the process does not end although it was killed")

// stuckAfter is how long a process may take to end once it was killed.
const stuckAfter = 5 * time.Second

// Find returns what a binary's name stands for.
func (l *Launcher) Find(binary string) (Program, error) {
	path, err := l.path(binary)
	if err != nil {
		return Program{}, err
	}
	program := Program{Path: path, Environment: l.env.of(nil)}
	if a := l.rights.Account; a != nil {
		program.Account = fmt.Sprint(a.UID, a.GID, a.Groups)
	} else {
		groups, _ := os.Getgroups() // unknown ones are the same as none
		program.Account = fmt.Sprint(os.Geteuid(), os.Getegid(), groups)
	}
	return program, nil
}

// Ask runs a program for what it puts out, as jobs are run. When ctx ends first, the
// process is killed with all that it started, and ctx's error returned. That error is
// ErrStuck as well when the process does not end; then nothing waits for it any more.
func (l *Launcher) Ask(ctx context.Context, program Program, args []string) (Answer, error) {
	var stdout, stderr head
	p, err := l.executor.Start(ctx, executor.Spec{
		Path: program.Path, Args: args, Env: program.Environment, Account: l.rights.Account, Stdout: &stdout, Stderr: &stderr,
	})
	if err != nil {
		return Answer{}, err
	}
	exit, err := awaited(ctx, p)
	if err != nil {
		return Answer{}, err
	}
	return Answer{Stdout: stdout.kept, Stderr: stderr.kept, Code: exit.Code}, nil
}

// ending is a process as far as waiting for its end goes.
type ending interface {
	Stop(grace time.Duration)
	Wait() executor.Exit
}

// awaited returns how a process ended, or an error as Ask does.
func awaited(ctx context.Context, p ending) (executor.Exit, error) {
	ended := make(chan executor.Exit, 1)
	go func() { ended <- p.Wait() }()
	select {
	case exit := <-ended:
		return exit, nil
	case <-ctx.Done():
	}
	go p.Stop(0)
	timer := time.NewTimer(stuckAfter)
	defer timer.Stop()
	select {
	case <-ended:
		return executor.Exit{}, ctx.Err()
	case <-timer.C:
		return executor.Exit{}, fmt.Errorf("%w: %w", ctx.Err(), ErrStuck)
	}
}

// head is a writer that keeps the beginning.
type head struct{ kept []byte }

// Write implements io.Writer.
func (h *head) Write(p []byte) (int, error) {
	h.kept = append(h.kept, p[:min(len(p), maxAnswer-len(h.kept))]...)
	return len(p), nil
}
