package executor

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// nobody is an account that is not root's.
func nobody() *Account { return &Account{UID: 65534, GID: 65533, Groups: []uint32{65533, 4711}} }

// startAs starts a shell script as nobody, in a directory that everybody may use.
func startAs(t *testing.T, e *Executor, script string, stdout, stderr io.Writer) (*Process, error) {
	t.Helper()
	return e.Start(t.Context(), Spec{
		Path: "/bin/sh", Args: []string{"-c", script}, Dir: "/", Env: []string{"PATH=/usr/bin:/bin"}, Account: nobody(),
		Stdin: io.NopCloser(strings.NewReader("typed")), Stdout: stdout, Stderr: stderr,
	})
}

// TestAccount: root starts processes as others, with streams that they may open
// anew; nobody else does.
func TestAccount(t *testing.T) {
	var stdout, stderr bytes.Buffer
	p, err := startAs(t, running(t), `id -u; id -g; id -G; cat /dev/stdin >/dev/stdout; echo error >/dev/stderr`, &stdout, &stderr)
	if os.Geteuid() != 0 {
		if err == nil || !strings.Contains(err.Error(), syscall.EPERM.Error()) {
			t.Errorf("started by another user than root: %v", err)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	exit := p.Wait()
	if want := "65534\n65533\n65533 4711\ntyped"; exit.Code != 0 || stdout.String() != want || stderr.String() != "error\n" {
		t.Errorf("exit %+v, stdout %q, want %q; stderr %q", exit, stdout.String(), want, stderr.String())
	}
}

// TestAllDieWithTheWorkerOfNobody: the kernel's signal at a worker's death survives
// the change of the account. The guard, which is killed first, has no part in it.
func TestAllDieWithTheWorkerOfNobody(t *testing.T) {
	if os.Geteuid() == 0 {
		allDieWith(t, nobodyName)
		dieWithoutGuard(t)
		return
	}
	if _, err := startAs(t, running(t), "true", io.Discard, io.Discard); err == nil {
		t.Error("another user than root started a process as nobody")
	}
}

// dieWithoutGuard kills the guard and then the worker.
func dieWithoutGuard(t *testing.T) {
	t.Helper()
	worker, out := play(t, nobodyName, "echo $$; exec sleep 1000")
	child := out.next(t)
	guards, err := exec.CommandContext(t.Context(), "ps", "-o", "pid=,args=", "--ppid", pid(worker)).Output()
	if err != nil {
		t.Fatal(err)
	}
	killed := 0
	for line := range strings.Lines(string(guards)) {
		if number, name, _ := strings.Cut(strings.TrimSpace(line), " "); strings.TrimSpace(name) == guardName {
			kill(t, number)
			killed++
		}
	}
	if killed != 1 {
		t.Fatalf("%d guards in %q", killed, guards)
	}
	if err := worker.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	awaitGone(t, child)
	if err := worker.Wait(); err == nil {
		t.Error("the worker was to be killed")
	}
}

func pid(cmd *exec.Cmd) string { return strconv.Itoa(cmd.Process.Pid) }

// kill kills a process by the text of its number.
func kill(t *testing.T, number string) {
	t.Helper()
	n, err := strconv.Atoi(number)
	if err == nil {
		err = syscall.Kill(n, syscall.SIGKILL)
	}
	if err != nil {
		t.Fatal(err)
	}
}
