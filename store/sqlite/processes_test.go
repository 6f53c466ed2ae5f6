package sqlite

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/store"
	"github.com/dffmpeg/dffmpeg/store/storetest"
	"github.com/dffmpeg/dffmpeg/store/storetest/crash"
)

// otherProcess names the database that this test binary, run again, is to
// write identities to.
const otherProcess = "DFFMPEG_TEST_SQLITE"

// otherIdentities is how many identities the other process writes.
const otherIdentities = 100

func TestMain(m *testing.M) {
	if path := os.Getenv(otherProcess); path != "" {
		if err := writeIdentities(path); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	if path := os.Getenv(probingProcess); path != "" {
		if err := probeLock(path); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	if storetest.Racing(openAt) || crash.Dying(openWith) {
		return
	}
	goleak.VerifyTestMain(m)
}

// openAt opens the store of a file.
func openAt(ctx context.Context, path string) (store.State, error) {
	state, err := Open(ctx, at(path), options())
	if err != nil {
		return nil, err
	}
	return state, nil
}

func TestTwoProcesses(t *testing.T) {
	storetest.RunProcesses(t, openAt, filepath.Join(t.TempDir(), "state.db"))
}

// writeIdentities is the other process, which plays the admin tool.
func writeIdentities(path string) error {
	ctx := context.Background()
	identities, err := OpenIdentities(ctx, at(path), options())
	if err != nil {
		return err
	}
	defer identities.Close()
	for i := range otherIdentities {
		name := fmt.Sprintf("client-%d-%d", os.Getpid(), i)
		if _, err := identities.AddIdentity(ctx, store.StoredIdentity{Identity: dffmpeg.Identity{ClientID: name, Role: dffmpeg.RoleClient}}); err != nil {
			return err
		}
	}
	return nil
}

// TestNobodySeesLocks: 64 submitters write until two other processes have
// written their identities to the same file. Nobody is told that it is locked,
// nobody starves, and nothing is lost.
func TestNobodySeesLocks(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	state, err := Open(t.Context(), at(path), options())
	if err != nil {
		t.Fatal(err)
	}
	defer state.Close()
	over := make(chan struct{})
	var submitters, others sync.WaitGroup
	submitted := make([]int, 64)
	for i := range submitted {
		submitters.Go(func() {
			for {
				select {
				case <-over:
					return
				default:
				}
				if _, err := state.Submit(t.Context(), dffmpeg.Job{RequesterID: "c", BinaryName: "ffmpeg"}); err != nil {
					t.Error(err)
					return
				}
				submitted[i]++
			}
		})
	}
	for range 2 {
		others.Go(func() {
			command := exec.CommandContext(t.Context(), os.Args[0])
			command.Env = append(os.Environ(), otherProcess+"="+path)
			if output, err := command.CombinedOutput(); err != nil {
				t.Errorf("the other process: %v: %s", err, output)
			}
		})
	}
	others.Wait()
	close(over)
	submitters.Wait()

	want := 0
	for i, count := range submitted {
		want += count
		if count == 0 {
			t.Errorf("submitter %d never had its turn", i)
		}
	}
	if jobs, err := state.Active(t.Context(), 0); err != nil || len(jobs) != want {
		t.Errorf("%d jobs stored (%v), want %d", len(jobs), err, want)
	}
	identities, err := OpenIdentities(t.Context(), at(path), options())
	if err != nil {
		t.Fatal(err)
	}
	defer identities.Close()
	if all, err := identities.ListIdentities(t.Context()); err != nil || len(all) != 2*otherIdentities {
		t.Errorf("%d identities stored (%v), want %d", len(all), err, 2*otherIdentities)
	}
}
