package client_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/client"
	"github.com/dffmpeg/dffmpeg/store"
)

// witness passes on what an attached client is told: "status running", "line
// frame=1".
type witness struct {
	told chan string
	fail error // what Output returns
}

func newWitness() *witness { return &witness{told: make(chan string, 100)} }

func (w *witness) Output(lines []dffmpeg.LogEntry) error {
	for _, l := range lines {
		w.told <- "line " + l.Content
	}
	return w.fail
}

func (w *witness) Status(change dffmpeg.JobStatusChange) { w.told <- "status " + string(change.Status) }

// want waits until the client has been told exactly this.
func (w *witness) want(t *testing.T, want ...string) {
	t.Helper()
	deadline := time.After(patience)
	for i, expected := range want {
		select {
		case got := <-w.told:
			if got != expected {
				t.Fatalf("the client was told %q after %q, want %q", got, want[:i], expected)
			}
		case <-deadline:
			t.Fatalf("the client was told nothing after %q, want %q", want[:i], expected)
		}
	}
}

// nothingMore checks that all that was told has been looked at. Call it when
// the attachment has ended.
func (w *witness) nothingMore(t *testing.T) {
	t.Helper()
	select {
	case got := <-w.told:
		t.Errorf("the client was told %q, too", got)
	default:
	}
}

// end is how an attachment ended.
type end struct {
	final dffmpeg.JobStatusChange
	err   error
}

// attach attaches until the test or ctx ends.
func attach(ctx context.Context, t *testing.T, c *client.Client, at client.Attachment, events client.Events) func() end {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, patience)
	ended := make(chan end, 1)
	done := make(chan struct{})
	go func() {
		defer close(done)
		final, err := c.Attach(ctx, at, events)
		ended <- end{final, err}
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
	return func() end { return <-ended }
}

func exit(code int) *int { return &code }

func TestAttachFollowsToTheEnd(t *testing.T) {
	tests := []struct {
		name   string
		result store.Result
		told   []string // after "status running"
		code   int
	}{
		{
			"completed",
			store.Result{Status: dffmpeg.JobCompleted, ExitCode: exit(0)},
			[]string{"status completed"},
			0,
		},
		{
			"failed with an exit code",
			store.Result{Status: dffmpeg.JobFailed, ExitCode: exit(187)},
			[]string{"status failed"},
			187,
		},
		{
			"could not be run",
			store.Result{Status: dffmpeg.JobFailed, Reason: "ffmpeg is not installed"},
			[]string{"status failed"},
			client.ExitFailed,
		},
		{
			"last output comes with the report",
			store.Result{Status: dffmpeg.JobFailed, ExitCode: exit(1), Output: entries("no such file"), Batch: 1},
			[]string{"line no such file", "status failed"},
			1,
		},
		{
			"canceled",
			store.Result{Status: dffmpeg.JobCanceled, ExitCode: exit(255)},
			[]string{"status canceled"},
			client.ExitCanceled,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := start(t)
			me := c.as(requester)
			job := c.submit(me)
			w := newWitness()
			wait := attach(t.Context(), t, me.Client, client.Attachment{Job: job}, w)
			by := c.run(job.ID)
			w.want(t, "status assigned", "status running")
			if tt.result.Status == dffmpeg.JobCanceled {
				if asked, err := me.Cancel(t.Context(), job.ID); err != nil || !asked {
					t.Fatalf("Cancel() = %t, %v", asked, err)
				}
				w.want(t, "status canceling")
			}
			c.finish(job.ID, by, tt.result)
			got := wait()
			must(t, got.err)
			w.want(t, tt.told...)
			w.nothingMore(t)
			if got.final.Status != tt.result.Status || got.final.Reason != tt.result.Reason {
				t.Errorf("final status %s (%q), want %s (%q)", got.final.Status, got.final.Reason, tt.result.Status, tt.result.Reason)
			}
			if code := client.ExitCode(got.final); code != tt.code {
				t.Errorf("exit code %d, want %d", code, tt.code)
			}
		})
	}
}

