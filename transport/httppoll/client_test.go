package httppoll_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/transport"
	"github.com/dffmpeg/dffmpeg/transport/httppoll"
	"github.com/dffmpeg/dffmpeg/transport/transporttest"
)

// script is a coordinator that answers by a list, and keeps silent after it.
type script struct {
	began    time.Time
	answers  []answer
	requests []request
}

// request is what came, and when.
type request struct {
	At     time.Duration
	Cursor string
	Stream bool
}

// answer is what the coordinator does with a request.
type answer struct {
	after  time.Duration
	status int    // 0 means 200
	media  string // empty means application/json
	body   string
	open   bool // the body does not end
	err    error
}

const ndjson = "application/x-ndjson"

func (s *script) Do(ctx context.Context, _, path string, query url.Values, header http.Header, _ []byte) (*http.Response, error) {
	if path != "/poll/worker" || query.Get("ack") != "true" || query.Get("wait") != "5" {
		return nil, errors.New("unexpected request")
	}
	s.requests = append(s.requests, request{
		At: time.Since(s.began), Cursor: query.Get("last_message_id"), Stream: header.Get("Accept") == ndjson,
	})
	if len(s.answers) == 0 {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	a := s.answers[0]
	s.answers = s.answers[1:]
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-time.After(a.after):
	}
	if a.err != nil {
		return nil, a.err
	}
	response := &http.Response{StatusCode: a.status, Header: http.Header{"Content-Type": {"application/json"}}}
	if a.status == 0 {
		response.StatusCode = http.StatusOK
	}
	if a.media != "" {
		response.Header.Set("Content-Type", a.media)
	}
	response.Body = io.NopCloser(strings.NewReader(a.body))
	if a.open {
		response.Body = io.NopCloser(io.MultiReader(strings.NewReader(a.body), hanging{ctx}))
	}
	return response, nil
}

// hanging is a body of which no more comes.
type hanging struct{ ctx context.Context }

func (h hanging) Read([]byte) (int, error) {
	<-h.ctx.Done()
	return 0, h.ctx.Err()
}

// message returns the JSON of messages with these IDs.
func message(ids ...string) string {
	var list []string
	for _, id := range ids {
		list = append(list, `{"message_id":"`+id+`","recipient_id":"worker1","timestamp":"2026-11-22T22:26:05Z","message_type":"job_status","payload":{}}`)
	}
	return `{"messages":[` + strings.Join(list, ",") + `]}`
}

// listening runs a client against a script for a virtual time; it returns what
// was heard and what Listen returned.
func listening(t *testing.T, s *script, stream bool, duration time.Duration, handle func(context.Context) error) (heard []string, err error) {
	t.Helper()
	settings := httppoll.DefaultClientSettings()
	settings.Streaming = stream
	client, err := httppoll.NewClient(settings, transport.Subscription{Metadata: transport.Metadata{"path": "/poll/worker"}}, s, transporttest.Discard())
	if err != nil {
		t.Fatal(err)
	}
	s.began = time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), duration)
	defer cancel()
	err = client.Listen(ctx, func(ctx context.Context, messages []dffmpeg.Message) error {
		for _, m := range messages {
			heard = append(heard, m.ID)
		}
		if handle != nil {
			return handle(ctx)
		}
		return nil
	})
	return heard, err
}

// quick checks that a time is a first pause after another.
func quick(t *testing.T, before, at time.Duration) {
	t.Helper()
	if pause := at - before; pause < 50*time.Millisecond || pause > 100*time.Millisecond {
		t.Errorf("the first pause is %s, want 50 to 100 ms", pause)
	}
}

func TestClientFallsBackToPolls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{answers: []answer{
			{after: 5 * time.Second, body: `{"messages":[]}`},
			{after: time.Second, body: message("A", "B")},
			{after: 5 * time.Second, body: message()},
		}}
		heard, err := listening(t, s, true, 12*time.Second, nil)
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Listen: %v", err)
		}
		if diff := cmp.Diff([]string{"A", "B"}, heard); diff != "" {
			t.Error(diff)
		}
		want := []request{{0, "", true}, {5 * time.Second, "", false}, {6 * time.Second, "B", false}, {11 * time.Second, "B", false}}
		if diff := cmp.Diff(want, s.requests); diff != "" {
			t.Error(diff)
		}
	})
}

func TestClientNoticesSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{answers: []answer{{media: ndjson, body: message("A") + "\n\n", open: true}}}
		_, _ = listening(t, s, true, 15*time.Second, nil) // it ends with its time
		if len(s.requests) != 2 || s.requests[1].Cursor != "A" {
			t.Fatalf("requests %v, want a second one from the cursor", s.requests)
		}
		quick(t, 10*time.Second, s.requests[1].At)
	})
}

func TestClientGivesUpOnRequestWithoutAnswer(t *testing.T) {
	for _, stream := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			s := &script{}
			_, _ = listening(t, s, stream, 15*time.Second, nil) // it ends with its time
			if len(s.requests) != 2 {
				t.Fatalf("requests %v, want a second one", s.requests)
			}
			quick(t, 10*time.Second, s.requests[1].At)
		})
	}
}

func TestClientIsPatientWithItsHandler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{answers: []answer{{media: ndjson, body: message("A") + "\n" + message("B") + "\n", open: true}}}
		heard, err := listening(t, s, true, 65*time.Second, func(ctx context.Context) error {
			select {
			case <-ctx.Done():
				return errors.New("the handler was disturbed")
			case <-time.After(30 * time.Second):
				return nil
			}
		})
		if !errors.Is(err, context.DeadlineExceeded) || len(heard) != 2 || len(s.requests) != 1 {
			t.Errorf("heard %v by %v: %v", heard, s.requests, err)
		}
	})
}

