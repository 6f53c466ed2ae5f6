package client

import "github.com/dffmpeg/dffmpeg"

// Exit codes of an attached run (protocol.md, Commands people already type).
const (
	ExitFailed   = 1   // failed without an exit code of its own, or could not be run
	ExitUsage    = 2   // the command line is wrong
	ExitCanceled = 130 // canceled, as a shell shows an interrupted process
)

// ExitCode returns what a command that waited for a job exits with: the
// process's own code where there is one, of which a shell shows the last byte.
// A job that failed never looks like a success, not even when that byte is 0,
// as of some of the 32-bit codes of Windows.
func ExitCode(final dffmpeg.JobStatusChange) int {
	switch {
	case final.Status == dffmpeg.JobCanceled:
		return ExitCanceled
	case final.ExitCode != nil && (*final.ExitCode&0xff != 0 || final.Status == dffmpeg.JobCompleted):
		return *final.ExitCode & 0xff
	case final.Status == dffmpeg.JobCompleted:
		return 0
	default:
		return ExitFailed
	}
}
