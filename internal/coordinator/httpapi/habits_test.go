package httpapi

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/store"
)

// These tests play peers of 0.4 with their habits (protocol.md, What 0.4 peers
// do that shapes ours), by long polls and over a stream.

// listening is a 0.4 peer's way to fetch messages: the next ones that are new.
type listening func() []dffmpeg.Message

// polling fetches by long polls, each with the ID of the last message.
func (c *cluster) polling(identity, path string) listening {
	last := ""
	return func() []dffmpeg.Message {
		c.tb.Helper()
		query := "?wait=0"
		if last != "" {
			query += "&last_message_id=" + last
		}
		got := decode[dffmpeg.MessagesAnswer](c.tb, c.want(http.StatusOK, identity, http.MethodGet, path+query, nil)).Messages
		if len(got) > 0 {
			last = got[len(got)-1].ID
		}
		return got
	}
}

// streaming fetches over one endless answer: a batch is what comes, at least
// one message, until a keep-alive.
func (c *cluster) streaming(server *httptest.Server) func(identity, path string) listening {
	return func(identity, path string) listening {
		c.tb.Helper()
		ctx, cancel := context.WithTimeout(c.tb.Context(), 30*time.Second)
		c.tb.Cleanup(cancel)
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL+path+"?wait=0.1", nil)
		must(c.tb, err)
		request.Header.Set("Accept", "application/x-ndjson")
		must(c.tb, c.signers[identity].Sign(request, nil, time.Now()))
		response, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(request)
		must(c.tb, err)
		c.tb.Cleanup(func() { response.Body.Close() })
		lines := bufio.NewReader(response.Body)
		return func() []dffmpeg.Message {
			var all []dffmpeg.Message
			for {
				line, err := lines.ReadBytes('\n')
				must(c.tb, err)
				if len(bytes.TrimSpace(line)) == 0 {
					if len(all) == 0 {
						continue // kept alive while nothing came
					}
					return all
				}
				var answer dffmpeg.MessagesAnswer
				must(c.tb, json.Unmarshal(line, &answer))
				all = append(all, answer.Messages...)
			}
		}
	}
}

// eachTransport runs a test with both ways to fetch messages.
func eachTransport(t *testing.T, test func(t *testing.T, c *cluster, listen func(identity, path string) listening)) {
	t.Run("long poll", func(t *testing.T) {
		c := newCluster(t)
		test(t, c, c.polling)
	})
	t.Run("stream", func(t *testing.T) {
		c := newCluster(t)
		server := httptest.NewServer(c.router)
		t.Cleanup(server.Close)
		test(t, c, c.streaming(server))
	})
}

// TestOldClient: it never de-duplicates and stops at the first terminal status,
// so each message comes once and all output before the end.
func TestOldClient(t *testing.T) {
	eachTransport(t, func(t *testing.T, c *cluster, listen func(identity, path string) listening) {
		job := c.assigned()
		next := listen(requester, "/poll/jobs/"+job.ID)
		said := c.saying(next)
		c.report(holder, "accept", job, nil, http.StatusOK, "")
		for _, text := range []string{"one", "two"} {
			c.report(holder, "logs", job, dffmpeg.LogsRequest{Logs: []dffmpeg.LogEntry{{Stream: dffmpeg.Stderr, Content: text}}}, http.StatusOK, "")
		}
		said = append(said, c.saying(next)...)
		c.report(holder, "logs", job, dffmpeg.LogsRequest{Logs: []dffmpeg.LogEntry{{Stream: dffmpeg.Stdout, Content: "three"}}}, http.StatusOK, "")
		c.report(holder, "status", job, dffmpeg.FinishRequest{Status: dffmpeg.JobCompleted}, http.StatusOK, "")
		// Repeated because the answer got lost.
		c.report(holder, "status", job, dffmpeg.FinishRequest{Status: dffmpeg.JobCompleted}, http.StatusOK, "")
		for range 100 { // a keep-alive may come between them
			if slices.Contains(said, "completed") {
				break
			}
			said = append(said, c.saying(next)...)
		}
		if diff := cmp.Diff([]string{"assigned", "running", "one", "two", "three", "completed"}, said); diff != "" {
			t.Errorf("what the client sees differs (-want +got):\n%s", diff)
		}
	})
}

// saying returns statuses and lines of the next messages.
func (c *cluster) saying(next listening) []string {
	c.tb.Helper()
	var said []string
	for _, m := range next() {
		if m.Type == dffmpeg.MessageJobLogs {
			logs, err := dffmpeg.DecodePayload[dffmpeg.JobLogs](&m)
			must(c.tb, err)
			for _, line := range logs.Logs {
				said = append(said, line.Content)
			}
			continue
		}
		change, err := dffmpeg.DecodePayload[dffmpeg.JobStatusChange](&m)
		must(c.tb, err)
		said = append(said, string(change.Status))
	}
	return said
}

// latest keeps the message with the highest ID of each job, as a 0.4 worker
// does with what arrives within 0.1 s.
func latest(messages []dffmpeg.Message) map[string]dffmpeg.Message {
	kept := make(map[string]dffmpeg.Message)
	for _, m := range messages {
		if m.JobID != nil && m.ID > kept[*m.JobID].ID {
			kept[*m.JobID] = m
		}
	}
	return kept
}

