package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/store/sqlstore"
)

// numbers is a writer on a database with one table of numbers.
type numbers struct {
	t    *testing.T
	path string
	*writer
}

func newNumbers(t *testing.T) numbers {
	t.Helper()
	path := filepath.Join(t.TempDir(), "numbers.db")
	execute(t, path, "CREATE TABLE numbers (n INTEGER)")
	pool, err := sql.Open("sqlite", source(at(path), writeTimeout))
	if err != nil {
		t.Fatal(err)
	}
	pool.SetMaxOpenConns(1)
	w := newWriter(pool, dialect())
	t.Cleanup(func() {
		if err := errors.Join(w.Close(), w.Close()); err != nil {
			t.Errorf("Close, twice: %v", err)
		}
	})
	return numbers{t, path, w}
}

// insert is an operation that stores a number.
func insert(n int) sqlstore.Operation {
	return func(ctx context.Context, queries sqlstore.Queryer) error {
		_, err := queries.ExecContext(ctx, "INSERT INTO numbers VALUES (?)", n)
		return err
	}
}

// stored returns the sum of the numbers that are committed.
func (n numbers) stored() int {
	n.t.Helper()
	db, err := sql.Open("sqlite", n.path)
	if err != nil {
		n.t.Fatal(err)
	}
	defer db.Close()
	var sum int
	if err := db.QueryRowContext(n.t.Context(), "SELECT COALESCE(SUM(n), 0) FROM numbers").Scan(&sum); err != nil {
		n.t.Fatal(err)
	}
	return sum
}

// together writes operations in one transaction, in this order, and returns
// their errors, or panics: while a first one is being executed, the others come to wait.
func (n numbers) together(ops ...sqlstore.Operation) []error {
	n.t.Helper()
	started, finish := make(chan struct{}), make(chan struct{})
	errs := make([]error, len(ops))
	var all sync.WaitGroup
	all.Go(func() {
		err := n.Write(n.t.Context(), func(context.Context, sqlstore.Queryer) error {
			close(started)
			<-finish
			return nil
		})
		if err != nil {
			n.t.Error(err)
		}
	})
	<-started
	for i, op := range ops {
		all.Go(func() {
			defer func() {
				if p := recover(); p != nil {
					errs[i] = fmt.Errorf("panic: %v", p)
				}
			}()
			errs[i] = n.Write(n.t.Context(), op)
		})
		n.await(i + 1)
	}
	close(finish)
	all.Wait()
	return errs
}

// await returns when so many requests wait.
func (n numbers) await(count int) {
	n.t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; {
		n.mu.Lock()
		waiting := len(n.waiting)
		n.mu.Unlock()
		if waiting == count {
			return
		}
		if time.Now().After(deadline) {
			n.t.Fatalf("%d requests wait, want %d", waiting, count)
		}
		runtime.Gosched()
	}
}

// TestThoseWhoWaitShareATransaction, in which one that fails undoes only what
// it did itself.
func TestThoseWhoWaitShareATransaction(t *testing.T) {
	n := newNumbers(t)
	refused := errors.New("refused")
	errs := n.together(insert(1),
		func(ctx context.Context, queries sqlstore.Queryer) error {
			return errors.Join(insert(10)(ctx, queries), refused)
		},
		func(ctx context.Context, queries sqlstore.Queryer) error {
			if sum := n.stored(); sum != 0 {
				t.Errorf("%d is committed before the group is", sum)
			}
			return insert(100)(ctx, queries)
		})
	if errs[0] != nil || !errors.Is(errs[1], refused) || errs[2] != nil {
		t.Errorf("the operations returned %v", errs)
	}
	if sum := n.stored(); sum != 101 {
		t.Errorf("stored %d, want 101", sum)
	}
}

// TestLostTransaction: when an error rolls back the transaction, those who
// shared it are told to try again, and the writer goes on.
func TestLostTransaction(t *testing.T) {
	n := newNumbers(t)
	broken := errors.New("broken")
	errs := n.together(insert(1),
		func(ctx context.Context, queries sqlstore.Queryer) error {
			_, err := queries.ExecContext(ctx, "ROLLBACK")
			return errors.Join(err, broken)
		}, insert(100))
	if !errors.Is(errs[0], sqlstore.ErrAgain) || !errors.Is(errs[1], broken) || !errors.Is(errs[2], sqlstore.ErrAgain) {
		t.Errorf("the operations returned %v", errs)
	}
	if sum := n.stored(); sum != 0 {
		t.Errorf("stored %d of a transaction that was lost", sum)
	}
	if err := n.Write(t.Context(), insert(5)); err != nil || n.stored() != 5 {
		t.Errorf("the next operation: %v, stored %d, want 5", err, n.stored())
	}
}

