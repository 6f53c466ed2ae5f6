package legacy

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/store"
)

// checkFilled fails unless a new database has what fill put into the old one.
func checkFilled(t *testing.T, f fresh, report Report) {
	t.Helper()
	want := Report{
		Identities: Counts{Added: 2}, Bootstrap: true, Jobs: Counts{Added: 2}, Unfinished: 1,
		Roles: []RoleConflict{{ClientID: "gpu1", Role: dffmpeg.RoleClient, Worked: 3, Want: dffmpeg.RoleWorker}},
	}
	if diff := cmp.Diff(want, report); diff != "" {
		t.Errorf("report (-want +got):\n%s", diff)
	}
	for id, want := range map[string]string{
		"jellyfin": fmt.Sprint("client", dffmpeg.AnyAddress(), plainKey),
		"gpu1":     fmt.Sprint("client", prefixes("192.0.2.1/32", "10.0.0.0/8"), sealedKey),
	} {
		if got := f.identity(t, id); got != want {
			t.Errorf("identity %s is %s, want %s", id, got, want)
		}
	}
	if _, err := f.identities.Identity(t.Context(), "localadmin"); dffmpeg.CodeOf(err) != dffmpeg.CodeNotFound {
		t.Errorf("localadmin was imported (%v)", err)
	}
	checkJobs(t, f)
}

func checkJobs(t *testing.T, f fresh) {
	t.Helper()
	worker, dir, zero, code := "gpu1", "$Media", 0, 187
	noon := time.Date(2024, 3, 1, 12, 0, 0, 0, time.UTC)
	seen := noon.Add(299 * time.Second)
	first := dffmpeg.Job{
		ID: firstJob, RequesterID: "jellyfin", BinaryName: "ffmpeg", Arguments: []string{"-i", "$Media/é.mkv"}, Paths: []string{"Media"},
		Status: dffmpeg.JobCompleted, ExitCode: &zero, WorkerID: &worker, CreatedAt: noon, LastUpdate: noon.Add(5 * time.Minute),
		HeartbeatInterval: 5, Transport: "http_polling", Attempt: 1, Version: 1,
		TransportMetadata: map[string]any{"path": "/poll/jobs/1", "_secret": 1.0},
	}
	second := first
	second.ID, second.Status, second.ExitCode, second.WorkingDirectory = secondJob, dffmpeg.JobFailed, &code, &dir
	second.Monitor, second.WorkerLastSeen = true, &seen
	jobs, err := f.state.Active(t.Context(), 0, dffmpeg.JobStatuses()...)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]dffmpeg.Job{first, second}, jobs); diff != "" {
		t.Errorf("jobs (-want +got):\n%s", diff)
	}
}

func TestImport(t *testing.T) {
	o, path := sqliteFile(t, "")
	o.fill()
	f := newTarget(t)
	checkFilled(t, f, f.imported(t, opened(t, path), Options{}))
}

func TestKeysAreSealedAnew(t *testing.T) {
	o, path := sqliteFile(t, "")
	o.fill()
	f := newTarget(t)
	f.imported(t, opened(t, path), Options{})
	for _, id := range []string{"jellyfin", "gpu1"} {
		stored, err := f.identities.Identity(t.Context(), id)
		if err != nil || stored.Key.KeyID != "new" || strings.Contains(stored.Key.Text, "=") && len(stored.Key.Text) == 44 {
			t.Errorf("the key of %s is not sealed with the new database's encryption key (%v)", id, err)
		}
	}
}

func TestImportAgain(t *testing.T) {
	o, path := sqliteFile(t, "")
	o.fill()
	d, f := opened(t, path), newTarget(t)
	f.imported(t, d, Options{})
	if err := f.identities.SetScope(t.Context(), "jellyfin", prefixes("192.0.2.0/24")); err != nil {
		t.Fatal(err)
	}
	before := f.identity(t, "jellyfin")
	o.exec("UPDATE JOBS SET status = 'canceled' WHERE job_id = ?", thirdJob)
	o.exec("UPDATE AUTH SET hmac_key = 'broken' WHERE client_id = 'jellyfin'")
	report := f.imported(t, d, Options{})
	want := Report{
		Identities: Counts{Existing: 2}, Bootstrap: true, Jobs: Counts{Added: 1, Existing: 2},
		Roles: []RoleConflict{{ClientID: "gpu1", Role: dffmpeg.RoleClient, Worked: 3, Want: dffmpeg.RoleWorker}},
	}
	if diff := cmp.Diff(want, report); diff != "" {
		t.Errorf("the second report (-want +got):\n%s", diff)
	}
	if after := f.identity(t, "jellyfin"); after != before {
		t.Errorf("an identity that exists became %s, was %s", after, before)
	}
}

