package httpapi

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/internal/httpauth"
)

// bad is a request that cannot be right.
type bad struct {
	name     string
	identity string
	method   string
	target   string // {job} is the job that the holder was assigned
	body     any
	status   int
	detail   string // part of the answer's
	alter    func(*http.Request)
}

const (
	register = "/worker/register"
	submit   = "/jobs/submit"
	absent   = "01J00000000000000000000000" // a job that there is none of
)

func badPaths() []bad {
	var cases []bad
	for _, id := range []string{"zzz", strings.ToLower(absent), absent + "0", "%00", "a%2fb", "%ff", "8ZZZZZZZZZZZZZZZZZZZZZZZZZ"} {
		cases = append(cases,
			bad{"job ID " + id, requester, "GET", "/jobs/" + id + "/status", nil, 400, "Invalid job ID", nil},
			bad{"job ID " + id, holder, "POST", "/jobs/" + id + "/accept", nil, 400, "Invalid job ID", nil},
			bad{"job ID " + id, requester, "GET", "/poll/jobs/" + id, nil, 400, "Invalid job ID", nil})
	}
	// What a mux would clean is not there: 0.4 peers follow no redirects.
	for _, path := range []string{"/nope", "/jobs/", "/jobs//status", "/workers/../health", "//health", "/%2e%2e/health", "/jobs/%2e/status", "/jobs/..%2f../status"} {
		cases = append(cases, bad{"path " + path, nobody, "GET", path, nil, 404, "Not Found", nil})
	}
	return append(cases,
		bad{"method", nobody, "DELETE", "/health", nil, 405, "Method Not Allowed", nil},
		bad{"method", nobody, "GET", submit, nil, 405, "Method Not Allowed", nil},
		bad{"method", nobody, "PROPFIND", "/jobs", nil, 405, "Method Not Allowed", nil},
		bad{"unknown job", requester, "GET", "/jobs/" + absent + "/status", nil, 404, "Job not found", nil},
		bad{"unknown job", holder, "POST", "/jobs/" + absent + "/accept", nil, 404, "Job not found", nil},
		bad{"unknown job", requester, "POST", "/jobs/" + absent + "/cancel", nil, 404, "Job not found", nil},
		bad{"unknown job", requester, "GET", "/poll/jobs/" + absent, nil, 404, "Job not found", nil},
		bad{"unknown worker", requester, "GET", "/workers/zz", nil, 404, "Worker not found", nil},
		bad{"worker with control characters", requester, "GET", "/workers/%00%0a", nil, 404, "Worker not found", nil},
		bad{"worker that is not UTF-8", requester, "GET", "/workers/%ff", nil, 404, "Worker not found", nil},
		bad{"unknown user", administer, "GET", "/admin/users/zz", nil, 404, "zz", nil},
		bad{"user with control characters", administer, "DELETE", "/admin/users/%00", nil, 404, "no such identity", nil},
	)
}

