package httpapi

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"path"
	"runtime/debug"
	"strings"

	"github.com/dffmpeg/dffmpeg"
)

// router finds the handler of a request and does what is the same for all
// answers: headers that forbid caching, 404 and 405 in the protocol's shape,
// and an answer even when a handler panics.
type router struct {
	mux     *http.ServeMux
	mounted []string // "METHOD /pattern" of every handler
	logger  *slog.Logger
}

func newRouter(logger *slog.Logger) *router {
	return &router{mux: http.NewServeMux(), logger: logger}
}

// handle mounts a handler. The mux panics when a pattern is malformed or
// collides with another; patterns come from configuration too, so that is an
// error here.
func (ro *router) handle(method, pattern string, handler http.Handler) (err error) {
	mounted := method + " " + pattern
	if pattern == "/" {
		pattern = "/{$}"
	}
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("cannot serve %s: %v", mounted, cause)
		}
	}()
	ro.mux.Handle(method+" "+pattern, handler)
	ro.mounted = append(ro.mounted, mounted)
	return nil
}

// ServeHTTP implements http.Handler.
func (ro *router) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Cache-Control", "no-cache, no-store, must-revalidate")
	header.Set("Pragma", "no-cache")
	header.Set("Expires", "0")
	header.Set("X-Content-Type-Options", "nosniff")
	defer ro.recover(w, r)
	// 0.4 peers follow no redirects, so paths are taken as they are.
	if clean := path.Clean("/" + r.URL.Path); clean != strings.TrimSuffix(r.URL.Path, "/") && r.URL.Path != "/" {
		writeError(w, dffmpeg.Errorf(dffmpeg.CodeNotFound, "Not Found"))
		return
	}
	if _, pattern := ro.mux.Handler(r); pattern != "" {
		ro.mux.ServeHTTP(w, r)
		return
	}
	if allowed := ro.allowed(r); len(allowed) > 0 {
		header.Set("Allow", strings.Join(allowed, ", "))
		writeError(w, dffmpeg.Errorf(dffmpeg.CodeMethodNotAllowed, "Method Not Allowed"))
		return
	}
	writeError(w, dffmpeg.Errorf(dffmpeg.CodeNotFound, "Not Found"))
}

// allowed returns the methods that the path knows.
func (ro *router) allowed(r *http.Request) []string {
	var methods []string
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete} {
		other := r.Clone(r.Context())
		other.Method = method
		if _, pattern := ro.mux.Handler(other); pattern != "" {
			methods = append(methods, method)
		}
	}
	return methods
}

// recover answers for a handler that panicked; http.ErrAbortHandler is how one
// closes its connection, and passes.
func (ro *router) recover(w http.ResponseWriter, r *http.Request) {
	cause := recover()
	if cause == nil {
		return
	}
	if err, ok := cause.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		panic(http.ErrAbortHandler)
	}
	ro.logger.Error("handler panicked", "method", r.Method, "path", r.URL.Path, "panic", cause, "stack", string(debug.Stack()))
	writeError(w, dffmpeg.Errorf(dffmpeg.CodeInternal, "Internal error; the coordinator's log has more"))
}
