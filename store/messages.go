package store

import (
	"context"

	"github.com/dffmpeg/dffmpeg"
)

// Messages keeps what is on its way to workers and requesters. Messages are
// written by the operations on jobs and workers only. Per recipient they have
// a sequence number from a counter in the recipient's own row, and message IDs
// that ascend with it, whatever IDs the source of IDs proposed; both are given
// out in commit order, so that a reader who has seen one message will never
// find an earlier one appear behind its back. A message that was withdrawn is
// seen by no reader from then on; an acknowledged one counts as sent, even if
// the coordinator that handed it over did not live to say so.
type Messages interface {
	// Mail returns messages of a recipient in order, up to the first one whose
	// NotBefore has not come. See MailQuery. An unknown recipient has none.
	Mail(ctx context.Context, to dffmpeg.Recipient, query MailQuery) ([]dffmpeg.Message, error)

	// MarkSent records that the recipient's messages up to and including
	// sequence number through were handed to its connection or broker.
	MarkSent(ctx context.Context, to dffmpeg.Recipient, through int64) error

	// Acknowledge records that the recipient acted upon these messages. IDs
	// that are not its own, or not there, are ignored. It returns how many were
	// newly acknowledged.
	Acknowledge(ctx context.Context, to dffmpeg.Recipient, ids []string) (int, error)

	// Unsent returns recipients that have messages not yet sent, on one of the
	// given transports, at most limit, those whose oldest one has waited longest
	// first: what an outbox has to deliver after a start or a lost wake-up.
	// Messages held back by NotBefore count.
	Unsent(ctx context.Context, transports []string, limit int) ([]dffmpeg.Recipient, error)
}

// MailSelection says which messages a reader wants.
type MailSelection int

// The selections.
const (
	// MailUnsent: those never handed over. What a 0.4 peer gets without a cursor.
	MailUnsent MailSelection = iota
	// MailUnacknowledged: those not acknowledged. What a peer with ack/1 gets
	// without a cursor, after a restart.
	MailUnacknowledged
	// MailAfter: those whose ID sorts after MailQuery.After, as text, sent or not.
	MailAfter
)

// MailQuery selects messages.
type MailQuery struct {
	Select MailSelection
	After  string // for MailAfter
	Limit  int    // at most so many; 0: the engine's bound of 1000
}