// TestClientKnowsWhetherItHears: while a stream is open and says nothing else.
func TestClientKnowsWhetherItHears(t *testing.T) {
	const away = `{"messages":[],"away":true}` + "\n"
	for name, tt := range map[string]struct {
		answer answer
		want   bool
	}{
		"stream":             {answer{media: ndjson, open: true}, true},
		"stream with a line": {answer{media: ndjson, open: true, body: "\n"}, true},
		"store away":         {answer{media: ndjson, open: true, body: "\n" + away}, false},
		"store back":         {answer{media: ndjson, open: true, body: away + "\n"}, true},
		"polls":              {answer{body: message()}, false},
		"refused":            {answer{status: http.StatusServiceUnavailable}, false},
		"no answer":          {answer{after: time.Hour}, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &script{began: time.Now(), answers: []answer{tt.answer}}
				client, err := httppoll.NewClient(httppoll.DefaultClientSettings(),
					transport.Subscription{Metadata: transport.Metadata{"path": "/poll/worker"}}, s, transporttest.Discard())
				if err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithCancel(t.Context())
				ended := make(chan struct{})
				go func() {
					defer close(ended)
					_ = client.Listen(ctx, func(context.Context, []dffmpeg.Message) error { return nil })
				}()
				synctest.Wait()
				if got := client.Hears(); got != tt.want {
					t.Errorf("it hears: %t, want %t", got, tt.want)
				}
				time.Sleep(11 * time.Second) // virtual: silence
				if client.Hears() {
					t.Error("it hears although there was only silence")
				}
				cancel()
				<-ended
			})
		})
	}
}

func TestClientReturnsWhatWillNotPass(t *testing.T) {
	for status, code := range map[int]dffmpeg.Code{
		401: dffmpeg.CodeUnauthenticated, 403: dffmpeg.CodeForbidden, 404: dffmpeg.CodeNotFound,
	} {
		synctest.Test(t, func(t *testing.T) {
			s := &script{answers: []answer{{status: status, body: `{"detail":"No."}`}}}
			_, err := listening(t, s, true, time.Hour, nil)
			if dffmpeg.CodeOf(err) != code || !strings.Contains(err.Error(), "No.") {
				t.Errorf("status %d: Listen returned %v", status, err)
			}
		})
	}
}

func TestClientTriesAgain(t *testing.T) {
	failures := map[string]answer{
		"network":          {err: errors.New("connection refused")},
		"unavailable":      {status: 503, body: `{"detail":"Shutting down"}`},
		"internal":         {status: 500, body: `oops`},
		"bad gateway":      {status: 502, media: "text/html", body: `<html>`},
		"somebody else":    {media: "text/html", body: `<html>`},
		"malformed line":   {media: ndjson, body: "{\"messages\":[}\n"},
		"truncated line":   {media: ndjson, body: `{"messages":[{"message_id":"B"`},
		"message sans ID":  {media: ndjson, body: "{\"messages\":[{}]}\n"},
		"malformed answer": {body: `{`},
		"end of stream":    {media: ndjson},
		"broken stream":    {media: ndjson, body: "\n\n"},
		"hasty answer":     {body: message()},
	}
	for name, failure := range failures {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &script{answers: []answer{
					{media: ndjson, body: message("A") + "\n"}, failure, {body: message("B")},
				}}
				heard, _ := listening(t, s, true, 5*time.Second, nil)
				if diff := cmp.Diff([]string{"A", "B"}, heard); diff != "" {
					t.Errorf("heard: %s", diff)
				}
				if len(s.requests) < 3 || s.requests[1].Cursor != "A" || s.requests[2].Cursor != "A" {
					t.Errorf("requests %v", s.requests)
				}
				quick(t, 0, s.requests[1].At)
				if pause := s.requests[2].At - s.requests[1].At; pause < 50*time.Millisecond {
					t.Errorf("after the failure the client paused for %s", pause)
				}
			})
		})
	}
}

func TestClientBacksOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{}
		for range 1000 {
			s.answers = append(s.answers, answer{err: errors.New("connection refused")})
		}
		_, _ = listening(t, s, true, 10*time.Minute, nil) // it ends with its time
		if n := len(s.requests); n < 600/5 || n > 600/2.5+8 {
			t.Errorf("%d requests in ten minutes", n)
		}
		for i := 7; i < len(s.requests); i++ {
			if pause := s.requests[i].At - s.requests[i-1].At; pause < 2500*time.Millisecond || pause > 5*time.Second {
				t.Errorf("pause %d is %s", i, pause)
			}
		}
	})
}

func TestClientReturnsItsHandlersError(t *testing.T) {
	refused := dffmpeg.Errorf(dffmpeg.CodeUnavailable, "busy")
	for _, media := range []string{ndjson, "application/json"} {
		synctest.Test(t, func(t *testing.T) {
			s := &script{answers: []answer{{media: media, body: message("A") + "\n"}}}
			if _, err := listening(t, s, true, time.Hour, func(context.Context) error { return refused }); !errors.Is(err, refused) {
				t.Errorf("Listen returned %v", err)
			}
		})
	}
}

func TestClientWantsAPath(t *testing.T) {
	for _, metadata := range []transport.Metadata{nil, {"path": 1}, {"path": ""}, {"path": "http://elsewhere/"}} {
		if _, err := httppoll.NewClient(httppoll.DefaultClientSettings(), transport.Subscription{Metadata: metadata}, nil, nil); err == nil {
			t.Errorf("metadata %v make a client", metadata)
		}
	}
}
