package sqlstore

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/store"
	"github.com/dffmpeg/dffmpeg/store/transition"
)

// Output is kept in chunks, under the ID of the message that announced it; that
// message has no payload of its own in the database.

// insertChunks stores what a batch has of each stream.
func insertChunks(ctx context.Context, tx *txn, messageID string, chunks []transition.Chunk) error {
	for i := range chunks {
		c := &chunks[i]
		data, err := tx.db.codec.encode(c)
		if err != nil {
			return err
		}
		_, err = tx.exec(ctx, `INSERT INTO dffmpeg_jobs_output (job_id, attempt, stream, start, message_id, size, created_at, data)
			VALUES (`+marks(8)+`)`, c.JobID, c.Attempt, string(c.Stream), c.Offset, messageID, c.Size, micros(&c.CreatedAt), data)
		if err != nil {
			return err
		}
	}
	return nil
}

// batch is the output that one message announced.
type batch struct {
	messageID string
	chunks    []transition.Chunk
}

// batches reads the output of a job whose message IDs lie between two, both
// included, oldest first.
func batches(ctx context.Context, tx *txn, jobID, from, through string) ([]batch, error) {
	var found []batch
	_, err := list(ctx, tx, func(row scanner) (struct{}, error) {
		var (
			c    = transition.Chunk{JobID: jobID}
			id   string
			at   int64
			data []byte
		)
		if err := row.Scan(&id, &c.Attempt, &c.Stream, &c.Offset, &c.Size, &at, &data); err != nil {
			return struct{}{}, err
		}
		c.CreatedAt = fromMicros(at)
		if len(found) == 0 || found[len(found)-1].messageID != id {
			found = append(found, batch{messageID: id})
		}
		last := &found[len(found)-1]
		err := tx.db.codec.decode(data, &c)
		last.chunks = append(last.chunks, c)
		return struct{}{}, err
	}, `SELECT message_id, attempt, stream, start, size, created_at, data FROM dffmpeg_jobs_output
		WHERE job_id = ? AND message_id >= ? AND message_id <= ? ORDER BY message_id`, jobID, from, through)
	return found, err
}

// fill gives messages that announced output their payload; output that is no
// longer kept is an empty list. All messages are to the requester of one job.
func fill(ctx context.Context, tx *txn, jobID string, messages []dffmpeg.Message) error {
	var first, last string
	for i := range messages {
		if messages[i].Type == dffmpeg.MessageJobLogs {
			first, last = cmp.Or(first, messages[i].ID), messages[i].ID
		}
	}
	if first == "" {
		return nil
	}
	found, err := batches(ctx, tx, jobID, min(first, last), max(first, last))
	if err != nil {
		return err
	}
	for i := range messages {
		if messages[i].Type != dffmpeg.MessageJobLogs {
			continue
		}
		payload := dffmpeg.JobLogs{Logs: []dffmpeg.LogEntry{}}
		at, there := slices.BinarySearchFunc(found, messages[i].ID, func(b batch, id string) int { return cmp.Compare(b.messageID, id) })
		if there {
			payload.Logs = transition.Assemble(found[at].chunks)
		}
		if messages[i].Payload, err = json.Marshal(payload); err != nil {
			return err
		}
	}
	return nil
}

// Logs implements store.Jobs.
func (s *State) Logs(ctx context.Context, jobID string, query store.LogQuery) (store.LogPage, error) {
	page := store.LogPage{LastMessageID: query.Since}
	err := s.view(ctx, func(ctx context.Context, tx *txn) error {
		if _, err := loadJob(ctx, tx, jobID, reading); err != nil {
			return err
		}
		from, through, err := outputRange(ctx, tx, jobID, query)
		if err != nil || through == "" {
			return err
		}
		found, err := batches(ctx, tx, jobID, from, through)
		if err != nil {
			return err
		}
		for i := range found {
			page.Entries = append(page.Entries, transition.Assemble(found[i].chunks)...)
			page.LastMessageID = found[i].messageID
		}
		return nil
	})
	if err != nil {
		return store.LogPage{}, err
	}
	return page, nil
}

// outputRows is how many chunks are read at once: those of a program that writes
// little by little are small.
const outputRows = 16

// Output implements store.Jobs.
func (s *State) Output(ctx context.Context, jobID string, query store.OutputQuery) (store.OutputPage, error) {
	var page store.OutputPage
	err := s.view(ctx, func(ctx context.Context, tx *txn) error {
		record, err := loadJob(ctx, tx, jobID, reading)
		if err != nil {
			return err
		}
		page.Attempt = cmp.Or(query.Attempt, record.Attempt)
		of := transition.Chunk{JobID: jobID, Attempt: page.Attempt, Stream: query.Stream, Offset: query.Offset}
		chunks, err := chunksFrom(ctx, tx, of, query.Most())
		page.Offset, page.Data = transition.Output(chunks, query.Offset, query.Most())
		return err
	})
	if err != nil {
		return store.OutputPage{}, err
	}
	return page, nil
}

// chunksFrom reads chunks of a stream in order, from the one on in which an offset
// lies, until there are enough bytes behind that: a chunk may be as large as what a
// coordinator accepts at once, and no more of them are unpacked than are needed.
func chunksFrom(ctx context.Context, tx *txn, of transition.Chunk, enough int) ([]transition.Chunk, error) {
	var needed []transition.Chunk
	missing := int64(enough)
	_, err := list(ctx, tx, func(row scanner) (struct{}, error) {
		c := of
		var at int64
		var data []byte
		if err := row.Scan(&c.Offset, &c.Size, &at, &data); err != nil || missing <= 0 {
			return struct{}{}, err
		}
		c.CreatedAt = fromMicros(at)
		err := tx.db.codec.decode(data, &c)
		needed = append(needed, c)
		missing -= max(0, c.Offset+c.Size-max(c.Offset, of.Offset))
		return struct{}{}, err
	}, `SELECT start, size, created_at, data FROM dffmpeg_jobs_output
		WHERE job_id = ? AND attempt = ? AND stream = ? AND start >= COALESCE(
			(SELECT MAX(start) FROM dffmpeg_jobs_output WHERE job_id = ? AND attempt = ? AND stream = ? AND start <= ?), 0)
		ORDER BY start, message_id LIMIT ?`,
		of.JobID, of.Attempt, string(of.Stream), of.JobID, of.Attempt, string(of.Stream), of.Offset, outputRows)
	return needed, err
}

// outputRange returns the IDs of the first and the last batch that a query
// selects, "" when there is none.
func outputRange(ctx context.Context, tx *txn, jobID string, query store.LogQuery) (from, through string, err error) {
	statement := "SELECT DISTINCT message_id FROM dffmpeg_jobs_output WHERE job_id = ? AND message_id > ? ORDER BY message_id"
	if query.Since == "" && query.Limit > 0 {
		statement += " DESC" // the newest
	}
	args := []any{jobID, query.Since}
	if query.Limit > 0 {
		statement += " LIMIT ?"
		args = append(args, query.Limit)
	}
	ids, err := list(ctx, tx, func(row scanner) (string, error) {
		var id string
		err := row.Scan(&id)
		return id, err
	}, statement, args...)
	if err != nil || len(ids) == 0 {
		return "", "", err
	}
	return slices.Min(ids), slices.Max(ids), nil
}
