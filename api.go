package dffmpeg

// RegisterRequest is how a worker announces itself, and stays known: it repeats
// it within its registration interval.
type RegisterRequest struct {
	WorkerID             string       `json:"worker_id" minLength:"1" maxLength:"128" doc:"The worker's own client ID"`
	Capabilities         []string     `json:"capabilities,omitempty" doc:"Protocol features, such as ack/1"`
	Binaries             []string     `json:"binaries,omitempty" doc:"Programs it can run"`
	Paths                []string     `json:"paths,omitempty" doc:"Roots it has"`
	RegistrationInterval int          `json:"registration_interval" minimum:"1" maximum:"86400" doc:"Seconds between registrations"`
	Version              *string      `json:"version,omitempty"`
	SupportedTransports  []string     `json:"supported_transports" minItems:"1" doc:"Transports it can listen on, best first"`
	Status               WorkerStatus `json:"status,omitempty" enum:"online,draining" default:"online"`
	// InstanceID differs between runs of the worker. (Extension to 0.4.)
	InstanceID string `json:"instance_id,omitempty" maxLength:"64" doc:"Differs between runs of the worker"`
	// Running lists what it runs now; meaningful with InstanceID. (Extension.)
	Running []AttemptRef `json:"running,omitempty" doc:"Attempts it runs now"`
	// Offer is how many jobs it takes, and of what sort. (Extension.)
	Offer Offer `json:"offer,omitzero" doc:"How many jobs it takes, and of what sort; any number when absent"`
	// Profiles are those of its programs that the coordinator asked for
	// (RegisterAnswer.Unknown), by their IDs. (Extension.)
	Profiles map[string]Profile `json:"profiles,omitempty" doc:"What its programs can do, where the coordinator asked, by the IDs in its offer"`
	Hears    bool               `json:"hears,omitempty" doc:"It hears the coordinator over the transport of its registration before"`
}

// AttemptRef names one attempt of a job.
type AttemptRef struct {
	JobID   string `json:"job_id"`
	Attempt int    `json:"attempt"`
}

// RegisterAnswer tells a worker where to listen.
type RegisterAnswer struct {
	Transport         string         `json:"transport"`
	TransportMetadata map[string]any `json:"transport_metadata"`
	// Stop lists attempts that are no longer the worker's. (Extension to 0.4.)
	Stop []AttemptRef `json:"stop,omitempty" doc:"Attempts to stop: they are no longer this worker's"`
	// Features lists the coordinator's protocol features. (Extension to 0.4.)
	Features []string `json:"features,omitempty"`
	// Unknown lists profiles of the worker's offer that the coordinator does not have.
	// (Extension to 0.4.)
	Unknown []string `json:"unknown,omitempty" doc:"IDs of profiles to send with the next registration"`
}

// VerifyRequest sends a registration token back.
type VerifyRequest struct {
	RegistrationToken string `json:"registration_token"`
}

// DeregisterRequest takes a worker offline.
type DeregisterRequest struct {
	WorkerID string `json:"worker_id"`
}

// SubmitRequest asks for a job.
type SubmitRequest struct {
	BinaryName          string   `json:"binary_name" minLength:"1" doc:"Name of the program, such as ffmpeg"`
	Arguments           []string `json:"arguments" doc:"Arguments; $Name/… stands for a path below a named root"`
	Paths               []string `json:"paths,omitempty" doc:"Names of the roots used"`
	WorkingDirectory    *string  `json:"working_directory,omitempty"`
	SupportedTransports []string `json:"supported_transports" minItems:"1" doc:"Transports it can listen on, best first"`
	Monitor             bool     `json:"monitor,omitempty" doc:"Cancel the job when its requester goes silent"`
	HeartbeatInterval   *int     `json:"heartbeat_interval,omitempty" minimum:"1" maximum:"86400" doc:"Seconds; the coordinator's default when absent"`
	// Features lists the protocol features of the client. (Extension to 0.4.)
	Features []string `json:"features,omitempty"`
	// IdempotencyKey makes a repeated submission return the first job. (Extension.)
	IdempotencyKey string `json:"idempotency_key,omitempty" maxLength:"128"`
	// Environment is what of the client's environment goes with the job. (Extension.)
	Environment map[string]string `json:"environment,omitempty" doc:"Variables for the process; the worker decides which it takes"`
	// Segments are the arguments in the second form, one for each. (Extension.)
	Segments []Argument `json:"segments,omitempty" doc:"The arguments once more, with references to paths within them; for workers with segments/1"`
	// Warnings say what looks like a mistake to the client; see [Warnings]. (Extension.)
	Warnings []string `json:"warnings,omitempty" doc:"What looks like a mistake to the client, in sentences for the job's record"`
	// Umask is the client's own; nil when it is not known. (Extension.)
	Umask *int `json:"umask,omitempty" minimum:"0" maximum:"511" doc:"The client's umask; the worker decides whether it takes it"`
	// Terms are what the requester asks of the queue. (Extension.)
	Terms JobTerms `json:"terms,omitzero" doc:"What the requester asks of the queue"`
}

