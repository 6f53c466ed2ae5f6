package outbox

import (
	"context"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/store"
	"github.com/dffmpeg/dffmpeg/transport"
)

// mailLimit bounds what a listener holds in memory at once; it reads on until
// nothing is left.
const mailLimit = 100

// Mailbox returns the view of the store that a pulling transport reads from.
func Mailbox(messages store.Messages) transport.Mailbox { return mailbox{messages} }

type mailbox struct{ messages store.Messages }

func (m mailbox) Unsent(ctx context.Context, to dffmpeg.Recipient) ([]dffmpeg.Message, error) {
	return m.messages.Mail(ctx, to, store.MailQuery{Select: store.MailUnsent, Limit: mailLimit})
}

func (m mailbox) Unacknowledged(ctx context.Context, to dffmpeg.Recipient) ([]dffmpeg.Message, error) {
	return m.messages.Mail(ctx, to, store.MailQuery{Select: store.MailUnacknowledged, Limit: mailLimit})
}

func (m mailbox) After(ctx context.Context, to dffmpeg.Recipient, cursor string) ([]dffmpeg.Message, error) {
	return m.messages.Mail(ctx, to, store.MailQuery{Select: store.MailAfter, After: cursor, Limit: mailLimit})
}

func (m mailbox) Sent(ctx context.Context, to dffmpeg.Recipient, last dffmpeg.Message) error {
	return m.messages.MarkSent(ctx, to, last.Seq)
}
