package dffmpeg

import (
	"maps"
	"strings"
	"time"
)

// Job is one process to run somewhere: the record that the coordinator stores
// and shows. Pointers are members that may be null on the wire.
type Job struct {
	ID               string     `json:"job_id" doc:"ULID of the job"`
	RequesterID      string     `json:"requester_id" doc:"Identity that submitted it"`
	BinaryName       string     `json:"binary_name" doc:"Name of the program to run, such as ffmpeg"`
	Arguments        []string   `json:"arguments" doc:"Arguments; $Name/… stands for a path below a named root"`
	Paths            []string   `json:"paths" doc:"Names of the roots a worker needs"`
	WorkingDirectory *string    `json:"working_directory" doc:"Directory to run in, as $Name/…"`
	Status           JobStatus  `json:"status" enum:"pending,assigned,running,canceling,completed,failed,canceled"`
	ExitCode         *int       `json:"exit_code" doc:"The process's exit code, once it ended"`
	WorkerID         *string    `json:"worker_id" doc:"Worker of the current or last attempt"`
	CreatedAt        time.Time  `json:"created_at"`
	LastUpdate       time.Time  `json:"last_update" doc:"When the status last changed"`
	WorkerLastSeen   *time.Time `json:"worker_last_seen" doc:"Last sign of life from its worker"`
	ClientLastSeen   *time.Time `json:"client_last_seen" doc:"Last sign of life from its requester"`
	// HeartbeatInterval is in seconds; both ends report within it.
	HeartbeatInterval int  `json:"heartbeat_interval" doc:"Seconds between heartbeats"`
	Monitor           bool `json:"monitor" doc:"Whether the job is canceled when its requester goes silent"`

	Transport         string         `json:"transport" doc:"Transport that carries messages to the requester"`
	TransportMetadata map[string]any `json:"transport_metadata" doc:"Where the requester listens"`

	// Attempt counts assignments: 0 before the first. Reports that carry an
	// older number change nothing. (Extension to 0.4.)
	Attempt int `json:"attempt" required:"false" doc:"Number of the current attempt; 0 before the first"`
	// Reason says in a sentence why the job waits or how it ended, when the
	// status alone does not. (Extension to 0.4.)
	Reason string `json:"reason,omitempty" doc:"Why the job waits or how it ended"`

	// Warnings say, in sentences, what looks like a mistake to the client or to the
	// worker; see [Warnings]. Nil for none. (Extension to 0.4.)
	Warnings []string `json:"warnings,omitempty" doc:"What looks like a mistake, such as a path that maps to nothing"`

	// Stdio says how the process's standard streams reach the requester.
	// (Extension to 0.4.)
	Stdio StdioUse `json:"stdio,omitempty" doc:"How the standard streams reach the requester: absent for lines, else whether bytes are offered or relayed in the current attempt"`

	// Priority orders the queue: the higher goes first. (Extension to 0.4.)
	Priority int `json:"priority,omitempty" doc:"Jobs of a higher priority go first"`
	// Demand is what it needs of a worker. (Extension to 0.4.)
	Demand Demand `json:"demand,omitzero" doc:"What it needs of a worker"`
	// Prefer are labels: of workers that could take the job at the same time, one that
	// has more of them does. (Extension to 0.4.)
	Prefer map[string]string `json:"prefer,omitempty" doc:"Labels of workers that are preferred"`
	// Retry says when it is tried again. (Extension to 0.4.)
	Retry RetryPolicy `json:"retry,omitzero" doc:"When it is tried again"`
	// Attempts are what became of its assignments, oldest first; at most
	// AttemptsKept. (Extension to 0.4.)
	Attempts []Attempt `json:"attempts,omitempty" doc:"What became of its assignments to workers"`
	// NotBefore is when the next attempt may begin, nil for at once. (Extension to 0.4.)
	NotBefore *time.Time `json:"not_before,omitempty" doc:"When the next attempt may begin"`
	// QueueTimeout is how long it may wait for a worker before it fails, in seconds; 0
	// for ever. (Extension to 0.4.)
	QueueTimeout int `json:"queue_timeout,omitempty" doc:"Seconds that it may wait for a worker before it fails; absent for ever"`
	// Position is its place in the queue, from 1, where that was counted; no store keeps
	// it. (Extension to 0.4.)
	Position int `json:"position,omitempty" doc:"Its place in the queue, from 1"`

	// Segments are the arguments in the second form, one for each; nil when
	// Arguments say all there is to say. Workers with FeatureSegments are sent
	// them; they are not shown.
	Segments []Argument `json:"-"`
	// Environment is what of the requester's environment goes with the job, by name;
	// nil for nothing. The worker decides what it takes. Never shown.
	Environment map[string]string `json:"-"`
	// Umask is the requester's, nil when it said none. The worker decides whether it
	// takes it. Never shown.
	Umask *int `json:"-"`
	// IdempotencyKey makes a repeated submission by the same requester return
	// the first job. Never shown.
	IdempotencyKey string `json:"-"`
	// Version counts changes of the record; a store applies a janitor's
	// decision only to the version that it was made for.
	Version int64 `json:"-"`
}

// AttemptsKept bounds Job.Attempts: assignments that no worker accepted are forgotten
// first.
const AttemptsKept = 2 * MaxAttempts

// StdioUse says whether a job's standard streams are relayed as bytes. The set is
// closed.
type StdioUse string

// The uses.
const (
	StdioNone    StdioUse = ""        // the requester gets lines
	StdioOffered StdioUse = "offered" // it takes bytes; the current attempt's worker, if any, sends lines
	StdioRelayed StdioUse = "relayed" // the current attempt's worker sends bytes
)

// Worker returns the ID of the job's worker, "" when it never had one.
func (j *Job) Worker() string {
	if j.WorkerID == nil {
		return ""
	}
	return *j.WorkerID
}

// Requester returns where messages about the job go to its submitter.
func (j *Job) Requester() Recipient {
	return Recipient{Kind: RecipientRequester, ID: j.RequesterID, JobID: j.ID}
}

// Public returns a copy of the record as a peer may see it: without private
// transport metadata, and with lists that are never null.
func (j Job) Public() Job {
	j.TransportMetadata = PublicMetadata(j.TransportMetadata)
	j.Arguments = listOf(j.Arguments)
	j.Paths = listOf(j.Paths)
	return j
}

// PublicMetadata returns metadata without the keys that begin with "_", which
// are private to the coordinator (protocol.md, Endpoints). It never returns nil.
func PublicMetadata(metadata map[string]any) map[string]any {
	public := make(map[string]any, len(metadata))
	maps.Copy(public, metadata)
	maps.DeleteFunc(public, func(key string, _ any) bool { return strings.HasPrefix(key, "_") })
	return public
}

// listOf turns a nil list into an empty one: 0.4 peers accept no null list.
func listOf(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}
