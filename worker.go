package dffmpeg

import (
	"cmp"
	"iter"
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

	// Offer is how many jobs it takes, and of what sort. (Extension to 0.4.)
	Offer Offer `json:"offer,omitzero" doc:"How many jobs it takes, and of what sort"`
	// Pause is set while it is to take no jobs. (Extension to 0.4.)
	Pause *Pause `json:"pause,omitempty" doc:"Set while it is to take no jobs"`
	// Trouble is what speaks against giving it jobs, nil for nothing. (Extension to 0.4.)
	Trouble *Trouble `json:"trouble,omitempty" doc:"What speaks against giving it jobs"`
	// Profiles are what its programs can do, where that is known, by their names. The
	// store does not keep them with the worker.
	Profiles map[string]Profile `json:"-"`

	// Transport is the name of the transport that carries its messages, "none"
	// when it is offline. (Extension to 0.4.)
	Transport         string         `json:"transport,omitempty"`
	TransportMetadata map[string]any `json:"-"`
	// InstanceID differs between runs of the worker; empty for 0.4 workers.
	InstanceID string `json:"-"`
	// RegisteredAt is when it last asked to register.
	RegisteredAt time.Time `json:"-"`
	// ProvenAt is when it last completed a job that is not light, to the minute; nil if it
	// never did.
	ProvenAt *time.Time `json:"-"`
	// Version of the record, counted like a job's.
	Revision int64 `json:"-"`
}

// Pause says who keeps a worker from taking jobs, and why.
type Pause struct {
	By     string    `json:"by"`
	Since  time.Time `json:"since"`
	Reason string    `json:"reason,omitempty"`
}

// Trouble is what speaks against giving a worker jobs: those that it failed and that
// others completed.
type Trouble struct {
	// Jobs are the IDs of such jobs, since it last completed one.
	Jobs []string `json:"jobs,omitempty" doc:"Jobs that failed there and that others completed"`
	// Since is when it was set aside, nil when it is not.
	Since *time.Time `json:"since,omitempty" doc:"When it was set aside; absent when it is not"`
	// Until is when it gets one job on trial.
	Until *time.Time `json:"until,omitempty" doc:"When it gets one job on trial"`
	// Times is how often it was set aside in a row.
	Times int `json:"times,omitempty" doc:"How often it was set aside in a row"`
	// OnTrial says that Until has passed; the store sets it.
	OnTrial bool `json:"on_trial,omitempty" doc:"It may have one job, to prove itself"`
	// LostAt is when it lost such a job last, nil for never.
	LostAt *time.Time `json:"lost_at,omitempty" doc:"When it lost such a job last"`
}

// LostWith reports whether the last job that it lost was so within a time of another one.
func (t *Trouble) LostWith(at time.Time, within time.Duration) bool {
	return t != nil && t.LostAt != nil && at.Sub(*t.LostAt).Abs() < within
}

// SetAside reports whether the worker gets no jobs on account of its trouble.
func (t *Trouble) SetAside() bool { return t != nil && t.Since != nil && !t.OnTrial }

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
	// Paused and SetAside say that somebody, or its failures, keep the worker from
	// taking jobs.
	Paused, SetAside bool
	// Other says that the job is for another worker only.
	Other bool
	// Abilities are those of the job's needs that the worker's program does not have, all
	// when Looking says that the worker is still finding out which those are.
	Abilities []string
	Looking   bool
	// Resources are those that the job claims and that the worker does not count, or
	// has too little of.
	Resources []string
	// Labels are those that the job requires and the worker does not have, as
	// name=value.
	Labels []string
}

// Nothing reports whether nothing is lacking.
func (l Lack) Nothing() bool {
	return l.Status == "" && l.Binary == "" && len(l.Paths) == 0 && !l.Streams &&
		!l.Paused && !l.SetAside && !l.Other && len(l.Abilities) == 0 && len(l.Resources) == 0 && len(l.Labels) == 0
}

// Lacks returns what keeps the worker from being given job: it must be online, have
// the binary and every root that the job names, connect the standard streams if the
// job has media on them, and meet its demand. Whether the worker has room for it is for
// Offer.Reached to say.
func (w *Worker) Lacks(job *Job) Lack {
	var lack Lack
	for name := range w.lacking(job) {
		name(&lack)
	}
	slices.Sort(lack.Resources)
	slices.Sort(lack.Labels)
	return lack
}

