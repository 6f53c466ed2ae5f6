package transition_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/store"
	"github.com/dffmpeg/dffmpeg/store/transition"
)

// TestOutputIsCutByStream: a chunk for each stream of a batch, with offsets that
// go on where the last batch ended, and begin anew with the next attempt.
func TestOutputIsCutByStream(t *testing.T) {
	part := ""
	r := record(dffmpeg.JobRunning)
	by := store.By{WorkerID: "b1"}
	d, err := transition.AppendLogs(r, by, 0, []dffmpeg.LogEntry{
		{Stream: dffmpeg.Stderr, Content: "frame=1"},
		{Stream: dffmpeg.Stdout, Content: "ä", Terminator: &part},
		{Stream: dffmpeg.Stderr, Content: ""},
	}, now)
	if err != nil {
		t.Fatal(err)
	}
	second, err := transition.AppendLogs(d.Record, by, 0, []dffmpeg.LogEntry{{Stream: dffmpeg.Stderr, Content: "frame=2"}}, now)
	if err != nil {
		t.Fatal(err)
	}
	type extent struct {
		Stream       dffmpeg.Stream
		Offset, Size int64
	}
	var got []extent
	for _, c := range slices.Concat(d.Chunks, second.Chunks) {
		got = append(got, extent{c.Stream, c.Offset, c.Size})
	}
	want := []extent{{dffmpeg.Stdout, 0, 2}, {dffmpeg.Stderr, 0, 9}, {dffmpeg.Stderr, 9, 8}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("chunks (-want +got):\n%s", diff)
	}
	if second.Record.LogBytes != 19 {
		t.Errorf("%d bytes are kept, want 19", second.Record.LogBytes)
	}
	again := second.Record
	again.Status = dffmpeg.JobPending
	claimed := transition.Claim(again, again.Job, &dffmpeg.Worker{ID: "b1", Status: dffmpeg.WorkerOnline, Binaries: []string{again.BinaryName}, Paths: again.Paths}, &dffmpeg.JobLoad{}, now).Record
	if claimed.StderrBytes != 0 || claimed.StdoutBytes != 0 || claimed.LogBytes != 19 {
		t.Errorf("the next attempt begins with offsets %d and %d and %d bytes kept, want 0, 0, 19",
			claimed.StdoutBytes, claimed.StderrBytes, claimed.LogBytes)
	}
}

// TestAssembledOutputIsAsReported, in the order of both streams, with IDs that
// ascend within a stream and are the same each time.
func TestAssembledOutputIsAsReported(t *testing.T) {
	entries := []dffmpeg.LogEntry{
		{Stream: dffmpeg.Stderr, Content: "one"},
		{Stream: dffmpeg.Stdout, Content: "two"},
		{Stream: dffmpeg.Stderr, Content: "three"},
		{Stream: dffmpeg.Stdout, Content: "four"},
	}
	d, err := transition.AppendLogs(record(dffmpeg.JobRunning), store.By{WorkerID: "b1"}, 0, entries, now)
	if err != nil {
		t.Fatal(err)
	}
	got := transition.Assemble(d.Chunks)
	if diff := cmp.Diff(entries, got, cmpopts.IgnoreFields(dffmpeg.LogEntry{}, "ID", "Timestamp")); diff != "" {
		t.Errorf("entries (-want +got):\n%s", diff)
	}
	seen := make(map[string]bool)
	for _, e := range got {
		if !dffmpeg.ValidID(e.ID) || seen[e.ID] {
			t.Errorf("%q is no ID of its own", e.ID)
		}
		seen[e.ID] = true
	}
	if got[0].ID >= got[2].ID || got[1].ID >= got[3].ID {
		t.Errorf("IDs do not ascend within a stream: %q", []string{got[0].ID, got[1].ID, got[2].ID, got[3].ID})
	}
	slices.Reverse(d.Chunks)
	if diff := cmp.Diff(got, transition.Assemble(d.Chunks)); diff != "" {
		t.Errorf("a second time (-first +second):\n%s", diff)
	}
}
