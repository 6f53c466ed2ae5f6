package httpapi

import (
	"net/http"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/store"
)

// maxLogBatches bounds a page of output; 0.4 and our clients page on.
const maxLogBatches = 1000

func (a *api) logEndpoints() []endpoint {
	add := define(route{http.MethodPost, "/jobs/{job_id}/logs", "Add output", signedBy(dffmpeg.RoleWorker)}, a.addLogs)
	add.abort = true
	read := define(route{http.MethodGet, "/jobs/{job_id}/logs", "Read output", requesters()}, a.readLogs)
	read.query = []parameter{
		{"since_message_id", "string", "Only batches after this one"},
		{"limit", "integer", "At most so many batches"},
	}
	return []endpoint{add, read}
}

func (a *api) addLogs(c *call, in dffmpeg.LogsRequest) (dffmpeg.CommandAnswer, error) {
	id, by, err := a.reporter(c, in.Attempt)
	if err != nil {
		return ok(), err
	}
	change, err := a.State.AppendLogs(c.ctx(), id, by, in.Batch, in.Logs)
	return settle(change, err, "")
}

func (a *api) readLogs(c *call, _ nothing) (dffmpeg.LogsAnswer, error) {
	job, err := a.requested(c)
	if err != nil {
		return dffmpeg.LogsAnswer{}, err
	}
	limit, err := c.number("limit", 0, 1, maxLogBatches)
	if err != nil {
		return dffmpeg.LogsAnswer{}, err
	}
	page, err := a.State.Logs(c.ctx(), job.ID, store.LogQuery{Since: c.URL.Query().Get("since_message_id"), Limit: limit})
	answer := dffmpeg.LogsAnswer{Logs: page.Entries}
	if answer.Logs == nil {
		answer.Logs = []dffmpeg.LogEntry{}
	}
	if page.LastMessageID != "" {
		answer.LastMessageID = &page.LastMessageID
	}
	return answer, err
}
