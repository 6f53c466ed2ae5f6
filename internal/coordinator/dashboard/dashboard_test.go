package dashboard_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/internal/coordinator/dashboard"
)

// hostile is text that must never become markup.
const hostile = `<script>alert("x")</script>'"&`

func snapshot() dashboard.Snapshot {
	seen := time.Date(2026, 11, 22, 22, 26, 6, 0, time.UTC)
	worker, code := hostile, 3
	return dashboard.Snapshot{
		At: seen,
		Data: dffmpeg.NewDashboardAnswer(
			[]dffmpeg.Worker{
				{ID: hostile, Status: dffmpeg.WorkerOnline, Binaries: []string{hostile, "ffprobe"}, Paths: []string{hostile}, LastSeen: &seen},
				{ID: "new", Status: dffmpeg.WorkerRegistering},
				{ID: "resting", Status: dffmpeg.WorkerOnline, Pause: &dffmpeg.Pause{By: "root", Reason: hostile}},
			},
			map[string]int{hostile: 7},
			[]dffmpeg.Job{{
				ID: "01M82NVPC7PNYYWZDBN6F8YV25", RequesterID: hostile, BinaryName: hostile, Status: dffmpeg.JobFailed,
				ExitCode: &code, WorkerID: &worker, Reason: hostile, Warnings: []string{hostile, "/secret/name"}, CreatedAt: seen, LastUpdate: seen,
			}, {
				ID: "01M82NVPC7PNYYWZDBN6F8YV26", RequesterID: "emby", BinaryName: "ffmpeg", Status: dffmpeg.JobPending,
				Position: 3, Reason: "no worker has encoder <x>", CreatedAt: seen, LastUpdate: seen,
			}},
		),
	}
}

func get(t *testing.T, handler http.Handler) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/status", nil))
	return w
}

func page(t *testing.T, s dashboard.Snapshot) *httptest.ResponseRecorder {
	t.Helper()
	return get(t, dashboard.Page("1.2.3", func(context.Context) (dashboard.Snapshot, error) { return s, nil }, slog.New(slog.DiscardHandler)))
}

// TestPage: everything shows without scripts, and nothing that peers chose is
// taken for markup.
func TestPage(t *testing.T) {
	w := page(t, snapshot())
	body := w.Body.String()
	if w.Code != http.StatusOK || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/html") {
		t.Fatalf("status %d, type %q", w.Code, w.Header().Get("Content-Type"))
	}
	if strings.Contains(body, "<script>alert") || strings.Contains(body, `'"&`) {
		t.Errorf("a peer's text became markup:\n%s", body)
	}
	for _, part := range []string{
		"version 1.2.3", "2026-11-22 22:26:06 UTC", "01M82NVPC7PNYYWZDBN6F8YV25", "<td>7</td>", "<td>3</td>",
		"ffprobe", "never", "&lt;script&gt;", ">failed<", ">registering<", ">2 warnings<", ">paused<", ">3. in the queue<", ": no worker has encoder &lt;x&gt;<",
	} {
		if !strings.Contains(body, part) {
			t.Errorf("the page does not show %q", part)
		}
	}
}

// TestNamesOfFilesAreNotShown: the page needs no signature.
func TestNamesOfFilesAreNotShown(t *testing.T) {
	data, err := json.Marshal(snapshot().Data)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(page(t, snapshot()).Body.String(), "/secret/name") || bytes.Contains(data, []byte("/secret/name")) {
		t.Error("the page tells the text of a warning, which has names of files")
	}
}

// TestEmptyPage: an idle cluster says so.
func TestEmptyPage(t *testing.T) {
	body := page(t, dashboard.Snapshot{}).Body.String()
	for _, part := range []string{"No worker has registered", "No jobs"} {
		if !strings.Contains(body, part) {
			t.Errorf("the page does not say %q", part)
		}
	}
}

// TestPolicy: the page may load what is its own and nothing else, so it has no
// inline script or style, and refers to what exists.
func TestPolicy(t *testing.T) {
	w := page(t, snapshot())
	policy := w.Header().Get("Content-Security-Policy")
	if !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") {
		t.Errorf("policy %q", policy)
	}
	body := w.Body.String()
	if inline := regexp.MustCompile(`(?i)<style|\sstyle=|\son\w+=|<script(?:\s[^>]*)?>[^<]`).FindString(body); inline != "" {
		t.Errorf("the page has something inline, which its policy forbids: %q", inline)
	}
	assets := dashboard.Assets()
	for _, match := range regexp.MustCompile(`(?:src|href)="([^"]*)"`).FindAllStringSubmatch(body, -1) {
		// Relative, so that the page works below a path prefix.
		asset, known := assets["/"+match[1]]
		if !known {
			t.Errorf("the page refers to %q, which there is not", match[1])
			continue
		}
		if a := get(t, asset); a.Code != http.StatusOK || a.Body.Len() == 0 {
			t.Errorf("%s: status %d", match[1], a.Code)
		}
		delete(assets, "/"+match[1])
	}
	for path := range assets {
		t.Errorf("nothing refers to %s", path)
	}
}

// TestScript: it sets text, never markup, and speaks of the page's elements and
// of the data's members.
func TestScript(t *testing.T) {
	script := get(t, dashboard.Assets()["/status/assets/refresh.js"]).Body.String()
	for _, dangerous := range []string{"innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "DOMParser"} {
		if strings.Contains(script, dangerous) {
			t.Errorf("the script uses %s", dangerous)
		}
	}
	body := page(t, snapshot()).Body.String()
	for _, match := range regexp.MustCompile(`(?:getElementById|fill)\("(\w+)"`).FindAllStringSubmatch(script, -1) {
		if !strings.Contains(body, `id="`+match[1]+`"`) {
			t.Errorf("the script speaks of #%s, which the page has not", match[1])
		}
	}
	data, err := json.Marshal(snapshot().Data)
	if err != nil {
		t.Fatal(err)
	}
	members := regexp.MustCompile(`\b(?:data|w|j)\.(\w+)`).FindAllStringSubmatch(script, -1)
	if len(members) < 10 {
		t.Fatalf("only %d members are shown", len(members))
	}
	for _, match := range members {
		if !bytes.Contains(data, []byte(`"`+match[1]+`":`)) {
			t.Errorf("the script shows %s, which the data has not: %s", match[1], data)
		}
	}
}

// TestUnreadable: when the state cannot be read, people are told in a sentence
// without the cause, which is in the log.
func TestUnreadable(t *testing.T) {
	var log bytes.Buffer
	read := func(context.Context) (dashboard.Snapshot, error) {
		return dashboard.Snapshot{}, errors.New("secret cause")
	}
	w := get(t, dashboard.Page("1", read, slog.New(slog.NewTextHandler(&log, nil))))
	if w.Code != http.StatusServiceUnavailable || strings.Contains(w.Body.String(), "secret cause") {
		t.Errorf("status %d: %s", w.Code, w.Body)
	}
	if !strings.Contains(log.String(), "secret cause") {
		t.Errorf("the log has no cause: %s", &log)
	}
}
