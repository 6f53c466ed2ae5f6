package dffmpeg

import (
	"cmp"
	"slices"
	"time"
)

// Worker is a machine that runs jobs, as the coordinator knows it.
type Worker struct {
	ID           string   `json:"worker_id"`
	Capabilities []string `json:"capabilities" doc:"Protocol features it announced, such as ack/1"`
	Binaries     []string `json:"binaries" doc:"Programs it can run"`
	Paths        []string `json:"paths" doc:"Roots it has"`
	// RegistrationInterval is in seconds; the worker registers again within it.
	RegistrationInterval int          `json:"registration_interval" doc:"Seconds between registrations"`
	Version              *string      `json:"version"`
	Status               WorkerStatus `json:"status" enum:"registering,online,draining,offline,error"`
	LastSeen             *time.Time   `json:"last_seen" doc:"When it last proved that it receives messages"`

	// Transport is the name of the transport that carries its messages, "none"
	// when it is offline. (Extension to 0.4.)
	Transport         string         `json:"transport,omitempty"`
	TransportMetadata map[string]any `json:"-"`
	// InstanceID differs between runs of the worker; empty for 0.4 workers.
	InstanceID string `json:"-"`
	// RegisteredAt is when it last asked to register.
	RegisteredAt time.Time `json:"-"`
	// Version of the record, counted like a job's.
	Revision int64 `json:"-"`
}

// TransportNone is the transport of a worker that listens to none.
const TransportNone = "none"

// Recipient returns where messages to the worker go.
func (w *Worker) Recipient() Recipient { return ToWorker(w.ID) }

// Lack is what keeps a worker from being given a job. The zero Lack is nothing.
type Lack struct {
	// Status is the worker's, when it is not online.
	Status WorkerStatus
	// Binary is the program, when the worker does not have it.
	Binary string
	// Paths are those of the job's roots that the worker does not have.
	Paths []string
	// Streams says that the job has media on its standard streams, which its requester
	// takes as bytes, and that the worker sends lines.
	Streams bool
}

// Nothing reports whether nothing is lacking.
func (l Lack) Nothing() bool {
	return l.Status == "" && l.Binary == "" && len(l.Paths) == 0 && !l.Streams
}

// Lacks returns what keeps the worker from being given job: it must be online, have
// the binary and every root that the job names, and connect the standard streams if
// the job has media on them. This is the one place that knows.
func (w *Worker) Lacks(job *Job) Lack {
	var lack Lack
	if w.Status != WorkerOnline {
		lack.Status = cmp.Or(w.Status, WorkerOffline)
	}
	if !slices.Contains(w.Binaries, job.BinaryName) {
		lack.Binary = job.BinaryName
	}
	for _, name := range job.Paths {
		if !slices.Contains(w.Paths, name) {
			lack.Paths = append(lack.Paths, name)
		}
	}
	lack.Streams = w.SendsLines(job) && slices.ContainsFunc(job.Arguments, NamesStandardStream)
	return lack
}

// Qualifies reports whether the worker may be given job.
func (w *Worker) Qualifies(job *Job) bool { return w.Lacks(job).Nothing() }

// SendsLines reports whether the worker would send lines to a requester that takes
// bytes.
func (w *Worker) SendsLines(job *Job) bool {
	return job.Stdio != StdioNone && !w.Has(FeatureStdio)
}

// Has reports whether the worker announced a protocol feature.
func (w *Worker) Has(feature string) bool { return slices.Contains(w.Capabilities, feature) }

// Public returns a copy of the record whose lists are never null.
func (w Worker) Public() Worker {
	w.Capabilities = listOf(w.Capabilities)
	w.Binaries = listOf(w.Binaries)
	w.Paths = listOf(w.Paths)
	return w
}

// Features that peers announce: a worker in its capabilities, a client in its
// submission, the coordinator in /health. One is used only when both ends have
// it.
const (
	// FeatureAck says that the peer acknowledges messages by their ID.
	FeatureAck = "ack/1"
	// FeatureAttempt says that the worker's reports carry the attempt number.
	FeatureAttempt = "attempt/1"
	// FeatureStdio says that the peer carries standard streams as bytes (package
	// internal/stdio).
	FeatureStdio = "stdio/1"
	// FeatureFinalLogs says that the coordinator takes the last output with the
	// final report (FinishRequest.Logs).
	FeatureFinalLogs = "final-logs/1"
	// FeatureSegments says that the worker takes arguments in the second form
	// (Argument), and that the coordinator passes them on.
	FeatureSegments = "segments/1"
	// FeatureRenew says that the coordinator asks a worker for no verification
	// that says that it hears (RegisterRequest.Hears).
	FeatureRenew = "renew/1"
)
