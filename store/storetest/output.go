package storetest

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/store"
)

// testOutput reads bytes of a stream from anywhere in it.
func (s *suite) testOutput(t *testing.T) {
	w := s.world(t)
	w.worker(b1)
	job := w.running()
	var stdout, stderr []byte
	ends := []string{"\n", "\r", "\r\n", ""}
	for i := range 40 { // more chunks than are read at once
		var batch []dffmpeg.LogEntry
		for n := range 1 + i%3 {
			raw := []byte(fmt.Sprintf("%d.%d é", i, n))
			end := ends[(i+n)%len(ends)]
			entry := dffmpeg.LogEntry{Stream: dffmpeg.Stderr, Content: string(raw), Terminator: &end}
			if i%5 == 0 {
				raw = append(raw, 0xff, 0xfe, 'x', 0)
				entry.Bytes, entry.Content = raw, dffmpeg.ReadableText(raw)
			}
			if i%4 == 0 && n == 1 {
				entry.Stream = dffmpeg.Stdout
				stdout = append(append(stdout, raw...), end...)
			} else {
				stderr = append(append(stderr, raw...), end...)
			}
			batch = append(batch, entry)
		}
		w.change(w.AppendLogs(t.Context(), job.ID, by1, 0, batch))
	}
	for stream, want := range map[dffmpeg.Stream][]byte{dffmpeg.Stdout: stdout, dffmpeg.Stderr: stderr} {
		for offset := 0; offset <= len(want)+1; offset++ {
			got := w.outputFrom(job.ID, store.OutputQuery{Stream: stream, Offset: int64(offset)})
			if !bytes.Equal(got, want[min(offset, len(want)):]) {
				t.Fatalf("%s from byte %d is %q, want %q", stream, offset, got, want[min(offset, len(want)):])
			}
		}
		for _, limit := range []int{1, 7, 1000} {
			if got := w.outputFrom(job.ID, store.OutputQuery{Stream: stream, Limit: limit}); !bytes.Equal(got, want) {
				t.Errorf("%s, %d bytes at once: %q, want %q", stream, limit, got, want)
			}
		}
	}
	page := must[store.LogPage](t)(w.Logs(t.Context(), job.ID, store.LogQuery{}))
	var lines []byte
	for i := range page.Entries {
		if page.Entries[i].Stream == dffmpeg.Stderr {
			lines = append(lines, page.Entries[i].Text()...)
		}
	}
	same(t, "lines are the stream, too", string(lines), string(stderr))
	other := must[store.OutputPage](t)(w.Output(t.Context(), job.ID, store.OutputQuery{Stream: dffmpeg.Stderr, Attempt: 7}))
	same(t, "an attempt without output", other, store.OutputPage{Attempt: 7})
	_, err := w.Output(t.Context(), numbered(404), store.OutputQuery{Stream: dffmpeg.Stderr})
	coded(t, "Output of an unknown job", err, dffmpeg.CodeNotFound)
}

// outputFrom reads to the end, page by page.
func (w *world) outputFrom(jobID string, query store.OutputQuery) []byte {
	w.t.Helper()
	var all []byte
	for {
		page := must[store.OutputPage](w.t)(w.Output(w.t.Context(), jobID, query))
		if page.Offset != query.Offset || query.Limit > 0 && len(page.Data) > query.Limit {
			w.t.Fatalf("a page of %d bytes begins at %d; asked for were %d from %d on", len(page.Data), page.Offset, query.Limit, query.Offset)
		}
		if len(page.Data) == 0 {
			return all
		}
		all = append(all, page.Data...)
		query.Offset += int64(len(page.Data))
	}
}