// Qualifies reports whether the worker may be given job: whether it lacks nothing.
func (w *Worker) Qualifies(job *Job) bool {
	for range w.lacking(job) {
		return false
	}
	return true
}

// lacking yields what the worker lacks, one thing after the other, each as what names it
// in a Lack. This is the one place that knows. What is looked up sooner comes first.
func (w *Worker) lacking(job *Job) iter.Seq[func(*Lack)] {
	return func(yield func(func(*Lack)) bool) {
		switch {
		case w.Status != WorkerOnline && !yield(func(l *Lack) { l.Status = cmp.Or(w.Status, WorkerOffline) }),
			w.Pause != nil && !yield(func(l *Lack) { l.Paused = true }),
			w.Trouble.SetAside() && !yield(func(l *Lack) { l.SetAside = true }),
			!slices.Contains(w.Binaries, job.BinaryName) && !yield(func(l *Lack) { l.Binary = job.BinaryName }):
			return
		}
		for _, name := range job.Paths {
			if !slices.Contains(w.Paths, name) && !yield(lackOfPath(name)) {
				return
			}
		}
		if w.SendsLines(job) && slices.ContainsFunc(job.Arguments, NamesStandardStream) && !yield(func(l *Lack) { l.Streams = true }) {
			return
		}
		w.unmet(job, yield)
	}
}

// unmet yields what of a job's demand the worker does not meet.
func (w *Worker) unmet(job *Job, yield func(func(*Lack)) bool) {
	demand := &job.Demand
	if demand.Worker != "" && demand.Worker != w.ID && !yield(func(l *Lack) { l.Other = true }) {
		return
	}
	for name, value := range demand.Require {
		got, has := w.Offer.Labels[name]
		if (!has || got != value) && !yield(lackOfLabel(name, value)) {
			return
		}
	}
	for name, count := range demand.Uses {
		most, counted := w.Offer.Resources[name]
		few := counted && most < count || !counted && slices.Contains(demand.Claims, name)
		if few && !yield(lackOfResource(name)) {
			return
		}
	}
	if len(demand.Needs) == 0 {
		return
	}
	looking, profile := w.Offer.Programs[job.BinaryName].Looking, w.Profiles[job.BinaryName]
	for _, ability := range demand.Needs {
		if (looking || !profile.Can(ability)) && !yield(lackOfAbility(ability, looking)) {
			return
		}
	}
}

// What names a thing that is lacking. It is made only for one that is: most questions are
// whether a worker qualifies, and there are many.

func lackOfPath(name string) func(*Lack) {
	return func(l *Lack) { l.Paths = append(l.Paths, name) }
}

func lackOfLabel(name, value string) func(*Lack) {
	return func(l *Lack) { l.Labels = append(l.Labels, name+"="+value) }
}

func lackOfResource(name string) func(*Lack) {
	return func(l *Lack) { l.Resources = append(l.Resources, name) }
}

func lackOfAbility(ability string, looking bool) func(*Lack) {
	return func(l *Lack) { l.Abilities, l.Looking = append(l.Abilities, ability), looking }
}

// Takes reports whether the worker takes jobs at all: it is online, and nothing
// keeps it from taking some.
func (w *Worker) Takes() bool {
	return w.Status == WorkerOnline && w.Pause == nil && !w.Trouble.SetAside()
}

// Kept says in a word or two what keeps a worker from some or all jobs beside its status
// and limits; "" for nothing.
func (w *Worker) Kept() string {
	switch {
	case w.Pause != nil:
		return "paused"
	case w.Trouble.SetAside():
		return "set aside"
	case w.Trouble != nil && w.Trouble.OnTrial:
		return "on trial"
	}
	return ""
}

// Reached returns the limit that keeps the worker, with this load, from being given
// job, nil when it has room.
func (w *Worker) Reached(job *Job, load *JobLoad) *Limit {
	if w.Trouble != nil && w.Trouble.OnTrial && load.Total() > 0 {
		return &Limit{Kind: LimitTrial, Most: 1}
	}
	return w.Offer.Reached(job, load)
}

// Counts reports whether the worker's load decides about what it may be given.
func (w *Worker) Counts() bool {
	return !w.Offer.Limitless() || w.Trouble != nil && w.Trouble.OnTrial
}

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
	// FeatureLease says that the worker stops an attempt by itself that it was told to
	// (JobRequest.LostAfter) when it has lost contact.
	FeatureLease = "lease/1"
	// FeatureOffer says that the coordinator takes a worker's offer and profiles.
	FeatureOffer = "offer/1"
)
