package dffmpeg

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// MessageType says what a message's payload is. The set is closed.
type MessageType string

// The types of messages.
const (
	MessageJobRequest         MessageType = "job_request"         // to a worker: run this
	MessageJobStatus          MessageType = "job_status"          // to either: the job's status
	MessageJobLogs            MessageType = "job_logs"            // to the requester: output
	MessageVerifyRegistration MessageType = "verify_registration" // to a worker: prove that you hear me
)

// RecipientKind tells the two sorts of recipients apart.
type RecipientKind string

// The kinds of recipients.
const (
	RecipientWorker    RecipientKind = "worker"
	RecipientRequester RecipientKind = "requester"
)

// Recipient names one ordered sequence of messages: all that go to a worker,
// or all that go to the requester of one job. It is comparable.
type Recipient struct {
	Kind  RecipientKind
	ID    string // the identity
	JobID string // for a requester: the job
}

// ToWorker returns the recipient that is worker id.
func ToWorker(id string) Recipient { return Recipient{Kind: RecipientWorker, ID: id} }

// String is for logs.
func (r Recipient) String() string {
	if r.Kind == RecipientWorker {
		return "worker " + r.ID
	}
	return "requester " + r.ID + " of job " + r.JobID
}

// Message is something the coordinator tells a worker or a requester. IDs
// ascend per [Recipient] in commit order.
type Message struct {
	ID          string          `json:"message_id"`
	SenderID    *string         `json:"sender_id"`
	RecipientID string          `json:"recipient_id"`
	JobID       *string         `json:"job_id"`
	Timestamp   time.Time       `json:"timestamp"`
	SentAt      *time.Time      `json:"sent_at"`
	Type        MessageType     `json:"message_type"`
	Payload     json.RawMessage `json:"payload"`

	// To is the sequence the message belongs to.
	To Recipient `json:"-"`
	// Seq is its place in that sequence, from 1 on without gaps at commit.
	Seq int64 `json:"-"`
	// NotBefore holds the message, and those behind it, back until then.
	NotBefore time.Time `json:"-"`
}

// JobRequest is the payload that asks a worker to run a job.
type JobRequest struct {
	JobID             string   `json:"job_id"`
	BinaryName        string   `json:"binary_name"`
	Arguments         []string `json:"arguments"`
	Paths             []string `json:"paths"`
	WorkingDirectory  *string  `json:"working_directory"`
	HeartbeatInterval int      `json:"heartbeat_interval"` // seconds
	Attempt           int      `json:"attempt,omitempty"`  // extension; 0 from a 0.4 coordinator
	// Stdio says that the worker connects to the job's stdio. (Extension to 0.4.)
	Stdio bool `json:"stdio,omitempty"`
	// Environment is what the requester would have in the process's environment.
	// (Extension to 0.4.)
	Environment map[string]string `json:"environment,omitempty"`
	// Umask is the requester's, nil when it is not known. (Extension to 0.4.)
	Umask *int `json:"umask,omitempty"`
	// Segments are to be used instead of Arguments, unless there are none.
	// (Extension to 0.4, for workers with FeatureSegments.)
	Segments []Argument `json:"segments,omitempty"`
	// LostAfter is how long the worker may be out of contact, in seconds, before it has
	// to stop the attempt; 0 for ever. (Extension to 0.4, for workers with FeatureLease.)
	LostAfter int `json:"lost_after,omitempty"`
}

// NewJobRequest returns the request for the job's current attempt to a worker.
func NewJobRequest(job *Job, worker *Worker) JobRequest {
	request := JobRequest{
		JobID:             job.ID,
		BinaryName:        job.BinaryName,
		Arguments:         listOf(job.Arguments),
		Paths:             listOf(job.Paths),
		WorkingDirectory:  mappedDirectory(job.WorkingDirectory),
		HeartbeatInterval: job.HeartbeatInterval,
		Attempt:           job.Attempt,
		Stdio:             job.Stdio == StdioRelayed,
		Environment:       job.Environment,
		Umask:             job.Umask,
	}
	if worker.Has(FeatureSegments) {
		request.Segments = job.Segments
	}
	return request
}

