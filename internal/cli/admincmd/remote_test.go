package admincmd

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/dffmpeg/dffmpeg"
)

// line is a coordinator that notes each request and gives one answer.
type line struct {
	asked   string
	answer  string
	problem error
}

func (l *line) Call(_ context.Context, method, path string, query url.Values, in, out any) error {
	l.asked = method + " " + path
	if len(query) > 0 {
		l.asked += "?" + query.Encode()
	}
	if in != nil {
		body, err := json.Marshal(in)
		if err != nil {
			return err
		}
		l.asked += " " + string(body)
	}
	if l.problem != nil || out == nil {
		return l.problem
	}
	return json.Unmarshal([]byte(l.answer), out)
}

// TestRemoteRequests: through a coordinator, commands send what the protocol
// says and print what comes back; names are escaped.
func TestRemoteRequests(t *testing.T) {
	user := `{"client_id":"emby","role":"client","hmac_key":"K"}`
	for _, tt := range []struct{ command, answer, asked, printed string }{
		{"user list", "[" + user + "]", http.MethodGet + " /admin/users", "emby"},
		{"user rotate-key emby", user, http.MethodPost + " /admin/users/emby/rotate-key", "New HMAC Key: K\n"},
		{"user delete a/b", "", http.MethodDelete + " /admin/users/a%2Fb", "Deleted a/b\n"},
		{"user set-role emby worker", "", http.MethodPut + ` /admin/users/emby/role {"role":"worker"}`, "Role set\n"},
		{"user set-priorities emby --ceiling -5", "", http.MethodPut + ` /admin/users/emby/priorities {"ceiling":-5}`, "Priorities set\n"},
		{"status", `{"status":"online"}`, http.MethodGet + " /health?deep=true", "online"},
		{"worker list -w 60", `[{"worker_id":"b1"}]`, http.MethodGet + " /workers?window=60", "b1"},
		{"job list -w 60 --requester emby", `[{"job_id":"J7"}]`, http.MethodGet + " /admin/jobs?requester=emby&window=60", "J7"},
		{"janitor clean_jobs", "", http.MethodPost + ` /admin/janitor {"action":"clean_jobs"}`, ""},
	} {
		b, l := newBench(t), &line{answer: tt.answer}
		remote := NewRemote(l)
		deferred := Deferred(func(context.Context) (Cluster, error) { return remote, nil })
		b.env.Open = func(context.Context) (Backend, error) {
			return Backend{Users: remote, Cluster: deferred, Close: func() error { return nil }}, nil
		}
		if out := b.succeed(strings.Fields(tt.command)...); l.asked != tt.asked || !strings.Contains(out, tt.printed) {
			t.Errorf("%q asks %q and prints %q, want %q and …%s…", tt.command, l.asked, out, tt.asked, tt.printed)
		}
		l.problem = dffmpeg.Errorf(dffmpeg.CodeUnavailable, "The coordinator is away")
		if out, err := b.run(strings.Fields(tt.command)...); out != "" || !errors.Is(err, l.problem) {
			t.Errorf("%q: %q, %v, want the problem and nothing printed", tt.command, out, err)
		}
	}
}
