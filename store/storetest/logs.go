package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/store"
)

// output returns entries with these lines.
func output(contents ...string) []dffmpeg.LogEntry {
	entries := make([]dffmpeg.LogEntry, len(contents))
	for i, content := range contents {
		entries[i] = dffmpeg.LogEntry{Stream: dffmpeg.Stderr, Content: content}
	}
	return entries
}

// logs returns the lines stored for a job.
func (w *world) logs(jobID string) []string {
	w.t.Helper()
	return contents(must[store.LogPage](w.t)(w.Logs(w.t.Context(), jobID, store.LogQuery{})))
}

func contents(page store.LogPage) []string {
	var list []string
	for _, entry := range page.Entries {
		list = append(list, entry.Content)
	}
	return list
}

func (s *suite) testLogs(t *testing.T) {
	t.Run("entries", s.testLogEntries)
	t.Run("pages", s.testLogPages)
	t.Run("bytes", s.testOutput)
	t.Run("numbered batches", s.testBatches)
	t.Run("are kept when the job has ended", func(t *testing.T) {
		w := s.world(t)
		w.worker(b1)
		job := w.ended(dffmpeg.JobCompleted)
		c := w.change(w.AppendLogs(t.Context(), job.ID, by1, 0, output("last words")))
		same(t, "late output is announced", lines(c.Messages), []string{"requester: job_logs, from b1"})
		same(t, "late output is kept", w.logs(job.ID), []string{"last words"})
		same(t, "late output does not change the job", w.job(job.ID), job)
	})
	t.Run("nothing", func(t *testing.T) {
		w := s.world(t)
		w.worker(b1)
		job := w.running()
		_, err := w.AppendLogs(t.Context(), job.ID, by1, 0, nil)
		coded(t, "an empty batch", err, dffmpeg.CodeInvalid)
		page := must[store.LogPage](t)(w.Logs(t.Context(), job.ID, store.LogQuery{Since: numbered(3)}))
		same(t, "without output the cursor is the query's", page, store.LogPage{LastMessageID: numbered(3)}, cmpopts.EquateEmpty())
	})
	t.Run("unknown job", func(t *testing.T) {
		w := s.world(t)
		_, err := w.Logs(t.Context(), numbered(404), store.LogQuery{})
		coded(t, "Logs of an unknown job", err, dffmpeg.CodeNotFound)
		_, err = w.AppendLogs(t.Context(), numbered(404), by1, 0, output("x"))
		coded(t, "AppendLogs to an unknown job", err, dffmpeg.CodeNotFound)
	})
}

func (s *suite) testLogEntries(t *testing.T) {
	w := s.world(t)
	w.worker(b1)
	job, begin := w.running(), w.now()
	at := time.Date(2026, 11, 22, 22, 0, 0, 0, time.UTC)
	elsewhere := at.Add(1500 * time.Nanosecond).In(time.FixedZone("elsewhere", -3600))
	rounded := at.Add(time.Microsecond)
	cr := "\r"
	sent := []dffmpeg.LogEntry{
		{Stream: dffmpeg.Stdout, Content: "{", Timestamp: &at},
		{Stream: dffmpeg.Stderr, Content: "frame=1 \x1b[0m\t\x00 🎬 \u2028 \\ \" '", Timestamp: &elsewhere, Terminator: &cr},
		{Stream: dffmpeg.Stderr, Content: ""},
	}
	c := w.change(w.AppendLogs(t.Context(), job.ID, by1, 0, sent))
	same(t, "output is announced by one message", lines(c.Messages), []string{"requester: job_logs, from b1"})
	page := must[store.LogPage](t)(w.Logs(t.Context(), job.ID, store.LogQuery{}))
	same(t, "the cursor is the message's ID", page.LastMessageID, c.Messages[0].ID)
	same(t, "the message carries what is stored", payload[dffmpeg.JobLogs](c.Messages[0]).Logs, page.Entries)

	want := append([]dffmpeg.LogEntry(nil), sent...)
	want[1].Timestamp = &rounded
	same(t, "entries come back in order and byte for byte, their times in UTC and microseconds", page.Entries, want,
		cmpopts.IgnoreFields(dffmpeg.LogEntry{}, "ID"), cmpopts.IgnoreSliceElements(func(e dffmpeg.LogEntry) bool { return e.Content == "" }))
	same(t, "an entry may be empty", page.Entries[2].Content, "")
	w.isNow("the time of an entry that had none", page.Entries[2].Timestamp, begin)
	for _, entry := range page.Entries {
		if !dffmpeg.ValidID(entry.ID) {
			t.Errorf("an entry gets an ID, got %q", entry.ID)
		}
		if entry.Timestamp == nil || entry.Timestamp.Location() != time.UTC {
			t.Errorf("an entry's time is in UTC, got %v", entry.Timestamp)
		}
	}
	same(t, "the caller's entries are not changed", sent[2].ID == "" && sent[2].Timestamp == nil, true)
}