func badQueries() []bad {
	var cases []bad
	for _, value := range []string{"-1", "x", "1e3", "99999999999999999999", "NaN", "%00", "1.5"} {
		cases = append(cases,
			bad{"window " + value, requester, "GET", "/jobs?window=" + value, nil, 422, "window must be a whole number", nil},
			bad{"window " + value, requester, "GET", "/workers?window=" + value, nil, 422, "window must be a whole number", nil},
			bad{"window " + value, nobody, "GET", "/status/data?window=" + value, nil, 422, "window must be a whole number", nil},
			bad{"limit " + value, requester, "GET", "/jobs/{job}/logs?limit=" + value, nil, 422, "limit must be a whole number", nil},
			bad{"attempt " + value, holder, "POST", "/jobs/{job}/accept?attempt=" + value, nil, 422, "attempt must be a whole number", nil})
	}
	for _, value := range []string{"-1", "x", "NaN", "%00"} {
		cases = append(cases,
			bad{"wait " + value, holder, "GET", "/poll/worker?wait=" + value, nil, 400, "wait must be a number of seconds", nil},
			bad{"wait " + value, requester, "GET", "/poll/jobs/{job}?wait=" + value, nil, 400, "wait must be a number of seconds", nil})
	}
	return append(cases,
		bad{"limit 0", requester, "GET", "/jobs/{job}/logs?limit=0", nil, 422, "limit must be a whole number", nil},
		bad{"since_id", requester, "GET", "/jobs?since_id=zzz", nil, 400, "Invalid job ID", nil},
		bad{"since_message_id", requester, "GET", "/jobs/{job}/logs?since_message_id=%00", nil, 422, "last_message_id", nil},
		bad{"monitor", requester, "POST", "/jobs/{job}/client_heartbeat?monitor=maybe", nil, 422, "monitor must be true or false", nil},
		bad{"deep", nobody, "GET", "/health?deep=very", nil, 422, "deep must be true or false", nil},
		bad{"all", administer, "GET", "/jobs?all=perhaps", nil, 422, "all must be true or false", nil},
		bad{"requester", administer, "GET", "/admin/jobs?requester=%00", nil, 422, "client ID", nil},
		bad{"cursor", holder, "GET", "/poll/worker?last_message_id=" + strings.Repeat("0", 200), nil, 400, "too long", nil},
	)
}

func badCredentials() []bad {
	header := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	return []bad{
		{"unsigned", nobody, "GET", "/workers", nil, 401, "Authentication required", nil},
		{"no timestamp", requester, "GET", "/workers", nil, 401, "Incomplete HMAC authentication provided", func(r *http.Request) { r.Header.Del(httpauth.HeaderTimestamp) }},
		{"unknown user", requester, "GET", "/workers", nil, 401, "Invalid user", header(httpauth.HeaderClientID, "nobody")},
		{"control characters", requester, "GET", "/workers", nil, 401, "Invalid user", header(httpauth.HeaderClientID, "jelly\x00fin")},
		{"another's name", requester, "GET", "/workers", nil, 401, "Invalid HMAC signature", header(httpauth.HeaderClientID, otherClient)},
		{"bad timestamp", requester, "GET", "/workers", nil, 401, "Invalid HMAC signature", header(httpauth.HeaderTimestamp, "soon")},
		{"bad signature", requester, "GET", "/workers", nil, 401, "Invalid HMAC signature", header(httpauth.HeaderSignature, "\xff")},
		{"another body", requester, "POST", submit, submission(), 401, "Invalid HMAC signature", func(r *http.Request) {
			r.Body = http.NoBody
		}},
		{"another path", requester, "POST", "/jobs/{job}/cancel", nil, 401, "Invalid HMAC signature", func(r *http.Request) {
			r.URL.Path = "/jobs/" + absent + "/cancel"
		}},
	}
}

