package executor

import (
	"bufio"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

// Guard is the main function of the guard process. It reads which process
// groups run, a line each (+PGID, -PGID), from in, the worker's end of which
// nobody but the worker holds. When in ends, the worker is dead or done, and
// what still runs is killed. It returns after that.
func Guard(in io.Reader) {
	// A terminal's Ctrl-C and a service manager's SIGTERM are for the worker,
	// which may want to drain.
	signal.Ignore(syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	groups := make(map[int]bool)
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		line := lines.Text()
		pgid, err := strconv.Atoi(strings.TrimLeft(line, "+-"))
		if err != nil || pgid <= 1 {
			continue // never kill(-1), whatever was written
		}
		if strings.HasPrefix(line, "+") {
			groups[pgid] = true
		} else {
			delete(groups, pgid)
		}
	}
	for pgid := range groups {
		_ = syscall.Kill(-pgid, syscall.SIGKILL) // it may be gone already
	}
}

// guard is the worker's end of the guard process. Its methods may be called
// by several goroutines at once.
type guard struct {
	command []string

	mu     sync.Mutex
	cmd    *exec.Cmd
	pipe   *os.File
	groups map[int]bool
	done   bool // end was called
}

func startGuard(command []string) (*guard, error) {
	g := &guard{command: command, groups: make(map[int]bool)}
	if err := g.start(); err != nil {
		return nil, err
	}
	return g, nil
}

// start starts the process, in a session of its own, and tells it what runs.
func (g *guard) start() error {
	read, write, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("start the process guard: %w", err)
	}
	defer closeAll([]*os.File{read})
	cmd := exec.Command("/proc/self/exe") //nolint:noctx // it must outlive every context of the worker
	cmd.Args = g.command                  // the program it is, by the name that makes it the guard
	cmd.Stdin = read
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		_ = write.Close() // nothing was written
		return fmt.Errorf("start the process guard: %w", err)
	}
	g.cmd, g.pipe = cmd, write
	for _, pgid := range slices.Sorted(maps.Keys(g.groups)) {
		if err := g.tell('+', pgid); err != nil {
			return err
		}
	}
	return nil
}

func (g *guard) tell(sign rune, pgid int) error {
	if _, err := fmt.Fprintf(g.pipe, "%c%d\n", sign, pgid); err != nil {
		return fmt.Errorf("tell the process guard: %w", err)
	}
	return nil
}

// watch has a process group killed when the worker dies. A guard that is gone
// is started again first.
func (g *guard) watch(pgid int) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.groups[pgid] = true
	if g.tell('+', pgid) == nil {
		return nil
	}
	g.stop()
	return g.start()
}

// forget is told that a group has ended, before its number can be given to
// another one.
func (g *guard) forget(pgid int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.groups, pgid)
	if !g.done && g.tell('-', pgid) != nil {
		g.stop()
		// Should this fail as well, the next watch tries again.
		_ = g.start()
	}
}

// end lets the guard process go.
func (g *guard) end() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.done = true
	g.stop()
}

// stop closes the pipe and waits for the process, which kills what is left and
// exits.
func (g *guard) stop() {
	_ = g.pipe.Close() // the process sees the end either way
	_ = g.cmd.Wait()   // how it ended makes no difference
}
