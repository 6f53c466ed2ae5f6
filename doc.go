// Package dffmpeg holds the domain of a distributed ffmpeg: jobs, workers,
// identities and messages, the table of status transitions, and the errors
// that coordinator, worker and client exchange. It does no I/O.
//
// A client submits a [Job]; the coordinator stores it, assigns it to a
// [Worker] and tells both through [Message]s; the worker runs the process and
// reports back. The JSON forms of these types are the wire protocol, version 1,
// which is shared with the 0.4 generation: members may be added, none may
// change its meaning (docs/protocol.md).
package dffmpeg
