package launch

import (
	"context"
	"fmt"
	"os"

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
// process is killed with all that it started, and ctx's error returned.
func (l *Launcher) Ask(ctx context.Context, program Program, args []string) (Answer, error) {
	var stdout, stderr head
	p, err := l.executor.Start(ctx, executor.Spec{
		Path: program.Path, Args: args, Env: program.Environment, Account: l.rights.Account, Stdout: &stdout, Stderr: &stderr,
	})
	if err != nil {
		return Answer{}, err
	}
	stop := context.AfterFunc(ctx, func() { p.Stop(0) })
	exit := p.Wait()
	if !stop() {
		return Answer{}, ctx.Err()
	}
	return Answer{Stdout: stdout.kept, Stderr: stderr.kept, Code: exit.Code}, nil
}

// head is a writer that keeps the beginning.
type head struct{ kept []byte }

// Write implements io.Writer.
func (h *head) Write(p []byte) (int, error) {
	h.kept = append(h.kept, p[:min(len(p), maxAnswer-len(h.kept))]...)
	return len(p), nil
}