// JobTerms are what a requester asks of the queue. (Extension to 0.4.)
type JobTerms struct {
	// Priority is nil for the identity's default.
	Priority *int              `json:"priority,omitempty" minimum:"-100" maximum:"100" doc:"Jobs of a higher priority go first; the identity's default when absent"`
	Require  map[string]string `json:"require,omitempty" doc:"Labels that the worker must have"`
	Prefer   map[string]string `json:"prefer,omitempty" doc:"Labels of workers that are preferred"`
	// Needs are added to what the arguments need, and Lift taken from it; see [Ability].
	Needs []string `json:"needs,omitempty" maxItems:"64" doc:"Abilities that the program must have, such as encoder:hevc_nvenc, beside those that its arguments show"`
	Lift  []string `json:"lift,omitempty" maxItems:"64" doc:"Abilities that it need not have, although its arguments show them"`
	// Uses are resources that the job occupies, instead of what its arguments show of
	// each. Only workers that count them qualify.
	Uses map[string]int `json:"uses,omitempty" doc:"Named resources that it occupies while it runs"`
	// MaxAttempts is 0 for the default: one of a monitored job, else the coordinator's; but
	// three where that is one and RetryOn or Backoff is there.
	MaxAttempts int `json:"max_attempts,omitempty" minimum:"0" maximum:"20" doc:"Attempts at most; the coordinator's default when absent, but 3 where that is one and retry_on or backoff is there"`
	// RetryOn is what is tried again (RetryPolicy.On); lost workers when absent.
	RetryOn []string `json:"retry_on,omitempty" maxItems:"64" doc:"What is tried again: lost, failed, or an exit code; lost workers when absent"`
	// Backoff is the pause before the second attempt, in seconds; nil for the default.
	Backoff      *int `json:"backoff,omitempty" minimum:"0" maximum:"86400" doc:"Seconds before the second attempt; each one after it waits twice as long"`
	QueueTimeout int  `json:"queue_timeout,omitempty" minimum:"0" maximum:"31536000" doc:"Seconds that it may wait for a worker before it fails; the coordinator's default when absent"`
}

// AskRetries reports whether the requester wants more than one attempt, as opposed to
// the coordinator's default.
func (t *JobTerms) AskRetries() bool {
	return t.MaxAttempts > 1 || t.MaxAttempts == 0 && (len(t.RetryOn) > 0 || t.Backoff != nil)
}

// ProgramAnswer is what is known of one of a worker's programs.
type ProgramAnswer struct {
	Program
	Abilities Profile `json:"abilities,omitempty" doc:"What it can do; absent when that is not known"`
}

// PauseRequest keeps a worker from being given jobs.
type PauseRequest struct {
	Reason string `json:"reason,omitempty" maxLength:"256" doc:"Why, for those who look at the worker"`
}

// SubmitAnswer is the record of the job just submitted.
type SubmitAnswer struct {
	Job
	// Features lists the coordinator's protocol features. (Extension to 0.4.)
	Features []string `json:"features,omitempty"`
}

// FinishRequest is a worker's final report.
type FinishRequest struct {
	Status   JobStatus `json:"status" enum:"completed,failed,canceled"`
	ExitCode *int      `json:"exit_code,omitempty" minimum:"-2147483648" maximum:"4294967295"`
	Attempt  int       `json:"attempt,omitempty" minimum:"0" maximum:"1073741824"` // extension; 0 means the current one
	Reason   string    `json:"reason,omitempty" maxLength:"4096" doc:"Why it failed, when the exit code does not say"`
	// Logs is the last batch of output and Batch its number, as in LogsRequest;
	// for coordinators with FeatureFinalLogs.
	Logs  []LogEntry `json:"logs,omitempty" doc:"The last batch of output"`
	Batch int64      `json:"batch,omitempty" minimum:"0" doc:"Number of the batch within the attempt, from 1"`
	// Warnings are added to the job's; see [Warnings]. (Extension.)
	Warnings []string `json:"warnings,omitempty" doc:"What looks like a mistake to the worker, in sentences for the job's record"`
}

// LogsRequest is a batch of output from a worker.
type LogsRequest struct {
	Logs    []LogEntry `json:"logs" minItems:"1"`
	Attempt int        `json:"attempt,omitempty" minimum:"0" maximum:"1073741824"` // extension
	// Batch numbers the batches of an attempt from 1; a batch that was stored
	// already is not stored again. (Extension; 0 means not numbered.)
	Batch int64 `json:"batch,omitempty" minimum:"0" doc:"Number of the batch within the attempt, from 1"`
}

// LogsAnswer is a page of a job's output.
type LogsAnswer struct {
	Logs          []LogEntry `json:"logs"`
	LastMessageID *string    `json:"last_message_id" doc:"Cursor for the next page"`
}

