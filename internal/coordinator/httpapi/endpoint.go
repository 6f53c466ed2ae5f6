package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"reflect"
	"strconv"
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/internal/httpauth"
	"github.com/dffmpeg/dffmpeg/transport"
)

// bodyLimit bounds how long a caller may take to send a body.
const bodyLimit = 60 * time.Second

// endpoint is one thing that can be called.
type endpoint struct {
	method, path string
	summary      string
	access       access
	query        []parameter
	in, out      reflect.Type // bodies; nil for none
	status       int
	serve        func(c *call) (any, error)
	// raw serves what is not JSON; then serve and out are nil.
	raw http.Handler
	// connect serves a WebSocket, to a caller that was admitted; then serve and out
	// are nil. What it returns before it has answered is the answer.
	connect func(w http.ResponseWriter, c *call) error
	// abort closes the connection instead of answering that the store is away,
	// when the caller is of 0.4, which repeats only what was not answered.
	abort bool
}

// parameter is a query parameter, for the document.
type parameter struct {
	name, kind, about string
}

// nothing is the body of an endpoint without one.
type nothing struct{}

// route says where an endpoint is and who may call it: what none can do without.
type route struct {
	method, path string
	summary      string
	access       access
}

// define makes an endpoint from a function over its decoded body.
func define[In, Out any](r route, serve func(c *call, in In) (Out, error)) endpoint {
	e := endpoint{
		method: r.method, path: r.path, summary: r.summary, access: r.access,
		out: reflect.TypeFor[Out](), status: http.StatusOK,
	}
	if reflect.TypeFor[In]() != reflect.TypeFor[nothing]() {
		e.in = reflect.TypeFor[In]()
	}
	e.serve = func(c *call) (any, error) {
		var in In
		if e.in != nil {
			if err := json.Unmarshal(c.body, &in); err != nil {
				return nil, undecodable(err)
			}
		}
		return serve(c, in)
	}
	return e
}

// call is a request that was admitted.
type call struct {
	*http.Request
	body     []byte
	identity dffmpeg.Identity
}

// ctx returns the request's context.
func (c *call) ctx() context.Context { return c.Context() }

// serve returns the handler of an endpoint.
func (a *api) serve(e endpoint) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, identity, err := a.enter(w, r, e.access)
		if err == nil && e.in != nil {
			body, err = a.checkBody(e, r, body)
		}
		if err == nil && e.raw != nil {
			e.raw.ServeHTTP(w, r)
			return
		}
		if err == nil && e.connect != nil {
			if err := e.connect(w, &call{Request: r, identity: identity}); err != nil {
				a.fail(w, r, err)
			}
			return
		}
		var answer any
		if err == nil {
			answer, err = e.serve(&call{Request: r, body: body, identity: identity})
		}
		switch {
		case err == nil:
			write(w, e.status, answer)
		case e.abort && dffmpeg.CodeOf(err) == dffmpeg.CodeUnavailable && !knowsAttempts(body):
			a.Logger.Warn("closing the connection: the store is away", "path", r.URL.Path, "error", err)
			panic(http.ErrAbortHandler)
		default:
			a.fail(w, r, err)
		}
	})
}

// serveRoute returns the handler of a transport's route.
func (a *api) serveRoute(route transport.Route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, identity, err := a.enter(w, r, anyIdentity())
		if err != nil {
			a.fail(w, r, err)
			return
		}
		to, err := route.Recipient(r, identity)
		if err == nil {
			to, err = a.mayListen(r.Context(), identity, to)
		}
		if err != nil {
			a.fail(w, r, err)
			return
		}
		route.Handle(w, r, to)
	})
}

// mayListen checks that a caller may have a recipient's messages: a worker
// its own, an identity those of the jobs it submitted.
func (a *api) mayListen(ctx context.Context, identity dffmpeg.Identity, to dffmpeg.Recipient) (dffmpeg.Recipient, error) {
	if to.Kind == dffmpeg.RecipientWorker {
		if identity.Role != dffmpeg.RoleWorker || to.ID != identity.ClientID {
			return to, wrongRole(identity, []dffmpeg.Role{dffmpeg.RoleWorker})
		}
		return to, nil
	}
	job, err := a.job(ctx, to.JobID)
	if err != nil {
		return to, err
	}
	return job.Requester(), listens(identity, &job)
}

// enter establishes who calls and returns the body, which the signature covers.
// No memory is spent on the body of somebody who does not even claim a name.
func (a *api) enter(w http.ResponseWriter, r *http.Request, rule access) ([]byte, dffmpeg.Identity, error) {
	if r.ContentLength > a.Settings.MaxBodyBytes {
		return nil, dffmpeg.Identity{}, a.tooLarge()
	}
	// Not the server's ReadTimeout: that would end streams of messages too.
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Now().Add(bodyLimit)) // a recorder in tests has none
	if rule.open {
		identity, err := a.admit(r, rule, nil)
		return nil, identity, err
	}
	if _, err := httpauth.Parse(r.Header); err != nil {
		return nil, dffmpeg.Identity{}, err
	}
	body, err := a.read(w, r)
	_ = control.SetReadDeadline(time.Time{})
	if err != nil {
		return nil, dffmpeg.Identity{}, err
	}
	identity, err := a.admit(r, rule, body)
	return body, identity, err
}

// read returns the bounded body.
func (a *api) read(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, a.Settings.MaxBodyBytes))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, a.tooLarge()
	case err != nil:
		return nil, dffmpeg.Errorf(dffmpeg.CodeInvalid, "The body could not be read").WithCause(err)
	}
	return body, nil
}

func (a *api) tooLarge() error {
	return dffmpeg.Errorf(dffmpeg.CodeTooLarge,
		"The body exceeds %d bytes; send less at once, or raise max_body_bytes on the coordinator", a.Settings.MaxBodyBytes)
}

// checkBody returns the body in a form that decodes into the endpoint's type.
func (a *api) checkBody(e endpoint, r *http.Request, body []byte) ([]byte, error) {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != "application/json" {
		return nil, dffmpeg.Errorf(dffmpeg.CodeUnsupportedMedia, "The body must be JSON; send it with Content-Type: application/json")
	}
	return a.schemas.check(e.in, body)
}

// knowsAttempts reports whether a worker's report is from one of ours.
func knowsAttempts(body []byte) bool {
	var report struct {
		Attempt int `json:"attempt"`
	}
	return json.Unmarshal(body, &report) == nil && report.Attempt > 0
}

// plain reports whether a name from a path or query can be looked up: no
// identity has one with control characters, and not every engine can be asked.
func plain(name string) bool { return dffmpeg.Plain(name) }

// number reads a whole number of the query within bounds.
func (c *call) number(name string, normal, least, most int) (int, error) {
	text := c.URL.Query().Get(name)
	if text == "" {
		return normal, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < least || n > most {
		return 0, invalidQuery(name, text, "must be a whole number from "+strconv.Itoa(least)+" to "+strconv.Itoa(most))
	}
	return n, nil
}

// truth reads a boolean of the query; nil when it is not there.
func (c *call) truth(name string) (*bool, error) {
	text := c.URL.Query().Get(name)
	if text == "" {
		return nil, nil //nolint:nilnil // absent is not an error
	}
	b, err := strconv.ParseBool(text)
	if err != nil {
		return nil, invalidQuery(name, text, "must be true or false")
	}
	return &b, nil
}
