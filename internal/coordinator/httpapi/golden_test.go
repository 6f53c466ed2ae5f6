package httpapi

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/internal/httpauth"
	"github.com/dffmpeg/dffmpeg/store"
)

// exchange is one that was recorded from 0.4.
type exchange struct {
	Identity *string         `json:"identity"`
	Method   string          `json:"method"`
	Path     string          `json:"path"`
	Status   int             `json:"status"`
	Request  json.RawMessage `json:"request"`
	Response json.RawMessage `json:"response"`
	Prefix   *string         `json:"response_prefix"` // of what was too long to record
	Stream   string          `json:"stream"`
	Line     json.RawMessage `json:"line"`
}

// The values of the recording that differ each time.
const (
	recordedJob   = "01M82NVPC7PNYYWZDBN6F8YV25"
	recordedToken = "lTBA3jdtFtm0ivPi09ly4vaFfY7ypV3ri4gqJVJYePM"
)

// replay plays a recording against a coordinator.
type replay struct {
	*cluster
	server *httptest.Server
	job    string // ours
	signed int    // how often GET /workers was signed wrongly
	stream *bufio.Reader
	close  func()
}

// TestGolden replays every recorded exchange in its order: the status is the
// same, and every member that 0.4 answered is there with the same value.
func TestGolden(t *testing.T) {
	data, err := os.ReadFile("testdata/wire-0.4.json")
	must(t, err)
	var recording struct {
		Exchanges []exchange `json:"exchanges"`
	}
	must(t, json.Unmarshal(data, &recording))
	if len(recording.Exchanges) < 40 {
		t.Fatalf("the recording holds %d exchanges only", len(recording.Exchanges))
	}
	r := &replay{cluster: newCluster(t, func(d *Deps) {
		d.NewToken = func() string { return recordedToken }
	}), close: func() {}}
	r.seed()
	r.server = httptest.NewServer(r.router)
	defer r.server.Close()
	defer func() { r.close() }()
	for i, e := range recording.Exchanges {
		t.Run(fmt.Sprintf("%02d %s %s", i, e.Method, e.Path+e.Stream), func(t *testing.T) {
			r.tb = t
			if e.Stream != "" {
				r.line(t, e)
				return
			}
			r.exchange(t, e)
		})
	}
}

// seed makes the offline workers that the recording shows.
func (r *replay) seed() {
	for _, id := range []string{"worker01", "b3", "b2", "b4"} {
		if _, known := r.signers[id]; !known {
			_, key, err := r.deps.Accounts.Add(r.tb.Context(), id, dffmpeg.RoleWorker, nil)
			must(r.tb, err)
			r.signers[id] = signer(r.tb, id, key)
		}
		r.want(http.StatusOK, id, http.MethodPost, "/worker/register", registration(id))
		r.want(http.StatusOK, id, http.MethodPost, "/worker/"+id+"/verify", dffmpeg.VerifyRequest{RegistrationToken: recordedToken})
		r.want(http.StatusOK, id, http.MethodPost, "/worker/deregister", dffmpeg.DeregisterRequest{WorkerID: id})
	}
}

// ours puts our job's ID in the place of the recorded one.
func (r *replay) ours(text string) string {
	if r.job == "" {
		return text
	}
	return strings.ReplaceAll(text, recordedJob, r.job)
}

// send sends a request to the server.
func (r *replay) send(t *testing.T, e exchange) *http.Response {
	t.Helper()
	body := []byte(r.ours(string(e.Request)))
	if string(body) == "null" {
		body = nil
	}
	var raw string // what was no JSON is recorded as a string
	if json.Unmarshal(body, &raw) == nil {
		body = []byte(raw)
	}
	request, err := http.NewRequestWithContext(t.Context(), e.Method, r.server.URL+r.ours(e.Path), bytes.NewReader(body))
	must(t, err)
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	if e.Identity != nil {
		must(t, r.signers[*e.Identity].Sign(request, body, time.Now()))
	}
	if e.Status == http.StatusUnauthorized && e.Identity != nil {
		r.forge(request, e)
	}
	client := &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	response, err := client.Do(request)
	must(t, err)
	return response
}