// mappedDirectory drops a working directory that maps to nothing: it exists
// only on the requester's machine (protocol.md, Paths).
func mappedDirectory(dir *string) *string {
	if dir == nil || !isMapped(*dir) {
		return nil
	}
	return dir
}

func isMapped(path string) bool {
	return len(path) > 1 && path[0] == '$' || len(path) > 6 && path[:6] == "file:$"
}

// JobStatusChange is the payload that tells a job's status.
type JobStatusChange struct {
	Status     JobStatus  `json:"status"`
	ExitCode   *int       `json:"exit_code"`
	LastUpdate *time.Time `json:"last_update"`
	Attempt    int        `json:"attempt,omitempty"` // extension
	Reason     string     `json:"reason,omitempty"`  // extension
	// Stdio says that the current attempt's output is relayed as bytes, and not in
	// messages. (Extension to 0.4.)
	Stdio bool `json:"stdio,omitempty"`
}

// NewJobStatusChange returns the payload that tells the job's present status.
func NewJobStatusChange(job *Job) JobStatusChange {
	updated := job.LastUpdate
	return JobStatusChange{
		Status:     job.Status,
		ExitCode:   job.ExitCode,
		LastUpdate: &updated,
		Attempt:    job.Attempt,
		Reason:     job.Reason,
		Stdio:      job.Stdio == StdioRelayed,
	}
}

// JobLogs is the payload that carries output.
type JobLogs struct {
	Logs []LogEntry `json:"logs"`
}

// VerifyRegistration is the payload whose token a worker sends back.
type VerifyRegistration struct {
	RegistrationToken string `json:"registration_token"`
}

// Stream names one of a process's output streams. The set is closed.
type Stream string

// The output streams.
const (
	Stdout Stream = "stdout"
	Stderr Stream = "stderr"
)

// Valid reports whether s is a known stream.
func (s Stream) Valid() bool { return s == Stdout || s == Stderr }

// LogEntry is one line of a process's output.
type LogEntry struct {
	ID        string     `json:"id,omitempty" doc:"ULID, set by the coordinator"`
	Stream    Stream     `json:"stream" enum:"stdout,stderr"`
	Content   string     `json:"content" doc:"The line without its terminator"`
	Timestamp *time.Time `json:"timestamp,omitempty" nullable:"true"`
	// Terminator is what ended the line: "\n", "\r" or "" for a part of a line.
	// Nil, as from a 0.4 worker, means "\n". (Extension to 0.4.)
	Terminator *string `json:"terminator,omitempty" doc:"What ended the line; newline when absent"`
	// Bytes is what the line is when that is not UTF-8; Content has U+FFFD in those
	// places. (Extension to 0.4.)
	Bytes []byte `json:"bytes,omitempty" doc:"The line when it is not UTF-8, in base64"`
}

// Text returns the line as it was in the stream, byte for byte, with its terminator.
func (e *LogEntry) Text() string {
	content := e.Content
	if e.Bytes != nil {
		content = string(e.Bytes)
	}
	if e.Terminator == nil {
		return content + "\n"
	}
	return content + *e.Terminator
}

// ReadableText returns what of a line can be read: Content for the bytes of a line
// that is not UTF-8.
func ReadableText(line []byte) string {
	return strings.ToValidUTF8(string(line), string(utf8.RuneError))
}

// DecodePayload reads m's payload into one of the payload types.
func DecodePayload[T JobRequest | JobStatusChange | JobLogs | VerifyRegistration](m *Message) (T, error) {
	var payload T
	if err := json.Unmarshal(m.Payload, &payload); err != nil {
		return payload, fmt.Errorf("payload of %s message %s: %w", m.Type, m.ID, err)
	}
	return payload, nil
}
