package memory

import (
	"context"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/store"
	"github.com/dffmpeg/dffmpeg/store/transition"
)

// Restore implements store.Restorer.
func (s *State) Restore(ctx context.Context, jobs []dffmpeg.Job) (int, error) {
	restored, err := store.Restored(jobs)
	if err != nil {
		return 0, err
	}
	for i, job := range restored {
		metadata, err := jsonCopy(job.TransportMetadata)
		if err != nil {
			return 0, err
		}
		restored[i] = copyJob(job)
		restored[i].TransportMetadata = metadata
	}
	leave, err := s.enter(ctx)
	if err != nil {
		return 0, err
	}
	defer leave()
	added := 0
	for _, job := range restored {
		if _, exists := s.jobs[job.ID]; exists {
			continue
		}
		if job.IdempotencyKey != "" {
			same := submission{job.RequesterID, job.IdempotencyKey}
			if _, taken := s.submitted[same]; taken {
				job.IdempotencyKey = ""
			} else {
				s.submitted[same] = job.ID
			}
		}
		s.jobs[job.ID] = transition.Record{Job: job}
		s.boxes[job.Requester()] = &mailbox{}
		added++
	}
	return added, nil
}
