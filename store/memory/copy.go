package memory

import (
	"encoding/json"
	"maps"
	"slices"

	"github.com/dffmpeg/dffmpeg"
)

// copyJob returns a copy that shares nothing with job.
func copyJob(job dffmpeg.Job) dffmpeg.Job {
	job.Arguments = slices.Clone(job.Arguments)
	job.Paths = slices.Clone(job.Paths)
	job.Segments = copyArguments(job.Segments)
	job.Environment = maps.Clone(job.Environment)
	job.Warnings = slices.Clone(job.Warnings)
	job.Umask = copyOf(job.Umask)
	job.WorkingDirectory = copyOf(job.WorkingDirectory)
	job.ExitCode = copyOf(job.ExitCode)
	job.WorkerID = copyOf(job.WorkerID)
	job.WorkerLastSeen = copyOf(job.WorkerLastSeen)
	job.ClientLastSeen = copyOf(job.ClientLastSeen)
	job.TransportMetadata = copyMap(job.TransportMetadata)
	job.Demand = copyDemand(job.Demand)
	job.Prefer = maps.Clone(job.Prefer)
	job.Retry.On = slices.Clone(job.Retry.On)
	job.NotBefore = copyOf(job.NotBefore)
	job.Attempts = slices.Clone(job.Attempts)
	for i := range job.Attempts {
		a := &job.Attempts[i]
		a.StartedAt, a.EndedAt, a.ExitCode = copyOf(a.StartedAt), copyOf(a.EndedAt), copyOf(a.ExitCode)
	}
	return job
}

func copyDemand(d dffmpeg.Demand) dffmpeg.Demand {
	d.Needs, d.Claims = slices.Clone(d.Needs), slices.Clone(d.Claims)
	d.Uses, d.Require = maps.Clone(d.Uses), maps.Clone(d.Require)
	return d
}

func copyProfile(p dffmpeg.Profile) dffmpeg.Profile {
	p = maps.Clone(p)
	for kind, names := range p {
		p[kind] = slices.Clone(names)
	}
	return p
}

func copyArguments(list []dffmpeg.Argument) []dffmpeg.Argument {
	list = slices.Clone(list)
	for i := range list {
		list[i] = copyArgument(list[i])
	}
	return list
}

func copyArgument(arg dffmpeg.Argument) dffmpeg.Argument {
	arg = slices.Clone(arg)
	for i := range arg {
		arg[i].Content = copyArgument(arg[i].Content)
	}
	return arg
}

// copyWorker returns a copy that shares nothing with w.
func copyWorker(w dffmpeg.Worker) dffmpeg.Worker {
	w.Capabilities = slices.Clone(w.Capabilities)
	w.Binaries = slices.Clone(w.Binaries)
	w.Paths = slices.Clone(w.Paths)
	w.Version = copyOf(w.Version)
	w.LastSeen = copyOf(w.LastSeen)
	w.TransportMetadata = copyMap(w.TransportMetadata)
	w.Offer = copyOffer(w.Offer)
	w.Pause, w.Trouble = copyOf(w.Pause), copyOf(w.Trouble)
	if t := w.Trouble; t != nil {
		t.Jobs, t.Since, t.Until = slices.Clone(t.Jobs), copyOf(t.Since), copyOf(t.Until)
	}
	return w
}

func copyOffer(o dffmpeg.Offer) dffmpeg.Offer {
	o.MaxPerBinary, o.Resources = maps.Clone(o.MaxPerBinary), maps.Clone(o.Resources)
	o.Labels, o.Programs = maps.Clone(o.Labels), maps.Clone(o.Programs)
	for name, program := range o.Programs {
		program.Hardware = slices.Clone(program.Hardware)
		o.Programs[name] = program
	}
	return o
}

// copyMessage returns a copy that shares nothing with m.
func copyMessage(m dffmpeg.Message) dffmpeg.Message {
	m.SenderID = copyOf(m.SenderID)
	m.JobID = copyOf(m.JobID)
	m.SentAt = copyOf(m.SentAt)
	m.Payload = slices.Clone(m.Payload)
	return m
}

func copyOf[T any](p *T) *T {
	if p == nil {
		return nil
	}
	v := *p
	return &v
}

// copyMap and copyValue copy what jsonCopy returned.
func copyMap(m map[string]any) map[string]any {
	if m == nil {
		return nil
	}
	c := make(map[string]any, len(m))
	for key, value := range m {
		c[key] = copyValue(value)
	}
	return c
}

func copyValue(value any) any {
	switch v := value.(type) {
	case map[string]any:
		return copyMap(v)
	case []any:
		c := make([]any, len(v))
		for i := range v {
			c[i] = copyValue(v[i])
		}
		return c
	default:
		return v
	}
}

// jsonCopy returns m as it comes back from an engine that stores JSON.
func jsonCopy(m map[string]any) (map[string]any, error) {
	text, err := json.Marshal(m)
	if err != nil {
		return nil, dffmpeg.Errorf(dffmpeg.CodeInvalid, "Transport metadata must be JSON: %w", err)
	}
	var c map[string]any
	if err := json.Unmarshal(text, &c); err != nil {
		return nil, dffmpeg.Errorf(dffmpeg.CodeInvalid, "Transport metadata must be JSON: %w", err)
	}
	return c, nil
}
