package dffmpeg

import (
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

// Qualifies reports whether the worker may be given job: it is online, has the
// binary and every root the job names.
func (w *Worker) Qualifies(job *Job) bool {
	if w.Status != WorkerOnline || !slices.Contains(w.Binaries, job.BinaryName) {
		return false
	}
	for _, name := range job.Paths {
		if !slices.Contains(w.Paths, name) {
			return false
		}
	}
	return true
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
	// FeatureFinalLogs says that the coordinator takes the last output with the
	// final report (FinishRequest.Logs).
	FeatureFinalLogs = "final-logs/1"
	// FeatureRenew says that the coordinator asks a worker for no verification
	// that says that it hears (RegisterRequest.Hears).
	FeatureRenew = "renew/1"
)