// TestOldWorkerSeesOnlyTheLast: of an offer and its cancellation it sees the
// cancellation, stops a job it does not know, and reports that; the job ends.
func TestOldWorkerSeesOnlyTheLast(t *testing.T) {
	eachTransport(t, func(t *testing.T, c *cluster, listen func(identity, path string) listening) {
		job := c.assigned()
		c.report(requester, "cancel", job, nil, http.StatusOK, "")
		kept := slices.Collect(maps.Values(latest(listen(holder, "/poll/worker")())))
		if len(kept) != 1 || kept[0].Type != dffmpeg.MessageJobStatus {
			t.Fatalf("the worker acts on %+v", kept)
		}
		change, err := dffmpeg.DecodePayload[dffmpeg.JobStatusChange](&kept[0])
		must(t, err)
		if change.Status != dffmpeg.JobCanceling {
			t.Fatalf("the worker is told %s", change.Status)
		}
		c.report(holder, "status", job, dffmpeg.FinishRequest{Status: dffmpeg.JobCanceled}, http.StatusOK, "")
		shown := decode[dffmpeg.Job](t, c.want(http.StatusOK, requester, http.MethodGet, "/jobs/"+job.ID+"/status", nil))
		if shown.Status != dffmpeg.JobCanceled {
			t.Errorf("the job is %s", shown.Status)
		}
	})
}

// TestOldWorkerIgnoresRefusals: it runs a job whose accept was refused until a
// message stops it; what it reports meanwhile changes nothing.
func TestOldWorkerIgnoresRefusals(t *testing.T) {
	eachTransport(t, func(t *testing.T, c *cluster, listen func(identity, path string) listening) {
		job := c.assigned()
		c.online(otherWorker)
		stale, err := c.deps.State.Job(t.Context(), job.ID)
		must(t, err)
		requeued, err := c.deps.State.Requeue(t.Context(), stale, "not accepted in time")
		must(t, err)
		_, err = c.deps.State.Claim(t.Context(), requeued.Job, otherWorker)
		must(t, err)
		c.report(otherWorker, "accept", job, nil, http.StatusOK, "")

		const refused = "Not assigned to this job"
		c.report(holder, "accept", job, nil, http.StatusForbidden, refused)
		c.report(holder, "logs", job, dffmpeg.LogsRequest{Logs: []dffmpeg.LogEntry{{Stream: dffmpeg.Stderr, Content: "stray"}}}, http.StatusForbidden, refused)
		kept := latest(listen(holder, "/poll/worker")())[job.ID]
		change, err := dffmpeg.DecodePayload[dffmpeg.JobStatusChange](&kept)
		must(t, err)
		if change.Status != dffmpeg.JobCanceled {
			t.Errorf("the stale worker is told %s", change.Status)
		}
		c.report(holder, "status", job, dffmpeg.FinishRequest{Status: dffmpeg.JobFailed}, http.StatusForbidden, refused)
		shown := decode[dffmpeg.Job](t, c.want(http.StatusOK, requester, http.MethodGet, "/jobs/"+job.ID+"/status", nil))
		if shown.Status != dffmpeg.JobRunning || shown.Worker() != otherWorker {
			t.Errorf("the job is %s on %s", shown.Status, shown.Worker())
		}
	})
}

// recovering is a state whose engine is away until it is back.
type recovering struct {
	store.State
	back atomic.Bool
}

func (r *recovering) Finish(ctx context.Context, id string, by store.By, result store.Result) (store.Change, error) {
	if !r.back.Load() {
		return store.Change{}, gone()
	}
	return r.State.Finish(ctx, id, by, result)
}

// TestOldWorkerTriesAgain: it repeats a final report only when the connection
// broke; the report that gets through ends the job.
func TestOldWorkerTriesAgain(t *testing.T) {
	c := newCluster(t)
	job := c.assigned()
	engine := &recovering{State: c.engine.State}
	c.engine.State = engine
	server := httptest.NewServer(c.router)
	defer server.Close()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	body := encode(t, dffmpeg.FinishRequest{Status: dffmpeg.JobCompleted})
	broken := 0
	for range 3 { // after 1, 2 and 4 seconds
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+"/jobs/"+job.ID+"/status", bytes.NewReader(body))
		must(t, err)
		request.Header.Set("Content-Type", "application/json")
		must(t, c.signers[holder].Sign(request, body, time.Now()))
		response, err := client.Do(request)
		if err != nil {
			broken++
			engine.back.Store(true)
			continue
		}
		response.Body.Close()
		break
	}
	if broken != 1 {
		t.Errorf("the connection broke %d times, want once", broken)
	}
	shown := decode[dffmpeg.Job](t, c.want(http.StatusOK, requester, http.MethodGet, "/jobs/"+job.ID+"/status", nil))
	if shown.Status != dffmpeg.JobCompleted {
		t.Errorf("the job is %s", shown.Status)
	}
}
