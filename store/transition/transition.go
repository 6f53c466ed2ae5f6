// Package transition decides, for every engine alike, what an operation of the
// store does: to the record it is about, to messages stored earlier, and which
// messages announce it. Its functions are pure. An engine loads the record,
// calls the function of the operation, and stores what it returns in the same
// transaction, provided that the record is still the one it loaded:
//
//  1. When Changed, the record replaces the one that was loaded. Every change
//     raises Version (a worker's Revision) by one, but for a batch of output.
//  2. The settlements apply to messages stored before.
//  3. Each message gets the next number of its recipient (see [Counter]) and is
//     stored. One whose recipient has no row, such as a worker that was never
//     registered, is dropped.
//
// The functions neither change what they are given nor copy it: results share
// lists and maps with the arguments.
package transition

import (
	"encoding/json"
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/store"
)

// Record is what an engine keeps of a job beside its messages.
type Record struct {
	dffmpeg.Job
	// LogBatch is the greatest number of a batch of output stored for the
	// current attempt, 0 when there is none.
	LogBatch int64
	// StdoutBytes and StderrBytes are how much output the current attempt has
	// had: the offsets of the next chunks.
	StdoutBytes, StderrBytes int64
	// LogBytes is the size of the output that is kept, of all attempts.
	LogBytes int64
}

// Decision is what an operation on a job does.
type Decision struct {
	Outcome  store.Outcome
	Record   Record // after the operation
	Changed  bool   // whether Record must be stored
	Settle   []Settlement
	Messages []dffmpeg.Message // all but ID and Seq is set
	// Judgements are what the operation says of workers; an engine applies [Judge] to
	// each of them that is known.
	Judgements []Judgement
	// Chunks is output to keep, under the ID of the first message. An engine
	// need not keep that message's payload, which is made of them.
	Chunks []Chunk
}

// Fate is what becomes of a message stored earlier.
type Fate int

// The fates.
const (
	// Acknowledged: the recipient acted upon it. It counts as sent, too.
	Acknowledged Fate = iota + 1
	// Withdrawn: no reader sees it from now on. Its number is not used again.
	Withdrawn
)

// Settlement says what becomes of earlier messages: of all to a recipient that
// are not acknowledged yet and match.
type Settlement struct {
	Fate   Fate
	To     dffmpeg.Recipient
	JobID  string              // only about this job; "" for all
	Type   dffmpeg.MessageType // only of this type; "" for all
	Unsent bool                // only those not sent yet
}

// Matches reports whether the settlement is about message m, which must not be
// acknowledged yet.
func (s *Settlement) Matches(m *dffmpeg.Message) bool {
	return s.To == m.To &&
		(s.JobID == "" || m.JobID != nil && *m.JobID == s.JobID) &&
		(s.Type == "" || m.Type == s.Type) &&
		(!s.Unsent || m.SentAt == nil)
}

// Counter is the end of a recipient's sequence of messages, kept in the
// recipient's own row: the job's, or the worker's. The zero value is the start.
type Counter struct {
	Seq int64
	ID  string
}

// Next returns m as the next message of the sequence, and the counter after
// it. The ID is candidate if that ascends, else the next one that does.
func (c Counter) Next(m dffmpeg.Message, candidate string) (dffmpeg.Message, Counter, error) {
	id, err := dffmpeg.AscendingID(candidate, c.ID)
	if err != nil {
		return m, c, err
	}
	c = Counter{Seq: c.Seq + 1, ID: id}
	m.Seq, m.ID = c.Seq, c.ID
	return m, c, nil
}

// Stamp returns t as stores keep times: UTC, in microseconds.
func Stamp(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }

// unchanged is the decision to leave a job as it is.
func unchanged(r Record, outcome store.Outcome) Decision {
	return Decision{Outcome: outcome, Record: r}
}

// touch is the decision to store r, whose Status stays as it was.
func touch(r Record) Decision {
	r.Version++
	return Decision{Outcome: store.Applied, Record: r, Changed: true}
}

// move is the decision to change the status of r, and to tell the requester on
// behalf of sender ("" for the coordinator). It is the gate that every change
// of status passes: what the table forbids is refused.
func move(r Record, next dffmpeg.JobStatus, sender string, now time.Time) Decision {
	if !r.Status.CanBecome(next) {
		return unchanged(r, store.Refused)
	}
	r.Status = next
	r.LastUpdate = now
	d := touch(r)
	d.tellRequester(sender, now)
	return d
}

// tellRequester adds the message that tells the job's present status to its
// requester.
func (d *Decision) tellRequester(sender string, now time.Time) {
	to := d.Record.Requester()
	d.Messages = append(d.Messages,
		about(d.Record.ID, to, dffmpeg.MessageJobStatus, dffmpeg.NewJobStatusChange(&d.Record.Job), sender, now))
}

// tellWorker adds a message that tells a worker to stop its attempt at the job:
// by status canceling, it reports the end; by canceled, it does not. Attempt 0
// leaves the number out.
func (d *Decision) tellWorker(workerID string, attempt int, status dffmpeg.JobStatus, sender string, now time.Time) {
	change := dffmpeg.NewJobStatusChange(&d.Record.Job)
	change.Status, change.Attempt, change.ExitCode = status, attempt, nil
	d.Messages = append(d.Messages,
		about(d.Record.ID, dffmpeg.ToWorker(workerID), dffmpeg.MessageJobStatus, change, sender, now))
}

// settle adds what becomes of the earlier messages to the job's worker about it.
func (d *Decision) settle(fate Fate, kind dffmpeg.MessageType) {
	d.Settle = append(d.Settle, Settlement{
		Fate: fate, To: dffmpeg.ToWorker(d.Record.Worker()), JobID: d.Record.ID, Type: kind,
	})
}

// about makes a message about a job.
func about(jobID string, to dffmpeg.Recipient, kind dffmpeg.MessageType, payload any, sender string, now time.Time) dffmpeg.Message {
	m := message(to, kind, payload, now)
	m.JobID = &jobID
	if sender != "" {
		m.SenderID = &sender
	}
	return m
}

// message makes a message of the coordinator's own.
func message(to dffmpeg.Recipient, kind dffmpeg.MessageType, payload any, now time.Time) dffmpeg.Message {
	encoded, err := json.Marshal(payload)
	if err != nil {
		panic("transition: payload types always encode: " + err.Error())
	}
	return dffmpeg.Message{RecipientID: to.ID, To: to, Timestamp: now, Type: kind, Payload: encoded}
}
