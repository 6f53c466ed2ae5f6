package store

import (
	"context"
	"time"

	"github.com/dffmpeg/dffmpeg"
)

// Restorer is the part of the store that takes over history from elsewhere.
type Restorer interface {
	// Restore stores jobs that ended, exactly as they are given: ID, times,
	// status, exit code and worker included. Jobs whose ID exists, or that come
	// twice, are skipped, so it may be repeated; it returns how many were added.
	// Either all others are stored or, when it returns an error, none. A job that
	// has not ended, or that lacks what every job has, is CodeInvalid. Nobody is
	// told: there are no messages. An IdempotencyKey that another job of the
	// same requester has is left out.
	//
	// A call is one transaction. A caller with many jobs gives some hundred at a
	// time.
	Restore(ctx context.Context, jobs []dffmpeg.Job) (added int, err error)
}

// Restored returns jobs as engines store them on behalf of Restore, or an error
// of CodeInvalid about the first that cannot be: lists that are nil become
// empty, times UTC with microseconds. It shares lists and maps with its
// argument.
func Restored(jobs []dffmpeg.Job) ([]dffmpeg.Job, error) {
	restored := make([]dffmpeg.Job, 0, len(jobs))
	for _, job := range jobs {
		if err := checkRestored(&job); err != nil {
			return nil, err
		}
		if job.Arguments == nil {
			job.Arguments = []string{}
		}
		if job.Paths == nil {
			job.Paths = []string{}
		}
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
		job.CreatedAt, job.LastUpdate = micro(job.CreatedAt), micro(job.LastUpdate)
		for _, seen := range []**time.Time{&job.WorkerLastSeen, &job.ClientLastSeen} {
			if *seen != nil {
				at := micro(**seen)
				*seen = &at
			}
		}
		job.Version = max(1, job.Version)
		restored = append(restored, job)
	}
	return restored, nil
}

func micro(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }

func checkRestored(job *dffmpeg.Job) error {
	switch {
	case !dffmpeg.ValidID(job.ID):
		return dffmpeg.Errorf(dffmpeg.CodeInvalid, "A job cannot be restored: %q is not an ID", job.ID)
	case !job.Status.Terminal():
		return dffmpeg.Errorf(dffmpeg.CodeInvalid, "Job %s cannot be restored: it is %q, and has not ended", job.ID, string(job.Status))
	case job.RequesterID == "":
		return dffmpeg.Errorf(dffmpeg.CodeInvalid, "Job %s cannot be restored: it has no requester", job.ID)
	case job.CreatedAt.IsZero() || job.LastUpdate.IsZero():
		return dffmpeg.Errorf(dffmpeg.CodeInvalid, "Job %s cannot be restored: it has no times", job.ID)
	}
	return nil
}
