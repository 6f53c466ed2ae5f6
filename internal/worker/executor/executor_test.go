package executor

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience bounds waits for what should happen at once.
const patience = 30 * time.Second

// guardCommand is this test binary in the role of the guard.
func guardCommand() []string { return []string{guardName} }

// running returns an executor that runs until the test ends.
func running(t *testing.T) *Executor {
	t.Helper()
	e := New(guardCommand())
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- e.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("Run = %v, want context.Canceled", err)
		}
	})
	return e
}

// shell starts a shell script.
func shell(t *testing.T, e *Executor, script string, stdout, stderr io.Writer) *Process {
	t.Helper()
	p, err := e.Start(t.Context(), Spec{
		Path: "/bin/sh", Args: []string{"-c", script}, Dir: t.TempDir(),
		Env: []string{"PATH=/usr/bin:/bin"}, Stdout: stdout, Stderr: stderr,
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestExitCodes(t *testing.T) {
	e := running(t)
	tests := []struct {
		script string
		want   Exit
	}{
		{"exit 0", Exit{}},
		{"exit 1", Exit{Code: 1}},
		{"exit 255", Exit{Code: 255}},
		{"kill -9 $$", Exit{Code: 137, Signal: syscall.SIGKILL}},
		{"kill -15 $$", Exit{Code: 143, Signal: syscall.SIGTERM}},
	}
	for _, tt := range tests {
		if got := shell(t, e, tt.script, io.Discard, io.Discard).Wait(); got != tt.want {
			t.Errorf("%s: %+v, want %+v", tt.script, got, tt.want)
		}
	}
}

func TestStreamsAreSeparateAndWhole(t *testing.T) {
	var stdout, stderr bytes.Buffer
	shell(t, running(t), `printf 'out\0\377'; printf err >&2; cat`, &stdout, &stderr).Wait()
	if stdout.String() != "out\x00\xff" || stderr.String() != "err" {
		t.Errorf("stdout %q, stderr %q", stdout.String(), stderr.String())
	}
}

func TestStdinIsPassedOn(t *testing.T) {
	var stdout bytes.Buffer
	p, err := running(t).Start(t.Context(), Spec{
		Path: "/bin/cat", Stdin: io.NopCloser(strings.NewReader("typed")), Stdout: &stdout, Stderr: io.Discard,
	})
	if err != nil {
		t.Fatal(err)
	}
	if exit := p.Wait(); exit.Code != 0 || stdout.String() != "typed" {
		t.Errorf("exit %+v, stdout %q", exit, stdout.String())
	}
}

// gate lets one write through for each token.
type gate struct {
	tokens chan struct{}
	bytes  int
}

func (g *gate) Write(p []byte) (int, error) {
	<-g.tokens
	g.bytes += len(p)
	return len(p), nil
}

// TestSlowReaderLosesNothing: a reader that stands still, also after the
// process's end, gets every byte when it goes on.
func TestSlowReaderLosesNothing(t *testing.T) {
	g := &gate{tokens: make(chan struct{})}
	p := shell(t, running(t), "head -c 50000 /dev/zero", g, io.Discard)
	select {
	case <-p.gone: // 50,000 bytes fit into the pipe and the first write: it has ended
	case <-time.After(patience):
		t.Fatal("the process did not end")
	}
	close(g.tokens)
	if exit := p.Wait(); exit.Code != 0 || g.bytes != 50000 {
		t.Errorf("exit %+v, %d bytes, want 50000", exit, g.bytes)
	}
}

func TestManyBytes(t *testing.T) {
	g := &gate{tokens: make(chan struct{})}
	close(g.tokens)
	p := shell(t, running(t), "head -c 100000000 /dev/zero", g, io.Discard)
	if exit := p.Wait(); exit.Code != 0 || g.bytes != 100_000_000 {
		t.Errorf("exit %+v, %d bytes, want 100000000", exit, g.bytes)
	}
}

func TestGrandchildrenEndWithTheProcess(t *testing.T) {
	e := running(t)
	pids := newLines()
	p := shell(t, e, "sleep 1000 & echo $!; exit 3", pids, io.Discard)
	if exit := p.Wait(); exit.Code != 3 {
		t.Errorf("exit %+v, want 3", exit)
	}
	awaitGone(t, pids.next(t))
}

func TestStopAsksFirst(t *testing.T) {
	ready := newLines()
	p := shell(t, running(t), `trap 'exit 42' TERM; echo ready; while :; do sleep 0.01; done`, ready, io.Discard)
	ready.next(t)
	p.Stop(patience)
	if exit := p.Wait(); exit.Code != 42 {
		t.Errorf("exit %+v, want 42: its own answer to SIGTERM", exit)
	}
}

func TestStopInsists(t *testing.T) {
	ready := newLines()
	p := shell(t, running(t), `trap '' TERM; sleep 1000 & echo $!; wait; wait`, ready, io.Discard)
	pid := ready.next(t)
	p.Stop(0)
	if exit := p.Wait(); exit.Signal != syscall.SIGKILL {
		t.Errorf("exit %+v, want death by SIGKILL", exit)
	}
	awaitGone(t, pid)
	p.Signal(syscall.SIGTERM) // after the end: hits nobody
}

func TestGroupsAreSeparate(t *testing.T) {
	e := running(t)
	ready := newLines()
	other := shell(t, e, "echo ready; read line; exit 7", ready, io.Discard)
	_ = other.Wait() // its empty input ends it
	first, second := newLines(), newLines()
	a := shell(t, e, "echo a; sleep 1000", first, io.Discard)
	b := shell(t, e, "echo b; exec sleep 0.2", second, io.Discard)
	first.next(t)
	second.next(t)
	a.Stop(0)
	if exit := b.Wait(); exit.Code != 0 {
		t.Errorf("stopping one process gave another %+v", exit)
	}
}

func TestMistakesAreNamed(t *testing.T) {
	e := running(t)
	dir := t.TempDir()
	plain := filepath.Join(dir, "plain")
	if err := os.WriteFile(plain, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		spec Spec
		want error
	}{
		{Spec{Path: filepath.Join(dir, "missing")}, ErrNotFound},
		{Spec{Path: plain}, ErrNotExecutable},
		{Spec{Path: dir}, ErrNotExecutable},
		{Spec{Path: "/bin/true", Dir: filepath.Join(dir, "missing")}, ErrDirectory},
		{Spec{Path: "/bin/true", Dir: plain}, ErrDirectory},
	}
	for _, tt := range tests {
		if _, err := e.Start(t.Context(), tt.spec); !errors.Is(err, tt.want) {
			t.Errorf("Start(%+v) = %v, want %v", tt.spec, err, tt.want)
		}
	}
}

func TestStartNeedsRun(t *testing.T) {
	e := New(guardCommand())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := e.Run(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Run = %v", err)
	}
	if _, err := e.Start(t.Context(), Spec{Path: "/bin/true"}); !errors.Is(err, ErrNotRunning) {
		t.Errorf("Start = %v, want ErrNotRunning", err)
	}
}

func TestManyProcessesLeakNoDescriptors(t *testing.T) {
	e := running(t)
	shell(t, e, "true", io.Discard, io.Discard).Wait() // whatever is opened once, is now
	before := descriptors(t)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 25 {
				p, err := e.Start(t.Context(), Spec{Path: "/bin/true", Stdout: io.Discard, Stderr: io.Discard})
				if err != nil {
					t.Error(err)
					return
				}
				if exit := p.Wait(); exit.Code != 0 {
					t.Errorf("exit %+v", exit)
				}
			}
		})
	}
	all.Wait()
	if after := descriptors(t); after > before {
		t.Errorf("%d descriptors before, %d after 100 processes", before, after)
	}
}

func descriptors(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}
