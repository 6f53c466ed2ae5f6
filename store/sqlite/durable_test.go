package sqlite

import (
	"bufio"
	"context"
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/dffmpeg/dffmpeg"
)

// dyingProcess names the database that this test binary, run again, is to
// submit jobs to until it is killed.
const dyingProcess = "DFFMPEG_TEST_SQLITE_DYING"

// submitForever is the process that dies: it writes the ID of each job that the
// store has confirmed.
func submitForever(path string) error {
	ctx := context.Background()
	state, err := Open(ctx, at(path), options())
	if err != nil {
		return err
	}
	defer state.Close()
	errs := make(chan error)
	var lines sync.Mutex
	for range 8 {
		go func() {
			for {
				change, err := state.Submit(ctx, dffmpeg.Job{RequesterID: "c", BinaryName: "ffmpeg"})
				if err == nil {
					lines.Lock()
					_, err = fmt.Println(change.Job.ID)
					lines.Unlock()
				}
				if err != nil {
					errs <- err
					return
				}
			}
		}()
	}
	return <-errs
}

// TestKilledProcess: what the store confirmed is there after its process was
// killed in the middle of its work, and the file is whole.
func TestKilledProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	command := exec.CommandContext(t.Context(), os.Args[0])
	command.Env = append(os.Environ(), dyingProcess+"="+path)
	output, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	var confirmed []string
	for lines := bufio.NewScanner(output); lines.Scan(); {
		if len(confirmed) > 0 && len(lines.Text()) < len(confirmed[0]) {
			break // cut off by the end
		}
		confirmed = append(confirmed, lines.Text())
		if len(confirmed) == 500 {
			if err := command.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := command.Wait(); err == nil || len(confirmed) < 500 {
		t.Fatalf("the process ended by itself: %v, after %d jobs", err, len(confirmed))
	}
	state, err := Open(t.Context(), at(path), options())
	if err != nil {
		t.Fatal(err)
	}
	defer state.Close()
	for _, id := range confirmed {
		if _, err := state.Job(t.Context(), id); err != nil {
			t.Errorf("job %s was confirmed: %v", id, err)
		}
	}
	if got := answer(t, at(path), "PRAGMA integrity_check"); got != "ok" {
		t.Errorf("the file: %s", got)
	}
}

// TestPragmas: the setting reaches the connections, which use a log, and no
// files for what may have to be undone.
func TestPragmas(t *testing.T) {
	for setting, want := range map[string]string{"normal": "1", "full": "2"} {
		settings := Settings{Path: filepath.Join(t.TempDir(), "state.db"), Synchronous: setting}
		if got := answer(t, settings, "PRAGMA synchronous"); got != want {
			t.Errorf("synchronous is %s with %s, want %s", got, setting, want)
		}
		if got := answer(t, settings, "PRAGMA journal_mode"); got != "wal" {
			t.Errorf("journal_mode is %s", got)
		}
		if got := answer(t, settings, "PRAGMA temp_store"); got != "2" {
			t.Errorf("temp_store is %s, want 2, memory", got)
		}
	}
}

// answer returns what a connection of the engine answers.
func answer(t *testing.T, settings Settings, query string) string {
	t.Helper()
	db, err := sql.Open("sqlite", source(settings, writeTimeout))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var text string
	if err := db.QueryRowContext(t.Context(), query).Scan(&text); err != nil {
		t.Fatal(err)
	}
	return text
}
