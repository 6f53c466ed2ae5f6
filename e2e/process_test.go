package e2e

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience bounds every wait for something that should happen at once; it is
// long because the machine may be busy.
const patience = 60 * time.Second

// process is a program under test, with what it printed so far.
type process struct {
	t      *testing.T
	cmd    *exec.Cmd
	stdout *transcript
	stderr *transcript
	exited chan struct{}
}

// start runs a program from the directory of binaries. It is killed when the
// test ends, if it still runs then.
func start(t *testing.T, env []string, dir, name string, args ...string) *process {
	t.Helper()
	return startWith(t, streams{}, env, dir, name, args...)
}

// streams replace a process's standard streams where they are not nil.
type streams struct {
	stdin  io.Reader
	stdout io.Writer
}

// startWith runs a program, one of ours unless it is named by its path, with
// streams of the test's.
func startWith(t *testing.T, with streams, env []string, dir, name string, args ...string) *process {
	t.Helper()
	p := &process{t: t, stdout: newTranscript(), stderr: newTranscript(), exited: make(chan struct{})}
	program := name
	if !filepath.IsAbs(name) {
		program = filepath.Join(binaries, name)
	}
	p.cmd = exec.Command(program, args...) //nolint:noctx // ended by cleanup
	p.cmd.Dir = dir
	p.cmd.Env = append(cleanEnv(), env...)
	p.cmd.Stdin, p.cmd.Stdout, p.cmd.Stderr = with.stdin, p.stdout, p.stderr
	if with.stdout != nil {
		p.cmd.Stdout = with.stdout
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatalf("start %s: %v", name, err)
	}
	go func() {
		_ = p.cmd.Wait() // the exit code is asked for with exitCode
		p.stdout.end()
		p.stderr.end()
		close(p.exited)
	}()
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			t.Logf("%s %q printed:\nstdout: %s\nstderr: %s", name, args, p.stdout.text(), p.stderr.text())
		}
	})
	return p
}

// cleanEnv is the environment without what would redirect the programs.
func cleanEnv() []string {
	var env []string
	for _, entry := range os.Environ() {
		if !strings.HasPrefix(entry, "DFFMPEG_") {
			env = append(env, entry)
		}
	}
	return env
}

// exitCode waits for the end and returns the exit code, 128+n after signal n.
func (p *process) exitCode() int {
	p.t.Helper()
	select {
	case <-p.exited:
	case <-time.After(patience):
		p.t.Fatalf("%s still runs after %s", p.cmd.Path, patience)
	}
	status, ok := p.cmd.ProcessState.Sys().(syscall.WaitStatus)
	if ok && status.Signaled() {
		return 128 + int(status.Signal())
	}
	return p.cmd.ProcessState.ExitCode()
}

func (p *process) signal(sig syscall.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(sig); err != nil {
		p.t.Fatalf("signal %s to %s: %v", sig, p.cmd.Path, err)
	}
}

// kill ends the process at once and waits for its end.
func (p *process) kill() {
	if err := p.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		p.t.Errorf("kill %s: %v", p.cmd.Path, err)
	}
	<-p.exited
}

// run starts a program and waits for its end.
func run(t *testing.T, env []string, dir, name string, args ...string) *process {
	t.Helper()
	p := start(t, env, dir, name, args...)
	p.exitCode()
	return p
}

// transcript collects output and lets tests wait for a part of it.
type transcript struct {
	mu      sync.Mutex
	buf     bytes.Buffer
	ended   bool
	changed chan struct{} // closed and replaced on each write
}

func newTranscript() *transcript { return &transcript{changed: make(chan struct{})} }

// Write implements io.Writer.
func (tr *transcript) Write(p []byte) (int, error) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.buf.Write(p)
	close(tr.changed)
	tr.changed = make(chan struct{})
	return len(p), nil
}

func (tr *transcript) end() {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.ended = true
	close(tr.changed)
	tr.changed = make(chan struct{})
}

func (tr *transcript) text() string {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	return tr.buf.String()
}

// await waits until the output holds part.
func (tr *transcript) await(t *testing.T, part string) {
	t.Helper()
	deadline := time.After(patience)
	for {
		tr.mu.Lock()
		found, ended, changed := strings.Contains(tr.buf.String(), part), tr.ended, tr.changed
		tr.mu.Unlock()
		switch {
		case found:
			return
		case ended:
			t.Fatalf("output ended without %q:\n%s", part, tr.text())
		}
		select {
		case <-changed:
		case <-deadline:
			t.Fatalf("no %q within %s in:\n%s", part, patience, tr.text())
		}
	}
}
