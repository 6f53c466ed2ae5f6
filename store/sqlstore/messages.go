package sqlstore

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/store"
	"github.com/dffmpeg/dffmpeg/store/transition"
)

// mailDefault bounds a reading of mail that sets no limit.
const mailDefault = 1000

// mailbox names a recipient's sequence of messages in one column.
func mailbox(to dffmpeg.Recipient) string {
	if to.Kind == dffmpeg.RecipientWorker {
		return "worker/" + to.ID
	}
	return "job/" + to.JobID
}

// post settles earlier messages and stores new ones: the part of a decision
// that is the same for jobs and workers.
type post struct {
	tx  *txn
	now time.Time
	// job and worker are the rows that the operation loads and stores itself,
	// with their counters; other workers' counters are loaded and stored here.
	job    *jobRow
	worker *workerRow
	// chunks is the output that the first message announces.
	chunks []transition.Chunk
}

func (p *post) deliver(ctx context.Context, settle []transition.Settlement, messages []dffmpeg.Message) ([]dffmpeg.Message, error) {
	for i := range settle {
		if err := p.settle(ctx, &settle[i]); err != nil {
			return nil, err
		}
	}
	var posted []dffmpeg.Message
	for _, m := range messages {
		m, stored, err := p.store(ctx, m)
		if err != nil {
			return nil, err
		}
		if stored {
			posted = append(posted, m)
		}
	}
	return posted, nil
}

// settle applies a settlement to the messages stored so far.
func (p *post) settle(ctx context.Context, s *transition.Settlement) error {
	where := " WHERE mailbox = ? AND acked_at IS NULL"
	args := []any{mailbox(s.To)}
	if s.JobID != "" {
		where += " AND job_id = ?"
		args = append(args, s.JobID)
	}
	if s.Type != "" {
		where += " AND type = ?"
		args = append(args, string(s.Type))
	}
	if s.Unsent {
		where += " AND sent_at IS NULL"
	}
	if s.Fate == transition.Withdrawn {
		_, err := p.tx.exec(ctx, "DELETE FROM dffmpeg_messages"+where, args...)
		return err
	}
	at := p.now.UnixMicro()
	_, err := p.tx.exec(ctx, "UPDATE dffmpeg_messages SET acked_at = ?, sent_at = COALESCE(sent_at, ?), transport = NULL"+where, append([]any{at, at}, args...)...)
	return err
}

// store gives a message its place and stores it; false when there is no such
// recipient.
func (p *post) store(ctx context.Context, m dffmpeg.Message) (dffmpeg.Message, bool, error) {
	counter, save, err := p.counter(ctx, m.To)
	if err != nil || counter == nil {
		return m, false, err
	}
	m, next, err := counter.Next(m, p.tx.db.ids.NewID(p.now))
	if err != nil {
		return m, false, err
	}
	before := *counter
	*counter = next
	if err := save(before); err != nil {
		return m, false, err
	}
	payload := string(m.Payload)
	if m.Type == dffmpeg.MessageJobLogs {
		payload = "" // the chunks are
		if err := insertChunks(ctx, p.tx, m.ID, p.chunks); err != nil {
			return m, false, err
		}
	}
	_, err = p.tx.exec(ctx, `INSERT INTO dffmpeg_messages
		(mailbox, seq, message_id, recipient_id, sender_id, job_id, type, payload, created_at, not_before, transport)
		VALUES (`+marks(11)+`)`,
		mailbox(m.To), m.Seq, m.ID, m.RecipientID, m.SenderID, m.JobID, string(m.Type), payload,
		micros(&m.Timestamp), micros(&m.NotBefore), p.transport(m.To))
	if err != nil && p.tx.db.dialect.Duplicate(err) {
		err = errChanged // another transaction has taken the number
	}
	return m, err == nil, err
}

// transport returns what a message that is yet to be sent to a requester travels
// by: the job's transport, which never changes. A worker's does, so it is null, as
// it becomes once a message is sent: then planners know how few there are to be
// sent, whatever there is that nobody ever fetches.
func (p *post) transport(to dffmpeg.Recipient) *string {
	if to.Kind != dffmpeg.RecipientRequester {
		return nil
	}
	return &p.job.Transport
}

