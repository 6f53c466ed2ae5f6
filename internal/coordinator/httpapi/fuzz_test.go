package httpapi

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/dffmpeg/dffmpeg"
)

// FuzzRequest sends any path values, query and body to any endpoint as any
// identity: the answer is never a 5xx, and an error has a detail.
func FuzzRequest(f *testing.F) {
	seedRequests(f)
	c := newCluster(f)
	f.Fuzz(func(t *testing.T, operation uint8, caller, name, query, body string) {
		c.tb = t
		c.reset()
		job := c.assigned()
		method, path, _ := strings.Cut(c.router.mounted[int(operation)%len(c.router.mounted)], " ")
		if name == "" {
			name = job.ID
		}
		escaped := url.PathEscape(name)
		if name == "." || name == ".." {
			escaped = "%2E"
		}
		path = strings.NewReplacer("{job_id}", escaped, "{worker_id}", escaped, "{client_id}", escaped).Replace(path)
		target := &url.URL{Path: path, RawQuery: "wait=0&" + query}
		if plain, err := url.PathUnescape(path); err == nil {
			target.Path, target.RawPath = plain, path
		}
		if _, known := c.signers[caller]; !known {
			caller = nobody
		}
		c.send(t, caller, method, target, []byte(body))
	})
}

// FuzzTarget sends any method to any path.
func FuzzTarget(f *testing.F) {
	for _, target := range []string{"/", "/health?deep=1", "//x", "/jobs/%zz", "/%00", "/docs/../x", "*", "/poll/worker?wait=0", "/status/assets/"} {
		f.Add("GET", target)
		f.Add("POST", target)
		f.Add("CONNECT", target)
	}
	c := newCluster(f)
	f.Fuzz(func(t *testing.T, method, target string) {
		c.tb = t
		parsed, err := url.ParseRequestURI(target)
		if err != nil || parsed.Query().Get("wait") != "" && parsed.Query().Get("wait") != "0" {
			return
		}
		if _, err := http.NewRequest(method, "http://x/", nil); err != nil {
			return
		}
		parsed.Scheme, parsed.Host = "", ""
		c.send(t, nobody, method, parsed, nil)
		if strings.HasPrefix(parsed.Path, "/") {
			c.send(t, otherClient, method, parsed, nil)
		}
	})
}

// send sends a request that no client of ours could make.
func (c *cluster) send(t *testing.T, identity, method string, target *url.URL, body []byte) {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, "/", bytes.NewReader(body))
	r.Method, r.URL, r.RequestURI = method, target, target.RequestURI()
	r.Header.Set("Content-Type", "application/json")
	if identity != nobody {
		must(t, c.signers[identity].Sign(r, body, time.Now()))
	}
	w := recorder{httptest.NewRecorder()}
	c.router.ServeHTTP(w, r)
	if w.Code >= http.StatusInternalServerError {
		t.Fatalf("%s %s as %q: status %d: %s\n%s\n%s", method, target, identity, w.Code, w.Body, body, c.log)
	}
	if w.Code >= http.StatusBadRequest && !strings.HasPrefix(target.Path, "/docs/") && method != http.MethodHead {
		answer{status: w.Code, body: w.Body.Bytes()}.detail(t)
	}
}

// seedRequests adds the recorded requests and the bad ones that we know.
func seedRequests(f *testing.F) {
	data, err := os.ReadFile("testdata/wire-0.4.json")
	must(f, err)
	var recording struct{ Exchanges []exchange }
	must(f, json.Unmarshal(data, &recording))
	operations := make(map[string]uint8)
	for i, mounted := range newCluster(f).router.mounted {
		operations[mounted] = uint8(i)
	}
	for _, e := range recording.Exchanges {
		if e.Identity == nil {
			continue
		}
		path, query, _ := strings.Cut(e.Path, "?")
		pattern := strings.NewReplacer(recordedJob, "{job_id}", "/b1/", "/{worker_id}/").Replace(path)
		if operation, known := operations[e.Method+" "+pattern]; known {
			f.Add(operation, *e.Identity, "", query, string(e.Request))
		}
	}
	for _, b := range badBodies() {
		path := strings.ReplaceAll(b.target, "{job}", "{job_id}")
		if operation, known := operations[b.method+" "+path]; known {
			if body := encode(f, b.body); len(body) < 1000 {
				f.Add(operation, b.identity, "", "", string(body))
			}
		}
	}
	for mounted, operation := range operations {
		if strings.Contains(mounted, "/poll/") {
			continue
		}
		for _, identity := range []string{requester, holder, administer} {
			f.Add(operation, identity, "\x00\xff", "window=-1&limit=x&attempt=9e9", `{"worker_id":"b1","logs":[{}]}`)
			f.Add(operation, identity, string(dffmpeg.JobPending), "", "null")
		}
	}
}
