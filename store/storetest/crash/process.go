package crash

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/dffmpeg/dffmpeg/store"
	"github.com/dffmpeg/dffmpeg/store/sqlstore"
)

// dyingProcess names, in the environment of a test binary that is run again,
// what that process is to write until it is killed.
const dyingProcess = "DFFMPEG_TEST_WRITE_UNTIL_KILLED"

const (
	writers = 4
	// files is how many files are made, and killsPerFile how often a process is
	// killed that writes to one: each second time at a failpoint.
	files        = 5
	killsPerFile = 20
	// mustHit is how many kills at least must be proven to interrupt an
	// operation that has written something and has not been committed.
	mustHit = 20
	// processLimit bounds the life of a process.
	processLimit = 30 * time.Second
)

// OpenAt opens the store of a file, with its writer replaced by what wrap makes
// of it, unless that is nil.
type OpenAt func(ctx context.Context, path string, wrap func(sqlstore.Writer) sqlstore.Writer) (store.State, error)

// orders are what the process is told.
type orders struct {
	Path string
	Done []int // steps of each writer that are done
	// Failpoint is the number of the failpoint at which to stop; 0 for none.
	Failpoint int
}

// Dying plays the process that RunProcess kills, if this is that one: then
// TestMain returns at once, if at all.
func Dying(open OpenAt) bool {
	text := os.Getenv(dyingProcess)
	if text == "" {
		return false
	}
	ctx, cancel := context.WithTimeout(context.Background(), processLimit)
	defer cancel()
	if err := writeUntilKilled(ctx, open, text); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return true
}

// news are what the process tells: a number of a writer, or these.
const (
	newsOpen      = -1 // the store is open
	newsFailpoint = -2 // it waits at the failpoint
)

// teller writes news, each with one call, so that none is lost when the process
// is killed.
type teller struct{ mu sync.Mutex }

func (t *teller) tell(what int) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	_, err := fmt.Fprintln(os.Stdout, what)
	return err
}

func writeUntilKilled(ctx context.Context, open OpenAt, text string) error {
	var o orders
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		return err
	}
	var news teller
	f := &failpoints{stopAt: o.Failpoint, reached: func() {
		_ = news.tell(newsFailpoint)
		<-ctx.Done() // the end comes from outside
	}}
	state, err := open(ctx, o.Path, f.wrap)
	if err != nil {
		return err
	}
	if err := news.tell(newsOpen); err != nil {
		return err
	}
	errs := make(chan error, len(o.Done))
	for writer, done := range o.Done {
		go func() {
			for s := (script{writer}); ; done++ {
				if err := errors.Join(s.step(ctx, state, done), ctx.Err()); err != nil {
					errs <- err
					return
				}
				if err := news.tell(writer); err != nil {
					errs <- err
					return
				}
			}
		}()
	}
	return <-errs
}

// RunProcess kills a process that writes a hundred times, at random and between
// the writes of an operation, and each time looks at what it left in the file.
// check looks at the file itself. TestMain of the package calls Dying.
func RunProcess(t *testing.T, open OpenAt, check func(t *testing.T, path string)) {
	seed := rand.Uint64()
	r := &run{open: open, check: check, random: rand.New(rand.NewPCG(seed, 0))} //nolint:gosec // to be repeated
	for file := range files {
		r.useFile(t, filepath.Join(t.TempDir(), fmt.Sprintf("state-%d.db", file)))
	}
	if r.hit < mustHit {
		t.Errorf("%d kills interrupted an operation, want at least %d", r.hit, mustHit)
	}
	t.Logf("seed %d: %d kills, %d of them proven to be within an operation; %d steps in all, %d of them committed and never confirmed",
		seed, files*killsPerFile, r.hit, r.steps, r.unconfirmed)
}

// run is the state of RunProcess.
type run struct {
	open                    OpenAt
	check                   func(t *testing.T, path string)
	random                  *rand.Rand
	hit, steps, unconfirmed int
}

// useFile kills processes that write to one file, from its making on.
func (r *run) useFile(t *testing.T, path string) {
	t.Helper()
	witnesses := make([]*witness, writers)
	for i := range witnesses {
		witnesses[i] = newWitness(i)
	}
	for kill := range killsPerFile {
		o := orders{Path: path}
		if kill%2 == 1 {
			o.Failpoint = 1 + r.random.IntN(200)
		}
		for _, w := range witnesses {
			o.Done = append(o.Done, w.done)
		}
		stopped := killOne(t, o, r.random, witnesses)
		if stopped {
			r.hit++
		}
		state, err := r.open(t.Context(), path, nil)
		if err != nil {
			t.Fatalf("after kill %d: %v", kill, err)
		}
		for _, w := range witnesses {
			more, err := w.settle(t.Context(), state)
			if err != nil {
				t.Fatalf("after kill %d (at a failpoint: %t): %v", kill, stopped, err)
			}
			if more {
				r.unconfirmed++
			}
		}
		if err := state.Close(); err != nil {
			t.Fatal(err)
		}
		r.check(t, path)
	}
	state, err := r.open(t.Context(), path, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer state.Close() //nolint:errcheck // tested elsewhere
	r.steps += settleAll(t, witnesses, state)
}

// settleAll looks at everything once more, and returns how many steps there were.
func settleAll(t *testing.T, witnesses []*witness, state store.State) int {
	t.Helper()
	steps := 0
	for _, w := range witnesses {
		if err := w.settleAll(t.Context(), state); err != nil {
			t.Errorf("in the end: %v", err)
		}
		if w.done == 0 {
			t.Errorf("writer %d did nothing", w.writer)
		}
		steps += w.done
	}
	return steps
}

// killOne starts a process and kills it: at its failpoint, or else after a
// random time. It reports whether it was at the failpoint.
func killOne(t *testing.T, o orders, random *rand.Rand, witnesses []*witness) (stopped bool) {
	t.Helper()
	text, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), processLimit)
	defer cancel()
	process := exec.CommandContext(ctx, os.Args[0])
	process.Env = append(os.Environ(), dyingProcess+"="+string(text))
	process.Stderr = os.Stderr
	out, err := process.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	kill := func() {
		if err := process.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
			t.Error(err)
		}
	}
	if o.Failpoint == 0 && random.IntN(5) == 0 {
		// While it opens the store, or has it made.
		time.AfterFunc(time.Duration(random.IntN(30))*time.Millisecond, kill)
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		var what int
		if _, err := fmt.Sscan(lines.Text(), &what); err != nil {
			t.Fatalf("the process said %q", lines.Text())
		}
		switch {
		case what == newsOpen && o.Failpoint == 0:
			time.AfterFunc(time.Duration(random.IntN(60_000))*time.Microsecond, kill)
		case what == newsOpen:
		case what == newsFailpoint:
			stopped = true
			kill()
		default:
			if err := witnesses[what].confirmed(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := process.Wait(); process.ProcessState.ExitCode() != -1 {
		t.Fatalf("the process ended by itself: %v", err)
	}
	return stopped
}
