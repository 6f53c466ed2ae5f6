package proxy

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/client"
	"github.com/dffmpeg/dffmpeg/transport"
)

// coordinator is a fake that ends the job as told, or when it is canceled.
type coordinator struct {
	client.Caller // for what these tests do not use

	fail     error // of the submission
	features []string
	canceled chan struct{}
	once     sync.Once
	script   []dffmpeg.Message
}

func (c *coordinator) Call(_ context.Context, _, path string, _ url.Values, in, out any) error {
	switch {
	case path == "/jobs/submit":
		if c.fail != nil {
			return c.fail
		}
		request, _ := in.(dffmpeg.SubmitRequest)
		*out.(*dffmpeg.SubmitAnswer) = dffmpeg.SubmitAnswer{Job: dffmpeg.Job{
			ID: "01ARZ3NDEKTSV4RRFFQ69G5FAV", HeartbeatInterval: 5, Arguments: request.Arguments, Transport: "fake",
		}, Features: c.features}
	case strings.HasSuffix(path, "/cancel"):
		c.once.Do(func() { close(c.canceled) })
	}
	return nil
}

// Signed is asked for a connection to submit over; there is none.
func (c *coordinator) Signed(context.Context, string, string, url.Values) (*http.Request, error) {
	return nil, errors.New("no connections")
}

func (c *coordinator) Names() []string { return []string{"fake"} }

func (c *coordinator) Connect(string, transport.Subscription, transport.Fetch) (transport.Client, error) {
	return c, nil
}

// Listen delivers the script; a job whose script has no end ends when it is
// canceled.
func (c *coordinator) Listen(ctx context.Context, handle func(context.Context, []dffmpeg.Message) error) error {
	for _, m := range c.script {
		if err := handle(ctx, []dffmpeg.Message{m}); err != nil {
			return err
		}
	}
	select {
	case <-c.canceled:
		return handle(ctx, []dffmpeg.Message{status("Z", dffmpeg.JobStatusChange{Status: dffmpeg.JobCanceled})})
	case <-ctx.Done():
		return ctx.Err()
	}
}

func message(id string, kind dffmpeg.MessageType, payload any) dffmpeg.Message {
	text, _ := json.Marshal(payload) // plain structs
	return dffmpeg.Message{ID: id, Type: kind, Payload: text}
}

func status(id string, change dffmpeg.JobStatusChange) dffmpeg.Message {
	return message(id, dffmpeg.MessageJobStatus, change)
}

func logs(id string, lines ...dffmpeg.LogEntry) dffmpeg.Message {
	return message(id, dffmpeg.MessageJobLogs, dffmpeg.JobLogs{Logs: lines})
}

// noPaths maps nothing.
type noPaths struct{}

func (noPaths) MapCommand(args []string, dir string) (v1 []string, segments []dffmpeg.Argument, names, unmapped []string) {
	return args, []dffmpeg.Argument{dffmpeg.Text(dir)}, []string{"Media"}, nil
}

func (noPaths) MapWorkingDirectory(dir string) (mapped string, names []string) {
	return "$Work" + dir, []string{"Media", "Work"}
}

// invoke runs ffmpeg against a fake coordinator.
func invoke(t *testing.T, c *coordinator, signals chan os.Signal) (code int, stdout, stderr string) {
	t.Helper()
	c.canceled = make(chan struct{})
	var out, err bytes.Buffer
	p := New(client.New("c", c, c, slog.New(slog.DiscardHandler)), noPaths{}, 7)
	code = p.Run(t.Context(), Invocation{Binary: "ffmpeg", Args: []string{"-i", "x"}, Dir: "/w", Stdout: &out, Stderr: &err, Signals: signals})
	return code, out.String(), err.String()
}

func TestRun(t *testing.T) {
	exit := func(n int) *int { return &n }
	progress := "\r"
	tests := []struct {
		name           string
		script         []dffmpeg.Message
		fail           error
		code           int
		stdout, stderr string
	}{
		{
			name: "output and exit code are the program's own",
			script: []dffmpeg.Message{
				status("A", dffmpeg.JobStatusChange{Status: dffmpeg.JobRunning}),
				logs("B", dffmpeg.LogEntry{Stream: dffmpeg.Stdout, Content: "{"}, dffmpeg.LogEntry{Stream: dffmpeg.Stderr, Content: "frame=1", Terminator: &progress}),
				logs("B", dffmpeg.LogEntry{Stream: dffmpeg.Stdout, Content: "delivered twice"}),
				status("C", dffmpeg.JobStatusChange{Status: dffmpeg.JobFailed, ExitCode: exit(187)}),
			},
			code: 187, stdout: "{\n", stderr: "frame=1\r",
		},
		{
			name:   "a job that could not be run says why",
			script: []dffmpeg.Message{status("A", dffmpeg.JobStatusChange{Status: dffmpeg.JobFailed, Reason: "no worker is online"})},
			code:   1, stderr: "dffmpeg: ffmpeg could not be run: no worker is online\n",
		},
		{
			name:   "canceled by somebody else",
			script: []dffmpeg.Message{status("A", dffmpeg.JobStatusChange{Status: dffmpeg.JobCanceled})},
			code:   130,
		},
		{
			name: "refused", fail: dffmpeg.Errorf(dffmpeg.CodeInvalid, "Unsupported binary name: ffmpeg"),
			code: 1, stderr: "dffmpeg: Unsupported binary name: ffmpeg\n",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			code, stdout, stderr := invoke(t, &coordinator{script: tt.script, fail: tt.fail}, nil)
			if code != tt.code || stdout != tt.stdout || stderr != tt.stderr {
				t.Errorf("exit code %d, stdout %q, stderr %q; want %d, %q, %q", code, stdout, stderr, tt.code, tt.stdout, tt.stderr)
			}
		})
	}
}

func TestSignalCancels(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		signals := make(chan os.Signal, 1)
		go func() {
			time.Sleep(time.Minute) // of virtual time: the job runs
			signals <- syscall.SIGINT
		}()
		code, _, stderr := invoke(t, &coordinator{}, signals)
		if code != 130 || stderr != "" {
			t.Errorf("exit code %d, stderr %q; want 130 and nothing", code, stderr)
		}
	})
}

// broken is an output whose reader is gone.
type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("broken pipe") }

func TestReaderThatGoesAwayCancels(t *testing.T) {
	c := &coordinator{
		canceled: make(chan struct{}),
		script:   []dffmpeg.Message{logs("A", dffmpeg.LogEntry{Stream: dffmpeg.Stdout, Content: "x"})},
	}
	var stderr bytes.Buffer
	p := New(client.New("c", c, c, slog.New(slog.DiscardHandler)), noPaths{}, 0)
	if code := p.Run(t.Context(), Invocation{Binary: "ffmpeg", Stdout: broken{}, Stderr: &stderr}); code != 141 || stderr.Len() != 0 {
		t.Errorf("exit code %d, stderr %q; want 141 and nothing", code, stderr.String())
	}
	select {
	case <-c.canceled:
	default:
		t.Error("the job was not canceled")
	}
}

func TestRequest(t *testing.T) {
	request := New(nil, noPaths{}, 7).Request(Invocation{Binary: "ffprobe", Args: []string{"a"}, Dir: "/w"})
	if request.WorkingDirectory == nil || *request.WorkingDirectory != "$Work/w" || *request.HeartbeatInterval != 7 ||
		strings.Join(request.Paths, ",") != "Media,Work" || len(request.Segments) != 1 || request.Segments[0][0].Literal != "/w" {
		t.Errorf("request is %+v", request)
	}
}
