package httppoll

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/internal/signedhttp"
	"github.com/dffmpeg/dffmpeg/secret"
	"github.com/dffmpeg/dffmpeg/transport"
)

// silence is how much longer than a keep-alive a peer waits (protocol.md: 0.4
// gives up after wait + 5 s).
const silence = 5 * time.Second

// goodWhile is how long a connection lasts that was a good one.
const goodWhile = 5 * time.Second

// ClientSettings are a peer's settings.
type ClientSettings struct {
	Streaming bool          `yaml:"streaming"`             // JSON lines instead of long polls; default true
	PollWait  time.Duration `yaml:"poll_wait,whole,min=1"` // how long a poll waits; default 5 s
	// Overrides for polling alone, applied by whoever makes the Caller.
	ClientID       string       `yaml:"client_id"`
	HMACKey        secret.Value `yaml:"hmac_key"`
	CoordinatorURL string       `yaml:"coordinator_url"`
}

// DefaultClientSettings returns what applies without configuration.
func DefaultClientSettings() ClientSettings {
	return ClientSettings{Streaming: true, PollWait: 5 * time.Second}
}

// Client is a peer's end. Make one with NewClient.
type Client struct {
	caller    transport.Caller
	path      string
	streaming bool
	wait      time.Duration
	cursor    string
	hears     atomic.Bool // while a stream is open and not silent
	logger    *slog.Logger
}

var (
	_ transport.Client = (*Client)(nil)
	_ transport.Hearer = (*Client)(nil)
)

// NewClient returns a client that fetches from the path that the subscription's
// metadata names. It does not connect yet.
func NewClient(settings ClientSettings, subscription transport.Subscription, caller transport.Caller, logger *slog.Logger) (*Client, error) {
	path, ok := subscription.Metadata["path"].(string)
	if !ok || !strings.HasPrefix(path, "/") {
		return nil, errors.New("the coordinator did not say which path to poll")
	}
	return &Client{
		caller:    caller,
		path:      path,
		streaming: settings.Streaming,
		wait:      min(max(settings.PollWait.Truncate(time.Second), time.Second), maxWait),
		cursor:    subscription.After,
		logger:    logger,
	}, nil
}

// handler is told of messages.
type handler = func(ctx context.Context, messages []dffmpeg.Message) error

// handlerError marks an error as the handler's own, which ends Listen.
type handlerError struct{ error }

// Listen implements transport.Client. It also returns when the coordinator
// says that the peer may not listen or that there is nothing to listen to: an
// error with the code unauthenticated, forbidden or not found. It is called
// once.
func (c *Client) Listen(ctx context.Context, handle handler) error {
	backoff := transport.NewBackoff("the coordinator", c.logger)
	for {
		began, cursor := time.Now(), c.cursor
		err := c.connect(ctx, handle)
		var own handlerError
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.As(err, &own):
			return own.error
		case transport.Permanent(err):
			return err
		}
		lasted := time.Since(began)
		if c.cursor != cursor || lasted >= goodWhile {
			backoff.Reset()
		}
		if err == nil && (c.cursor != cursor || lasted >= c.wait/2) {
			continue // a poll was answered: ask again
		}
		if err := backoff.Wait(ctx, err); err != nil {
			return err
		}
	}
}

// Hears implements transport.Hearer: it is true while a stream is open over which
// there was no silence longer than a keep-alive may take, and the coordinator did not
// say that it cannot read messages.
func (c *Client) Hears() bool { return c.hears.Load() }

// connect makes one request and handles what comes. After a stream it returns
// an error, io.EOF at least; after a poll's answer, nil.
func (c *Client) connect(ctx context.Context, handle handler) error {
	connected, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watch := newWatchdog(c.wait+silence, func() {
		cancel(fmt.Errorf("heard nothing from the coordinator for %s", c.wait+silence))
	})
	defer watch.timer.Stop()

	header := http.Header{}
	if c.streaming {
		header.Set("Accept", contentStream)
	}
	response, err := c.caller.Do(connected, http.MethodGet, c.path, c.query(), header, nil)
	if err == nil {
		defer response.Body.Close()
		err = c.receiveAll(ctx, response, watch, handle)
	}
	if cause := context.Cause(connected); err != nil && cause != nil && ctx.Err() == nil {
		var own handlerError
		if !errors.As(err, &own) {
			return cause
		}
	}
	return err
}

// receiveAll handles what an answer holds, of whichever form. The handler gets
// ctx, which the connection's end does not cancel.
func (c *Client) receiveAll(ctx context.Context, response *http.Response, watch *watchdog, handle handler) error {
	body := watch.reader(response.Body)
	if response.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(body, 64<<10))
		return signedhttp.AnswerError(response, text)
	}
	media, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type"))
	switch {
	case media == contentStream && c.streaming:
		c.hears.Store(true)
		defer c.hears.Store(false)
		return readStream(body, func(line dffmpeg.MessagesAnswer) error {
			c.hears.Store(!line.Away)
			return c.receive(ctx, line.Messages, handle)
		})
	case media == contentAnswer:
		c.streaming = false // a coordinator that only answers polls (0.4's release)
		answer, err := readAnswer(body)
		if err != nil {
			return err
		}
		return c.receive(ctx, answer.Messages, handle)
	default:
		return fmt.Errorf("the answer to a poll is of type %q; is it a dffmpeg coordinator?", media)
	}
}

func (c *Client) query() url.Values {
	query := url.Values{queryWait: {strconv.Itoa(int(c.wait / time.Second))}, queryAck: {"true"}}
	if c.cursor != "" {
		query.Set(queryCursor, c.cursor)
	}
	return query
}

// receive handles messages and moves the cursor.
func (c *Client) receive(ctx context.Context, messages []dffmpeg.Message, handle handler) error {
	if len(messages) == 0 {
		return nil
	}
	if err := handle(ctx, messages); err != nil {
		return handlerError{err}
	}
	c.cursor = messages[len(messages)-1].ID
	return nil
}
