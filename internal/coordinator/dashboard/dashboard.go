// Package dashboard is the page that shows people what the cluster does. It
// comes complete from the coordinator, so it works without scripts; with them
// it refreshes itself.
package dashboard

import (
	"bytes"
	"context"
	_ "embed"
	"html/template"
	"log/slog"
	"net/http"
	"time"

	"github.com/dffmpeg/dffmpeg"
)

//go:embed page.html
var pageSource string

//go:embed style.css
var style []byte

//go:embed refresh.js
var script []byte

// policy allows what the page is made of, and nothing else.
const policy = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// Snapshot is what the page shows when it is opened.
type Snapshot struct {
	At   time.Time
	Data dffmpeg.DashboardAnswer
}

// view is what the template shows.
type view struct {
	Version string
	Snapshot
}

// Page returns the handler of the page; read gets what it shows first.
func Page(version string, read func(context.Context) (Snapshot, error), logger *slog.Logger) http.Handler {
	page := template.Must(template.New("page").Parse(pageSource))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		snapshot, err := read(r.Context())
		snapshot.At = snapshot.At.UTC()
		var body bytes.Buffer
		if err == nil {
			err = page.Execute(&body, view{Version: version, Snapshot: snapshot})
		}
		if err != nil {
			logger.Error("status page failed", "error", err)
			http.Error(w, "The coordinator cannot read its state now; its log has more.", http.StatusServiceUnavailable)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", policy)
		_, _ = w.Write(body.Bytes()) // a reader that is gone misses nothing
	})
}

// Assets returns the handlers of the files that the page refers to, by the
// path that they are to be served at.
func Assets() map[string]http.Handler {
	return map[string]http.Handler{
		"/status/assets/style.css":  file("text/css; charset=utf-8", style),
		"/status/assets/refresh.js": file("text/javascript; charset=utf-8", script),
	}
}

func file(contentType string, content []byte) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		_, _ = w.Write(content) // a reader that is gone misses nothing
	})
}
