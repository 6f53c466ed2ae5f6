package legacy

import (
	"database/sql"
	"fmt"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/internal/accounts"
	"github.com/dffmpeg/dffmpeg/secret"
	"github.com/dffmpeg/dffmpeg/secret/aead"
	"github.com/dffmpeg/dffmpeg/secret/fernet"
	"github.com/dffmpeg/dffmpeg/store/memory"
)

// Keys of identities.
const (
	plainKey  = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
	sealedKey = "Hx4dHBsaGRgXFhUUExIREA8ODQwLCgkIBwYFBAMCAQA="
)

// IDs of jobs, in the order of their making.
const (
	firstJob  = "01HQWX0000000000000000000A"
	secondJob = "01HQWX0000000000000000000B"
	thirdJob  = "01HQWX0000000000000000000C"
)

// ring returns a keyring with the keys "old" and "new".
func ring(t *testing.T, defaultID string) *secret.Keyring {
	t.Helper()
	providers, err := secret.NewRegistry(fernet.New(time.Now), aead.New())
	if err != nil {
		t.Fatal(err)
	}
	keyring, err := secret.NewKeyring(providers, map[string]secret.Value{
		"old": secret.New("fernet:AAsWISw3Qk1YY255hI+apbC7xtHc5/L9CBMeKTQ/SlU="),
		"new": secret.New("aesgcm:JTA7RlFcZ3J9iJOeqbS/ytXg6/YBDBciLThDTllkb3o="),
	}, defaultID)
	if err != nil {
		t.Fatal(err)
	}
	return keyring
}

// old is a database of 0.4 for a test to fill.
type old struct {
	t      *testing.T
	pool   *sql.DB
	tables Tables
}

// exec executes a statement; AUTH and JOBS stand for the tables.
func (o *old) exec(statement string, args ...any) {
	o.t.Helper()
	statement = strings.NewReplacer("AUTH", o.tables.Auth, "JOBS", o.tables.Jobs).Replace(statement)
	if _, err := o.pool.ExecContext(o.t.Context(), statement, args...); err != nil {
		o.t.Fatalf("%s: %v", statement, err)
	}
}

// createTables makes the tables that are imported.
func (o *old) createTables() {
	o.t.Helper()
	o.exec(`CREATE TABLE AUTH (client_id VARCHAR(255) PRIMARY KEY, role VARCHAR(32) NOT NULL, hmac_key TEXT NOT NULL,
		key_id VARCHAR(255), allowed_cidrs TEXT, created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP)`)
	o.exec(`CREATE TABLE JOBS (job_id VARCHAR(64) PRIMARY KEY, requester_id VARCHAR(255), binary_name VARCHAR(255), arguments TEXT,
		paths TEXT, working_directory TEXT, status VARCHAR(32), exit_code INTEGER, worker_id VARCHAR(255),
		created_at TIMESTAMP NULL, last_update TIMESTAMP NULL, worker_last_seen TIMESTAMP NULL, client_last_seen TIMESTAMP NULL,
		heartbeat_interval INTEGER, monitor BOOLEAN, callback_transport VARCHAR(255), callback_transport_metadata TEXT)`)
}

// identity adds an identity that may call from everywhere.
func (o *old) identity(id, role, key string, keyID any) {
	o.t.Helper()
	o.exec("INSERT INTO AUTH (client_id, role, hmac_key, key_id, allowed_cidrs) VALUES (?, ?, ?, ?, ?)",
		id, role, key, keyID, `["0.0.0.0/0", "::/0"]`)
}

// job adds a job; change overwrites columns.
func (o *old) job(id, status string, change map[string]any) {
	o.t.Helper()
	o.exec(`INSERT INTO JOBS (job_id, requester_id, binary_name, arguments, paths, status, exit_code, worker_id, created_at,
		last_update, heartbeat_interval, monitor, callback_transport, callback_transport_metadata)
		VALUES (?, 'jellyfin', 'ffmpeg', '["-i", "$Media/é.mkv"]', '["Media"]', ?, 0, 'gpu1', '2024-03-01 12:00:00',
		'2024-03-01 12:05:00', 5, 0, 'http_polling', '{"path": "/poll/jobs/1", "_secret": 1}')`, id, status)
	for column, value := range change {
		o.exec("UPDATE JOBS SET "+column+" = ? WHERE job_id = ?", value, id)
	}
}

// fill adds what most databases have.
func (o *old) fill() {
	o.t.Helper()
	token, err := ring(o.t, "").SealWith("old", secret.New(sealedKey))
	if err != nil {
		o.t.Fatal(err)
	}
	o.identity("localadmin", "admin", strings.Repeat("A", 44), nil)
	o.identity("jellyfin", "client", plainKey, nil)
	o.identity("gpu1", "client", token, "old")
	o.exec("UPDATE AUTH SET allowed_cidrs = ? WHERE client_id = 'gpu1'", `["192.0.2.1", "10.0.0.7/8"]`)
	o.job(firstJob, "completed", nil)
	o.job(secondJob, "failed", map[string]any{"exit_code": 187, "working_directory": "$Media", "monitor": 1, "worker_last_seen": "2024-03-01 12:04:59"})
	o.job(thirdJob, "running", nil)
}

// sqliteFile returns an empty database of 0.4 in a file.
func sqliteFile(t *testing.T, options string) (*old, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "dff mpeg.db")
	pool, err := sql.Open("sqlite", "file:"+path+options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pool.Close() })
	o := &old{t: t, pool: pool, tables: Tables{Auth: "auth", Jobs: "jobs"}}
	o.createTables()
	return o, path
}

// opened returns a file open for reading.
func opened(t *testing.T, path string) *Database {
	t.Helper()
	d, err := OpenSQLite(t.Context(), path, Tables{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

// fresh is a new database.
type fresh struct {
	Target
	identities *memory.Identities
	state      *memory.State
}

func newTarget(t *testing.T) fresh {
	t.Helper()
	f := fresh{identities: memory.NewIdentities(time.Now), state: memory.New(time.Now, dffmpeg.NewIDSource())}
	f.Target = Target{Identities: f.identities, Keyring: ring(t, "new"), Jobs: f.state}
	return f
}

// imported imports from a database, which must succeed.
func (f fresh) imported(t *testing.T, d *Database, options Options) Report {
	t.Helper()
	report, err := Import(t.Context(), Source{Identities: d, Jobs: d, Keyring: ring(t, "")}, f.Target, options)
	if err != nil {
		t.Fatalf("import: %v", err)
	}
	return report
}

// identity describes one of the new database, with its key.
func (f fresh) identity(t *testing.T, id string) string {
	t.Helper()
	a := accounts.New(f.identities, f.Keyring)
	shown, err := a.Show(t.Context(), id)
	if err != nil {
		t.Fatalf("identity %s: %v", id, err)
	}
	key, err := a.Key(t.Context(), id)
	if err != nil {
		t.Fatalf("key of %s: %v", id, err)
	}
	return fmt.Sprint(shown.Role, shown.AllowedCIDRs, key.Reveal())
}

// prefixes reads CIDR blocks.
func prefixes(texts ...string) []netip.Prefix {
	list := make([]netip.Prefix, 0, len(texts))
	for _, text := range texts {
		list = append(list, netip.MustParsePrefix(text))
	}
	return list
}
