package httppoll

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/internal/signedhttp"
	"github.com/dffmpeg/dffmpeg/secret"
	"github.com/dffmpeg/dffmpeg/transport"
)

const (
	firstPause = 100 * time.Millisecond // before the first reconnection
	mostPause  = 5 * time.Second
	// silence is how much longer than a keep-alive a peer waits (protocol.md:
	// 0.4 gives up after wait + 5 s).
	silence = 5 * time.Second
)

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
	logger    *slog.Logger
}

var _ transport.Client = (*Client)(nil)

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
		wait:      max(settings.PollWait, time.Second),
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
	for pause := firstPause; ; {
		heard, err := c.connect(ctx, handle)
		var own handlerError
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.As(err, &own):
			return own.error
		case permanent(err):
			return err
		case err == nil && !c.streaming:
			continue // a poll was answered: ask again
		}
		if heard {
			pause = firstPause
		}
		c.logger.Debug("connection to the coordinator lost; connecting again", "error", err, "in", pause.String())
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause/2 + rand.N(pause)):
		}
		pause = min(2*pause, mostPause)
	}
}

// permanent reports whether an error will not go away by trying again.
func permanent(err error) bool {
	switch dffmpeg.CodeOf(err) {
	case dffmpeg.CodeUnauthenticated, dffmpeg.CodeForbidden, dffmpeg.CodeNotFound:
		return true
	default:
		return false
	}
}

// connect makes one request and handles what comes. heard says whether the
// coordinator answered.
func (c *Client) connect(ctx context.Context, handle handler) (heard bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	watchdog := time.AfterFunc(c.wait+silence, cancel)
	defer watchdog.Stop()

	header := http.Header{}
	if c.streaming {
		header.Set("Accept", contentStream)
	}
	response, err := c.caller.Do(ctx, http.MethodGet, c.path, c.query(), header, nil)
	if err != nil {
		return false, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		body, _ := io.ReadAll(io.LimitReader(response.Body, 64<<10))
		return false, signedhttp.AnswerError(response, body)
	}
	if c.streaming && strings.HasPrefix(response.Header.Get("Content-Type"), contentStream) {
		return true, c.readStream(ctx, response.Body, handle, watchdog)
	}
	c.streaming = false // a coordinator that only answers polls (0.4's release)
	body, err := io.ReadAll(io.LimitReader(response.Body, maxLine))
	if err != nil {
		return true, fmt.Errorf("read messages: %w", err)
	}
	watchdog.Stop()
	return true, c.receive(ctx, body, handle)
}

func (c *Client) query() url.Values {
	query := url.Values{queryWait: {strconv.Itoa(int(c.wait / time.Second))}, queryAck: {"true"}}
	if c.cursor != "" {
		query.Set(queryCursor, c.cursor)
	}
	return query
}

// readStream handles lines until the stream ends; each line, the blank ones
// too, shows that the coordinator is there.
func (c *Client) readStream(ctx context.Context, body io.Reader, handle handler, watchdog *time.Timer) error {
	lines := bufio.NewScanner(body)
	lines.Buffer(make([]byte, 0, 16<<10), maxLine)
	for lines.Scan() {
		watchdog.Stop()
		if err := c.receive(ctx, lines.Bytes(), handle); err != nil {
			return err
		}
		watchdog.Reset(c.wait + silence)
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("read messages: %w", err)
	}
	return io.EOF
}

// receive handles the messages of a line or an answer and moves the cursor.
func (c *Client) receive(ctx context.Context, line []byte, handle handler) error {
	messages, err := decode(line)
	if err != nil || len(messages) == 0 {
		return err
	}
	if err := handle(ctx, messages); err != nil {
		return handlerError{err}
	}
	c.cursor = messages[len(messages)-1].ID
	return nil
}
