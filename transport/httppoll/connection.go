package httppoll

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/dffmpeg/dffmpeg"
)

// errReplaced ends a connection whose place another has taken.
var errReplaced = errors.New("replaced by another connection")

const (
	// writeLimit bounds how long a peer may take to read what is written at once.
	writeLimit = 30 * time.Second
	// readLimit bounds how long reading messages may take.
	readLimit = 30 * time.Second
	// lookEvery is how soon a stream looks for messages that no wake-up told it of:
	// it does so with a keep-alive, but not with each.
	lookEvery = time.Minute
	// proveEvery is how soon one of the streams looks, to know that messages can be
	// read.
	proveEvery = 10 * time.Second
	// markLimit bounds how long recording what was sent may take.
	markLimit = 10 * time.Second
)

// connection is one poll or stream at work.
type connection struct {
	server   *Server
	to       dffmpeg.Recipient
	demand   demand
	listener *listener
	writer   http.ResponseWriter // of a poll
	out      outlet
	looked   time.Time // when it read messages, or tried to
	// unmarked is the last message that was written but not yet recorded as
	// sent; nil for none.
	unmarked *dffmpeg.Message
}

// outlet is where a connection writes to.
type outlet interface {
	// write sends bytes to the peer now, within writeLimit.
	write(p []byte) error
}

// read returns what the peer has not got.
func (c *connection) read(ctx context.Context) ([]dffmpeg.Message, error) {
	ctx, cancel := context.WithTimeout(ctx, readLimit)
	defer cancel()
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
			return c.answer(ctx, messages[:fitting(messages)])
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-c.listener.evicted:
			return c.answer(ctx, nil)
		case <-c.listener.wake:
		case <-timer.C:
			last = true // messages held back may have come due meanwhile
		case <-c.server.closing:
			last = true
		}
	}
}

// refuse says that the store is away; the peer polls again.
func (c *connection) refuse() {
	c.writer.Header().Set("Content-Type", contentAnswer)
	c.writer.WriteHeader(http.StatusServiceUnavailable)
	_ = c.out.write(fmt.Appendf(nil, `{"detail":"Messages cannot be read now; try again","code":%q}`, dffmpeg.CodeUnavailable))
}

// answer ends a poll.
func (c *connection) answer(ctx context.Context, messages []dffmpeg.Message) error {
	body, err := encode(messages)
	if err != nil {
		return err
	}
	c.writer.Header().Set("Content-Type", contentAnswer)
	c.writer.Header().Set("Content-Length", strconv.Itoa(len(body)))
	if err := c.out.write(body); err != nil {
		return err
	}
	c.handedOver(ctx, messages)
	return nil
}

// stream sends lines until the peer or the coordinator goes.
func (c *connection) stream(ctx context.Context) error {
	setStreamHeader(c.writer.Header())
	c.writer.WriteHeader(http.StatusOK)
	if err := c.out.write(nil); err != nil {
		return err
	}
	// The server writes the end of the answer after us: bound that too.
	defer func() { _ = http.NewResponseController(c.writer).SetWriteDeadline(time.Now().Add(writeLimit)) }()
	keepAlive := time.NewTicker(c.demand.wait)
	defer keepAlive.Stop()
	if err := c.deliver(ctx); err != nil {
		return err
	}
	here := func(f func(context.Context) error) error { return f(ctx) }
	for {
		var err error
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-c.listener.evicted:
			return nil
		case <-c.server.closing:
			return nil
		case <-c.listener.wake:
			err = c.deliver(ctx)
		case <-keepAlive.C:
			err = c.keepAlive(here)
		}
		if err != nil {
			return err
		}
	}
}

func setStreamHeader(header http.Header) {
	header.Set("Content-Type", contentStream)
	header.Set("X-Accel-Buffering", "no")
}

// keepAlive tells the peer that the coordinator is there, and one of ours whether
// messages can be read; do calls what delivers.
func (c *connection) keepAlive(do func(func(context.Context) error) error) error {
	line := []byte("\n")
	if c.demand.ack && c.server.store.away() {
		line = []byte(awayLine)
	}
	if err := c.out.write(line); err != nil {
		return err
	}
	if c.unmarked != nil || time.Since(c.looked) >= lookEvery || c.server.store.doubtful() {
		return do(c.deliver)
	}
	return nil
}

// deliver sends what there is, a line at a time. When the store is away the
// stream stays: the next wake-up or keep-alive tries again.
func (c *connection) deliver(ctx context.Context) error {
	c.mark(ctx)
	for {
		messages, err := c.read(ctx)
		c.looked = time.Now()
		if ctx.Err() == nil {
			c.server.store.note(err)
		}
		if err != nil {
			if ctx.Err() == nil {
				c.server.logger.Warn("cannot read messages; trying again", "recipient", c.to.String(), "error", err)
			}
			return ctx.Err()
		}
		if len(messages) == 0 {
			return nil
		}
		for len(messages) > 0 {
			n := fitting(messages)
			if err := c.line(ctx, messages[:n]); err != nil {
				return err
			}
			messages = messages[n:]
		}
	}
}

// line sends one line of a stream, unless the stream is to end.
func (c *connection) line(ctx context.Context, messages []dffmpeg.Message) error {
	select {
	case <-c.listener.evicted:
		return errReplaced
	default:
	}
	line, err := encode(messages)
	if err != nil {
		return err
	}
	if err := c.out.write(append(line, '\n')); err != nil {
		return err
	}
	c.demand.cursor = messages[len(messages)-1].ID
	c.handedOver(ctx, messages)
	return nil
}

// response writes to an answer of the HTTP server. Between writes there is no
// deadline: a stream may be idle for ever.
type response struct {
	writer  http.ResponseWriter
	control *http.ResponseController
}

// write implements outlet.
func (c response) write(p []byte) error {
	if err := c.control.SetWriteDeadline(time.Now().Add(writeLimit)); err != nil {
		return fmt.Errorf("bound a write: %w", err)
	}
	if len(p) > 0 {
		if _, err := c.writer.Write(p); err != nil {
			return err
		}
	}
	if err := c.control.Flush(); err != nil {
		return err
	}
	return c.control.SetWriteDeadline(time.Time{})
}

// handedOver records that messages left. It happens after the write: a message
// may be delivered twice, never not at all.
func (c *connection) handedOver(ctx context.Context, messages []dffmpeg.Message) {
	if len(messages) > 0 {
		c.unmarked = &messages[len(messages)-1]
		c.mark(ctx)
	}
}

// mark records what was written as sent; what fails is tried again with the
// next message or keep-alive. A connection that was replaced may have written
// into the void, so it records nothing: the one in its place sends it again.
func (c *connection) mark(ctx context.Context) {
	if c.unmarked == nil {
		return
	}
	select {
	case <-c.listener.evicted:
		return
	default:
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), markLimit)
	defer cancel()
	if err := c.server.mailbox.Sent(ctx, c.to, *c.unmarked); err != nil {
		c.server.logger.Warn("cannot record messages as sent; they may be delivered again", "recipient", c.to.String(), "error", err)
		return
	}
	c.unmarked = nil
}