// OutputAnswer is bytes of one stream of one attempt. (Extension to 0.4.)
type OutputAnswer struct {
	Attempt int    `json:"attempt"`
	Stream  Stream `json:"stream"`
	// Offset is that of the first byte, later than the one asked for when what was
	// there is not kept any more.
	Offset     int64  `json:"offset"`
	NextOffset int64  `json:"next_offset" doc:"Where to go on"`
	Data       []byte `json:"data" doc:"The bytes, in base64"`
	// Ended says that the job has ended; without data there is no more then.
	Ended bool `json:"ended"`
}

// AcknowledgeRequest says which messages arrived and were acted upon.
// (Extension to 0.4.)
type AcknowledgeRequest struct {
	MessageIDs []string `json:"message_ids" minItems:"1" maxItems:"1000"`
}

// CommandAnswer is the answer to a command about a job.
type CommandAnswer struct {
	Status string  `json:"status"` // always "ok"
	Detail *string `json:"detail"`
}

// Details that peers compare (protocol.md, Endpoints).
const (
	DetailAlreadyFinished = "Job already finished"
	DetailAlreadyTerminal = "Job already terminal"
	DetailJobNotFound     = "Job not found"
)

// OKAnswer is the answer to verify and deregister.
type OKAnswer struct {
	Status string `json:"status"` // always "ok"
}

// JanitorAction names a set of the janitor's duties.
type JanitorAction string

// The janitor's actions.
const (
	JanitorRunAll       JanitorAction = "run_all"
	JanitorCleanWorkers JanitorAction = "clean_workers"
	JanitorCleanJobs    JanitorAction = "clean_jobs"
)

// JanitorRequest asks for a round of the janitor.
type JanitorRequest struct {
	Action JanitorAction `json:"action" enum:"run_all,clean_workers,clean_jobs"`
}

// JanitorAnswer confirms it.
type JanitorAnswer struct {
	Message string        `json:"message"` // "Action accepted"
	Action  JanitorAction `json:"action"`
}

// MessagesAnswer is the answer to a poll, and one line of a stream.
type MessagesAnswer struct {
	Messages []Message `json:"messages"`
	// Away says that the coordinator cannot read messages now; there are none, then.
	// (Extension to 0.4, to peers that acknowledge.)
	Away bool `json:"away,omitempty"`
}

// MailAnswer is what a peer fetches of its messages. (Extension to 0.4.)
type MailAnswer struct {
	Messages []NumberedMessage `json:"messages"`
}

// NumberedMessage is a message as brokers carry it and peers fetch it: with its
// number, by which a peer notices that one is missing. (Extension to 0.4.)
type NumberedMessage struct {
	Message
	Seq int64 `json:"seq,omitempty"` // Message.Seq; absent from a 0.4 coordinator
}

// Plain returns the message with its number in its own place.
func (n *NumberedMessage) Plain() Message {
	message := n.Message
	message.Seq = n.Seq
	return message
}

// HealthStatus is a component's or the coordinator's condition.
type HealthStatus string

// The conditions.
const (
	HealthOnline    HealthStatus = "online"
	HealthUnhealthy HealthStatus = "unhealthy"
	HealthShutdown  HealthStatus = "shutdown"
)

// ComponentHealth is the condition of a repository or a transport.
type ComponentHealth struct {
	Status HealthStatus `json:"status"`
	Detail *string      `json:"detail"`
}

// HealthAnswer is the coordinator's condition; the maps are null unless asked
// for in depth.
type HealthAnswer struct {
	Status     HealthStatus               `json:"status"`
	Version    string                     `json:"version"`
	Databases  map[string]ComponentHealth `json:"databases"`
	Transports map[string]ComponentHealth `json:"transports"`
	Features   []string                   `json:"features"` // extension
	// QueryWorker is the only worker that is asked what programs are and can do, "" for
	// any. (Extension to 0.4.)
	QueryWorker string `json:"query_worker,omitempty" doc:"The only worker that is asked what programs are and can do; absent for any"`
	// Coordinators are those that live on this database, without where they are;
	// in a deep answer. (Extension to 0.4.)
	Coordinators []Coordinator `json:"coordinators,omitempty"`
}

// JobCounts counts jobs: active now, and started within the last 1 and 5
// minutes.
type JobCounts struct {
	Current int `json:"current"`
	Last1m  int `json:"last_1m"`
	Last5m  int `json:"last_5m"`
}

// MetricsAnswer is the coordinator's count of jobs.
type MetricsAnswer struct {
	Total     JobCounts            `json:"total"`
	PerBinary map[string]JobCounts `json:"per_binary"`
	PerWorker map[string]JobCounts `json:"per_worker"`
}

// ErrorAnswer is the body of every answer from status 400 on. Detail is a
// string, or for code "validation" a list of [FieldError].
type ErrorAnswer struct {
	Detail any  `json:"detail"`
	Code   Code `json:"code,omitempty"` // extension
}
