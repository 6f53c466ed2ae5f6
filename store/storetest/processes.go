package storetest

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/store"
)

// racingProcess names, in the environment of a test binary that is run again,
// the place of the store that it is to race for.
const racingProcess = "DFFMPEG_TEST_RACE_AT"

const (
	racingWriters = 8 // in each of two processes
	racingJobs    = 60
	racingLimit   = time.Minute
)

// OpenAt opens the store at a place, which is a text such as a path: another
// process of the same test binary opens the same one.
type OpenAt func(ctx context.Context, place string) (store.State, error)

// Racing plays the other process of RunProcesses, if this is that one: then
// TestMain returns at once.
func Racing(open OpenAt) bool {
	place := os.Getenv(racingProcess)
	if place == "" {
		return false
	}
	ctx, cancel := context.WithTimeout(context.Background(), racingLimit)
	defer cancel()
	if err := otherRacer(ctx, open, place, os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return true
}

// otherRacer is the other process: it says that it is ready, waits for the jobs to
// claim, says that it begins, and lists those that it got.
func otherRacer(ctx context.Context, open OpenAt, place string, in io.Reader, out io.Writer) error {
	state, err := open(ctx, place)
	if err != nil {
		return err
	}
	defer func() { _ = state.Close() }() // the process ends anyway
	if _, err := fmt.Fprintln(out, "ready"); err != nil {
		return err
	}
	line, err := bufio.NewReader(in).ReadString('\n')
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintln(out, "go"); err != nil {
		return err
	}
	won, err := claimAll(ctx, state, strings.Fields(line), b2)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(out, strings.Join(won, " "))
	return err
}

// claimAll has several writers claim every job, and returns the jobs that one of
// them got, once for each time.
func claimAll(ctx context.Context, state store.State, jobs []string, worker string) ([]string, error) {
	var (
		mu      sync.Mutex
		won     []string
		problem error
		all     sync.WaitGroup
	)
	for range racingWriters {
		all.Go(func() {
			for _, i := range rand.Perm(len(jobs)) {
				id := jobs[i]
				change, err := state.Claim(ctx, dffmpeg.Job{ID: id}, worker)
				mu.Lock()
				if err != nil {
					problem = err
				} else if change.Outcome == store.Applied {
					won = append(won, id)
				}
				mu.Unlock()
			}
		})
	}
	all.Wait()
	return won, problem
}

// RunProcesses tests that sixteen writers in two processes who want the same
// jobs get each of them once. TestMain of the package calls Racing.
func RunProcesses(t *testing.T, open OpenAt, place string) {
	ctx, cancel := context.WithTimeout(t.Context(), racingLimit)
	defer cancel()
	state, err := open(ctx, place)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{State: state, t: t, ids: ascendingIDs()}
	t.Cleanup(func() {
		if err := state.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	w.worker(b1)
	w.worker(b2)
	jobs := make([]string, racingJobs)
	for i := range jobs {
		jobs[i] = w.submit().ID
	}

	other := exec.CommandContext(ctx, os.Args[0])
	other.Env = append(os.Environ(), racingProcess+"="+place)
	other.Stderr = os.Stderr
	in, inErr := other.StdinPipe()
	out, outErr := other.StdoutPipe()
	if inErr != nil || outErr != nil {
		t.Fatal(inErr, outErr)
	}
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(out)
	if ready, err := lines.ReadString('\n'); err != nil || ready != "ready\n" {
		t.Fatalf("the other process said %q, %v", ready, err)
	}
	if _, err := fmt.Fprintln(in, strings.Join(jobs, " ")); err != nil {
		t.Fatal(err)
	}
	if begin, err := lines.ReadString('\n'); err != nil || begin != "go\n" {
		t.Fatalf("the other process said %q, %v", begin, err)
	}
	ours, err := claimAll(ctx, state, jobs, b1)
	if err != nil {
		t.Error(err)
	}
	theirs, err := lines.ReadString('\n')
	if err != nil {
		t.Fatalf("the other process said %q, %v", theirs, err)
	}
	if err := other.Wait(); err != nil {
		t.Errorf("the other process: %v", err)
	}

	winners := make(map[string]string)
	for worker, won := range map[string][]string{b1: ours, b2: strings.Fields(theirs)} {
		for _, id := range won {
			if winners[id] != "" {
				t.Errorf("job %s was claimed by %s and by %s", id, winners[id], worker)
			}
			winners[id] = worker
		}
	}
	for _, id := range jobs {
		if job := w.job(id); winners[id] == "" || job.Worker() != winners[id] || job.Attempt != 1 {
			t.Errorf("job %s was claimed by %q; its record says %s, attempt %d", id, winners[id], job.Worker(), job.Attempt)
		}
	}
	if len(ours) == 0 || len(strings.Fields(theirs)) == 0 {
		t.Errorf("one process got all the jobs: they did not race")
	}
	for _, worker := range []string{b1, b2} {
		mail := w.all(dffmpeg.ToWorker(worker))
		inOrder(t, mail)
		requests := 0
		for _, m := range mail {
			if m.Type == dffmpeg.MessageJobRequest {
				requests++
			}
		}
		won := len(ours)
		if worker == b2 {
			won = len(strings.Fields(theirs))
		}
		if requests != won {
			t.Errorf("%s got %d requests for %d jobs", worker, requests, won)
		}
	}
}