// TestPanicReachesItsCaller, whoever executes the operation, and nobody else.
func TestPanicReachesItsCaller(t *testing.T) {
	n := newNumbers(t)
	errs := n.together(insert(1), func(ctx context.Context, queries sqlstore.Queryer) error {
		if err := insert(10)(ctx, queries); err != nil {
			return err
		}
		panic("oops")
	}, insert(100))
	if errs[0] != nil || errs[1] == nil || errs[1].Error() != "panic: oops" || errs[2] != nil {
		t.Errorf("the operations returned %v", errs)
	}
	if sum := n.stored(); sum != 101 {
		t.Errorf("stored %d, want 101", sum)
	}
}

// TestWaitEnds: who waits for its turn, or for another process, leaves when its
// context ends, and its operation is not executed.
func TestWaitEnds(t *testing.T) {
	n := newNumbers(t)
	other, err := sql.Open("sqlite", source(at(n.path), writeTimeout))
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	conn, err := other.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.ExecContext(t.Context(), "BEGIN IMMEDIATE"); err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for range 4 { // one waits for the file, the others for their turn
		all.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
			defer cancel()
			if err := n.Write(ctx, insert(1)); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("Write = %v, want the end of the context", err)
			}
		})
	}
	all.Wait()
	if _, err := conn.ExecContext(t.Context(), "COMMIT"); err != nil {
		t.Fatal(err)
	}
	if err := n.Write(t.Context(), insert(10)); err != nil || n.stored() != 10 {
		t.Errorf("afterwards: %v, stored %d, want 10", err, n.stored())
	}
}

// busy returns SQLite's error for a file that another connection has locked.
func busy(t *testing.T) error {
	t.Helper()
	n := newNumbers(t)
	var err error
	held := n.Write(t.Context(), func(context.Context, sqlstore.Queryer) error {
		db, opened := sql.Open("sqlite", n.path)
		if opened != nil {
			return opened
		}
		defer db.Close()
		_, err = db.ExecContext(t.Context(), "INSERT INTO numbers VALUES (1)")
		return nil
	})
	if held != nil || err == nil {
		t.Fatalf("a second connection wrote at the same time: %v", held)
	}
	return err
}

func TestWaitForOthersIsBounded(t *testing.T) {
	locked := busy(t)
	synctest.Test(t, func(t *testing.T) {
		start, tries := time.Now(), 0
		err := whenFree(t.Context(), func() error {
			tries++
			<-time.After(writeTimeout)
			return locked
		})
		if !errors.Is(err, errLocked) || explain(err) == "" {
			t.Errorf("whenFree = %v (%q), want errLocked and a sentence", err, explain(err))
		}
		if waited := time.Since(start); waited < lockTimeout || waited > 2*lockTimeout || tries < 100 {
			t.Errorf("tried %d times in %v", tries, waited)
		}
	})
}

// TestDiskFull: the caller is told, nothing is half stored, and what follows
// works once there is room.
func TestDiskFull(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	state, err := Open(t.Context(), at(path), options())
	if err != nil {
		t.Fatal(err)
	}
	if err := state.Close(); err != nil {
		t.Fatal(err)
	}
	// A limit on pages stands for the disk's: both are SQLITE_FULL.
	pool, err := sql.Open("sqlite", source(at(path), writeTimeout)+"&_pragma=max_page_count(60)")
	if err != nil {
		t.Fatal(err)
	}
	pool.SetMaxOpenConns(1)
	read, err := sql.Open("sqlite", source(at(path), readTimeout))
	if err != nil {
		t.Fatal(err)
	}
	o := options()
	full := &sqlstore.State{DB: sqlstore.New(sqlstore.Config{
		Writer: newWriter(pool, dialect()), Reader: reader{sqlstore.NewStatements(read, dialect().Rebind), read}, Dialect: dialect(), Now: o.Now, IDs: o.IDs,
	})}
	defer full.Close()
	secret := strings.Repeat("secret", 100_000)
	_, err = full.Submit(t.Context(), dffmpeg.Job{ID: "big", RequesterID: "c", BinaryName: "ffmpeg", Arguments: []string{secret}})
	if dffmpeg.CodeOf(err) != dffmpeg.CodeUnavailable || !strings.Contains(err.Error(), "full") {
		t.Errorf("Submit = %v, want unavailable because the disk is full", err)
	}
	if err != nil && strings.Contains(err.Error(), "secret") {
		t.Error("the error repeats what was to be stored")
	}
	if _, err := full.Job(t.Context(), "big"); dffmpeg.CodeOf(err) != dffmpeg.CodeNotFound {
		t.Errorf("Job = %v, want none", err)
	}
	if _, err := full.Submit(t.Context(), dffmpeg.Job{RequesterID: "c", BinaryName: "ffmpeg"}); err != nil {
		t.Errorf("a small job afterwards: %v", err)
	}
}
