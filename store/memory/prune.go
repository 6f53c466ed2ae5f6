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

// Prune implements store.History.
func (s *State) Prune(ctx context.Context, order store.PruneOrder) (store.Pruned, error) {
	leave, err := s.enter(ctx)
	if err != nil {
		return store.Pruned{}, err
	}
	defer leave()
	limit, now := max(1, order.Limit), s.stamp()
	var pruned store.Pruned
	if order.Jobs > 0 {
		pruned.Jobs = s.pruneJobs(now.Add(-order.Jobs), limit)
	}
	if order.Logs > 0 {
		before := now.Add(-order.Logs)
		old := s.oldest(limit, func(l *letter) bool { return l.Type == dffmpeg.MessageJobLogs && l.Timestamp.Before(before) })
		for _, f := range old {
			s.forget(f)
		}
		pruned.Logs = len(old)
	}
	if order.LogBytes > 0 {
		pruned.Logs += s.trimLogs(order.LogBytes, limit)
	}
	if order.Messages > 0 {
		before := now.Add(-order.Messages)
		old := s.oldest(limit, func(l *letter) bool { return !l.gone && l.Timestamp.Before(before) })
		for _, f := range old {
			s.withdraw(f)
		}
		pruned.Messages = len(old)
	}
	if order.Profiles > 0 {
		pruned.Profiles = s.pruneProfiles(now.Add(-order.Profiles), limit)
	}
	pruned.More = max(pruned.Jobs, pruned.Logs, pruned.Messages, pruned.Profiles) >= limit
	return pruned, nil
}

// pruneJobs removes jobs that ended before a time.
func (s *State) pruneJobs(before time.Time, limit int) int {
	var old []transition.Record
	for _, r := range s.jobs {
		if r.Status.Terminal() && r.LastUpdate.Before(before) {
			old = append(old, r)
		}
	}
	slices.SortFunc(old, func(a, b transition.Record) int { return a.LastUpdate.Compare(b.LastUpdate) })
	old = first(old, limit)
	for _, r := range old {
		delete(s.jobs, r.ID)
		delete(s.homes, r.ID)
		delete(s.boxes, r.Requester())
		delete(s.submitted, submission{r.RequesterID, r.IdempotencyKey})
	}
	return len(old)
}

// found is a letter and whose it is.
type found struct {
	to dffmpeg.Recipient
	letter
}

// oldest returns letters that match, the oldest first.
func (s *State) oldest(limit int, matches func(*letter) bool) []found {
	var all []found
	for to, box := range s.boxes {
		for _, l := range box.messages {
			if matches(&l) {
				all = append(all, found{to, l})
			}
		}
	}
	slices.SortFunc(all, func(a, b found) int {
		return cmp.Or(a.Timestamp.Compare(b.Timestamp), cmp.Compare(a.ID, b.ID), cmp.Compare(a.Seq, b.Seq))
	})
	return first(all, limit)
}

// forget removes a letter, and what it announced of output.
func (s *State) forget(f found) {
	box := s.boxes[f.to]
	box.messages = slices.DeleteFunc(box.messages, func(l letter) bool { return l.Seq == f.Seq })
	if f.Type == dffmpeg.MessageJobLogs {
		record := s.jobs[f.to.JobID]
		record.LogBytes -= outputSize(&f.Message)
		s.jobs[f.to.JobID] = record
	}
}

// withdraw hides a letter from readers of mail. Output stays for those who read
// that.
func (s *State) withdraw(f found) {
	box := s.boxes[f.to]
	if f.Type != dffmpeg.MessageJobLogs {
		s.forget(f)
		return
	}
	for i := range box.messages {
		if box.messages[i].Seq == f.Seq {
			box.messages[i].gone = true
		}
	}
}

// trimLogs removes the oldest output of jobs that have more than most bytes.
func (s *State) trimLogs(most int64, limit int) int {
	removed := 0
	for id := range s.jobs {
		for removed < limit && s.jobs[id].LogBytes > most {
			record := s.jobs[id]
			to := record.Requester()
			batch := slices.IndexFunc(s.boxes[to].messages, func(l letter) bool { return l.Type == dffmpeg.MessageJobLogs })
			if batch < 0 {
				break
			}
			s.forget(found{to, s.boxes[to].messages[batch]})
			removed++
		}
	}
	return removed
}

// outputSize returns how many bytes of output a message announced.
func outputSize(m *dffmpeg.Message) int64 {
	logs, err := dffmpeg.DecodePayload[dffmpeg.JobLogs](m)
	if err != nil {
		return 0 // it was encoded here
	}
	var size int64
	for i := range logs.Logs {
		size += int64(len(logs.Logs[i].Text()))
	}
	return size
}
