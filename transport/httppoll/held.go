package httppoll

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"sync"
	"time"

	"github.com/dffmpeg/dffmpeg"
)

// endLimit bounds how long held streams may take to end with the server.
const endLimit = 5 * time.Second

// chunks of HTTP/1.1 (RFC 9112, section 7.1).
const (
	blankChunk = "1\r\n\n\r\n"
	lastChunk  = "0\r\n\r\n"
)

// held is a stream whose connection was taken from the HTTP server, so that it
// costs next to nothing while it is idle: no buffers and one goroutine, which
// waits in Read for the peer to go. Whatever else may happen interrupts that.
type held struct {
	connection
	conn net.Conn
}

// hold takes a stream's connection over; false when that is not possible, as with
// a version of HTTP that shares connections. It returns at once.
func (s *Server) hold(w http.ResponseWriter, r *http.Request, to dffmpeg.Recipient, d demand) bool {
	if r.Method != http.MethodGet || r.ProtoMajor != 1 || !r.ProtoAtLeast(1, 1) || r.TLS != nil {
		return false
	}
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return false
	}
	h := &held{conn: conn}
	l := newListener()
	l.interrupt = h.interrupt
	h.connection = connection{server: s, to: to, demand: d, listener: l, out: chunks{conn}}
	if !s.holding(h, to, d) {
		_ = conn.Close() // the server has ended: the peer connects elsewhere
		return true
	}
	head := streamHead(w.Header())
	go func() {
		defer s.held.Done()
		defer s.leave(to, l)
		defer func() { _ = conn.Close() }() // what could fail has failed
		if err := h.serve(head); err != nil && !errors.Is(err, errReplaced) {
			s.lost(to, err)
		}
	}()
	return true
}

// streamHead returns the answer's head; handlers before us may have set header.
func streamHead(header http.Header) []byte {
	header = header.Clone()
	setStreamHeader(header)
	header.Set("Transfer-Encoding", "chunked")
	header.Set("Connection", "close") // nothing follows on it
	header.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	var head bytes.Buffer
	head.WriteString("HTTP/1.1 200 OK\r\n")
	_ = header.Write(&head) // a Buffer takes everything
	head.WriteString("\r\n")
	return head.Bytes()
}

// interrupt ends a Read at once.
func (h *held) interrupt() { _ = h.conn.SetReadDeadline(time.Unix(1, 0)) }

// serve sends lines until the peer or the server goes.
func (h *held) serve(head []byte) error {
	if err := bounded(h.conn, head); err != nil {
		return err
	}
	if err := h.apart(h.deliver); err != nil {
		return err
	}
	var ignored [16]byte
	for next := time.Now().Add(h.demand.wait); ; {
		// The deadline first: what comes after it interrupts Read.
		if err := h.conn.SetReadDeadline(next); err != nil {
			return err
		}
		switch h.listener.state(h.server) {
		case over:
			return bounded(h.conn, []byte(lastChunk))
		case woken:
			if err := h.apart(h.deliver); err != nil {
				return err
			}
			continue
		case idle:
		}
		if _, err := h.conn.Read(ignored[:]); err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			return err
		}
		if time.Now().Before(next) {
			continue
		}
		next = time.Now().Add(h.demand.wait)
		if err := h.keepAlive(h.apart); err != nil {
			return err
		}
	}
}

// apart calls f on a stack of its own: what the store needs would otherwise stay
// with the stream for as long as it lasts. A panic becomes an error, as it would
// with the HTTP server.
func (h *held) apart(f func(context.Context) error) error {
	done := make(chan error, 1)
	go func() {
		defer func() {
			if cause := recover(); cause != nil {
				h.server.logger.Error("a stream of messages panicked", "recipient", h.to.String(), "panic", cause, "stack", string(debug.Stack()))
				done <- fmt.Errorf("panic: %v", cause)
			}
		}()
		done <- f(h.server.serving)
	}()
	return <-done
}

// chunks writes to a held connection.
type chunks struct{ conn net.Conn }

// write implements outlet.
func (c chunks) write(p []byte) error {
	if len(p) == 1 && p[0] == '\n' {
		return bounded(c.conn, []byte(blankChunk))
	}
	chunk := make([]byte, 0, len(p)+16)
	chunk = fmt.Appendf(chunk, "%x\r\n", len(p))
	chunk = append(chunk, p...)
	return bounded(c.conn, append(chunk, "\r\n"...))
}

// bounded writes to a connection within writeLimit.
func bounded(conn net.Conn, p []byte) error {
	if err := conn.SetWriteDeadline(time.Now().Add(writeLimit)); err != nil {
		return fmt.Errorf("bound a write: %w", err)
	}
	_, err := conn.Write(p)
	return err
}

// streams are those that are held.
type streams struct {
	sync.WaitGroup
	conns map[*listener]net.Conn // guarded by the server's mutex
}

// holding adds a held stream; false when the server has ended.
func (s *Server) holding(h *held, to dffmpeg.Recipient, d demand) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed() {
		return false
	}
	s.held.Add(1)
	s.held.conns[h.listener] = h.conn
	s.add(to, d, h.listener)
	return true
}

// release ends the held streams and waits for them: those whose peers do not read
// are cut off.
func (s *Server) release() {
	s.mu.Lock()
	for _, listeners := range s.listeners {
		for l := range listeners {
			l.interrupt()
		}
	}
	s.mu.Unlock()
	cut := time.AfterFunc(endLimit, func() {
		s.stop()
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, conn := range s.held.conns {
			_ = conn.Close()
		}
	})
	defer cut.Stop()
	s.held.Wait()
	s.stop()
}
