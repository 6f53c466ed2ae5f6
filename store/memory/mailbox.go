package memory

import (
	"slices"
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/store"
	"github.com/dffmpeg/dffmpeg/store/transition"
)

// mailDefault bounds a reading of mail that sets no limit.
const mailDefault = 1000

// mailbox is one recipient's sequence of messages, without the withdrawn ones.
type mailbox struct {
	end      transition.Counter
	messages []letter
}

// letter is a message and whether it was acknowledged.
type letter struct {
	dffmpeg.Message
	acknowledged bool
	gone         bool // pruned, but for the output that it announced
	chunks       []transition.Chunk
}

// acknowledge marks a letter, which then counts as sent; false when it was
// marked before.
func (l *letter) acknowledge(now time.Time) bool {
	if l.acknowledged {
		return false
	}
	l.acknowledged = true
	l.send(now)
	return true
}

func (l *letter) send(now time.Time) {
	if l.SentAt == nil {
		l.SentAt = &now
	}
}

// settle applies a settlement to the messages stored so far.
func (b *mailbox) settle(settlement transition.Settlement, now time.Time) {
	b.messages = slices.DeleteFunc(b.messages, func(l letter) bool {
		return settlement.Fate == transition.Withdrawn && !l.acknowledged && settlement.Matches(&l.Message)
	})
	for i := range b.messages {
		l := &b.messages[i]
		if settlement.Fate == transition.Acknowledged && settlement.Matches(&l.Message) {
			l.acknowledge(now)
		}
	}
}

// append gives a message its place and stores it.
func (b *mailbox) append(m dffmpeg.Message, candidate string) (dffmpeg.Message, error) {
	m, end, err := b.end.Next(m, candidate)
	if err != nil {
		return m, err
	}
	b.end = end
	b.messages = append(b.messages, letter{Message: m})
	return m, nil
}

// offered reports whether the last request to run a job was handed over.
func (b *mailbox) offered(jobID string) bool {
	for _, l := range slices.Backward(b.messages) {
		if l.Type == dffmpeg.MessageJobRequest && l.JobID != nil && *l.JobID == jobID {
			return l.SentAt != nil
		}
	}
	return false
}

// selects reports whether a reader wants a letter.
func selects(query *store.MailQuery, l *letter) bool {
	switch query.Select {
	case store.MailUnacknowledged:
		return !l.gone && !l.acknowledged
	case store.MailAfter:
		return !l.gone && l.ID > query.After
	default:
		return !l.gone && l.SentAt == nil
	}
}

// read returns what a reader may have now.
func (b *mailbox) read(query store.MailQuery, now time.Time) []dffmpeg.Message {
	limit := query.Limit
	if limit <= 0 {
		limit = mailDefault
	}
	var found []dffmpeg.Message
	for i := range b.messages {
		l := &b.messages[i]
		if !selects(&query, l) {
			continue
		}
		if len(found) == limit || l.NotBefore.After(now) {
			break
		}
		found = append(found, copyMessage(l.Message))
	}
	return found
}