// counter returns a recipient's counter, nil when there is no such recipient,
// and how to store what becomes of it.
func (p *post) counter(ctx context.Context, to dffmpeg.Recipient) (*transition.Counter, func(before transition.Counter) error, error) {
	later := func(transition.Counter) error { return nil } // with its row
	switch {
	case to.Kind == dffmpeg.RecipientRequester && p.job == nil:
		return nil, nil, nil
	case to.Kind == dffmpeg.RecipientRequester:
		return &p.job.counter, later, nil
	case p.worker != nil && p.worker.ID == to.ID:
		return &p.worker.counter, later, nil
	}
	var c transition.Counter
	err := p.tx.row(ctx, "SELECT msg_seq, last_message_id FROM dffmpeg_workers WHERE worker_id = ?"+p.tx.locking(changing), to.ID).Scan(&c.Seq, &c.ID)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil, nil
	}
	save := func(before transition.Counter) error {
		count, err := p.tx.exec(ctx, "UPDATE dffmpeg_workers SET msg_seq = ?, last_message_id = ? WHERE worker_id = ? AND msg_seq = ?",
			c.Seq, c.ID, to.ID, before.Seq)
		if err == nil && count == 0 {
			err = errChanged
		}
		return err
	}
	return &c, save, err
}

// wasOffered reports whether the last request to run a job was handed over.
func wasOffered(ctx context.Context, tx *txn, job *dffmpeg.Job) (bool, error) {
	var sent sql.NullInt64
	err := tx.row(ctx, `SELECT sent_at FROM dffmpeg_messages WHERE mailbox = ? AND job_id = ? AND type = 'job_request'
		ORDER BY seq DESC LIMIT 1`, mailbox(dffmpeg.ToWorker(job.Worker())), job.ID).Scan(&sent)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return sent.Valid, err
}

// messageColumns are the columns of a message, in the order that scanMessage
// reads.
const messageColumns = "seq, message_id, recipient_id, sender_id, job_id, type, payload, created_at, not_before, sent_at"

func scanMessage(to dffmpeg.Recipient) func(scanner) (dffmpeg.Message, error) {
	return func(row scanner) (dffmpeg.Message, error) {
		var (
			m                        = dffmpeg.Message{To: to}
			sender, job              sql.NullString
			payload                  string
			created, notBefore, sent sql.NullInt64
		)
		err := row.Scan(&m.Seq, &m.ID, &m.RecipientID, &sender, &job, &m.Type, &payload, &created, &notBefore, &sent)
		m.SenderID, m.JobID, m.Payload, m.SentAt = textOf(sender), textOf(job), json.RawMessage(payload), timeOf(sent)
		if t := timeOf(created); t != nil {
			m.Timestamp = *t
		}
		if t := timeOf(notBefore); t != nil {
			m.NotBefore = *t
		}
		return m, err
	}
}

// Mail implements store.Messages.
func (s *State) Mail(ctx context.Context, to dffmpeg.Recipient, query store.MailQuery) ([]dffmpeg.Message, error) {
	limit := query.Limit
	if limit <= 0 {
		limit = mailDefault
	}
	statement, args := "SELECT "+messageColumns+" FROM dffmpeg_messages WHERE mailbox = ?", []any{mailbox(to)}
	order := "seq"
	switch query.Select {
	case store.MailUnacknowledged:
		statement += " AND acked_at IS NULL"
		order = "seq + 0" // sorts the few, rather than walk through all that there ever was
	case store.MailAfter:
		statement += " AND message_id > ?"
		args = append(args, query.After)
		order = "message_id" // the same, and the index's
	default:
		statement += " AND sent_at IS NULL"
	}
	var messages []dffmpeg.Message
	err := s.view(ctx, func(ctx context.Context, tx *txn) error {
		var err error
		messages, err = list(ctx, tx, scanMessage(to), statement+" ORDER BY "+order+" LIMIT ?", append(args, limit)...)
		if err == nil && to.Kind == dffmpeg.RecipientRequester {
			err = fill(ctx, tx, to.JobID, messages)
		}
		return err
	})
	now := s.stamp()
	for i := range messages {
		if messages[i].NotBefore.After(now) {
			return messages[:i:i], err
		}
	}
	return messages, err
}