func TestUnreadableRowsAreListed(t *testing.T) {
	o, path := sqliteFile(t, "")
	o.fill()
	o.identity("king", "king", plainKey, nil)
	o.identity("short", "client", "abc", nil)
	o.identity("lost", "client", "token", "gone")
	o.identity("forged", "client", "token", "old")
	o.identity("a\tb", "client", plainKey, nil)
	o.identity("nowhere", "client", plainKey, nil)
	o.exec("UPDATE AUTH SET allowed_cidrs = '[]' WHERE client_id = 'nowhere'")
	o.identity("host", "client", plainKey, nil)
	o.exec(`UPDATE AUTH SET allowed_cidrs = '["example.org"]' WHERE client_id = 'host'`)
	o.exec("INSERT INTO AUTH (role, hmac_key) VALUES ('client', 'x')")
	bad := func(n int) string { return fmt.Sprintf("01HQWX00000000000000000Z%02d", n) }
	changes := []struct {
		column, reason string
		value          any
	}{
		{"arguments", "arguments is no list of texts", "-i a.mkv"},
		{"arguments", "arguments is no list of texts", `["a", null]`},
		{"paths", "paths is no list of texts", `{}`},
		{"status", `there is no status "done"`, "done"},
		{"exit_code", "exit_code is no whole number", "x"},
		{"created_at", "created_at: it is no time", "yesterday"},
		{"created_at", "created_at is empty", nil},
		{"last_update", "last_update: the year 1815 cannot be", "1815-06-18T11:35:00+00:00"},
		{"monitor", "monitor is neither true nor false", "maybe"},
		{"monitor", "monitor is neither true nor false", 7},
		{"callback_transport_metadata", "callback_transport_metadata is no JSON object", "[]"},
		{"requester_id", "requester_id is empty", nil},
		{"worker_id", "worker_id is not valid UTF-8", "\xff"},
		{"binary_name", "binary_name contains a NUL character", "a\x00b"},
		{"callback_transport", "callback_transport has 65 bytes, at most 64 are allowed", strings.Repeat("x", 65)},
	}
	for n, change := range changes {
		o.job(bad(n), "completed", map[string]any{change.column: change.value})
	}
	o.job("no-ulid", "completed", nil)
	f := newTarget(t)
	report := f.imported(t, opened(t, path), Options{})
	got := make(map[string]string)
	for _, p := range report.Problems {
		got[p.Table+" "+p.ID] = p.Reason
	}
	want := map[string]string{
		"auth king": `there is no role "king"`, "auth nowhere": "it may call from nowhere: allowed_cidrs is empty",
		"auth a\tb": "its name contains the control character U+0009", "auth ": "client_id is empty",
		"jobs no-ulid": "job_id is no ID of a job",
	}
	for n, change := range changes {
		want["jobs "+bad(n)] = change.reason
	}
	for id, part := range map[string]string{
		"auth short": "3 characters instead of 44", "auth lost": `no encryption key has the ID "gone"`, "auth forged": "fernet token",
		"auth host": "example.org",
	} {
		if !strings.Contains(got[id], part) {
			t.Errorf("%s: %q does not say %q", id, got[id], part)
		}
		delete(got, id)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
	if report.Identities != (Counts{Added: 2, Problems: 8}) || report.Jobs != (Counts{Added: 2, Problems: len(changes) + 1}) {
		t.Errorf("identities %+v, jobs %+v", report.Identities, report.Jobs)
	}
}

func TestAbsentValues(t *testing.T) {
	o, path := sqliteFile(t, "")
	o.identity("a", "worker", plainKey, "")
	o.exec("UPDATE AUTH SET allowed_cidrs = NULL")
	o.job(firstJob, "canceled", nil)
	o.exec(`UPDATE JOBS SET arguments = NULL, paths = 'null', exit_code = NULL, worker_id = NULL, last_update = NULL,
		heartbeat_interval = NULL, monitor = NULL, callback_transport = NULL, callback_transport_metadata = 'null'`)
	f := newTarget(t)
	if report := f.imported(t, opened(t, path), Options{}); len(report.Problems) > 0 {
		t.Errorf("problems: %+v", report.Problems)
	}
	if got, want := f.identity(t, "a"), fmt.Sprint("worker", dffmpeg.AnyAddress(), plainKey); got != want {
		t.Errorf("the identity is %s, want %s", got, want)
	}
	job, err := f.state.Job(t.Context(), firstJob)
	if err != nil {
		t.Fatal(err)
	}
	noon := time.Date(2024, 3, 1, 12, 0, 0, 0, time.UTC)
	want := dffmpeg.Job{
		ID: firstJob, RequesterID: "jellyfin", BinaryName: "ffmpeg", Arguments: []string{}, Paths: []string{}, Status: dffmpeg.JobCanceled,
		CreatedAt: noon, LastUpdate: noon, HeartbeatInterval: 5, TransportMetadata: map[string]any{}, Version: 1,
	}
	if diff := cmp.Diff(want, job); diff != "" {
		t.Errorf("job (-want +got):\n%s", diff)
	}
}

// TestManyRows reads more rows than one page has.
func TestManyRows(t *testing.T) {
	o, path := sqliteFile(t, "?_pragma=synchronous(off)")
	const many = 2*pageRows + 1
	o.exec("BEGIN")
	for n := range many {
		o.job(fmt.Sprintf("01HQWX0000000000000000%04d", n), "completed", nil)
	}
	o.exec("COMMIT")
	f := newTarget(t)
	if report := f.imported(t, opened(t, path), Options{}); report.Jobs.Added != many {
		t.Errorf("%+v, want %d added", report.Jobs, many)
	}
}

// failing is a store that is down.
type failing struct{ err error }

// Restore implements store.Restorer.
func (f failing) Restore(context.Context, []dffmpeg.Job) (int, error) { return 0, f.err }

func TestStoreIsDown(t *testing.T) {
	o, path := sqliteFile(t, "")
	o.fill()
	down := errors.New("down")
	target := newTarget(t).Target
	target.Jobs = failing{down}
	d := opened(t, path)
	report, err := Import(t.Context(), Source{Identities: d, Jobs: d, Keyring: ring(t, "")}, target, Options{})
	if !errors.Is(err, down) || report.Identities.Added != 2 || report.Jobs.Added != 0 {
		t.Errorf("%+v, %v", report, err)
	}
}

func TestPartsAlone(t *testing.T) {
	o, path := sqliteFile(t, "")
	o.fill()
	d, f := opened(t, path), newTarget(t)
	report, err := Import(t.Context(), Source{Jobs: d}, f.Target, Options{})
	if err != nil || report.Jobs.Added != 2 || report.Identities != (Counts{}) || report.Bootstrap {
		t.Errorf("jobs alone: %+v, %v", report, err)
	}
	// Without a keyring, only plain keys can be read.
	report, err = Import(t.Context(), Source{Identities: d}, f.Target, Options{})
	if err != nil || report.Identities != (Counts{Added: 1, Problems: 1}) || report.Jobs != (Counts{}) {
		t.Errorf("identities alone: %+v, %v", report, err)
	}
}

var _ store.Restorer = failing{}

// late is a store to which somebody else adds identities meanwhile.
type late struct{ store.Identities }

// ListIdentities implements store.Identities.
func (late) ListIdentities(context.Context) ([]store.StoredIdentity, error) { return nil, nil }

func TestIdentityIsAddedMeanwhile(t *testing.T) {
	o, path := sqliteFile(t, "")
	o.fill()
	d, f := opened(t, path), newTarget(t)
	f.imported(t, d, Options{})
	f.Identities = late{f.identities}
	if report := f.imported(t, d, Options{}); report.Identities != (Counts{Existing: 2}) {
		t.Errorf("%+v", report.Identities)
	}
}

// value is one of a row that comes from no database.
func value(text string) sql.NullString { return sql.NullString{String: text, Valid: true} }
