package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"sync"
)

// maxStatements bounds how many statements are kept. The store has about sixty,
// some of them with lists of different lengths.
const maxStatements = 250

// preparer is a connection or a pool of them.
type preparer interface {
	Queryer
	PrepareContext(ctx context.Context, query string) (*sql.Stmt, error)
}

// Statements executes queries on a connection or a pool by statements that it
// prepares once and keeps. It may be used by several goroutines at once, as far
// as the connection may.
type Statements struct {
	on     preparer
	rebind func(query string) string

	mu   sync.Mutex
	kept map[string]*sql.Stmt
}

var _ Queryer = (*Statements)(nil)

// NewStatements returns a Statements without any; rebind is the dialect's.
func NewStatements(on preparer, rebind func(query string) string) *Statements {
	return &Statements{on: on, rebind: rebind, kept: make(map[string]*sql.Stmt)}
}

// ExecContext executes a statement.
func (s *Statements) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	statement, err := s.prepared(ctx, query)
	switch {
	case err != nil:
		return nil, err
	case statement == nil:
		return s.on.ExecContext(ctx, s.rebind(query), args...)
	}
	return statement.ExecContext(ctx, args...)
}

// QueryContext executes a query.
func (s *Statements) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	statement, err := s.prepared(ctx, query)
	switch {
	case err != nil:
		return nil, err
	case statement == nil:
		return s.on.QueryContext(ctx, s.rebind(query), args...)
	}
	return statement.QueryContext(ctx, args...)
}

// prepared returns the statement of a query, nil when there are too many.
func (s *Statements) prepared(ctx context.Context, query string) (*sql.Stmt, error) {
	s.mu.Lock()
	statement, known := s.kept[query]
	full := len(s.kept) >= maxStatements
	s.mu.Unlock()
	if known || full {
		return statement, nil
	}
	// Not under the lock: it waits for a connection, as long as ctx allows.
	statement, err := s.on.PrepareContext(ctx, s.rebind(query))
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if first, known := s.kept[query]; known {
		return first, statement.Close()
	}
	s.kept[query] = statement
	return statement, nil
}

// Close closes the statements. It may be called twice, and Statements may be
// used again.
func (s *Statements) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	errs := make([]error, 0, len(s.kept))
	for _, statement := range s.kept {
		errs = append(errs, statement.Close())
	}
	clear(s.kept)
	return errors.Join(errs...)
}
