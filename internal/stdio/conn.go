package stdio

import (
	"bytes"
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

const (
	// frameOverhead is the size of a WebSocket frame's header (RFC 6455, 5.2).
	frameOverhead = 14
	// controlLimit bounds how long a control frame may take to be written.
	controlLimit = 5 * time.Second
)

// conn is a WebSocket. What waits ends with Close, not with its context; a deadline
// of the context counts.
type conn struct {
	socket *websocket.Conn
	room   room          // for what is read
	pongs  chan struct{} // has a token after an answer to a ping

	writing sync.Mutex
}

func newConn(socket *websocket.Conn) *conn {
	c := &conn{socket: socket, pongs: make(chan struct{}, 1)}
	socket.SetReadLimit(MaxFrame)
	socket.SetPongHandler(func(string) error {
		select {
		case c.pongs <- struct{}{}:
		default:
		}
		return nil
	})
	return c
}

// Read implements Conn.
func (c *conn) Read(ctx context.Context) (*Message, error) {
	deadline, _ := ctx.Deadline() // none is the zero time, which is none
	if err := c.socket.SetReadDeadline(deadline); err != nil {
		return nil, err
	}
	kind, from, err := c.socket.NextReader()
	if err != nil {
		return nil, err
	}
	if kind != websocket.BinaryMessage {
		return nil, errors.New("a frame is a binary message")
	}
	m := c.room.whole()
	size, err := readAll(from, m.bytes)
	if err != nil {
		m.Release()
		return nil, err
	}
	m.bytes = m.bytes[:size]
	if size >= worthKeeping {
		return m, nil
	}
	small := NewMessage(bytes.Clone(m.bytes))
	m.Release()
	return small, nil
}

// readAll reads a message that has room in b: the socket lets none pass that has not.
func readAll(from io.Reader, b []byte) (size int, err error) {
	for err == nil {
		var n int
		n, err = from.Read(b[size:])
		size += n
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return size, err
}

// readFrame reads one frame of the beginning, whose data stays valid.
func (c *conn) readFrame(ctx context.Context) (Frame, error) {
	message, err := c.Read(ctx)
	if err != nil {
		return Frame{}, err
	}
	return Decode(message.Bytes())
}

// Write implements Conn. Several goroutines may write.
func (c *conn) Write(ctx context.Context, frame []byte) error {
	c.writing.Lock()
	defer c.writing.Unlock()
	deadline, _ := ctx.Deadline()
	if err := c.socket.SetWriteDeadline(deadline); err != nil {
		return err
	}
	return c.socket.WriteMessage(websocket.BinaryMessage, frame)
}

// Ping implements Conn.
func (c *conn) Ping(ctx context.Context) error {
	select {
	case <-c.pongs: // to an earlier one
	default:
	}
	if err := c.socket.WriteControl(websocket.PingMessage, nil, time.Now().Add(controlLimit)); err != nil {
		return err
	}
	select {
	case <-c.pongs:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Close implements Conn.
func (c *conn) Close() { _ = c.socket.Close() } // it is over in any case

// refuse ends a connection whose caller has not proven its identity.
func (c *conn) refuse() {
	reason := websocket.FormatCloseMessage(websocket.ClosePolicyViolation, "not proven")
	_ = c.socket.WriteControl(websocket.CloseMessage, reason, time.Now().Add(controlLimit)) // it is refused whether it hears that or not
	c.Close()
}