// testLogPages reads as 0.4's `job logs` does: from the last message ID on,
// until an answer is empty.
func (s *suite) testLogPages(t *testing.T) {
	w := s.worldWith(t, descendingIDs())
	w.worker(b1)
	job := w.running()
	var want, cursors []string
	for i := range 5 {
		a, b := fmt.Sprint(i, "a"), fmt.Sprint(i, "b")
		want = append(want, a, b)
		c := w.change(w.AppendLogs(t.Context(), job.ID, by1, 0, output(a, b)))
		cursors = append(cursors, c.Messages[0].ID)
		w.change(w.Renew(t.Context(), job.ID, by1)) // messages in between that are no output
	}
	read := func(query store.LogQuery) store.LogPage {
		return must[store.LogPage](t)(w.Logs(t.Context(), job.ID, query))
	}
	for _, limit := range []int{0, 1, 2, 5, 9} {
		page := read(store.LogQuery{Limit: limit})
		newest := len(want)
		if limit > 0 {
			newest = min(2*limit, len(want))
		}
		same(t, fmt.Sprintf("without Since, limit %d keeps the newest batches, oldest first", limit), contents(page), want[len(want)-newest:])
		same(t, "the cursor is behind the last entry", page.LastMessageID, cursors[4])

		var got []string
		for page := read(store.LogQuery{Since: numbered(0), Limit: limit}); len(page.Entries) > 0; {
			got = append(got, contents(page)...)
			if len(got) > len(want) {
				break
			}
			page = read(store.LogQuery{Since: page.LastMessageID, Limit: limit})
		}
		same(t, fmt.Sprintf("paging by last_message_id with limit %d misses and doubles nothing", limit), got, want)
	}
	end := read(store.LogQuery{Since: cursors[4]})
	same(t, "behind the end the page is empty and the cursor stays", end, store.LogPage{LastMessageID: cursors[4]}, cmpopts.EquateEmpty())
}

func (s *suite) testBatches(t *testing.T) {
	w := s.world(t)
	w.worker(b1)
	job := w.running()
	first := store.By{WorkerID: b1, Attempt: 1}
	add := func(by store.By, batch int64, content string, want store.Outcome) {
		t.Helper()
		c := outcome(t, fmt.Sprintf("batch %d (%s)", batch, content), want)(w.AppendLogs(t.Context(), job.ID, by, batch, output(content)))
		same(t, "only a batch that is stored is announced", len(c.Messages) == 1, want == store.Applied)
	}
	add(first, 1, "one", store.Applied)
	add(first, 1, "one again", store.Repeated)
	add(first, 0, "not numbered", store.Applied)
	add(first, 5, "five", store.Applied)
	add(first, 4, "four, too late", store.Repeated)
	add(by1, 5, "five again, attempt not named", store.Repeated)
	add(first, 6, "six", store.Applied)
	w.change(w.Requeue(t.Context(), w.job(job.ID), "lost"))
	add(first, 7, "of an attempt given up", store.Refused)
	w.change(w.claim(job.ID, b1))
	add(first, 7, "of an older attempt", store.Refused)
	second := store.By{WorkerID: b1, Attempt: 2}
	add(second, 1, "one of the second attempt", store.Applied)
	add(second, 1, "again", store.Repeated)
	same(t, "what is stored", w.logs(job.ID), []string{"one", "not numbered", "five", "six", "one of the second attempt"})
}
