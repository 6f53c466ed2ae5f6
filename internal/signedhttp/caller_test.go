package signedhttp

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dffmpeg/dffmpeg"
)

// caller returns a caller of a handler below path /base.
func caller(t *testing.T, handler http.HandlerFunc) *Caller {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	base, err := url.Parse(server.URL + "/base")
	if err != nil {
		t.Fatal(err)
	}
	client := NewHTTPClient()
	t.Cleanup(client.CloseIdleConnections)
	return New(Options{BaseURL: base, HTTP: client, UserAgent: "test"})
}

func TestCallReachesThePath(t *testing.T) {
	var got string
	c := caller(t, func(w http.ResponseWriter, r *http.Request) {
		got = r.Method + " " + r.URL.Path + "?" + r.URL.RawQuery + " " + r.Header.Get("Content-Type")
		_, _ = w.Write([]byte(`{"status":"ok"}`))
	})
	var answer dffmpeg.OKAnswer
	err := c.Call(t.Context(), http.MethodPost, "/workers/"+url.PathEscape("wör ker/x"), url.Values{"a": {"1"}}, answer, &answer)
	if err != nil || answer.Status != "ok" {
		t.Errorf("answer %+v, %v", answer, err)
	}
	if want := "POST /base/workers/wör ker/x?a=1 application/json"; got != want {
		t.Errorf("the coordinator got %q, want %q", got, want)
	}
}

func TestAnswersWithErrors(t *testing.T) {
	tests := []struct {
		name, body, date string
		status           int
		code             dffmpeg.Code
		want             string
	}{
		{"a sentence", `{"detail":"Job not found"}`, "", 404, dffmpeg.CodeNotFound, "Job not found"},
		{"fields", `{"detail":[{"type":"missing","loc":["body","x",0],"msg":"Field required"}]}`, "", 422, dffmpeg.CodeValidation, "body.x.0: Field required"},
		{"a code of ours", `{"detail":"no","code":"conflict"}`, "", 400, dffmpeg.CodeConflict, "no"},
		{"not ours", `<html>Bad gateway</html>`, "", 502, dffmpeg.CodeInternal, "502 Bad Gateway"},
		{"a redirect", ``, "", 302, dffmpeg.CodeInvalid, "302 Found"},
		{"clocks that differ", `{"detail":"Invalid HMAC signature"}`, time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat), 401, dffmpeg.CodeUnauthenticated, "set the clocks"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := caller(t, func(w http.ResponseWriter, _ *http.Request) {
				if tt.date != "" {
					w.Header().Set("Date", tt.date)
				}
				w.WriteHeader(tt.status)
				_, _ = w.Write([]byte(tt.body))
			})
			err := c.Call(t.Context(), http.MethodGet, "/x", nil, nil, nil)
			if dffmpeg.CodeOf(err) != tt.code || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v with code %s, want …%s… with %s", err, dffmpeg.CodeOf(err), tt.want, tt.code)
			}
		})
	}
}

func TestUnreachable(t *testing.T) {
	c := New(Options{BaseURL: &url.URL{Scheme: "http", Host: "127.0.0.1:1"}})
	err := c.Call(t.Context(), http.MethodGet, "/health", nil, nil, nil)
	var unreachable *Unreachable
	if !errors.As(err, &unreachable) || dffmpeg.CodeOf(err) != dffmpeg.CodeUnavailable {
		t.Fatalf("error %v, want Unreachable", err)
	}
	if text := err.Error(); strings.Contains(text, "\n") || strings.Count(text, "127.0.0.1:1") > 2 || !strings.Contains(text, "connection refused") {
		t.Errorf("message %q, want one line that says where and why", text)
	}
}

func TestAnswerOfSomethingElse(t *testing.T) {
	c := caller(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("hello")) })
	var answer dffmpeg.OKAnswer
	if err := c.Call(t.Context(), http.MethodGet, "/", nil, nil, &answer); err == nil || !strings.Contains(err.Error(), "is it a dffmpeg coordinator?") {
		t.Errorf("error %v, want the suspicion", err)
	}
}

// TestConditionIsTold: a coordinator that is not well says what is wrong.
func TestConditionIsTold(t *testing.T) {
	for body, want := range map[string]string{
		`{"status":"unhealthy","databases":{"jobs":{"status":"unhealthy","detail":"no answer"},"auth":{"status":"online"}},"transports":{"mqtt":{"status":"unhealthy"}}}`: "The coordinator's condition is unhealthy; database jobs: unhealthy (no answer); transport mqtt: unhealthy",
		`{"status":"shutdown"}`: "The coordinator's condition is shutdown",
		`{"status":"ok"}`:       "The coordinator answered 503 Service Unavailable",
		`nginx`:                 "The coordinator answered 503 Service Unavailable",
	} {
		response := &http.Response{StatusCode: http.StatusServiceUnavailable, Status: "503 Service Unavailable"}
		if err := AnswerError(response, []byte(body)); err.Error() != want || dffmpeg.CodeOf(err) != dffmpeg.CodeUnavailable {
			t.Errorf("%s: %v, want %s", body, err, want)
		}
	}
}

// TestSilenceEndsIdleConnections: after a call that was not answered, the next one
// makes a connection of its own.
func TestSilenceEndsIdleConnections(t *testing.T) {
	var mu sync.Mutex
	var from []string // whom requests came from
	var arrived sync.WaitGroup
	c := caller(t, func(_ http.ResponseWriter, r *http.Request) {
		mu.Lock()
		from = append(from, r.RemoteAddr)
		mu.Unlock()
		switch r.URL.Path {
		case "/base/both": // at the same time, so that there are two connections
			arrived.Done()
			arrived.Wait()
		case "/base/silent":
			<-r.Context().Done()
		}
	})
	arrived.Add(2)
	var both sync.WaitGroup
	for range 2 {
		both.Go(func() {
			if err := c.Call(t.Context(), http.MethodGet, "/both", nil, nil, nil); err != nil {
				t.Error(err)
			}
		})
	}
	both.Wait()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := c.Call(ctx, http.MethodGet, "/silent", nil, nil, nil); err == nil {
		t.Error("silence is an answer")
	}
	if err := c.Call(t.Context(), http.MethodGet, "/", nil, nil, nil); err != nil {
		t.Error(err)
	}
	mu.Lock()
	defer mu.Unlock()
	if last := len(from) - 1; slices.Contains(from[:last], from[last]) {
		t.Errorf("a connection from before was used again: %v", from)
	}
}
