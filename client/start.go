package client

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/internal/stdio"
)

const (
	// openLimit bounds how long a connection to submit over may take to be there.
	// Where there is none by then, a plain request may get through.
	openLimit = 2 * time.Second
	// answerLimit bounds how long the answer to a submission may take: somewhat longer
	// than a coordinator waits for its database.
	answerLimit = 20 * time.Second
)

// Connection is a job's connection for its standard streams, opened by Start. Give it
// to Attach, which closes it, or close it. A nil one is none.
type Connection struct{ conn stdio.Conn }

// Close closes the connection. Unless somebody attaches soon, the coordinator takes
// the requester for dead.
func (c *Connection) Close() {
	if c != nil && c.conn != nil {
		c.conn.Close()
	}
}

// take returns how to connect to a job's streams: over this connection first.
func (c *Connection) take(then stdio.Dial) stdio.Dial {
	if c == nil {
		return then
	}
	return func(ctx context.Context) (stdio.Conn, error) {
		if conn := c.conn; conn != nil {
			c.conn = nil
			return conn, nil
		}
		return then(ctx)
	}
}

// Start submits a job that somebody is about to attach to with Streams, over the
// connection for these: that is sooner than Submit, and from the first moment the
// coordinator knows whether the requester lives. Where there is no such connection it
// is Submit, and returns none.
//
// An error of code CodeUnavailable, or one that is [Unreachable], may mean that the
// job was accepted: Submit with the same IdempotencyKey then finds it.
func (c *Client) Start(ctx context.Context, request dffmpeg.SubmitRequest) (dffmpeg.SubmitAnswer, *Connection, error) {
	request, err := c.complete(request)
	if err != nil {
		return dffmpeg.SubmitAnswer{}, nil, err
	}
	body, err := json.Marshal(request)
	if err == nil && len(body) <= stdio.MaxSubmission {
		bounded, cancel := context.WithTimeout(ctx, openLimit)
		opening, openErr := stdio.Open(bounded, c.caller, "/jobs/stdio")
		cancel()
		if openErr == nil {
			return start(ctx, opening, body)
		}
		c.logger.Debug("no job can be submitted over its streams", "reason", openErr)
	}
	answer, err := c.post(ctx, request)
	return answer, nil, err
}

// start submits over a connection.
func start(ctx context.Context, opening *stdio.Opening, body []byte) (answer dffmpeg.SubmitAnswer, connection *Connection, err error) {
	ctx, cancel := context.WithTimeout(ctx, answerLimit)
	defer cancel()
	conn, text, err := opening.Submit(ctx, body)
	if err == nil {
		if err = json.Unmarshal(text, &answer); err == nil {
			return answer, &Connection{conn}, nil
		}
		conn.Close()
	}
	var refused *dffmpeg.Error
	if !errors.As(err, &refused) {
		err = dffmpeg.Errorf(dffmpeg.CodeUnavailable, "The coordinator did not answer the submission").WithCause(err)
	}
	return answer, nil, err
}
