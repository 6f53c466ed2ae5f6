package transition

import (
	"slices"
	"time"

	"github.com/dffmpeg/dffmpeg"
)

// Submit returns the record of a new job. Its lists and metadata are never nil,
// so that every engine returns the same.
func Submit(job dffmpeg.Job, id string, now time.Time) Record {
	job.ID = id
	job.Status = dffmpeg.JobPending
	job.Attempt = 0
	job.WorkerID, job.ExitCode, job.WorkerLastSeen = nil, nil, nil
	job.Attempts, job.NotBefore, job.Position = nil, nil, 0
	job.CreatedAt, job.LastUpdate, job.ClientLastSeen = now, now, &now
	job.Version = 1
	job.Arguments = neverNil(job.Arguments)
	job.Paths = neverNil(job.Paths)
	if len(job.Environment) == 0 {
		job.Environment = nil
	}
	job.Warnings = dffmpeg.Warnings(job.Warnings)
	if len(job.Segments) == 0 {
		job.Segments = nil
	}
	job.Demand, job.Prefer, job.Retry = demand(job.Demand), neverEmpty(job.Prefer), retry(job.Retry)
	if job.TransportMetadata == nil {
		job.TransportMetadata = map[string]any{}
	}
	return Record{Job: job}
}

func neverNil(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

// demand returns a demand as every engine keeps it: sorted, and with nil for what is
// empty.
func demand(d dffmpeg.Demand) dffmpeg.Demand {
	d.Needs, d.Claims = sorted(d.Needs), sorted(d.Claims)
	d.Uses, d.Require = neverEmpty(d.Uses), neverEmpty(d.Require)
	return d
}

// retry returns a policy as every engine keeps it.
func retry(p dffmpeg.RetryPolicy) dffmpeg.RetryPolicy {
	p.On = sorted(p.On)
	return p
}

func sorted(list []string) []string {
	if len(list) == 0 {
		return nil
	}
	list = slices.Clone(list)
	slices.Sort(list)
	return slices.Compact(list)
}

func neverEmpty[V any](m map[string]V) map[string]V {
	if len(m) == 0 {
		return nil
	}
	return m
}
