package transition

import (
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/store"
)

// AppendLogs decides store.Jobs.AppendLogs: Decision.Chunks is what to keep, and
// the payload of the one message is the same output.
func AppendLogs(r Record, by store.By, batch int64, entries []dffmpeg.LogEntry, now time.Time) (Decision, error) {
	if len(entries) == 0 {
		return Decision{}, dffmpeg.Errorf(dffmpeg.CodeInvalid, "A batch of output must have at least one entry")
	}
	if standing(&r, by) == store.Refused {
		return unchanged(r, store.Refused), nil
	}
	if batch > 0 && batch <= r.LogBatch {
		return unchanged(r, store.Repeated), nil
	}
	d := unchanged(r, store.Applied)
	d.Changed = true
	d.Record.LogBatch = max(batch, r.LogBatch)
	d.Chunks = cut(&d.Record, entries, now)
	payload := dffmpeg.JobLogs{Logs: Assemble(d.Chunks)}
	d.Messages = []dffmpeg.Message{
		about(r.ID, r.Requester(), dffmpeg.MessageJobLogs, payload, by.WorkerID, now),
	}
	return d, nil
}
