package client_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/client"
	"github.com/dffmpeg/dffmpeg/store"
	"github.com/dffmpeg/dffmpeg/transport/httppoll"
)

func TestSubmit(t *testing.T) {
	c := start(t)
	me := c.as(requester)
	seconds := 7
	answer, err := me.Submit(t.Context(), dffmpeg.SubmitRequest{
		BinaryName: "ffmpeg", Arguments: []string{"-i", "$Media/in.mkv"}, Paths: []string{"Media"}, Monitor: true, HeartbeatInterval: &seconds,
	})
	must(t, err)
	stored, err := c.state.Job(t.Context(), answer.ID)
	must(t, err)
	for what, ok := range map[string]bool{
		"requester":      stored.RequesterID == requester,
		"command":        stored.BinaryName == "ffmpeg" && slices.Equal(stored.Arguments, []string{"-i", "$Media/in.mkv"}),
		"paths":          slices.Equal(stored.Paths, []string{"Media"}),
		"monitor":        stored.Monitor,
		"heartbeat":      stored.HeartbeatInterval == 7,
		"transport":      stored.Transport == httppoll.Name,
		"answered state": answer.Status == dffmpeg.JobPending,
		"features":       slices.Contains(answer.Features, dffmpeg.FeatureAck),
	} {
		if !ok {
			t.Errorf("%s is not as submitted: %+v", what, stored)
		}
	}
}

// A coordinator refuses lists that are null.
func TestSubmitWithoutLists(t *testing.T) {
	c := start(t)
	answer, err := c.as(requester).Submit(t.Context(), dffmpeg.SubmitRequest{BinaryName: "ffmpeg"})
	must(t, err)
	if answer.Arguments == nil || answer.Paths == nil || len(answer.Arguments)+len(answer.Paths) != 0 {
		t.Errorf("arguments %#v, paths %#v; want empty lists", answer.Arguments, answer.Paths)
	}
}

// What would be another name on the wire is not sent.
func TestSubmitRefusesWhatIsNotText(t *testing.T) {
	c := start(t)
	odd := "/media/caf\xe9.mkv"
	list := dffmpeg.Argument{{Content: dffmpeg.Argument{{Literal: "file 'x'\nfile '"}, {Name: "Media", Rest: odd, Context: dffmpeg.PathList}}}}
	for name, request := range map[string]dffmpeg.SubmitRequest{
		"argument":          {Arguments: []string{"-i", odd}},
		"working directory": {WorkingDirectory: &odd},
		"segment":           {Arguments: []string{"x"}, Segments: []dffmpeg.Argument{dffmpeg.Text(odd)}},
		"list file":         {Arguments: []string{"list.txt"}, Segments: []dffmpeg.Argument{list}},
	} {
		request.BinaryName = "ffmpeg"
		_, err := c.as(requester).Submit(t.Context(), request)
		if !errors.Is(err, client.ErrNotText) || !strings.Contains(err.Error(), `caf\xe9.mkv`) {
			t.Errorf("%s: error %v, want one that names what is not text", name, err)
		}
	}
	jobs, err := c.as(requester).Jobs(t.Context(), time.Hour)
	must(t, err)
	if len(jobs) != 0 {
		t.Errorf("there are jobs %+v", jobs)
	}
}

func TestRepeatedSubmissionIsOneJob(t *testing.T) {
	c := start(t)
	me := c.as(requester)
	request := dffmpeg.SubmitRequest{BinaryName: "ffmpeg", IdempotencyKey: "episode 7"}
	first, err := me.Submit(t.Context(), request)
	must(t, err)
	second, err := me.Submit(t.Context(), request)
	must(t, err)
	if first.ID != second.ID {
		t.Errorf("jobs %s and %s of one key", first.ID, second.ID)
	}
}

func TestSubmitOverTransportsOfOnesOwnChoice(t *testing.T) {
	_, err := start(t).as(requester).Submit(t.Context(), dffmpeg.SubmitRequest{BinaryName: "ffmpeg", SupportedTransports: []string{"pigeon"}})
	if dffmpeg.CodeOf(err) != dffmpeg.CodeInvalid || err.Error() != "No supported transports" {
		t.Errorf("Submit() = %v, want that the coordinator has none of them", err)
	}
}

