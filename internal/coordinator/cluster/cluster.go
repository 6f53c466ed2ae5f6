// Package cluster is how the coordinators of a cluster call each other: by HTTP at
// the addresses that they advertise, signed with a key that they share and that
// nobody else has.
package cluster

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/internal/accounts"
	"github.com/dffmpeg/dffmpeg/internal/httpauth"
	"github.com/dffmpeg/dffmpeg/internal/signedhttp"
	"github.com/dffmpeg/dffmpeg/internal/stdio"
	"github.com/dffmpeg/dffmpeg/secret"
)

// Keys has the key that coordinators share.
type Keys interface {
	ClusterKey(ctx context.Context) (secret.Value, error)
}

// Cluster calls other coordinators. It may be used by several goroutines at once,
// and starts nothing.
type Cluster struct {
	keys      Keys
	http      *http.Client
	userAgent string

	mu  sync.Mutex
	key httpauth.Key // zero before it was asked for
}

// New returns what calls other coordinators of the program's version.
func New(keys Keys, version string) *Cluster {
	return &Cluster{keys: keys, http: signedhttp.NewHTTPClient(), userAgent: "dffmpeg-coordinator/" + version}
}

// Close closes connections that nobody uses.
func (c *Cluster) Close() { c.http.CloseIdleConnections() }

// Teller returns how to tell another coordinator of wake-ups, nil for one whose
// address cannot be used.
func (c *Cluster) Teller(to dffmpeg.Coordinator) func(ctx context.Context, request dffmpeg.WakeRequest) error {
	base, err := Address(to)
	if err != nil {
		return nil
	}
	return func(ctx context.Context, request dffmpeg.WakeRequest) error {
		return c.call(ctx, base, func(caller *signedhttp.Caller) error {
			return caller.Call(ctx, http.MethodPost, "/cluster/wake", nil, request, nil)
		})
	}
}

// call lets do call a coordinator, once more when the key was refused: it may have
// been rotated.
func (c *Cluster) call(ctx context.Context, base *url.URL, do func(*signedhttp.Caller) error) error {
	for first := true; ; first = false {
		caller, err := c.caller(ctx, base)
		if err != nil {
			return err
		}
		err = do(caller)
		if !first || dffmpeg.CodeOf(err) != dffmpeg.CodeUnauthenticated {
			return err
		}
		c.forgetKey()
	}
}

// DialStdio connects to the stdio of a job at another coordinator, on behalf of an
// end that is connected here. The error for one that nobody listens at is
// syscall.ECONNREFUSED.
func (c *Cluster) DialStdio(ctx context.Context, to dffmpeg.Coordinator, jobID, side string, attempt int64) (stdio.Conn, error) {
	base, err := Address(to)
	if err != nil {
		return nil, err
	}
	query := url.Values{"side": {side}, "attempt": {strconv.FormatInt(attempt, 10)}}
	var conn stdio.Conn
	err = c.call(ctx, base, func(caller *signedhttp.Caller) (err error) {
		conn, err = stdio.Connect(caller, "/cluster/jobs/"+jobID+"/stdio", query)(ctx)
		return err
	})
	return conn, err
}

// Address returns where a coordinator says that it is reached.
func Address(of dffmpeg.Coordinator) (*url.URL, error) {
	base, err := url.Parse(strings.TrimSuffix(of.URL, "/"))
	if err != nil || base.Scheme != "http" && base.Scheme != "https" || base.Host == "" {
		return nil, dffmpeg.Errorf(dffmpeg.CodeUnavailable, "Coordinator %s advertises no address that others could reach; set advertised_url in its configuration", of.Host)
	}
	return base, nil
}

// caller returns what signs requests to a coordinator.
func (c *Cluster) caller(ctx context.Context, base *url.URL) (*signedhttp.Caller, error) {
	key, err := c.currentKey(ctx)
	if err != nil {
		return nil, err
	}
	signer, err := httpauth.NewSigner(accounts.ClusterID, key, base.Path)
	if err != nil {
		return nil, err
	}
	return signedhttp.New(signedhttp.Options{BaseURL: base, Signer: signer, HTTP: c.http, UserAgent: c.userAgent}), nil
}

func (c *Cluster) currentKey(ctx context.Context) (httpauth.Key, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.key.IsZero() {
		return c.key, nil
	}
	text, err := c.keys.ClusterKey(ctx)
	if err != nil {
		return httpauth.Key{}, fmt.Errorf("key of the cluster: %w", err)
	}
	key, err := httpauth.ParseKey(text)
	if err == nil {
		c.key = key
	}
	return key, err
}

func (c *Cluster) forgetKey() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.key = httpauth.Key{}
}
