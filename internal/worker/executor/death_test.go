package executor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// lines is a writer whose lines can be waited for.
type lines struct {
	rest bytes.Buffer
	full chan string
}

func newLines() *lines { return &lines{full: make(chan string, 100)} }

func (l *lines) Write(p []byte) (int, error) {
	l.rest.Write(p)
	for {
		line, err := l.rest.ReadString('\n')
		if errors.Is(err, io.EOF) { // the rest is no line yet
			l.rest.WriteString(line)
			break
		}
		l.full <- strings.TrimSpace(line)
	}
	return len(p), nil
}

func (l *lines) next(t *testing.T) string {
	t.Helper()
	select {
	case line := <-l.full:
		return line
	case <-time.After(patience):
		t.Fatal("no line came")
		return ""
	}
}

// awaitGone waits until a process that is not our child has ended.
func awaitGone(t *testing.T, pidText string) {
	t.Helper()
	pid, err := strconv.Atoi(pidText)
	if err != nil {
		t.Fatal(err)
	}
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return // it is gone
	}
	defer unix.Close(fd)
	deadline := time.Now().Add(patience)
	for {
		// A pidfd becomes readable when the process ends.
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, int(time.Until(deadline).Milliseconds()))
		if err == unix.EINTR {
			continue
		}
		if err != nil || n == 0 {
			t.Fatalf("process %d still runs after %s (%v)", pid, patience, err)
		}
		return
	}
}

// playWorker is another process that runs a script and waits to be killed.
func playWorker(script string, account *Account) {
	e := New(guardCommand())
	ctx := context.Background()
	go e.Run(ctx) //nolint:errcheck // it is killed
	_, err := e.Start(ctx, Spec{
		Path: "/bin/sh", Args: []string{"-c", script}, Env: os.Environ(),
		Stdout: os.Stdout, Stderr: os.Stderr, Account: account,
	})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	select {}
}

// TestAllDieWithTheWorker kills a worker with -9 while a process with a
// grandchild runs.
func TestAllDieWithTheWorker(t *testing.T) { allDieWith(t, workerName) }

// allDieWith kills the worker that this test binary plays by a name.
func allDieWith(t *testing.T, name string) {
	t.Helper()
	worker, out := play(t, name, "sleep 1000 & echo $!; echo $$; wait")
	grandchild, child := out.next(t), out.next(t)
	began := time.Now()
	if err := worker.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	awaitGone(t, child)
	awaitGone(t, grandchild)
	t.Logf("gone after %s", time.Since(began))
	if err := worker.Wait(); err == nil {
		t.Error("the worker was to be killed")
	}
}

// play starts a worker that this test binary plays by a name, which runs a script.
func play(t *testing.T, name, script string) (*exec.Cmd, *lines) {
	t.Helper()
	out := newLines()
	worker := exec.Command("/proc/self/exe") //nolint:noctx // killed by the caller
	worker.Args = []string{name, script}
	worker.Stdout, worker.Stderr = out, io.Discard
	worker.WaitDelay = patience
	if err := worker.Start(); err != nil {
		t.Fatal(err)
	}
	return worker, out
}

func TestGuardKillsOnlyWhatItWasTold(t *testing.T) {
	start := func() *exec.Cmd {
		cmd := exec.Command("/bin/sleep", "1000") //nolint:noctx // killed below
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		return cmd
	}
	watched, forgotten, unknown := start(), start(), start()
	cmd := exec.Command("/proc/self/exe") //nolint:noctx // ends with its input
	cmd.Args = guardCommand()
	cmd.Stdin = strings.NewReader(fmt.Sprintf("+%d\n+%d\n-%d\nnonsense\n+-1\n+0\n+1\n",
		watched.Process.Pid, forgotten.Process.Pid, forgotten.Process.Pid))
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	if err := watched.Wait(); err == nil || !strings.Contains(err.Error(), "killed") {
		t.Errorf("the watched process ended with %v, want killed", err)
	}
	for _, cmd := range []*exec.Cmd{forgotten, unknown} {
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Errorf("a process that was not watched is gone: %v", err)
		}
		if err := cmd.Wait(); err == nil || !strings.Contains(err.Error(), "terminated") {
			t.Errorf("it ended with %v, want terminated by this test", err)
		}
	}
}

// TestGuardIsReplaced: a guard that was killed is started again for the next
// process, and learns of those that run.
func TestGuardIsReplaced(t *testing.T) {
	g, err := startGuard(guardCommand())
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("/bin/sleep", "1000") //nolint:noctx // killed by the guard
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if err := g.watch(cmd.Process.Pid); err != nil {
		t.Fatal(err)
	}
	first := g.cmd.Process.Pid
	if err := syscall.Kill(first, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	awaitExit(first) // its end of the pipe is closed now
	g.forget(999999999)
	if g.cmd.Process.Pid == first {
		t.Error("the guard was not replaced")
	}
	g.end()
	if err := cmd.Wait(); err == nil || !strings.Contains(err.Error(), "killed") {
		t.Errorf("the process ended with %v, want killed by the new guard", err)
	}
}