// MarkSent implements store.Messages.
func (s *State) MarkSent(ctx context.Context, to dffmpeg.Recipient, through int64) error {
	return s.write(ctx, func(ctx context.Context, tx *txn) error {
		_, err := tx.exec(ctx, "UPDATE dffmpeg_messages SET sent_at = ?, transport = NULL WHERE mailbox = ? AND sent_at IS NULL AND seq <= ?",
			s.stamp().UnixMicro(), mailbox(to), through)
		return err
	})
}

// Acknowledge implements store.Messages.
func (s *State) Acknowledge(ctx context.Context, to dffmpeg.Recipient, ids []string) (int, error) {
	var total int64
	err := s.write(ctx, func(ctx context.Context, tx *txn) error {
		total = 0
		at := s.stamp().UnixMicro()
		for _, id := range ids {
			count, err := tx.exec(ctx, `UPDATE dffmpeg_messages SET acked_at = ?, sent_at = COALESCE(sent_at, ?), transport = NULL
				WHERE mailbox = ? AND message_id = ? AND acked_at IS NULL`, at, at, mailbox(to), id)
			if err != nil {
				return err
			}
			total += count
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return int(total), nil
}

// waiting is a recipient and the ID of the oldest message that it waits for.
type waiting struct {
	to     dffmpeg.Recipient
	oldest string
}

// Unsent implements store.Messages.
func (s *State) Unsent(ctx context.Context, transports []string, limit int) ([]dffmpeg.Recipient, error) {
	if len(transports) == 0 || limit <= 0 {
		return nil, s.unavailable(ctx, ctx.Err())
	}
	var all []waiting
	err := s.view(ctx, func(ctx context.Context, tx *txn) error {
		requesters, err := waitingRequesters(ctx, tx, transports, limit)
		if err != nil {
			return err
		}
		workers, err := waitingWorkers(ctx, tx, transports)
		all = append(requesters, workers...)
		return err
	})
	slices.SortFunc(all, func(a, b waiting) int { return cmp.Compare(a.oldest, b.oldest) })
	var found []dffmpeg.Recipient
	for _, w := range all[:min(limit, len(all))] {
		found = append(found, w.to)
	}
	return found, err
}

func waitingRequesters(ctx context.Context, tx *txn, transports []string, limit int) ([]waiting, error) {
	return list(ctx, tx, func(row scanner) (waiting, error) {
		w := waiting{to: dffmpeg.Recipient{Kind: dffmpeg.RecipientRequester}}
		err := row.Scan(&w.to.ID, &w.to.JobID, &w.oldest)
		return w, err
	}, `SELECT recipient_id, job_id, MIN(message_id) FROM dffmpeg_messages WHERE transport IN (`+marks(len(transports))+`)
		GROUP BY recipient_id, job_id ORDER BY 3 LIMIT ?`, append(anys(transports), limit)...)
}

// mailboxesAtOnce bounds how many mailboxes one query names: few enough for
// every planner to look at each of them, rather than assume that they are alike.
const mailboxesAtOnce = 50

// waitingWorkers looks into the mailboxes of workers by name. Joined, some planners
// would take the key and read all that a worker ever got.
func waitingWorkers(ctx context.Context, tx *txn, transports []string) ([]waiting, error) {
	ids, err := list(ctx, tx, text, "SELECT worker_id FROM dffmpeg_workers WHERE transport IN ("+marks(len(transports))+")", anys(transports)...)
	if err != nil {
		return nil, err
	}
	var all []waiting
	for some := range slices.Chunk(ids, mailboxesAtOnce) {
		boxes := make([]any, len(some))
		for i, id := range some {
			boxes[i] = mailbox(dffmpeg.ToWorker(id))
		}
		found, err := list(ctx, tx, func(row scanner) (waiting, error) {
			w := waiting{to: dffmpeg.Recipient{Kind: dffmpeg.RecipientWorker}}
			err := row.Scan(&w.to.ID, &w.oldest)
			return w, err
		}, `SELECT recipient_id, MIN(message_id) FROM dffmpeg_messages WHERE mailbox IN (`+marks(len(boxes))+`) AND sent_at IS NULL
			GROUP BY recipient_id`, boxes...)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}