// forge makes a signature wrong: the first is another request's, the second is
// as old as no clock may be off.
func (r *replay) forge(request *http.Request, e exchange) {
	r.signed++
	if r.signed == 1 {
		request.Header.Set(httpauth.HeaderTimestamp, "1")
		return
	}
	_ = r.signers[*e.Identity].Sign(request, nil, time.Now().Add(-httpauth.MaxDrift-time.Minute))
}

func (r *replay) exchange(t *testing.T, e exchange) {
	response := r.send(t, e)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	must(t, err)
	if response.StatusCode != e.Status {
		t.Fatalf("status %d, want %d: %s", response.StatusCode, e.Status, body)
	}
	if strings.HasPrefix(e.Path, "/poll/jobs/") && e.Status == http.StatusOK {
		r.recorded(t)
	}
	if got := response.Header.Get("Cache-Control"); got != "no-cache, no-store, must-revalidate" {
		t.Errorf("Cache-Control %q", got)
	}
	expected := e.Response
	if e.Prefix != nil {
		expected = complete(*e.Prefix)
	}
	if expected == nil {
		return
	}
	if e.Path == "/jobs/submit" && e.Status == http.StatusOK {
		r.job = decode[dffmpeg.Job](t, answer{body: body}).ID
	}
	r.compare(t, expected, body, e.Prefix != nil)
	if e.Prefix != nil && strings.HasPrefix(e.Path, "/poll/jobs/") {
		r.told(t, body)
	}
}

// recorded waits until what an answer had is recorded as sent, which happens after
// the answer: who asks again before that is given it again, as it may have been lost.
func (r *replay) recorded(t *testing.T) {
	t.Helper()
	job, err := r.deps.State.Job(t.Context(), r.job)
	must(t, err)
	for began := time.Now(); time.Since(began) < 5*time.Second; time.Sleep(time.Millisecond) {
		unsent, err := r.deps.State.Mail(t.Context(), job.Requester(), store.MailQuery{Select: store.MailUnsent})
		if must(t, err); len(unsent) == 0 {
			return
		}
	}
	t.Fatal("what was answered is not recorded as sent")
}

// told checks that the requester was told everything, in order, to the end:
// that part of the recording was cut off.
func (r *replay) told(t *testing.T, body []byte) {
	t.Helper()
	var got []string
	for _, m := range decode[dffmpeg.MessagesAnswer](t, answer{body: body}).Messages {
		if m.Type == dffmpeg.MessageJobLogs {
			got = append(got, "logs")
			continue
		}
		change, err := dffmpeg.DecodePayload[dffmpeg.JobStatusChange](&m)
		must(t, err)
		got = append(got, string(change.Status))
	}
	if diff := cmp.Diff([]string{"assigned", "running", "running", "logs", "canceling", "canceled"}, got); diff != "" {
		t.Errorf("what the requester is told differs (-want +got):\n%s", diff)
	}
}

// complete closes what a recorded prefix left open, without the member that
// was cut in two.
func complete(prefix string) []byte {
	if prefix == "" {
		return nil
	}
	if cut := strings.TrimSuffix(prefix, ","); json.Valid([]byte(cut + "}")) {
		return []byte(cut + "}")
	}
	for i := len(prefix); i > 0; i-- {
		if whole := prefix[:i] + "]}"; json.Valid([]byte(whole)) {
			return []byte(whole)
		}
	}
	return []byte(prefix)
}

// line reads the next line of the worker's stream. Before a job is announced
// the scheduler has to assign it: that is us.
func (r *replay) line(t *testing.T, e exchange) {
	if bytes.Contains(e.Line, []byte(dffmpeg.MessageJobRequest)) {
		job, err := r.deps.State.Job(t.Context(), r.job)
		must(t, err)
		_, err = r.deps.State.Claim(t.Context(), job, holder)
		must(t, err)
	}
	if r.stream == nil {
		r.open()
	}
	for {
		line, err := r.stream.ReadBytes('\n')
		must(t, err)
		if len(bytes.TrimSpace(line)) > 0 {
			r.compare(t, e.Line, line, false)
			return
		}
	}
}

