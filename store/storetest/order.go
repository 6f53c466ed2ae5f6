package storetest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/store"
)

// testOrder: a message is never lost because of how its ID sorts. Whatever IDs
// the source proposes, a reader that goes on from the last ID it saw sees every
// message exactly once and in order, while others write.
func (s *suite) testOrder(t *testing.T) {
	sources := map[string]func() dffmpeg.IDSource{
		"ulids":          dffmpeg.NewIDSource,
		"descending IDs": descendingIDs,
		"equal IDs":      equalIDs,
		"random IDs":     randomIDs,
	}
	for name, source := range sources {
		t.Run("one after the other/"+name, func(t *testing.T) {
			w := s.worldWith(t, source())
			w.worker(b1)
			_, mail := w.heartbeats(8)
			inOrder(t, mail)
			inOrder(t, w.all(dffmpeg.ToWorker(b1)))
		})
		t.Run("one job/"+name, func(t *testing.T) { s.testOrderOfJob(t, source()) })
		t.Run("one worker/"+name, func(t *testing.T) { s.testOrderOfWorker(t, source()) })
	}
}

// inOrder fails unless the messages are numbered without gaps and their IDs
// ascend.
func inOrder(t *testing.T, messages []dffmpeg.Message) {
	t.Helper()
	for i := 1; i < len(messages); i++ {
		a, b := messages[i-1], messages[i]
		if b.Seq != a.Seq+1 {
			t.Errorf("sequence numbers have no gaps: %d follows %d", b.Seq, a.Seq)
		}
		if b.ID <= a.ID {
			t.Errorf("message IDs ascend with the sequence: %s (%d) follows %s (%d)", b.ID, b.Seq, a.ID, a.Seq)
		}
	}
}

const (
	writers       = 16
	perWriter     = 8
	manySubmitter = 64
)

// testOrderOfJob: writers tell the requester of one job.
func (s *suite) testOrderOfJob(t *testing.T, source dffmpeg.IDSource) {
	w := s.worldWith(t, source)
	w.worker(b1)
	job := w.running()
	w.readWhile(job.Requester(), func(ctx context.Context, worker int) (store.Change, error) {
		if worker%2 == 0 {
			return w.AppendLogs(ctx, job.ID, by1, 0, output(fmt.Sprint(worker)))
		}
		return w.Renew(ctx, job.ID, by1)
	}, writers, perWriter)
}

// testOrderOfWorker: submitters' jobs are given to one worker.
func (s *suite) testOrderOfWorker(t *testing.T, source dffmpeg.IDSource) {
	w := s.worldWith(t, source)
	w.worker(b1)
	drafts := make([]dffmpeg.Job, manySubmitter)
	for i := range drafts {
		drafts[i] = w.draft()
	}
	w.readWhile(dffmpeg.ToWorker(b1), func(ctx context.Context, i int) (store.Change, error) {
		c, err := w.Submit(ctx, drafts[i])
		if err != nil {
			return c, err
		}
		return w.Claim(ctx, c.Job, b1)
	}, manySubmitter, 1)
	for _, draft := range drafts {
		mail := w.all(draft.Requester())
		inOrder(t, mail)
		same(t, "each requester is told", lines(mail), []string{"requester: assigned"})
	}
}

// readWhile lets writers do an operation several times each, and readers follow
// a recipient's messages by cursor meanwhile. Then every reader must have seen
// every message that the operations returned, once, in order.
func (w *world) readWhile(to dffmpeg.Recipient, write func(ctx context.Context, writer int) (store.Change, error), writers, times int) {
	t, ctx := w.t, w.t.Context()
	t.Helper()
	written := make(chan struct{})
	var reading, writing sync.WaitGroup
	read := make([][]dffmpeg.Message, 2)
	for i := range read {
		reading.Go(func() {
			var err error
			if read[i], err = w.follow(ctx, to, 1+6*i, written); err != nil {
				t.Errorf("reading while others write: %v", err)
			}
		})
	}
	announced := make([][]string, writers)
	for i := range writers {
		writing.Go(func() {
			for range times {
				c, err := write(ctx, i)
				if err != nil {
					t.Errorf("operation among %d at once: %v", writers, err)
					return
				}
				for _, m := range c.Messages {
					if m.To == to {
						announced[i] = append(announced[i], m.ID)
					}
				}
			}
		})
	}
	writing.Wait()
	close(written)
	reading.Wait()

	all := w.all(to)
	inOrder(t, all)
	stored := messageIDs(all)
	for i := range announced {
		if !slices.IsSorted(announced[i]) {
			t.Errorf("what one caller did in order is in order: got %q", announced[i])
		}
		for _, id := range announced[i] {
			if !slices.Contains(stored, id) {
				t.Errorf("message %s was returned but not stored", id)
			}
		}
	}
	for i := range read {
		same(t, "a reader sees every message once and in order while others write", messageIDs(read[i]), stored)
	}
}

func messageIDs(messages []dffmpeg.Message) []string {
	var list []string
	for _, m := range messages {
		list = append(list, m.ID)
	}
	return list
}

// follow reads messages as a polling peer does, until all are written and none
// is left.
func (w *world) follow(ctx context.Context, to dffmpeg.Recipient, limit int, written <-chan struct{}) ([]dffmpeg.Message, error) {
	var seen []dffmpeg.Message
	cursor, finished := "", false
	for {
		mail, err := w.Mail(ctx, to, store.MailQuery{Select: store.MailAfter, After: cursor, Limit: limit})
		if err != nil {
			return seen, err
		}
		if len(mail) > 0 {
			if mail[0].ID <= cursor {
				return seen, fmt.Errorf("message %s came again behind the cursor %s", mail[0].ID, cursor)
			}
			seen = append(seen, mail...)
			cursor = mail[len(mail)-1].ID
			continue
		}
		if finished {
			return seen, nil
		}
		select {
		case <-written:
			finished = true
		default:
		}
	}
}
