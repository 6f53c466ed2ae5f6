package httppoll

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/dffmpeg/dffmpeg"
)

// connection is one poll or stream at work.
type connection struct {
	server   *Server
	to       dffmpeg.Recipient
	demand   demand
	listener *listener
	writer   http.ResponseWriter
	control  *http.ResponseController
}

// read returns what the peer has not got.
func (c *connection) read(ctx context.Context) ([]dffmpeg.Message, error) {
	switch {
	case c.demand.cursor != "":
		return c.server.mailbox.After(ctx, c.to, c.demand.cursor)
	case c.demand.ack:
		return c.server.mailbox.Unacknowledged(ctx, c.to)
	default:
		return c.server.mailbox.Unsent(ctx, c.to)
	}
}

// poll answers once: as soon as there are messages, or when the wait is over.
func (c *connection) poll(ctx context.Context) error {
	timer := time.NewTimer(c.demand.wait)
	defer timer.Stop()
	for last := c.demand.wait == 0; ; {
		messages, err := c.read(ctx)
		if err != nil {
			c.refuse()
			return err
		}
		if len(messages) > 0 || last {
			return c.answer(ctx, messages)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-c.listener.wake:
		case <-timer.C:
			last = true // messages held back may have come due meanwhile
		case <-c.listener.evicted:
			return c.answer(ctx, nil)
		case <-c.server.closing:
			return c.answer(ctx, nil)
		}
	}
}

// refuse says that the store is away; the peer polls again.
func (c *connection) refuse() {
	c.writer.Header().Set("Content-Type", contentAnswer)
	c.writer.WriteHeader(http.StatusServiceUnavailable)
	_, _ = fmt.Fprintf(c.writer, `{"detail":"Messages cannot be read now; try again","code":%q}`, dffmpeg.CodeUnavailable)
}

func (c *connection) answer(ctx context.Context, messages []dffmpeg.Message) error {
	body, err := encode(messages)
	if err != nil {
		return err
	}
	c.writer.Header().Set("Content-Type", contentAnswer)
	c.writer.Header().Set("Content-Length", strconv.Itoa(len(body)))
	if err := c.write(body); err != nil {
		return err
	}
	return c.sent(ctx, messages)
}

// stream sends lines until the peer or the coordinator goes.
func (c *connection) stream(ctx context.Context) error {
	header := c.writer.Header()
	header.Set("Content-Type", contentStream)
	header.Set("X-Accel-Buffering", "no")
	c.writer.WriteHeader(http.StatusOK)
	if err := c.write(nil); err != nil {
		return err
	}
	keepAlive := time.NewTicker(c.demand.wait)
	defer keepAlive.Stop()
	for {
		if err := c.deliver(ctx); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-c.listener.evicted:
			return nil
		case <-c.server.closing:
			return nil
		case <-c.listener.wake:
		case <-keepAlive.C:
			if err := c.write([]byte("\n")); err != nil {
				return err
			}
		}
	}
}

// deliver sends what there is, a line per batch. When the store is away the
// stream stays: the next wake-up or keep-alive tries again.
func (c *connection) deliver(ctx context.Context) error {
	for {
		messages, err := c.read(ctx)
		if err != nil {
			c.server.logger.Warn("cannot read messages; trying again", "recipient", c.to.String(), "error", err)
			return nil
		}
		if len(messages) == 0 {
			return nil
		}
		line, err := encode(messages)
		if err != nil {
			return err
		}
		if err := c.write(append(line, '\n')); err != nil {
			return err
		}
		c.demand.cursor = messages[len(messages)-1].ID
		if err := c.sent(ctx, messages); err != nil {
			return err
		}
	}
}

// write sends bytes to the peer now, within a bound.
func (c *connection) write(p []byte) error {
	if err := c.control.SetWriteDeadline(time.Now().Add(writeLimit)); err != nil {
		return err
	}
	if len(p) > 0 {
		if _, err := c.writer.Write(p); err != nil {
			return err
		}
	}
	return c.control.Flush()
}

// sent records that messages left. It happens after the write: a message may
// be delivered twice, never not at all.
func (c *connection) sent(ctx context.Context, messages []dffmpeg.Message) error {
	if len(messages) == 0 {
		return nil
	}
	return c.server.mailbox.Sent(context.WithoutCancel(ctx), c.to, messages[len(messages)-1])
}
