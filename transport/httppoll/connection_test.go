package httppoll

import (
	"context"
	"errors"
	"log/slog"
	"testing"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/transport"
)

// marks is a mailbox that notes what is recorded as sent, and may fail.
type marks struct {
	transport.Mailbox
	err  error
	sent []string
}

func (m *marks) Sent(_ context.Context, _ dffmpeg.Recipient, last dffmpeg.Message) error {
	if m.err == nil {
		m.sent = append(m.sent, last.ID)
	}
	return m.err
}

func handOver(t *testing.T, mailbox *marks) *connection {
	t.Helper()
	server := NewServer(ServerSettings{BasePath: "/poll"}, mailbox, slog.New(slog.DiscardHandler))
	return &connection{server: server, to: dffmpeg.ToWorker("w"), listener: &listener{evicted: make(chan struct{})}}
}

// TestReplacedMarksNothing: what it wrote may have gone nowhere.
func TestReplacedMarksNothing(t *testing.T) {
	mailbox := &marks{}
	c := handOver(t, mailbox)
	c.handedOver(t.Context(), []dffmpeg.Message{{ID: "A"}, {ID: "B"}})
	close(c.listener.evicted)
	c.handedOver(t.Context(), []dffmpeg.Message{{ID: "C"}})
	if len(mailbox.sent) != 1 || mailbox.sent[0] != "B" {
		t.Errorf("recorded as sent: %v, want B only", mailbox.sent)
	}
}

func TestMarkIsTriedAgain(t *testing.T) {
	mailbox := &marks{err: errors.New("away")}
	c := handOver(t, mailbox)
	c.handedOver(t.Context(), []dffmpeg.Message{{ID: "A"}})
	mailbox.err = nil
	c.mark(t.Context())
	c.mark(t.Context())
	if len(mailbox.sent) != 1 || mailbox.sent[0] != "A" {
		t.Errorf("recorded as sent: %v, want A once", mailbox.sent)
	}
}