func TestAttachShowsOutputAsItComes(t *testing.T) {
	c := start(t)
	me := c.as(requester)
	job := c.submit(me)
	by := c.run(job.ID)
	w := newWitness()
	wait := attach(t.Context(), t, me.Client, client.Attachment{Job: job}, w)
	w.want(t, "status assigned", "status running")
	c.print(job.ID, by, 1, "one", "two")
	w.want(t, "line one", "line two")
	c.print(job.ID, by, 2, "three")
	w.want(t, "line three")
	c.finish(job.ID, by, store.Result{Status: dffmpeg.JobCompleted, ExitCode: exit(0)})
	must(t, wait().err)
}

func TestAttachToAPendingJobThatIsCanceled(t *testing.T) {
	c := start(t)
	me := c.as(requester)
	job := c.submit(me)
	w := newWitness()
	wait := attach(t.Context(), t, me.Client, client.Attachment{Job: job}, w)
	if asked, err := me.Cancel(t.Context(), job.ID); err != nil || !asked {
		t.Fatalf("Cancel() = %t, %v", asked, err)
	}
	got := wait()
	must(t, got.err)
	w.want(t, "status canceled")
	if code := client.ExitCode(got.final); code != client.ExitCanceled {
		t.Errorf("exit code %d, want %d", code, client.ExitCanceled)
	}
}

// What one attachment was given and has acknowledged, the next one is given as
// well.
func TestAttachLate(t *testing.T) {
	c := start(t)
	me := c.as(requester)
	job := c.submit(me)
	by := c.run(job.ID)
	c.print(job.ID, by, 1, "one")
	c.finish(job.ID, by, store.Result{Status: dffmpeg.JobFailed, ExitCode: exit(3)})
	for range 2 {
		w := newWitness()
		got := attach(t.Context(), t, me.Client, client.Attachment{Job: job}, w)()
		must(t, got.err)
		w.want(t, "status assigned", "status running", "line one", "status failed")
		w.nothingMore(t)
		if code := client.ExitCode(got.final); code != 3 {
			t.Errorf("exit code %d, want 3", code)
		}
		messages, err := c.state.Mail(t.Context(), job.Requester(), store.MailQuery{Select: store.MailAfter})
		must(t, err)
		var ids []string
		for _, m := range messages {
			ids = append(ids, m.ID)
		}
		_, err = c.state.Acknowledge(t.Context(), job.Requester(), ids)
		must(t, err)
	}
}

func TestAttachResumesAfterTheCursor(t *testing.T) {
	c := start(t)
	me := c.as(requester)
	job := c.submit(me)
	by := c.run(job.ID)
	c.print(job.ID, by, 1, "one", "two")
	page, err := me.Logs(t.Context(), job.ID, "", 0)
	must(t, err)
	if len(page.Logs) != 2 || page.LastMessageID == nil {
		t.Fatalf("Logs() = %+v, want two lines and a cursor", page)
	}
	c.print(job.ID, by, 2, "three")
	w := newWitness()
	wait := attach(t.Context(), t, me.Client, client.Attachment{Job: job, After: *page.LastMessageID}, w)
	w.want(t, "line three")
	c.finish(job.ID, by, store.Result{Status: dffmpeg.JobCompleted, ExitCode: exit(0)})
	must(t, wait().err)
	w.want(t, "status completed")
	w.nothingMore(t)
}

// A connection that breaks costs nothing and repeats nothing.
func TestAttachOutlivesItsConnection(t *testing.T) {
	c := start(t)
	me := c.as(requester)
	job := c.submit(me)
	by := c.run(job.ID)
	w := newWitness()
	wait := attach(t.Context(), t, me.Client, client.Attachment{Job: job}, w)
	c.print(job.ID, by, 1, "one")
	w.want(t, "status assigned", "status running", "line one")
	c.server.CloseClientConnections()
	c.print(job.ID, by, 2, "two")
	w.want(t, "line two")
	c.finish(job.ID, by, store.Result{Status: dffmpeg.JobCompleted, ExitCode: exit(0)})
	must(t, wait().err)
	w.want(t, "status completed")
	w.nothingMore(t)
}