// open begins the worker's stream, which lasts for several exchanges.
func (r *replay) open() {
	request, err := http.NewRequest(http.MethodGet, r.server.URL+"/poll/worker", nil)
	must(r.tb, err)
	must(r.tb, r.signers[holder].Sign(request, nil, time.Now()))
	request.Header.Set("Accept", "application/x-ndjson")
	carrier := &http.Transport{DisableKeepAlives: true}
	response, err := carrier.RoundTrip(request)
	must(r.tb, err)
	if got := response.Header.Get("Content-Type"); got != "application/x-ndjson" {
		r.tb.Fatalf("the stream has the type %q", got)
	}
	r.stream = bufio.NewReader(response.Body)
	r.close = func() { _ = response.Body.Close() }
}

// compare compares an answer with a recorded one, of which the end may be cut
// off.
func (r *replay) compare(t *testing.T, want, got []byte, cut bool) {
	t.Helper()
	var expected, actual any
	must(t, json.Unmarshal([]byte(r.ours(string(want))), &expected))
	if err := json.Unmarshal(got, &actual); err != nil {
		t.Fatalf("%v: %s", err, got)
	}
	expected, actual = stable("", expected), stable("", actual)
	shared := common(expected, actual)
	if cut {
		shared = shorten(expected, shared)
	}
	if diff := cmp.Diff(expected, shared); diff != "" {
		t.Errorf("answer differs (-0.4 +ours):\n%s\nours: %s", diff, got)
	}
}

// stable replaces values that differ each time by what they are.
func stable(name string, value any) any {
	switch v := value.(type) {
	case map[string]any:
		replaced := make(map[string]any, len(v))
		for key, member := range v {
			replaced[key] = stable(key, member)
		}
		return replaced
	case []any:
		replaced := make([]any, 0, len(v))
		for _, item := range v {
			if _, offset := item.(float64); offset && name == "loc" {
				item = "a place in the text"
			}
			replaced = append(replaced, stable(name, item))
		}
		return replaced
	case string:
		switch name {
		case "message_id", "id", "last_message_id":
			return fmt.Sprintf("an ID: %t", dffmpeg.ValidID(v))
		case "timestamp", "created_at", "last_update", "last_seen", "client_last_seen", "worker_last_seen":
			at, err := time.Parse(time.RFC3339Nano, v)
			_, offset := at.Zone()
			return fmt.Sprintf("a time: %t, Z: %t, +00:00: %t", err == nil && offset == 0, strings.HasSuffix(v, "Z"), strings.HasSuffix(v, "+00:00"))
		case "version", "msg", "error":
			return "some " + name
		}
	case nil:
		// 0.4 crashes on a mix of null and set times of output, so ours are set.
		if name == "timestamp" {
			return stable(name, "2026-11-22T22:00:00Z")
		}
	}
	return value
}

// common returns ours without the members of objects that 0.4 does not have.
func common(theirs, ours any) any {
	switch their := theirs.(type) {
	case map[string]any:
		our, ok := ours.(map[string]any)
		if !ok {
			return ours
		}
		shared := make(map[string]any, len(their))
		for key, member := range their {
			if value, there := our[key]; there {
				shared[key] = common(member, value)
			}
		}
		return shared
	case []any:
		our, ok := ours.([]any)
		if !ok {
			return ours
		}
		our = slices.Clone(our)
		for i := range min(len(our), len(their)) {
			our[i] = common(their[i], our[i])
		}
		return our
	default:
		return ours
	}
}

// shorten cuts our list of messages to the length of the recorded one.
func shorten(theirs, ours any) any {
	their, _ := theirs.(map[string]any)["messages"].([]any)
	our, ok := ours.(map[string]any)["messages"].([]any)
	if !ok || len(their) == 0 || len(our) <= len(their) {
		return ours
	}
	return map[string]any{"messages": our[:len(their)]}
}
