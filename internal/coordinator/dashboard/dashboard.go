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

// view is what the template shows.
type view struct {
	Version string
	Now     time.Time
	Data    dffmpeg.DashboardAnswer
}

// Page returns the handler of the page; read gets the data that it shows first.
func Page(version string, read func(context.Context) (dffmpeg.DashboardAnswer, error), logger *slog.Logger) http.Handler {
	page := template.Must(template.New("page").Parse(pageSource))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		data, err := read(r.Context())
		var body bytes.Buffer
		if err == nil {
			err = page.Execute(&body, view{Version: version, Now: time.Now().UTC(), Data: data})
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

// Assets returns the handler of the files that the page refers to, by their
// {name}.
func Assets() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.PathValue("name") {
		case "style.css":
			w.Header().Set("Content-Type", "text/css; charset=utf-8")
			_, _ = w.Write(style)
		case "refresh.js":
			w.Header().Set("Content-Type", "text/javascript; charset=utf-8")
			_, _ = w.Write(script)
		default:
			http.NotFound(w, r)
		}
	})
}
