package memory

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/store"
	"github.com/dffmpeg/dffmpeg/store/transition"
)

// post settles earlier messages and stores new ones: the part of a decision
// that is the same for jobs and workers. The caller holds the mutex.
func (s *State) post(settle []transition.Settlement, messages []dffmpeg.Message, now time.Time) ([]dffmpeg.Message, error) {
	for _, settlement := range settle {
		if box := s.boxes[settlement.To]; box != nil {
			box.settle(settlement, now)
		}
	}
	var posted []dffmpeg.Message
	for _, m := range messages {
		box := s.boxes[m.To]
		if box == nil {
			continue // no such worker
		}
		m, err := box.append(m, s.ids.NewID(now))
		if err != nil {
			return nil, err
		}
		posted = append(posted, copyMessage(m))
	}
	return posted, nil
}

// Mail implements store.Messages.
func (s *State) Mail(ctx context.Context, to dffmpeg.Recipient, query store.MailQuery) ([]dffmpeg.Message, error) {
	leave, err := s.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	box := s.boxes[to]
	if box == nil {
		return nil, nil
	}
	return box.read(query, s.stamp()), nil
}

// MarkSent implements store.Messages.
func (s *State) MarkSent(ctx context.Context, to dffmpeg.Recipient, through int64) error {
	leave, err := s.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	box := s.boxes[to]
	if box == nil {
		return nil
	}
	now := s.stamp()
	for i := range box.messages {
		if l := &box.messages[i]; l.Seq <= through {
			l.send(now)
		}
	}
	return nil
}

// Acknowledge implements store.Messages.
func (s *State) Acknowledge(ctx context.Context, to dffmpeg.Recipient, ids []string) (int, error) {
	leave, err := s.enter(ctx)
	if err != nil {
		return 0, err
	}
	defer leave()
	box := s.boxes[to]
	if box == nil {
		return 0, nil
	}
	now, count := s.stamp(), 0
	for i := range box.messages {
		if l := &box.messages[i]; slices.Contains(ids, l.ID) && l.acknowledge(now) {
			count++
		}
	}
	return count, nil
}

// Unsent implements store.Messages.
func (s *State) Unsent(ctx context.Context, transports []string, limit int) ([]dffmpeg.Recipient, error) {
	leave, err := s.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	type waiting struct {
		to     dffmpeg.Recipient
		oldest string
	}
	var all []waiting
	for to, box := range s.boxes {
		oldest := slices.IndexFunc(box.messages, func(l letter) bool { return !l.gone && l.SentAt == nil })
		if oldest >= 0 && slices.Contains(transports, s.transportOf(to)) {
			all = append(all, waiting{to, box.messages[oldest].ID})
		}
	}
	slices.SortFunc(all, func(a, b waiting) int { return cmp.Compare(a.oldest, b.oldest) })
	var recipients []dffmpeg.Recipient
	for _, w := range first(all, limit) {
		recipients = append(recipients, w.to)
	}
	return recipients, nil
}

// transportOf returns the transport that carries messages to a recipient.
func (s *State) transportOf(to dffmpeg.Recipient) string {
	if to.Kind == dffmpeg.RecipientWorker {
		return s.workers[to.ID].Transport
	}
	return s.jobs[to.JobID].Transport
}
