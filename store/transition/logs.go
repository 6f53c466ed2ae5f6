package transition

import (
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/store"
)

// AppendLogs decides store.Jobs.AppendLogs. The entries to store are the
// payload of the one message; newID makes their IDs.
func AppendLogs(r Record, by store.By, batch int64, entries []dffmpeg.LogEntry, newID func() string, now time.Time) (Decision, error) {
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
	if batch > 0 {
		d.Record.LogBatch = batch
		d.Changed = true
	}
	payload := dffmpeg.JobLogs{Logs: complete(entries, newID, now)}
	d.Messages = []dffmpeg.Message{
		about(r.ID, r.Requester(), dffmpeg.MessageJobLogs, payload, by.WorkerID, now),
	}
	return d, nil
}

// complete returns entries with an ID each, and a time: 0.4 peers crash on a
// mix of null and set timestamps.
func complete(entries []dffmpeg.LogEntry, newID func() string, now time.Time) []dffmpeg.LogEntry {
	completed := make([]dffmpeg.LogEntry, len(entries))
	for i, entry := range entries {
		at := now
		if entry.Timestamp != nil {
			at = Stamp(*entry.Timestamp)
		}
		entry.ID = newID()
		entry.Timestamp = &at
		completed[i] = entry
	}
	return completed
}
