// Package stdio is protocol feature stdio/1: a process's standard streams as bytes
// between whoever submitted a job and the worker that runs it.
//
// Each of the two ends holds one WebSocket to a coordinator, which passes frames
// from one to the other and keeps nothing. What makes that lossless is at the
// ends: each keeps what it sent until the other end acknowledged it, and whenever
// the two meet, again or for the first time, each says up to where it has each
// stream, and the other goes on from there. So connections and coordinators may
// come and go.
//
// A receiver acknowledges what its destination has taken, and a sender never has
// more than Window bytes of a stream outstanding: a destination that is slow makes
// the source wait, whatever is in between. Neither an end nor a coordinator holds
// more than that.
//
// Frames are binary messages: a byte for the kind, one for the stream, eight for a
// number (big-endian), and the rest. An offset counts a stream's bytes from 0; its
// end takes one offset as well, so that it is acknowledged like a byte.
package stdio
