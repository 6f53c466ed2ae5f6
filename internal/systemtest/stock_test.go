package systemtest

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/internal/signedhttp"
	"github.com/dffmpeg/dffmpeg/store"
	"github.com/dffmpeg/dffmpeg/store/memory"
)

// stock is a peer with the habits of 0.4 (protocol.md, What 0.4 peers do): it
// knows nothing of attempts, batches and acknowledgements.
type stock struct {
	t      *testing.T
	id     string
	caller *signedhttp.Caller
	stream bool
	cursor string
}

func (s *system) stock(id string, role dffmpeg.Role, stream bool) *stock {
	s.t.Helper()
	caller, _ := s.connect(id, role)
	return &stock{t: s.t, id: id, caller: caller, stream: stream}
}

// post sends a body and returns the status, which 0.4 workers mostly ignore.
func (p *stock) post(path string, body, answer any) int {
	p.t.Helper()
	err := p.caller.Call(p.t.Context(), http.MethodPost, path, nil, body, answer)
	var known *dffmpeg.Error
	switch {
	case err == nil:
		return http.StatusOK
	case errors.As(err, &known):
		return known.Code.Status()
	}
	p.t.Fatalf("POST %s: %v", path, err)
	return 0
}

// listen calls handle with each batch of messages until it returns true.
func (p *stock) listen(path string, handle func([]dffmpeg.Message) bool) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), patience)
	defer cancel()
	for {
		query, header := url.Values{"wait": {"5"}}, http.Header{}
		if p.cursor != "" {
			query.Set("last_message_id", p.cursor)
		}
		if p.stream {
			header.Set("Accept", "application/x-ndjson")
		}
		response, err := p.caller.Do(ctx, http.MethodGet, path, query, header, nil)
		if err != nil || response.StatusCode != http.StatusOK {
			p.t.Fatalf("GET %s: %v, %v", path, response, err)
		}
		done := p.read(response.Body, handle)
		_ = response.Body.Close() // read as far as wanted
		if done {
			return
		}
	}
}

// read takes the lines of a stream, or the one of an answer.
func (p *stock) read(body io.Reader, handle func([]dffmpeg.Message) bool) bool {
	lines := bufio.NewScanner(body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if len(lines.Bytes()) == 0 {
			continue
		}
		var answer dffmpeg.MessagesAnswer
		if err := json.Unmarshal(lines.Bytes(), &answer); err != nil {
			p.t.Fatal(err)
		}
		if len(answer.Messages) > 0 {
			p.cursor = answer.Messages[len(answer.Messages)-1].ID
			if handle(answer.Messages) {
				return true
			}
		}
	}
	return false
}

// register brings a stock worker online.
func (p *stock) register() {
	p.t.Helper()
	version := "0.4.0"
	request := map[string]any{
		"worker_id": p.id, "capabilities": []string{}, "binaries": []string{"ffmpeg", "nope"}, "paths": []string{},
		"registration_interval": 60, "version": version, "supported_transports": []string{"rabbitmq", "http_polling"}, "status": "online",
	}
	var answer dffmpeg.RegisterAnswer
	if code := p.post("/worker/register", request, &answer); code != http.StatusOK || answer.Transport != "http_polling" {
		p.t.Fatalf("register: status %d, answer %+v", code, answer)
	}
	p.listen("/poll/worker", func(messages []dffmpeg.Message) bool {
		token, err := dffmpeg.DecodePayload[dffmpeg.VerifyRegistration](&messages[len(messages)-1])
		if err != nil {
			p.t.Fatal(err)
		}
		p.post("/worker/"+p.id+"/verify", token, nil)
		return true
	})
}

// next returns the next message to a stock worker: of those that come within
// one batch, the last one per job.
func (p *stock) next(job string) dffmpeg.Message {
	p.t.Helper()
	var last dffmpeg.Message
	p.listen("/poll/worker", func(messages []dffmpeg.Message) bool {
		for _, m := range messages {
			if m.JobID != nil && *m.JobID == job {
				last = m
			}
		}
		return last.ID != ""
	})
	return last
}

// submit submits a job as a stock client does.
func (p *stock) submit() dffmpeg.Job {
	p.t.Helper()
	var job dffmpeg.Job
	request := map[string]any{
		"binary_name": "ffmpeg", "arguments": []string{"-i", "x"}, "paths": []string{}, "working_directory": nil,
		"supported_transports": []string{"http_polling"}, "monitor": true, "heartbeat_interval": nil,
	}
	if code := p.post("/jobs/submit", request, &job); code != http.StatusOK {
		p.t.Fatalf("submit: status %d", code)
	}
	return job
}

