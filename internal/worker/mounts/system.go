package mounts

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
)

// System is what the manager asks of the machine.
type System interface {
	// MountPoints lists what is mounted.
	MountPoints() ([]string, error)
	// Probe asks a file system for an answer. It may hang for ever: a network
	// file system whose server is gone does.
	Probe(path string) error
	// Run runs a command to its end; the error has what it said.
	Run(ctx context.Context, name string, args ...string) error
}

// Linux is the machine this program runs on.
type Linux struct{}

var _ System = Linux{}

// MountPoints implements System by /proc/self/mountinfo (proc(5)).
func (Linux) MountPoints() ([]string, error) {
	file, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return nil, fmt.Errorf("list of mounts: %w", err)
	}
	defer func() { _ = file.Close() }() // only read
	var points []string
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		if fields := strings.Fields(lines.Text()); len(fields) > 4 {
			points = append(points, unescape(fields[4]))
		}
	}
	return points, lines.Err()
}

// unescape turns the octal escapes of mountinfo back: space, tab, newline and
// backslash.
func unescape(field string) string {
	var text strings.Builder
	for i := 0; i < len(field); i++ {
		if field[i] == '\\' && i+3 < len(field) {
			if n, err := strconv.ParseUint(field[i+1:i+4], 8, 8); err == nil {
				text.WriteByte(byte(n))
				i += 3
				continue
			}
		}
		text.WriteByte(field[i])
	}
	return text.String()
}

// Probe implements System.
func (Linux) Probe(path string) error {
	var status syscall.Statfs_t
	if err := syscall.Statfs(path, &status); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// Run implements System.
func (Linux) Run(ctx context.Context, name string, args ...string) error {
	output, err := exec.CommandContext(ctx, name, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, strings.TrimSpace(string(output)))
	}
	return nil
}