func TestJobs(t *testing.T) {
	c := start(t)
	me, other := c.as(requester), c.as(otherClient)
	done, active := c.submit(me), c.submit(me)
	c.submit(other)
	by := c.run(done.ID)
	c.finish(done.ID, by, store.Result{Status: dffmpeg.JobCompleted, ExitCode: exit(0)})
	for window, want := range map[time.Duration][]string{
		time.Hour: {active.ID, done.ID}, // newest first
		0:         {active.ID},
	} {
		jobs, err := me.Jobs(t.Context(), window)
		must(t, err)
		var got []string
		for i := range jobs {
			got = append(got, jobs[i].ID)
		}
		if !slices.Equal(got, want) {
			t.Errorf("Jobs(%s) = %v, want %v", window, got, want)
		}
	}
	job, err := me.Job(t.Context(), done.ID)
	must(t, err)
	if job.Status != dffmpeg.JobCompleted || job.ExitCode == nil || *job.ExitCode != 0 || job.Worker() != holder {
		t.Errorf("Job() = %+v, want one completed with 0 by %s", job, holder)
	}
}

func TestWorkers(t *testing.T) {
	c := start(t)
	_, err := c.state.Register(t.Context(), store.Registration{Worker: dffmpeg.Worker{
		ID: "gone/east", RegistrationInterval: 15, Status: dffmpeg.WorkerOnline, Transport: httppoll.Name,
	}, Token: "token"})
	must(t, err)
	_, err = c.state.Verify(t.Context(), "gone/east", "token")
	must(t, err)
	_, err = c.state.Deregister(t.Context(), "gone/east")
	must(t, err)
	me := c.as(requester)
	for window, want := range map[time.Duration]int{time.Hour: 2, 0: 1} {
		workers, err := me.Workers(t.Context(), window)
		must(t, err)
		if len(workers) != want {
			t.Errorf("Workers(%s) returned %d, want %d: %+v", window, len(workers), want, workers)
		}
	}
	for id, want := range map[string]dffmpeg.WorkerStatus{holder: dffmpeg.WorkerOnline, "gone/east": dffmpeg.WorkerOffline} {
		worker, err := me.Worker(t.Context(), id)
		must(t, err)
		if worker.ID != id || worker.Status != want {
			t.Errorf("Worker(%q) = %+v, want it %s", id, worker, want)
		}
	}
}

func TestCancel(t *testing.T) {
	c := start(t)
	me := c.as(requester)
	job := c.submit(me)
	for _, want := range []bool{true, false} { // the second one comes too late
		asked, err := me.Cancel(t.Context(), job.ID)
		if err != nil || asked != want {
			t.Errorf("Cancel() = %t, %v; want %t", asked, err, want)
		}
	}
	stored, err := c.state.Job(t.Context(), job.ID)
	must(t, err)
	if stored.Status != dffmpeg.JobCanceled {
		t.Errorf("the job is %s, want canceled", stored.Status)
	}
}

func TestLogsPages(t *testing.T) {
	c := start(t)
	me := c.as(requester)
	job := c.submit(me)
	by := c.run(job.ID)
	for batch, line := range []string{"one", "two", "three"} {
		c.print(job.ID, by, int64(batch)+1, line)
	}
	page, err := me.Logs(t.Context(), job.ID, "", 0)
	must(t, err)
	if got := contents(page); !slices.Equal(got, []string{"one", "two", "three"}) {
		t.Fatalf("all output is %q", got)
	}
	newest, err := me.Logs(t.Context(), job.ID, "", 1)
	must(t, err)
	if got := contents(newest); !slices.Equal(got, []string{"three"}) {
		t.Errorf("the newest batch is %q", got)
	}
	// Page by page from the first batch on, to the end.
	cursor, seen := "0", []string(nil)
	for range 4 {
		page, err := me.Logs(t.Context(), job.ID, cursor, 1)
		must(t, err)
		seen = append(seen, contents(page)...)
		if len(page.Logs) > 1 {
			t.Errorf("a page of one batch has %d", len(page.Logs))
		}
		if page.LastMessageID != nil {
			cursor = *page.LastMessageID
		}
	}
	if !slices.Equal(seen, []string{"one", "two", "three"}) {
		t.Errorf("pages together are %q", seen)
	}
}

