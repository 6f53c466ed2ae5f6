// Package umask reads the umask of the process without touching it: umask(2)
// returns it only when it sets another one, for all threads.
package umask

import (
	"bytes"
	"os"
	"strconv"
)

// Current returns the umask of the process, or rather that of its first thread;
// nil when the kernel does not tell (before Linux 4.7, or without /proc).
func Current() *int { return read("/proc/self/status") }

// OfThread does so for the calling thread, to which the caller is locked.
func OfThread() *int { return read("/proc/thread-self/status") }

func read(file string) *int {
	status, err := os.ReadFile(file)
	if err != nil {
		return nil
	}
	for line := range bytes.Lines(status) {
		if text, ok := bytes.CutPrefix(line, []byte("Umask:")); ok {
			n, err := strconv.ParseUint(string(bytes.TrimSpace(text)), 8, 12)
			if err != nil {
				return nil
			}
			mask := int(n) & 0o777
			return &mask
		}
	}
	return nil
}