func TestAttachEndsWithOutputsError(t *testing.T) {
	c := start(t)
	me := c.as(requester)
	job := c.submit(me)
	c.print(job.ID, c.run(job.ID), 1, "one")
	w := newWitness()
	w.fail = errors.New("the reader is gone")
	if got := attach(t.Context(), t, me.Client, client.Attachment{Job: job}, w)(); !errors.Is(got.err, w.fail) {
		t.Errorf("Attach() = %v, want Output's error", got.err)
	}
}

func TestAttachCanceledLeavesNothing(t *testing.T) {
	for _, monitor := range []bool{false, true} {
		c := start(t)
		me := c.as(requester)
		job := c.submit(me)
		me.http.CloseIdleConnections()
		before := goleak.IgnoreCurrent()
		c.run(job.ID)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		w := newWitness()
		attached := make(chan end, 1)
		go func() {
			final, err := me.Attach(ctx, client.Attachment{Job: job, Monitor: monitor}, w)
			attached <- end{final, err}
		}()
		w.want(t, "status assigned", "status running")
		cancel()
		if got := <-attached; !errors.Is(got.err, context.Canceled) {
			t.Errorf("monitor %t: Attach() = %v, want %v", monitor, got.err, context.Canceled)
		}
		now, err := me.Job(t.Context(), job.ID)
		must(t, err)
		if now.Status != dffmpeg.JobRunning {
			t.Errorf("monitor %t: the job that was left is %s, want running", monitor, now.Status)
		}
		me.http.CloseIdleConnections()
		goleak.VerifyNone(t, before)
	}
}

func TestAttachRefused(t *testing.T) {
	c := start(t)
	mine := c.submit(c.as(requester))
	elsewhere, nowhere := mine, mine
	elsewhere.Transport = "pigeon"
	nowhere.TransportMetadata = nil
	tests := []struct {
		name string
		as   string
		job  dffmpeg.Job
		want string
	}{
		{"a transport that is not known", requester, elsewhere, `unknown transport "pigeon"; known are http_polling`},
		{"no place to listen", requester, nowhere, "transport http_polling: the coordinator did not say which path to poll"},
		{"somebody else's job", otherClient, mine, "Only the identity that submitted this job has its messages; admins can read its output at /jobs/" + mine.ID + "/logs"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWitness()
			got := attach(t.Context(), t, c.as(tt.as).Client, client.Attachment{Job: tt.job}, w)()
			if got.err == nil || got.err.Error() != tt.want {
				t.Errorf("Attach() = %v, want %s", got.err, tt.want)
			}
			w.nothingMore(t)
		})
	}
}

// The final message ends the attachment, wherever others are mixed in.
func TestAttachIgnoresWhatItDoesNotKnow(t *testing.T) {
	f := &fake{script: []dffmpeg.Message{
		message("A", "weather_report", "sunny"),
		message("B", dffmpeg.MessageJobLogs, dffmpeg.JobLogs{Logs: entries("one")}),
		message("B", dffmpeg.MessageJobLogs, dffmpeg.JobLogs{Logs: entries("delivered twice")}),
		message("C", dffmpeg.MessageJobStatus, dffmpeg.JobStatusChange{Status: dffmpeg.JobCompleted}),
	}}
	w := newWitness()
	final, err := f.client().Attach(t.Context(), client.Attachment{Job: f.job()}, w)
	must(t, err)
	w.want(t, "line one", "status completed")
	w.nothingMore(t)
	if final.Status != dffmpeg.JobCompleted {
		t.Errorf("final status %s", final.Status)
	}
}

func TestAttachReportsMessagesItCannotRead(t *testing.T) {
	for _, kind := range []dffmpeg.MessageType{dffmpeg.MessageJobLogs, dffmpeg.MessageJobStatus} {
		f := &fake{script: []dffmpeg.Message{message("A", kind, 7)}}
		_, err := f.client().Attach(t.Context(), client.Attachment{Job: f.job()}, newWitness())
		if err == nil || !strings.Contains(err.Error(), string(kind)+" message A") {
			t.Errorf("%s: Attach() = %v, want an error that names the message", kind, err)
		}
	}
}