func contents(page dffmpeg.LogsAnswer) []string {
	var lines []string
	for _, l := range page.Logs {
		lines = append(lines, l.Content)
	}
	return lines
}

func TestHealth(t *testing.T) {
	c := start(t)
	me := c.as(requester)
	for _, deep := range []bool{false, true} {
		health, err := me.Health(t.Context(), deep)
		must(t, err)
		if health.Status != dffmpeg.HealthOnline || (health.Databases != nil) != deep {
			t.Errorf("Health(%t) = %+v", deep, health)
		}
	}
	for status, want := range map[dffmpeg.HealthStatus]dffmpeg.Code{
		dffmpeg.HealthShutdown: dffmpeg.CodeUnavailable, dffmpeg.HealthUnhealthy: dffmpeg.CodeInternal,
	} {
		c.mu.Lock()
		c.condition.Status = status
		c.mu.Unlock()
		if _, err := me.Health(t.Context(), true); dffmpeg.CodeOf(err) != want {
			t.Errorf("%s: error %v of code %s, want %s", status, err, dffmpeg.CodeOf(err), want)
		}
	}
}

// calls is every call that concerns a job.
func calls(c *client.Client, id string) map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		"Job":    func(ctx context.Context) error { _, err := c.Job(ctx, id); return err },
		"Cancel": func(ctx context.Context) error { _, err := c.Cancel(ctx, id); return err },
		"Logs":   func(ctx context.Context) error { _, err := c.Logs(ctx, id, "", 0); return err },
	}
}

func TestRefusals(t *testing.T) {
	c := start(t)
	job := c.submit(c.as(requester))
	tests := []struct {
		name, as, id string
		code         dffmpeg.Code
	}{
		{"an unknown job", requester, "01ARZ3NDEKTSV4RRFFQ69G5FAV", dffmpeg.CodeNotFound},
		{"no ID at all", requester, "7", dffmpeg.CodeInvalid},
		{"a path in place of an ID", requester, "../workers", dffmpeg.CodeNotFound},
		{"somebody else's job", otherClient, job.ID, dffmpeg.CodeForbidden},
	}
	for _, tt := range tests {
		for name, call := range calls(c.as(tt.as).Client, tt.id) {
			err := call(t.Context())
			if dffmpeg.CodeOf(err) != tt.code || client.Unreachable(err) {
				t.Errorf("%s of %s: %v (%s), want an error of code %s", name, tt.name, err, dffmpeg.CodeOf(err), tt.code)
			}
		}
	}
	c.keys[requester] = c.keys[otherClient]
	if _, err := c.as(requester).Jobs(t.Context(), 0); dffmpeg.CodeOf(err) != dffmpeg.CodeUnauthenticated {
		t.Errorf("with another's key: %v, want an error of code %s", err, dffmpeg.CodeUnauthenticated)
	}
}

func TestUnreachable(t *testing.T) {
	c := start(t)
	me := c.as(requester)
	job := c.submit(me)
	c.server.Close()
	all := calls(me.Client, job.ID)
	all["Submit"] = func(ctx context.Context) error {
		_, err := me.Submit(ctx, dffmpeg.SubmitRequest{BinaryName: "ffmpeg"})
		return err
	}
	all["Health"] = func(ctx context.Context) error { _, err := me.Health(ctx, false); return err }
	for name, call := range all {
		err := call(t.Context())
		if !client.Unreachable(err) || dffmpeg.CodeOf(err) != dffmpeg.CodeUnavailable {
			t.Errorf("%s: %v, want that the coordinator cannot be reached", name, err)
			continue
		}
		if want := "cannot reach the coordinator at " + c.server.URL + ": "; !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %q, want it to begin with %q", name, err, want)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := call(ctx); !errors.Is(err, context.Canceled) || client.Unreachable(err) {
			t.Errorf("%s, canceled: %v, want %v", name, err, context.Canceled)
		}
	}
}

// What answers is not always a coordinator.
func TestAnswersOfSomethingElse(t *testing.T) {
	c := start(t)
	me := c.as(requester)
	c.server.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("<html>It works!</html>"))
	})
	_, err := me.Workers(t.Context(), time.Hour)
	if err == nil || !strings.Contains(err.Error(), "is it a dffmpeg coordinator?") || client.Unreachable(err) {
		t.Errorf("Workers() = %v, want a doubt that this is a coordinator", err)
	}
}
