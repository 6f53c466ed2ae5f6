package sqlite

import (
	"database/sql"
	"path/filepath"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/dffmpeg/dffmpeg"
)

// TestUpgradeFindsWhatWaits: messages stored by the first schema are delivered
// after the upgrade, and others are still not due.
func TestUpgradeFindsWhatWaits(t *testing.T) {
	settings := at(filepath.Join(t.TempDir(), "state.db"))
	first, err := migrations.ReadFile("migrations/0001_initial.sql")
	if err != nil {
		t.Fatal(err)
	}
	pool, err := sql.Open("sqlite", source(settings, writeTimeout))
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	if err := migrate(t.Context(), pool, fstest.MapFS{"migrations/0001_initial.sql": {Data: first}}); err != nil {
		t.Fatal(err)
	}
	execute(t, settings.Path, `
		INSERT INTO dffmpeg_jobs SELECT 'J' || column1, 'alice', 'ffmpeg', '[]', '[]', NULL, 'running', NULL, 'w', 1, 1, NULL, NULL,
			5, 0, column2, '{}', 1, '', NULL, 3, 0, 2, 'M2' FROM (VALUES (1, 'mqtt'), (2, 'http_polling'), (3, 'mqtt'));
		INSERT INTO dffmpeg_messages SELECT 'job/J' || column1, 1, 'M1', 'alice', 'w', 'J' || column1, 'job_status', '{}', 1, NULL, column2, NULL
			FROM (VALUES (1, NULL), (2, NULL), (3, 1));
		INSERT INTO dffmpeg_messages VALUES ('worker/w', 1, 'M1', 'w', NULL, 'J1', 'job_request', '{}', 1, NULL, NULL, NULL)`)
	state, err := Open(t.Context(), settings, options())
	if err != nil {
		t.Fatal(err)
	}
	defer state.Close()
	got, err := state.Unsent(t.Context(), []string{"mqtt"}, 10)
	want := []dffmpeg.Recipient{{Kind: dffmpeg.RecipientRequester, ID: "alice", JobID: "J1"}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("recipients to push to (-want +got): %s %v", diff, err)
	}
}
