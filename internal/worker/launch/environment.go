package launch

import (
	"slices"
	"strings"
)

// Environment is what processes find in theirs.
type Environment struct {
	// Own is the worker's, as NAME=value. What is for dffmpeg itself, and for the
	// service that it is, is left out.
	Own []string
	// Set are variables of every process.
	Set map[string]string
	// Accept are the variables that a job may bring.
	Accept []string
}

// of returns the environment of a job that brings variables.
func (e Environment) of(brought map[string]string) []string {
	variables := make(map[string]string, len(e.Own)+len(e.Set))
	for _, entry := range e.Own {
		if name, value, ok := strings.Cut(entry, "="); ok && !private(name) {
			variables[name] = value
		}
	}
	for _, name := range e.Accept {
		if value, is := brought[name]; is {
			variables[name] = value
		}
	}
	for name, value := range e.Set {
		variables[name] = value
	}
	entries := make([]string, 0, len(variables))
	for name, value := range variables {
		entries = append(entries, name+"="+value)
	}
	slices.Sort(entries)
	return entries
}

// private reports whether a variable is for the worker alone: its keys, and what
// its service manager tells it (man 5 systemd.exec).
func private(name string) bool {
	switch name {
	case "NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC", "LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES",
		"CREDENTIALS_DIRECTORY", "CACHE_DIRECTORY", "STATE_DIRECTORY", "RUNTIME_DIRECTORY", "LOGS_DIRECTORY", "CONFIGURATION_DIRECTORY",
		"INVOCATION_ID", "JOURNAL_STREAM", "MAINPID", "MANAGERPID":
		return true
	}
	return strings.HasPrefix(name, "DFFMPEG_")
}
