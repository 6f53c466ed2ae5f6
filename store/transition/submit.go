package transition

import (
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
