package client

import "github.com/dffmpeg/dffmpeg"

// Exit codes of an attached run (protocol.md, Commands people already type).
const (
	ExitFailed   = 1   // failed without an exit code of its own, or could not be run
	ExitUsage    = 2   // the command line is wrong
	ExitCanceled = 130 // canceled, as a shell shows an interrupted process
)

// ExitCode returns what a command that waited for a job exits with: the
// process's own code where there is one.
func ExitCode(final dffmpeg.JobStatusChange) int {
	switch {
	case final.Status == dffmpeg.JobCanceled:
		return ExitCanceled
	case final.ExitCode != nil:
		return *final.ExitCode & 0xff
	case final.Status == dffmpeg.JobCompleted:
		return 0
	default:
		return ExitFailed
	}
}
