package httpapi

import (
	"net/http"
	"slices"
	"strconv"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/store"
)

const (
	// logPage is how many batches are read at once unless the caller says
	// otherwise; 0.4's clients and ours page on until an answer is empty.
	logPage = 1000
	// maxLogBatches bounds what a caller may ask for.
	maxLogBatches = 100_000
	// beforeAll is a cursor that sorts before every message ID.
	beforeAll = "0"
	// maxCursor bounds a cursor; message IDs have 26 characters.
	maxCursor = 128
)

func (a *api) logEndpoints() []endpoint {
	add := define(route{http.MethodPost, "/jobs/{job_id}/logs", "Add output", signedBy(dffmpeg.RoleWorker)}, a.addLogs)
	add.abort = true
	read := define(route{http.MethodGet, "/jobs/{job_id}/logs", "Read output", requesters()}, a.readLogs)
	read.query = []parameter{
		{"since_message_id", "string", "Only batches after this one"},
		{"limit", "integer", "At most so many batches"},
	}
	output := define(route{http.MethodGet, "/jobs/{job_id}/output", "Read bytes of a stream of output", requesters()}, a.readOutput)
	output.query = []parameter{
		{"stream", "string", "stdout or stderr"},
		{"offset", "integer", "Of the first byte; 0 when absent"},
		{"attempt", "integer", "The job's last one when absent"},
		{"limit", "integer", "At most so many bytes"},
	}
	return []endpoint{add, read, output}
}

func (a *api) addLogs(c *call, in dffmpeg.LogsRequest) (dffmpeg.CommandAnswer, error) {
	id, by, err := a.reporter(c, in.Attempt)
	if err != nil {
		return ok(), err
	}
	if err := printable(in.Logs); err != nil {
		return ok(), err
	}
	change, err := a.State.AppendLogs(c.ctx(), id, by, in.Batch, in.Logs)
	return settle(change, err, "")
}

// printable checks what the schema cannot: that a line's end is one, and that
// its time can be written again.
func printable(entries []dffmpeg.LogEntry) error {
	for i, e := range entries {
		if e.Bytes != nil && dffmpeg.ReadableText(e.Bytes) != e.Content {
			return invalidFields(dffmpeg.FieldError{
				Type: "value_error", Loc: []any{"body", "logs", i, "bytes"}, Msg: "The content is not what can be read of the bytes",
			})
		}
		if e.Terminator != nil && !slices.Contains([]string{"", "\n", "\r", "\r\n"}, *e.Terminator) {
			return invalidFields(dffmpeg.FieldError{
				Type: "value_error", Loc: []any{"body", "logs", i, "terminator"}, Msg: `A terminator is "\n", "\r\n", "\r" or empty`,
			})
		}
		if e.Timestamp == nil {
			continue
		}
		if year := e.Timestamp.UTC().Year(); year < 1 || year > 9999 {
			return invalidFields(dffmpeg.FieldError{
				Type: "datetime_parsing", Loc: []any{"body", "logs", i, "timestamp"}, Msg: "A time must lie in the years 1 to 9999, in UTC",
			})
		}
	}
	return nil
}

func (a *api) readLogs(c *call, _ nothing) (dffmpeg.LogsAnswer, error) {
	job, err := a.requested(c)
	if err != nil {
		return dffmpeg.LogsAnswer{}, err
	}
	query, err := logQuery(c)
	if err != nil {
		return dffmpeg.LogsAnswer{}, err
	}
	page, err := a.State.Logs(c.ctx(), job.ID, query)
	answer := dffmpeg.LogsAnswer{Logs: page.Entries}
	if answer.Logs == nil {
		answer.Logs = []dffmpeg.LogEntry{}
	}
	if page.LastMessageID != "" && page.LastMessageID != beforeAll {
		answer.LastMessageID = &page.LastMessageID
	}
	return answer, err
}

func (a *api) readOutput(c *call, _ nothing) (dffmpeg.OutputAnswer, error) {
	var answer dffmpeg.OutputAnswer
	job, err := a.requested(c)
	if err != nil {
		return answer, err
	}
	query, err := outputQuery(c)
	if err != nil {
		return answer, err
	}
	page, err := a.State.Output(c.ctx(), job.ID, query)
	if page.Data == nil {
		page.Data = []byte{} // lists and bytes may not be null on the wire
	}
	return dffmpeg.OutputAnswer{
		Attempt: page.Attempt, Stream: query.Stream, Offset: page.Offset, NextOffset: page.Offset + int64(len(page.Data)),
		Data: page.Data, Ended: job.Status.Terminal(),
	}, err
}

// outputQuery reads which bytes are wanted.
func outputQuery(c *call) (store.OutputQuery, error) {
	query := store.OutputQuery{Stream: dffmpeg.Stream(c.URL.Query().Get("stream"))}
	if query.Stream != dffmpeg.Stdout && query.Stream != dffmpeg.Stderr {
		return query, invalidQuery("stream", string(query.Stream), "must be stdout or stderr")
	}
	var err error
	if text := c.URL.Query().Get("offset"); text != "" {
		if query.Offset, err = strconv.ParseInt(text, 10, 64); err != nil || query.Offset < 0 {
			return query, invalidQuery("offset", text, "must be a number of bytes")
		}
	}
	if query.Attempt, err = c.number("attempt", 0, 1, maxAttempt); err != nil {
		return query, err
	}
	query.Limit, err = c.number("limit", 0, 1, store.MaxOutput)
	return query, err
}

// logQuery reads which page of output is wanted: with a limit alone the newest
// batches, otherwise those that follow the cursor or, without one, the start.
func logQuery(c *call) (store.LogQuery, error) {
	limit, err := c.number("limit", 0, 1, maxLogBatches)
	since := c.URL.Query().Get("since_message_id")
	switch {
	case err != nil:
		return store.LogQuery{}, err
	case len(since) > maxCursor || !plain(since):
		return store.LogQuery{}, invalidQuery("since_message_id", since, "must be the last_message_id of an answer")
	case since == "" && limit == 0:
		since = beforeAll
	}
	if limit == 0 {
		limit = logPage
	}
	return store.LogQuery{Since: since, Limit: limit}, nil
}
