package worker

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/dffmpeg/dffmpeg"
)

// notebook is a coordinator that takes everything and notes it.
type notebook struct {
	caller // for what these tests do not use

	features []string

	mu    sync.Mutex
	notes []string
}

func (n *notebook) Call(_ context.Context, _, path string, _ url.Values, in, out any) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	note := path[strings.LastIndex(path, "/")+1:]
	switch request := in.(type) {
	case dffmpeg.LogsRequest:
		note += fmt.Sprintf(" %d %s", request.Batch, texts(request.Logs))
	case dffmpeg.FinishRequest:
		note += " " + string(request.Status)
		if len(request.Logs) > 0 {
			note += fmt.Sprintf(" with %d %s", request.Batch, texts(request.Logs))
		}
		if len(request.Warnings) > 0 {
			note += ", warnings: " + strings.Join(request.Warnings, ", ")
		}
	}
	n.notes = append(n.notes, note)
	if answer, ok := out.(*dffmpeg.RegisterAnswer); ok {
		answer.Features = n.features
	}
	return nil
}

func texts(entries []dffmpeg.LogEntry) string {
	var all []string
	for _, e := range entries {
		all = append(all, e.Content)
	}
	return strings.Join(all, "+")
}

// speaker launches processes that end at once, having put out these lines.
type speaker []string

func (s speaker) Launch(_ context.Context, _ dffmpeg.JobRequest, streams Streams) (Process, error) {
	for _, line := range s {
		if err := streams.Lines(entry(line)); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (speaker) Wait() int             { return 0 }
func (speaker) Warnings() []string    { return nil }
func (speaker) Stop(time.Duration)    {}
func (speaker) Signal(syscall.Signal) {}

// TestLastOutput: what is left of the output when the process has ended goes
// with the final report, unless the coordinator is one that would ignore it.
func TestLastOutput(t *testing.T) {
	tests := []struct {
		name     string
		features []string
		lines    speaker
		want     []string
	}{
		{"new", []string{dffmpeg.FeatureFinalLogs}, speaker{"a", "b"}, []string{"accept", "status completed with 1 a+b"}},
		{"new, without output", []string{dffmpeg.FeatureFinalLogs}, nil, []string{"accept", "status completed"}},
		{"new, much output", []string{dffmpeg.FeatureFinalLogs}, speaker{"a", "b", "c", "d"}, []string{"accept", "logs 1 a+b+c", "status completed with 2 d"}},
		{"old", nil, speaker{"a", "b", "c", "d"}, []string{"accept", "logs 1 a+b+c", "logs 2 d", "status completed"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			notes := &notebook{features: tt.features}
			c := &coordinator{caller: notes, workerID: "w"}
			if _, err := c.register(t.Context(), dffmpeg.RegisterRequest{}); err != nil {
				t.Fatal(err)
			}
			r := &runner{
				coordinator: c, launcher: tt.lines, logger: slog.New(slog.DiscardHandler),
				settings: Settings{LogBatchSize: 3, LogBatchDelay: time.Hour},
			}
			r.run(t.Context(), newAttempt(dffmpeg.JobRequest{JobID: "j", Attempt: 1}))
			if got := notes.notes[1:]; !slices.Equal(got, tt.want) {
				t.Errorf("the coordinator got %q, want %q", got, tt.want)
			}
		})
	}
}

// careless launches processes that lose a file.
type careless struct{ speaker }

func (careless) Launch(context.Context, dffmpeg.JobRequest, Streams) (Process, error) {
	return careless{}, nil
}

func (careless) Warnings() []string { return []string{"lost", "", "lost"} }

// TestWarningsAreReported: with the outcome, and in the worker's log.
func TestWarningsAreReported(t *testing.T) {
	var log strings.Builder
	notes := &notebook{}
	c := &coordinator{caller: notes, workerID: "w"}
	r := &runner{coordinator: c, launcher: careless{}, logger: slog.New(slog.NewTextHandler(&log, nil)), settings: Settings{LogBatchSize: 3}}
	r.run(t.Context(), newAttempt(dffmpeg.JobRequest{JobID: "j", Attempt: 1}))
	if want := []string{"accept", "status completed, warnings: lost"}; !slices.Equal(notes.notes, want) {
		t.Errorf("the coordinator got %q, want %q", notes.notes, want)
	}
	if !strings.Contains(log.String(), "warning=lost") {
		t.Errorf("the log has no warning: %s", &log)
	}
}
