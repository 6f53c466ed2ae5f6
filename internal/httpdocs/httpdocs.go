// Package httpdocs serves a browsable page of an OpenAPI document. Everything the
// page needs is embedded, so that it works on a machine without Internet access;
// swagger-ui/VENDOR.txt tells which version of Swagger UI that is.
package httpdocs

import (
	_ "embed" // for the page and its assets
	"html"
	"net/http"
	"strings"
)

//go:embed page.html
var pageTemplate string

//go:embed start.js
var startScript []byte

//go:embed swagger-ui/swagger-ui.css.gz
var stylesheetGzip []byte

//go:embed swagger-ui/swagger-ui-bundle.js.gz
var bundleGzip []byte

//go:embed swagger-ui/swagger-ui-bundle.js.LICENSE.txt
var bundleLicenses []byte

//go:embed swagger-ui/LICENSE
var license []byte

//go:embed swagger-ui/NOTICE
var notice []byte

// contentPolicy lets the page load from its own host only. Swagger UI sets style
// attributes and draws its icons from data URLs; it needs no inline script.
const contentPolicy = "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'"

// Handler serves a page named title that shows the OpenAPI document at specURL,
// which the browser resolves against the page's own address. The page answers to
// the paths "" and "/", its assets to names below them, so mount the handler with
// [http.StripPrefix] under a path that ends in a slash. It answers GET and HEAD,
// and is safe for concurrent use.
func Handler(title, specURL string) http.Handler {
	page := strings.NewReplacer(
		"{title}", html.EscapeString(title),
		"{spec}", html.EscapeString(specURL),
	).Replace(pageTemplate)

	const script, text = "text/javascript; charset=utf-8", "text/plain; charset=utf-8"
	return handler{
		"":                                 plain("text/html; charset=utf-8", []byte(page)),
		"start.js":                         plain(script, startScript),
		"swagger-ui.css":                   compressed("text/css; charset=utf-8", stylesheetGzip),
		"swagger-ui-bundle.js":             compressed(script, bundleGzip),
		"LICENSE":                          plain(text, license),
		"NOTICE":                           plain(text, notice),
		"swagger-ui-bundle.js.LICENSE.txt": plain(text, bundleLicenses),
	}
}

// handler is the assets by their names; the page's is empty.
type handler map[string]asset

func (h handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Content-Security-Policy", contentPolicy)
	header.Set("X-Content-Type-Options", "nosniff")

	// http.StripPrefix leaves a leading slash or not, depending on its argument.
	found, ok := h[strings.TrimPrefix(r.URL.Path, "/")]
	if !ok {
		http.NotFound(w, r)
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		header.Set("Allow", "GET, HEAD")
		http.Error(w, "this page can only be read: use GET or HEAD", http.StatusMethodNotAllowed)
		return
	}
	found.serve(w, r)
}