// follow reads a job's messages as a stock client does: without recognising
// repeated ones, and up to the first terminal status.
func (p *stock) follow(job dffmpeg.Job) (statuses []dffmpeg.JobStatus, lines []string) {
	p.t.Helper()
	path, _ := job.TransportMetadata["path"].(string)
	p.listen(path, func(messages []dffmpeg.Message) bool {
		for i := range messages {
			switch m := &messages[i]; m.Type {
			case dffmpeg.MessageJobLogs:
				logs, err := dffmpeg.DecodePayload[dffmpeg.JobLogs](m)
				if err != nil {
					p.t.Fatal(err)
				}
				for _, l := range logs.Logs {
					lines = append(lines, l.Content)
				}
			case dffmpeg.MessageJobStatus:
				change, err := dffmpeg.DecodePayload[dffmpeg.JobStatusChange](m)
				if err != nil {
					p.t.Fatal(err)
				}
				statuses = append(statuses, change.Status)
				if change.Status.Terminal() {
					return true
				}
			}
		}
		return false
	})
	return statuses, lines
}

// report is what a stock worker posts.
func report(status string, code int) map[string]any {
	return map[string]any{"status": status, "exit_code": code}
}

func output(lines ...string) map[string]any {
	logs := make([]map[string]any, 0, len(lines))
	for _, l := range lines {
		logs = append(logs, map[string]any{"stream": "stderr", "content": l})
	}
	return map[string]any{"logs": logs}
}

// forBothModes runs a test with peers that poll and with peers that stream.
func forBothModes(t *testing.T, test func(t *testing.T, s *system, state store.State, stream bool)) {
	t.Helper()
	for name, stream := range map[string]bool{"long poll": false, "stream": true} {
		t.Run(name, func(t *testing.T) {
			state := memory.New(time.Now, dffmpeg.NewIDSource())
			test(t, startSystem(t, state), state, stream)
		})
	}
}

// TestStockPeers takes a job from submission to its end between peers of 0.4.
func TestStockPeers(t *testing.T) {
	forBothModes(t, func(t *testing.T, s *system, _ store.State, stream bool) {
		worker, client := s.stock("w", dffmpeg.RoleWorker, stream), s.stock("c", dffmpeg.RoleClient, stream)
		worker.register()
		job := client.submit()
		request := worker.next(job.ID)
		if request.Type != dffmpeg.MessageJobRequest {
			t.Fatalf("the worker got a %s", request.Type)
		}
		base := "/jobs/" + job.ID
		worker.post(base+"/accept", nil, nil)
		worker.post(base+"/accept", nil, nil) // its first answer got lost
		worker.post(base+"/logs", output("one", "two"), nil)
		worker.post(base+"/worker_heartbeat", nil, nil)
		worker.post(base+"/logs", output("three"), nil)
		worker.post(base+"/status", report("completed", 0), nil)
		if code := worker.post(base+"/status", report("completed", 0), nil); code != http.StatusOK {
			t.Errorf("repeating the final status gives %d, want 200", code)
		}
		statuses, lines := client.follow(job)
		want := []dffmpeg.JobStatus{dffmpeg.JobAssigned, dffmpeg.JobRunning, dffmpeg.JobRunning, dffmpeg.JobCompleted}
		if !slices.Equal(statuses, want) || !slices.Equal(lines, []string{"one", "two", "three"}) {
			t.Errorf("the client saw %v and %v", statuses, lines)
		}
	})
}

// TestStockWorkerFailsWithoutAccept: a worker without the binary reports at
// once.
func TestStockWorkerFailsWithoutAccept(t *testing.T) {
	forBothModes(t, func(t *testing.T, s *system, _ store.State, stream bool) {
		worker, client := s.stock("w", dffmpeg.RoleWorker, stream), s.stock("c", dffmpeg.RoleClient, stream)
		worker.register()
		job := client.submit()
		worker.next(job.ID)
		if code := worker.post("/jobs/"+job.ID+"/status", map[string]any{"status": "failed", "exit_code": nil}, nil); code != http.StatusOK {
			t.Errorf("failed without an accept: %d, want 200", code)
		}
		if statuses, _ := client.follow(job); statuses[len(statuses)-1] != dffmpeg.JobFailed {
			t.Errorf("the client saw %v, want failed at the end", statuses)
		}
	})
}

