package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"time"
)

// Server executes operations on an engine with a server: each in a transaction
// of its own, on a pool of connections. It is a Writer and a Reader. It may be
// used by several goroutines at once.
type Server struct {
	pool    *sql.DB
	options *sql.TxOptions
	rebound rebound
}

var (
	_ Writer = (*Server)(nil)
	_ Reader = (*Server)(nil)
)

// NewServer returns a Server on a pool, which it closes in the end. The driver
// is one that keeps statements prepared, or needs none.
func NewServer(pool *sql.DB, dialect Dialect, options *sql.TxOptions) *Server {
	return &Server{pool: pool, options: options, rebound: rebound{rebind: dialect.Rebind}}
}

// silence bounds how long the server may take for one statement of an operation;
// callers over HTTP wait no longer. Behind a connection that broke without a word
// nobody answers, and TCP takes a quarter of an hour to say so.
const silence = 15 * time.Second

// MostIdle is how long a transaction may be idle before the server is to undo it:
// whoever began it can no longer be reached, and others wait for its locks.
const MostIdle = silence

// errSilent is why an operation was given up.
var errSilent = fmt.Errorf("the database server has not answered for %s", silence)

// Write implements Writer.
func (s *Server) Write(ctx context.Context, op Operation) (err error) {
	ctx, giveUp := context.WithCancelCause(ctx)
	defer giveUp(nil)
	answered := time.AfterFunc(silence, func() { giveUp(errSilent) })
	defer answered.Stop()
	defer func() {
		if err != nil && errors.Is(context.Cause(ctx), errSilent) {
			err = errSilent // rather than that it was canceled
		}
	}()
	tx, err := s.pool.BeginTx(ctx, s.options)
	if err != nil {
		return err
	}
	done := false
	defer func() {
		if !done { // an error, or a panic
			if undone := tx.Rollback(); undone != nil && !errors.Is(undone, sql.ErrTxDone) {
				err = errors.Join(err, undone)
			}
		}
	}()
	if err := op(ctx, watched{queries{tx, &s.rebound}, answered}); err != nil {
		return err
	}
	done = true
	answered.Reset(silence)
	return tx.Commit()
}

// Renew drops the connections that nobody uses: when one broke without a word, the
// others most likely did, too, and each would cost somebody the same wait.
func (s *Server) Renew() {
	s.pool.SetMaxIdleConns(0)
	s.pool.SetMaxIdleConns(s.pool.Stats().MaxOpenConnections)
}

// ExecContext implements Reader.
func (s *Server) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	return queries{s.pool, &s.rebound}.ExecContext(ctx, query, args...)
}

// QueryContext implements Reader.
func (s *Server) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return queries{s.pool, &s.rebound}.QueryContext(ctx, query, args...)
}

// Close implements Writer and Reader.
func (s *Server) Close() error { return s.pool.Close() }

// queries executes queries with the engine's placeholders.
type queries struct {
	on      Queryer
	rebound *rebound
}

func (q queries) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	return q.on.ExecContext(ctx, q.rebound.text(query), args...)
}

func (q queries) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return q.on.QueryContext(ctx, q.rebound.text(query), args...)
}

// watched are queries that each have their time.
type watched struct {
	queries
	answered *time.Timer
}

func (w watched) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	w.answered.Reset(silence)
	return w.queries.ExecContext(ctx, query, args...)
}

func (w watched) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	w.answered.Reset(silence)
	return w.queries.QueryContext(ctx, query, args...)
}

// rebound keeps queries as the engine wants them.
type rebound struct {
	rebind func(string) string

	mu    sync.RWMutex
	texts map[string]string
}

func (r *rebound) text(query string) string {
	r.mu.RLock()
	text, known := r.texts[query]
	r.mu.RUnlock()
	if known {
		return text
	}
	text = r.rebind(query)
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.texts) < maxStatements {
		if r.texts == nil {
			r.texts = make(map[string]string)
		}
		r.texts[query] = text
	}
	return text
}
