package dffmpeg

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestJobRecord is what a 0.4 peer reads: null where nothing is, lists that are
// never null, no private metadata.
func TestJobRecord(t *testing.T) {
	at := time.Date(2026, 11, 22, 22, 26, 6, 343373000, time.UTC)
	job := Job{
		ID: "01M82NVPC7PNYYWZDBN6F8YV25", RequesterID: "jellyfin", BinaryName: "ffmpeg", Status: JobPending,
		CreatedAt: at, LastUpdate: at, HeartbeatInterval: 7, Monitor: true, Transport: "http_polling",
		TransportMetadata: map[string]any{"path": "/poll", "_queue": "private"}, IdempotencyKey: "private",
	}
	text, err := json.Marshal(job.Public())
	if err != nil {
		t.Fatal(err)
	}
	var got, want any
	const record = `{"job_id":"01M82NVPC7PNYYWZDBN6F8YV25","requester_id":"jellyfin","binary_name":"ffmpeg","arguments":[],
		"paths":[],"working_directory":null,"status":"pending","exit_code":null,"worker_id":null,
		"created_at":"2026-11-22T22:26:06.343373Z","last_update":"2026-11-22T22:26:06.343373Z","worker_last_seen":null,
		"client_last_seen":null,"heartbeat_interval":7,"monitor":true,"transport":"http_polling",
		"transport_metadata":{"path":"/poll"},"attempt":0}`
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(record), &want); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("record (-want +got):\n%s", diff)
	}
	if job.TransportMetadata["_queue"] == nil {
		t.Error("making it public changed the record itself")
	}
}

func TestWorkingDirectoryOfARequest(t *testing.T) {
	for dir, kept := range map[string]bool{"$Media/x": true, "file:$Media": true, "/tmp": false, "$": false, "file:/tmp": false, "": false} {
		job := Job{WorkingDirectory: &dir}
		if got := NewJobRequest(&job, &Worker{}).WorkingDirectory; (got != nil) != kept {
			t.Errorf("working directory %q: sent is %v, want it kept: %v", dir, got, kept)
		}
	}
}

func TestSegmentsAreForWorkersThatTakeThem(t *testing.T) {
	job := Job{Arguments: []string{"concat:/a"}, Segments: []Argument{{{Literal: "concat:"}, {Name: "Media", Context: PathConcat}}}}
	if got := NewJobRequest(&job, &Worker{Capabilities: []string{FeatureAck}}); got.Segments != nil {
		t.Errorf("a worker that does not take segments is sent %v", got.Segments)
	}
	got := NewJobRequest(&job, &Worker{Capabilities: []string{FeatureSegments}})
	if diff := cmp.Diff(job.Segments, got.Segments); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(job.Arguments, got.Arguments); diff != "" {
		t.Error(diff)
	}
}

func TestLogEntryText(t *testing.T) {
	progress, none := "\r", ""
	for _, tt := range []struct {
		entry LogEntry
		want  string
	}{
		{LogEntry{Content: "a"}, "a\n"}, // of a 0.4 worker
		{LogEntry{Content: "a", Terminator: &progress}, "a\r"},
		{LogEntry{Content: "a", Terminator: &none}, "a"},
	} {
		if got := tt.entry.Text(); got != tt.want {
			t.Errorf("Text of %+v = %q, want %q", tt.entry, got, tt.want)
		}
	}
}