// TestStockWorkerIsToldToStop: it ignores that its accept was refused, so it is
// told; a cancellation reaches it, and its report ends the job.
func TestStockWorkerIsToldToStop(t *testing.T) {
	forBothModes(t, func(t *testing.T, s *system, state store.State, stream bool) {
		worker, client := s.stock("w", dffmpeg.RoleWorker, stream), s.stock("c", dffmpeg.RoleClient, stream)
		worker.register()

		late := client.submit()
		worker.next(late.ID)
		seen, err := state.Job(t.Context(), late.ID)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := state.Conclude(t.Context(), seen, dffmpeg.JobFailed, "took too long"); err != nil {
			t.Fatal(err)
		}
		if code := worker.post("/jobs/"+late.ID+"/accept", nil, nil); code != http.StatusForbidden {
			t.Errorf("a late accept gives %d, want 403", code)
		}
		told, err := dffmpeg.DecodePayload[dffmpeg.JobStatusChange](ptr(worker.next(late.ID)))
		if err != nil || told.Status != dffmpeg.JobCanceled {
			t.Errorf("after the refused accept the worker is told %s (%v), want canceled", told.Status, err)
		}

		job := client.submit()
		worker.next(job.ID)
		worker.post("/jobs/"+job.ID+"/accept", nil, nil)
		client.post("/jobs/"+job.ID+"/cancel", nil, nil)
		told, err = dffmpeg.DecodePayload[dffmpeg.JobStatusChange](ptr(worker.next(job.ID)))
		if err != nil || told.Status != dffmpeg.JobCanceling {
			t.Errorf("the worker is told %s (%v), want canceling", told.Status, err)
		}
		worker.post("/jobs/"+job.ID+"/status", map[string]any{"status": "canceled", "exit_code": nil}, nil)
		statuses, _ := client.follow(job)
		if tail := statuses[len(statuses)-2:]; !slices.Equal(tail, []dffmpeg.JobStatus{dffmpeg.JobCanceling, dffmpeg.JobCanceled}) {
			t.Errorf("the client saw %v", statuses)
		}
	})
}

func ptr[T any](v T) *T { return &v }

// away is a store that can be switched off.
type away struct {
	store.State
	off bool
}

func (a *away) Finish(ctx context.Context, jobID string, by store.By, result store.Result) (store.Change, error) {
	if a.off {
		return store.Change{}, dffmpeg.Errorf(dffmpeg.CodeUnavailable, "The database cannot do that now; try again")
	}
	return a.State.Finish(ctx, jobID, by, result)
}

// TestStockWorkerRepeatsOnlyWhatWasNotAnswered: when the store is away its
// final status gets no answer at all, since any answer would count as one.
func TestStockWorkerRepeatsOnlyWhatWasNotAnswered(t *testing.T) {
	state := &away{State: memory.New(time.Now, dffmpeg.NewIDSource())}
	s := startSystem(t, state)
	worker, client := s.stock("w", dffmpeg.RoleWorker, false), s.stock("c", dffmpeg.RoleClient, false)
	worker.register()
	job := client.submit()
	worker.next(job.ID)
	worker.post("/jobs/"+job.ID+"/accept", nil, nil)
	state.off = true
	err := worker.caller.Call(t.Context(), http.MethodPost, "/jobs/"+job.ID+"/status", nil, report("completed", 0), nil)
	var unanswered *signedhttp.Unreachable
	if !errors.As(err, &unanswered) {
		t.Errorf("with the store away the report gives %v, want a broken connection", err)
	}
	err = worker.caller.Call(t.Context(), http.MethodPost, "/jobs/"+job.ID+"/status", nil, map[string]any{"status": "completed", "attempt": 1}, nil)
	if errors.As(err, &unanswered) || dffmpeg.CodeOf(err) != dffmpeg.CodeUnavailable {
		t.Errorf("a worker of ours gets %v, want a 503", err)
	}
	state.off = false
	worker.post("/jobs/"+job.ID+"/status", report("completed", 0), nil)
	if statuses, _ := client.follow(job); statuses[len(statuses)-1] != dffmpeg.JobCompleted {
		t.Errorf("the client saw %v", statuses)
	}
}
