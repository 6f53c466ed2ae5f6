package launch

import (
	"context"
	"errors"
	"os"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dffmpeg/dffmpeg/internal/worker/executor"
)

func TestAsk(t *testing.T) {
	l, _ := launcher(t)
	sh, err := l.Find("sh")
	if err != nil {
		t.Fatal(err)
	}
	got, err := l.Ask(t.Context(), sh, []string{"-c", `echo "$GREETING"; cat; echo error >&2; exit 3`})
	if err != nil || string(got.Stdout) != "hello\n" || string(got.Stderr) != "error\n" || got.Code != 3 {
		t.Errorf("answer %q and %q, exit code %d, %v", got.Stdout, got.Stderr, got.Code, err)
	}
	got, err = l.Ask(t.Context(), sh, []string{"-c", "head -c 3000000 /dev/zero"})
	if err != nil || len(got.Stdout) != maxAnswer || got.Code != 0 {
		t.Errorf("of a long answer there are %d bytes, want %d; exit code %d, %v", len(got.Stdout), maxAnswer, got.Code, err)
	}
	if _, err := l.Find("gone"); err == nil {
		t.Error("a program was found that does not exist")
	}
}

// TestAskedForTooLong: what does not answer is killed with what it started.
func TestAskedForTooLong(t *testing.T) {
	l, _ := launcher(t)
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	file := t.TempDir() + "/pid"
	_, err := l.Ask(ctx, Program{Path: "/bin/sh", Environment: []string{"PATH=/usr/bin:/bin"}}, []string{"-c", "sleep 60 & echo $! >" + file + "; trap '' TERM; wait"})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v, want that of the context", err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(5 * time.Second)
	for running(pid) {
		if time.Now().After(deadline) {
			t.Fatal("what the program had started runs on")
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// stubborn is a process that ends long after it was killed.
type stubborn struct {
	killed chan struct{}
	after  time.Duration
}

func (s *stubborn) Stop(time.Duration) { close(s.killed) }

func (s *stubborn) Wait() executor.Exit {
	<-s.killed
	time.Sleep(s.after)
	return executor.Exit{}
}

// TestAskedAndStuck: what cannot be killed is not waited for.
func TestAskedAndStuck(t *testing.T) {
	for after, stuck := range map[time.Duration]bool{stuckAfter - time.Second: false, time.Hour: true} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			begin := time.Now()
			_, err := awaited(ctx, &stubborn{make(chan struct{}), after})
			if !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, ErrStuck) != stuck {
				t.Errorf("when it ends %s after it was killed: %v", after, err)
			}
			if took := time.Since(begin); took > time.Second+stuckAfter {
				t.Errorf("waited for %s", took)
			}
			time.Sleep(after)
		})
	}
}

// running reports whether a process is there, and not only waits to be reaped (man 5
// proc_pid_stat).
func running(pid int) bool {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err == nil && !strings.Contains(string(stat), ") Z ")
}

// TestAccountOfPrograms: whom they run as tells programs apart.
func TestAccountOfPrograms(t *testing.T) {
	own, _ := launcher(t)
	other, _ := launcherWith(t, Rights{Account: &executor.Account{UID: 65534, GID: 65533}})
	a, errA := own.Find("sh")
	b, errB := other.Find("sh")
	if errA != nil || errB != nil || a.Account == "" || a.Account == b.Account {
		t.Errorf("%q and %q: %v, %v", a.Account, b.Account, errA, errB)
	}
}