func badBodies() []bad {
	asRegister := func(member string) string {
		return fmt.Sprintf(`{"worker_id":"b1","registration_interval":15,"supported_transports":["http_polling"],%s}`, member)
	}
	asSubmit := func(member string) string {
		return fmt.Sprintf(`{"binary_name":"ffmpeg","arguments":[],"supported_transports":["http_polling"],%s}`, member)
	}
	cases := []bad{
		{"no type", requester, "POST", submit, submission(), 415, "Content-Type: application/json", func(r *http.Request) { r.Header.Del("Content-Type") }},
		{"wrong type", requester, "POST", submit, submission(), 415, "Content-Type: application/json", func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") }},
		{"oversize", requester, "POST", submit, asSubmit(`"x":"` + strings.Repeat("x", 1<<20) + `"`), 413, "max_body_bytes", nil},
		{"oversize and unsigned", nobody, "POST", submit, asSubmit(`"x":"` + strings.Repeat("x", 1<<20) + `"`), 413, "max_body_bytes", nil},
		{"oversize of unknown length", requester, "POST", submit, asSubmit(`"x":"` + strings.Repeat("x", 1<<20) + `"`), 413, "max_body_bytes", func(r *http.Request) { r.ContentLength = -1 }},

		{"another worker", holder, "POST", register, strings.Replace(asRegister(`"x":1`), "b1", "b2", 1), 403, "WorkerID does not match authenticated ClientID", nil},
		{"worker with control characters", holder, "POST", register, strings.Replace(asRegister(`"x":1`), "b1", `b1\u0000`, 1), 403, "WorkerID does not match", nil},
		{"another worker's token", holder, "POST", "/worker/b2/verify", `{"registration_token":"x"}`, 403, "WorkerID does not match", nil},
		{"worker's list is null", holder, "POST", register, asRegister(`"binaries":null`), 422, "list_type", nil},
		{"worker's list holds a number", holder, "POST", register, asRegister(`"paths":[1]`), 422, "string_type", nil},
		{"worker's path has a NUL", holder, "POST", register, asRegister(`"paths":["\u0000"]`), 422, "Control characters", nil},
		{"worker's version has a NUL", holder, "POST", register, asRegister(`"version":"\u0000"`), 422, "Control characters", nil},
		{"worker's instance has a NUL", holder, "POST", register, asRegister(`"instance_id":"\u0000"`), 422, "Control characters", nil},
		{"worker's status", holder, "POST", register, asRegister(`"status":"offline"`), 422, "enum", nil},
		{"worker's interval is 0", holder, "POST", register, asRegister(`"registration_interval":0`), 422, "greater_than_equal", nil},
		{"worker's interval is huge", holder, "POST", register, asRegister(`"registration_interval":1e300`), 422, "less_than_equal", nil},
		{"worker's interval in another spelling", holder, "POST", register, strings.Replace(asRegister(`"regi\u017ftration_interval":-5`), `"registration_interval":15,`, "", 1), 422, "missing", nil},
		{"worker's transports", holder, "POST", register, asRegister(`"supported_transports":["zzz"]`), 400, "No supported transports in: zzz", nil},
		{"worker without transports", holder, "POST", register, asRegister(`"supported_transports":[]`), 422, "too_short", nil},
		{"token that was not sent", holder, "POST", "/worker/b1/verify", `{"registration_token":"x"}`, 400, "No pending registration to verify", nil},
		{"token with a NUL", holder, "POST", "/worker/b1/verify", `{"registration_token":"\u0000"}`, 400, "Invalid registration token", nil},
		{"worker that is unknown", otherWorker, "POST", "/worker/deregister", `{"worker_id":"b2"}`, 404, "", nil},

		{"binary", requester, "POST", submit, asSubmit(`"binary_name":"rm"`), 400, "Unsupported binary name: rm", nil},
		{"empty binary", requester, "POST", submit, asSubmit(`"binary_name":""`), 422, "string_too_short", nil},
		{"transports", requester, "POST", submit, asSubmit(`"supported_transports":["zz"]`), 400, "No supported transports", nil},
		{"no transports", requester, "POST", submit, asSubmit(`"supported_transports":[]`), 422, "too_short", nil},
		{"arguments are null", requester, "POST", submit, asSubmit(`"arguments":null`), 422, "list_type", nil},
		{"arguments are missing", requester, "POST", submit, `{"binary_name":"ffmpeg","supported_transports":["http_polling"]}`, 422, "missing", nil},
		{"argument is null", requester, "POST", submit, asSubmit(`"arguments":[null]`), 422, "string_type", nil},
		{"argument with a NUL", requester, "POST", submit, asSubmit(`"arguments":["a","b\u0000"]`), 422, "NUL", nil},
		{"path with a NUL", requester, "POST", submit, asSubmit(`"paths":["\u0000"]`), 422, "NUL", nil},
		{"directory with a NUL", requester, "POST", submit, asSubmit(`"working_directory":"\u0000"`), 422, "NUL", nil},
		{"key with a NUL", requester, "POST", submit, asSubmit(`"idempotency_key":"\u0000"`), 422, "Control characters", nil},
		{"variable with a strange name", requester, "POST", submit, asSubmit(`"environment":{"A=B":"x"}`), 422, "letters, digits", nil},
		{"variable of ours", requester, "POST", submit, asSubmit(`"environment":{"DFFMPEG_HMAC_KEY":"x"}`), 422, "dffmpeg itself", nil},
		{"variable with a NUL", requester, "POST", submit, asSubmit(`"environment":{"A":"\u0000"}`), 422, "NUL", nil},
		{"umask that is too large", requester, "POST", submit, asSubmit(`"umask":512`), 422, "511", nil},
		{"umask that is text", requester, "POST", submit, asSubmit(`"umask":"0077"`), 422, "int", nil},
		{"variable that is a number", requester, "POST", submit, asSubmit(`"environment":{"A":1}`), 422, "string_type", nil},
		{"segments are null", requester, "POST", submit, asSubmit(`"segments":null`), 422, "list_type", nil},
		{"segment is a number", requester, "POST", submit, asSubmit(`"segments":[3]`), 422, "segments", nil},
		{"segment is null", requester, "POST", submit, asSubmit(`"segments":[null]`), 422, "segments", nil},
		{"part of a segment is a number", requester, "POST", submit, asSubmit(`"arguments":["a"],"segments":[["a",3]]`), 422, "part 1", nil},
		{"file in a file", requester, "POST", submit, asSubmit(`"arguments":["a"],"segments":[[{"content":[{"content":"x"}]}]]`), 422, "cannot have a file", nil},
		{"segment with a NUL", requester, "POST", submit, asSubmit(`"arguments":["a"],"segments":["\u0000"]`), 422, "NUL", nil},
		{"segment of another path", requester, "POST", submit, asSubmit(`"arguments":["a"],"paths":["B"],"segments":[[{"name":"A"}]]`), 422, "path A", nil},
		{"another number of segments", requester, "POST", submit, asSubmit(`"arguments":["a","b"],"segments":["a"]`), 422, "as many segments", nil},
		{"interval", requester, "POST", submit, asSubmit(`"heartbeat_interval":0`), 422, "greater_than_equal", nil},
		{"interval is no integer", requester, "POST", submit, asSubmit(`"heartbeat_interval":1.5`), 422, "int_type", nil},
		{"monitor", requester, "POST", submit, asSubmit(`"monitor":"perhaps"`), 422, "bool_type", nil},

		{"status", holder, "POST", "/jobs/{job}/status", `{"status":"running"}`, 422, "enum", nil},
		{"status is a number", holder, "POST", "/jobs/{job}/status", `{"status":5}`, 422, "string_type", nil},
		{"exit code", holder, "POST", "/jobs/{job}/status", `{"status":"failed","exit_code":1e30}`, 422, "less_than_equal", nil},
		{"exit code is no integer", holder, "POST", "/jobs/{job}/status", `{"status":"failed","exit_code":0.5}`, 422, "int_type", nil},
		{"attempt", holder, "POST", "/jobs/{job}/status", `{"status":"failed","attempt":-1}`, 422, "greater_than_equal", nil},
		{"older attempt", holder, "POST", "/jobs/{job}/status", `{"status":"failed","attempt":77}`, 403, "Not assigned to this job", nil},
		{"no output", holder, "POST", "/jobs/{job}/logs", `{"logs":[]}`, 422, "too_short", nil},
		{"output is null", holder, "POST", "/jobs/{job}/logs", `{"logs":[null]}`, 422, "dict_type", nil},
		{"stream", holder, "POST", "/jobs/{job}/logs", `{"logs":[{"stream":"stdlog","content":"x"}]}`, 422, "enum", nil},
		{"time", holder, "POST", "/jobs/{job}/logs", `{"logs":[{"stream":"stdout","content":"x","timestamp":"noon"}]}`, 422, "datetime_parsing", nil},
		{"day", holder, "POST", "/jobs/{job}/logs", `{"logs":[{"stream":"stdout","content":"x","timestamp":"2026-02-30T00:00:00Z"}]}`, 422, "", nil},
		{"year in UTC", holder, "POST", "/jobs/{job}/logs", `{"logs":[{"stream":"stdout","content":"x","timestamp":"9999-12-31T23:59:59-01:00"}]}`, 422, "years", nil},
		{"terminator", holder, "POST", "/jobs/{job}/logs", `{"logs":[{"stream":"stdout","content":"x","terminator":"y"}]}`, 422, "terminator", nil},
		{"batch", holder, "POST", "/jobs/{job}/logs", `{"logs":[{"stream":"stdout","content":"x"}],"batch":1e30}`, 422, "does not fit", nil},
		{"nothing to acknowledge", holder, "POST", "/worker/b1/ack", `{"message_ids":[]}`, 422, "too_short", nil},
		{"action", administer, "POST", "/admin/janitor", `{"action":"sweep"}`, 422, "enum", nil},
		{"user's name", administer, "POST", "/admin/users", `{"client_id":"a b\u0000","role":"client"}`, 400, "control characters", nil},
		{"user's role", administer, "POST", "/admin/users", `{"client_id":"x","role":"king"}`, 422, "enum", nil},
		{"user's scope", administer, "POST", "/admin/users", `{"client_id":"x","role":"client","allowed_cidrs":["home"]}`, 422, "CIDR", nil},
		{"user that exists", administer, "POST", "/admin/users", `{"client_id":"plex","role":"client"}`, 409, "plex", nil},
		{"no scope", administer, "PUT", "/admin/users/spare/scope", `{"allowed_cidrs":[]}`, 422, "too_short", nil},
	}
	for _, body := range []string{"{\"bad json", "{}x", "{} {}", "[", "\xff", "tru", "{\"a\":}", strings.Repeat("[", 20000)} {
		cases = append(cases, bad{"malformed " + short(body), requester, "POST", submit, body, 422, "json_invalid", nil})
	}
	for _, body := range []string{"null", "[]", "5", `"x"`, "true"} {
		cases = append(cases, bad{"not an object: " + body, requester, "POST", submit, body, 422, "dict_type", nil})
	}
	return append(cases, bad{"empty body", requester, "POST", submit, nil, 415, "Content-Type: application/json", nil},
		bad{"empty JSON", requester, "POST", submit, nil, 422, "json_invalid", func(r *http.Request) { r.Header.Set("Content-Type", "application/json") }})
}

// TestBadInput: each request is refused with a status from 400 to 499 and a
// detail that says what is wrong, and nothing is stored.
func TestBadInput(t *testing.T) {
	c := newCluster(t)
	job := c.assigned()
	for group, cases := range map[string][]bad{
		"paths": badPaths(), "queries": badQueries(), "credentials": badCredentials(), "bodies": badBodies(),
	} {
		for _, b := range cases {
			t.Run(group+"/"+b.name, func(t *testing.T) {
				c.tb = t
				before := c.stored()
				r := c.request(b.identity, b.method, strings.ReplaceAll(b.target, "{job}", job.ID), encode(t, b.body))
				if b.alter != nil {
					b.alter(r)
				}
				a := c.serve(r)
				if a.status != b.status {
					t.Fatalf("status %d, want %d: %s", a.status, b.status, a.body)
				}
				if got := a.detail(t); got == "" || !strings.Contains(got, b.detail) {
					t.Errorf("the detail does not say %q: %s", b.detail, got)
				}
				if diff := cmp.Diff(before, c.stored(), comparable()); diff != "" {
					t.Errorf("something was stored (-before +after):\n%s", diff)
				}
			})
		}
	}
	if strings.Contains(c.log.String(), "panic") {
		t.Errorf("a handler panicked:\n%s", c.log)
	}
}

// TestFieldErrors: an error of a member names it, in the words of 0.4.
func TestFieldErrors(t *testing.T) {
	c := newCluster(t)
	c.assigned()
	got := decode[struct{ Detail []dffmpeg.FieldError }](t, c.want(http.StatusUnprocessableEntity, holder, http.MethodPost,
		"/jobs/"+absent+"/logs", `{"logs":[{"stream":"stdout","content":"x"},{"stream":"nope"}]}`)).Detail
	want := []dffmpeg.FieldError{
		{Type: "enum", Loc: []any{"body", "logs", 1.0, "stream"}, Msg: `Expected value to be one of "stdout, stderr"`, In: "nope"},
		{Type: "missing", Loc: []any{"body", "logs", 1.0, "content"}, Msg: "Field required: content"},
	}
	if diff := cmp.Diff(want, got, cmp.Transformer("byType", func(in []dffmpeg.FieldError) map[string]dffmpeg.FieldError {
		byType := make(map[string]dffmpeg.FieldError)
		for _, f := range in {
			byType[f.Type] = f
		}
		return byType
	})); diff != "" {
		t.Errorf("fields differ (-want +got):\n%s", diff)
	}
}

// TestLenientInput: what 0.4 and newer peers send is taken: null for optional
// scalars, missing lists, members that we do not know.
func TestLenientInput(t *testing.T) {
	c := newCluster(t)
	for name, body := range map[string]string{
		"nulls":           `{"binary_name":"ffmpeg","arguments":[],"supported_transports":["http_polling"],"working_directory":null,"heartbeat_interval":null,"monitor":null}`,
		"unknown members": `{"binary_name":"ffmpeg","arguments":[],"supported_transports":["http_polling"],"priority":9,"labels":{"a":[1]},"$schema":"x"}`,
		"no paths":        `{"binary_name":"ffmpeg","arguments":[],"supported_transports":["zz","http_polling"]}`,
		"surrogates":      `{"binary_name":"ffmpeg","arguments":["\ud800"],"supported_transports":["http_polling"]}`,
	} {
		t.Run(name, func(t *testing.T) {
			c.tb = t
			job := decode[dffmpeg.Job](t, c.want(http.StatusOK, requester, http.MethodPost, submit, body))
			if job.Paths == nil || job.HeartbeatInterval != 5 || job.Monitor {
				t.Errorf("defaults are not applied: %+v", job)
			}
		})
	}
	body := []byte(`{"worker_id":"b1","registration_interval":15,"supported_transports":["http_polling"],"version":null,"status":null,"new":1}`)
	r := c.request(holder, http.MethodPost, register, body)
	r.Header.Set("Content-Type", "Application/JSON; charset=utf-8")
	if a := c.serve(r); a.status != http.StatusOK {
		t.Errorf("registration: %d %s", a.status, a.body)
	}
}

// TestBrokenBody: a body that breaks off is the caller's problem, not ours.
func TestBrokenBody(t *testing.T) {
	c := newCluster(t)
	r := c.request(requester, http.MethodPost, submit, encode(t, submission()))
	r.Body = io.NopCloser(iotest.ErrReader(io.ErrUnexpectedEOF))
	if a := c.serve(r); a.status != http.StatusBadRequest {
		t.Errorf("status %d: %s", a.status, a.body)
	}
}

// TestUnreadBodies: what is announced as too large, what comes unsigned and what
// nobody asked for is not read.
func TestUnreadBodies(t *testing.T) {
	c := newCluster(t)
	for _, try := range []struct {
		name, method, target string
		length               int64
		status               int
	}{
		{"too large", http.MethodPost, submit, c.deps.Settings.MaxBodyBytes + 1, http.StatusRequestEntityTooLarge},
		{"unsigned", http.MethodPost, submit, -1, http.StatusUnauthorized},
		{"open to all", http.MethodGet, "/health", -1, http.StatusOK},
	} {
		r := c.request(nobody, try.method, try.target, nil)
		r.ContentLength = try.length
		r.Body = io.NopCloser(iotest.ErrReader(errors.New("it was read")))
		if a := c.serve(r); a.status != try.status {
			t.Errorf("%s: status %d, want %d: %s", try.name, a.status, try.status, a.body)
		}
	}
}
