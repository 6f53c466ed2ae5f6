package storetest

import (
	"crypto/rand"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/store"
)

const (
	// fullAfter bounds how many jobs are stored to fill a disk.
	fullAfter = 10_000
	// jobSize is how many bytes of arguments each has. With records that do not
	// fit their page, MariaDB 10.11 ends itself ("Out of disk space in rollback").
	jobSize = 3000
)

// RunFullDisk tests what an engine does when its disk becomes full: the caller is
// told, nothing is half stored, what was stored can be read, and the engine goes
// on by itself once makeRoom has been called. The store is empty and on a disk of
// a few megabytes; RunFullDisk closes it.
func RunFullDisk(t *testing.T, state store.State, makeRoom func()) {
	w := &world{State: state, t: t, ids: ascendingIDs()}
	defer func() {
		if err := state.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	}()
	w.worker(b1)
	running := w.running()

	stored := 1
	var refused dffmpeg.Job
	for {
		job := w.draft()
		random := make([]byte, jobSize/2) // that no engine can compress
		_, _ = rand.Read(random)
		job.Arguments = []string{"private " + hex.EncodeToString(random)}
		_, err := state.Submit(t.Context(), job)
		if err == nil {
			if stored++; stored > fullAfter {
				t.Fatal("the disk does not become full; dev/services can give it its small size only as root")
			}
			continue
		}
		coded(t, "a full disk is said", err, dffmpeg.CodeUnavailable)
		if text := err.Error(); !strings.Contains(text, "disk is full") || strings.Contains(text, "private") {
			t.Errorf("Submit = %q, want …disk is full… and nothing that was to be stored", text)
		}
		refused = job
		break
	}
	if _, err := state.Job(t.Context(), refused.ID); dffmpeg.CodeOf(err) != dffmpeg.CodeNotFound {
		t.Errorf("the job that was refused: %v, want none", err)
	}
	if jobs := must[[]dffmpeg.Job](t)(state.Active(t.Context(), 0)); len(jobs) != stored {
		t.Errorf("%d jobs are stored, %d were confirmed", len(jobs), stored)
	}

	makeRoom()
	w.change(state.Submit(t.Context(), refused))
	w.change(state.Finish(t.Context(), running.ID, by1, store.Result{Status: dffmpeg.JobCompleted}))
}
