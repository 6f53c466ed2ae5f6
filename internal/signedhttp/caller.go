// Package signedhttp is how peers call the coordinator: signed requests with a
// bound on time and size, JSON in and out, and errors that are the
// coordinator's own or say why it could not be reached.
package signedhttp

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/dffmpeg/dffmpeg"
)

const (
	// MaxAnswerBytes bounds an answer that is read as a whole.
	MaxAnswerBytes = 64 << 20
	// DefaultTimeout bounds a call that is not a poll. 0.4 peers allow 5 s;
	// ours are more patient with a busy database.
	DefaultTimeout = 15 * time.Second
)

// Signer adds the headers that prove who sends a request with this body.
type Signer interface {
	Sign(r *http.Request, body []byte, now time.Time) error
}

// Options configure a Caller.
type Options struct {
	BaseURL   *url.URL // scheme, host and the path that all calls are below
	Signer    Signer   // nil: requests are not signed
	HTTP      *http.Client
	UserAgent string
	Timeout   time.Duration // of JSON calls; 0: DefaultTimeout
}

// Caller calls one coordinator as one identity. It may be used by several
// goroutines at once.
type Caller struct{ opts Options }

// New returns a Caller. It does not connect.
func New(opts Options) *Caller {
	if opts.HTTP == nil {
		opts.HTTP = NewHTTPClient()
	}
	if opts.Timeout == 0 {
		opts.Timeout = DefaultTimeout
	}
	return &Caller{opts: opts}
}

// NewHTTPClient returns a client fit for calls and streams: no overall time
// limit (each call has its own), connections kept for the next call, and no
// redirects followed, because a signature covers the path.
func NewHTTPClient() *http.Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = 8
	transport.ResponseHeaderTimeout = 90 * time.Second
	return &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// BaseURL returns the URL that all calls are below.
func (c *Caller) BaseURL() string { return c.opts.BaseURL.String() }

// Rest says that no call follows soon: it closes idle connections, which cost
// memory on both sides, but for encrypted ones, which cost more to open again.
func (c *Caller) Rest() {
	if c.opts.BaseURL.Scheme == "http" {
		c.opts.HTTP.CloseIdleConnections()
	}
}

// Do sends a signed request and returns the response, whatever its status. In
// path, what a caller inserted is escaped (url.PathEscape). The caller bounds
// the request by ctx and closes the body.
func (c *Caller) Do(ctx context.Context, method, path string, query url.Values, header http.Header, body []byte) (*http.Response, error) {
	target := c.opts.BaseURL.JoinPath(path)
	target.RawQuery = query.Encode()
	request, err := http.NewRequestWithContext(ctx, method, target.String(), bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("request to the coordinator: %w", err)
	}
	for name, values := range header {
		request.Header[name] = values
	}
	if len(body) > 0 {
		request.Header.Set("Content-Type", "application/json")
	}
	if c.opts.UserAgent != "" {
		request.Header.Set("User-Agent", c.opts.UserAgent)
	}
	if c.opts.Signer != nil {
		if err := c.opts.Signer.Sign(request, body, time.Now()); err != nil {
			return nil, fmt.Errorf("sign request to the coordinator: %w", err)
		}
	}
	response, err := c.opts.HTTP.Do(request)
	if err != nil {
		return nil, c.unreachable(ctx, err)
	}
	return response, nil
}

// Call sends in as JSON (nothing when nil) and reads the answer into out
// (ignored when nil). An answer from status 400 on is returned as a
// *dffmpeg.Error with the coordinator's detail.
func (c *Caller) Call(ctx context.Context, method, path string, query url.Values, in, out any) error {
	ctx, cancel := context.WithTimeout(ctx, c.opts.Timeout)
	defer cancel()
	var body []byte
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return fmt.Errorf("encode %s %s: %w", method, path, err)
		}
	}
	response, err := c.Do(ctx, method, path, query, nil, body)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, MaxAnswerBytes))
	if err != nil {
		return c.unreachable(ctx, err)
	}
	if response.StatusCode >= http.StatusMultipleChoices {
		return AnswerError(response, answer)
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return dffmpeg.Errorf(dffmpeg.CodeInternal, "The answer of %s to %s %s is not what was expected; is it a dffmpeg coordinator?", c.BaseURL(), method, path).WithCause(err)
	}
	return nil
}

// unreachable says in one line that and why the coordinator did not answer.
func (c *Caller) unreachable(ctx context.Context, err error) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return ctx.Err()
	}
	var cause *url.Error
	if errors.As(err, &cause) {
		err = cause.Err // the URL is in our own words already
	}
	return &Unreachable{URL: c.BaseURL(), Err: err}
}

// Unreachable is the error of a call that got no answer. Its code is
// dffmpeg.CodeUnavailable.
type Unreachable struct {
	URL string
	Err error
}

// Error implements error.
func (u *Unreachable) Error() string {
	return fmt.Sprintf("cannot reach the coordinator at %s: %v", u.URL, u.Err)
}

// Unwrap returns an error with a code, and the cause.
func (u *Unreachable) Unwrap() []error {
	return []error{dffmpeg.Errorf(dffmpeg.CodeUnavailable, "coordinator unreachable"), u.Err}
}
