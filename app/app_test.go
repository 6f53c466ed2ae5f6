package app

import (
	"bytes"
	"database/sql"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/dffmpeg/dffmpeg/internal/config"
)

// screen is what a program prints, for several goroutines.
type screen struct {
	mu   sync.Mutex
	text bytes.Buffer
	more chan struct{} // holds a token after something was printed
}

func newScreen() *screen { return &screen{more: make(chan struct{}, 1)} }

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case s.more <- struct{}{}:
	default:
	}
	return s.text.Write(p)
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// await waits until a text was printed.
func (s *screen) await(t *testing.T, text string) {
	t.Helper()
	deadline := time.After(30 * time.Second)
	for !strings.Contains(s.String(), text) {
		select {
		case <-s.more:
		case <-deadline:
			t.Fatalf("waited in vain for %q; printed: %s", text, s)
		}
	}
}

// program is the program in an empty home.
type program struct {
	t    *testing.T
	app  App
	home string
}

func newProgram(t *testing.T) *program {
	t.Helper()
	a, err := Builtin("1.2.3")
	if err != nil {
		t.Fatal(err)
	}
	return &program{t: t, app: a, home: t.TempDir()}
}

func (p *program) process(out, err io.Writer, args ...string) Process {
	return Process{
		Args: args, In: strings.NewReader(""), Out: out, Err: err,
		Env: config.Environment{Home: p.home, Dir: p.home, System: filepath.Join(p.home, "etc"), Lookup: onlyPath},
	}
}

// onlyPath is an environment with nothing but the search path.
func onlyPath(name string) (string, bool) {
	if name != "PATH" {
		return "", false
	}
	return os.LookupEnv(name)
}

// run runs a command to its end.
func (p *program) run(args ...string) (code int, stdout, stderr string) {
	p.t.Helper()
	var out, err bytes.Buffer
	code = p.app.Main(p.process(&out, &err, args...))
	return code, out.String(), err.String()
}

// succeed runs a command that must succeed and returns what it printed.
func (p *program) succeed(args ...string) string {
	p.t.Helper()
	code, stdout, stderr := p.run(args...)
	if code != 0 {
		p.t.Fatalf("%q: exit code %d: %s", args, code, stderr)
	}
	return stdout
}

// configure writes a coordinator's configuration and returns the option for it.
func (p *program) configure(text string) []string {
	p.t.Helper()
	path := filepath.Join(p.home, "coordinator.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		p.t.Fatal(err)
	}
	return []string{"-c", path}
}

// admin runs the admin tool on a database in the home.
func (p *program) admin(args ...string) (code int, stdout, stderr string) {
	p.t.Helper()
	option := p.configure("database: {engine_defaults: {sqlite: {path: state.db}}}\n")
	return p.run(append(append([]string{"dffmpeg-admin"}, option...), args...)...)
}

func TestEveryNameIsAPart(t *testing.T) {
	p := newProgram(t)
	for _, name := range names() {
		if got := p.succeed("/usr/bin/"+name, "--version"); got != name+" 1.2.3\n" {
			t.Errorf("%s --version prints %q", name, got)
		}
		if help := p.succeed(name, "--help"); !strings.Contains(help, "Usage:\n  "+name) || !strings.Contains(help, "--config") && name != "dffmpeg" {
			t.Errorf("%s --help prints\n%s", name, help)
		}
	}
	for _, command := range []string{"coordinator", "worker", "client", "admin", "standalone", "run", "explain", "doctor", "config"} {
		if help := p.succeed("dffmpeg", command, "--help"); !strings.Contains(help, "Usage:\n  dffmpeg "+command) {
			t.Errorf("dffmpeg %s --help prints\n%s", command, help)
		}
	}
}

func TestWrongCommandLines(t *testing.T) {
	p := newProgram(t)
	for _, tt := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"dffmpeg", "transcode"}, 2, `unknown command "transcode"`},
		{[]string{"dffmpeg", "--no-such-option"}, 2, "--help"},
		{[]string{"dffmpeg-coordinator", "--port", "many"}, 2, "--port"},
		{[]string{"dffmpeg-admin", "user", "add"}, 2, "accepts 1 arg"},
		{[]string{"dffmpeg-coordinator", "-c", filepath.Join(p.home, "missing.yaml")}, 1, "missing.yaml"},
		{[]string{"dffmpeg-worker"}, 1, "dffmpeg-worker.yaml"},
		{[]string{"dffmpeg-client", "status"}, 1, "dffmpeg-client.yaml"},
	} {
		code, stdout, stderr := p.run(tt.args...)
		if code != tt.code || !strings.Contains(stderr, tt.want) || stdout != "" {
			t.Errorf("%q: exit code %d, stdout %q, stderr %q; want %d and …%s…", tt.args, code, stdout, stderr, tt.code, tt.want)
		}
	}
}

func TestConfigurationIsChecked(t *testing.T) {
	p := newProgram(t)
	good := p.configure("database:\n  defaults: {engine: postgres}\n  engine_defaults: {postgres: {password: hunter2}}\n")
	if got := p.succeed(append([]string{"dffmpeg", "config", "check", "coordinator"}, good...)...); !strings.HasPrefix(got, "coordinator: ok") {
		t.Errorf("config check prints %q", got)
	}
	shown := p.succeed(append([]string{"dffmpeg", "config", "show", "coordinator"}, good...)...)
	for _, want := range []string{"engine: postgres", "port: 5432", "tablename: dffmpeg_identities", "max_log_bytes_per_job: 67108864"} {
		if !strings.Contains(shown, want) {
			t.Errorf("config show does not have %q:\n%s", want, shown)
		}
	}
	if strings.Contains(shown, "hunter2") {
		t.Errorf("config show shows the password:\n%s", shown)
	}
	bad := p.configure("prot: 1\ndatabase: {defaults: {engine: postgresql}, engine_defaults: {sqlite: {pth: x}}}\nretention: {jobs: soon}\n")
	code, _, stderr := p.run(append([]string{"dffmpeg", "config", "check", "coordinator"}, bad...)...)
	for _, want := range []string{`did you mean "port"`, `did you mean "postgres"`, "such as 30d"} {
		if code != 1 || !strings.Contains(stderr, want) {
			t.Errorf("config check: exit code %d, want …%s… in\n%s", code, want, stderr)
		}
	}
}

func TestIdentitiesInTheDatabase(t *testing.T) {
	p := newProgram(t)
	code, stdout, stderr := p.admin("user", "add", "jellyfin", "--role", "client")
	key := regexp.MustCompile(`(?m)^HMAC Key: (\S{44})$`).FindStringSubmatch(stdout)
	if code != 0 || key == nil {
		t.Fatalf("user add: exit code %d, stdout %q, stderr %q", code, stdout, stderr)
	}
	if _, stdout, _ := p.admin("user", "list"); !strings.Contains(stdout, "jellyfin") || strings.Contains(stdout, key[1]) {
		t.Errorf("user list prints %q, want the name without the key", stdout)
	}
	if _, stdout, _ := p.admin("user", "show", "jellyfin", "--show-key"); !strings.Contains(stdout, key[1]) {
		t.Errorf("user show --show-key prints %q, want the key", stdout)
	}
	if code, _, stderr := p.admin("user", "add", "jellyfin"); code != 1 || !strings.Contains(stderr, "exists") {
		t.Errorf("a second one of that name: exit code %d, %q", code, stderr)
	}
	if code, stdout, _ := p.admin("user", "rotate-key", "jellyfin"); code != 0 || !regexp.MustCompile(`(?m)^New HMAC Key: \S{44}$`).MatchString(stdout) {
		t.Errorf("user rotate-key: exit code %d, %q", code, stdout)
	}
	if code, _, stderr := p.admin("user", "delete", "emby"); code != 1 || !strings.Contains(stderr, "emby") {
		t.Errorf("delete of nobody: exit code %d, %q", code, stderr)
	}
	if code, _, stderr := p.admin("status"); code != 1 || !strings.Contains(stderr, "127.0.0.1:8000") {
		t.Errorf("status without a coordinator: exit code %d, %q, want its address", code, stderr)
	}
}

// TestOnlyWhatAddsMakesADatabase: others say where they looked for one, and with which
// configuration standalone's admin works.
func TestOnlyWhatAddsMakesADatabase(t *testing.T) {
	p := newProgram(t)
	dir := t.TempDir()
	t.Chdir(dir)
	standalone := filepath.Join(p.home, ".local", "state", "dffmpeg", "admin.yaml")
	commands := []string{
		"user list", "user show x", "user show x --show-key", "user delete x", "user rotate-key x", "user set-scope x ::/0", "user set-role x admin",
		"user set-priorities x", "worker list", "worker show x", "job list", "job show x", "job logs x", "coordinator list", "status", "janitor run_all",
		"security re-encrypt --decrypt",
	}
	check := func(want string, run func(args ...string) (int, string, string)) {
		t.Helper()
		for _, command := range commands {
			if code, stdout, stderr := run(strings.Fields(command)...); code != 1 || stdout != "" || !strings.Contains(stderr, want) {
				t.Errorf("%s: exit code %d, %q, %q; want %q", command, code, stdout, stderr, want)
			}
		}
	}
	bare := func(args ...string) (int, string, string) {
		return p.run(append([]string{"dffmpeg-admin"}, args...)...)
	}
	check("looked for "+filepath.Join(dir, "dffmpeg.db")+", where a coordinator without a configuration has it; name the configuration with -c\n", bare)
	check("no database yet: "+filepath.Join(p.home, "state.db")+", as "+filepath.Join(p.home, "coordinator.yaml")+" says", p.admin)
	if err := os.MkdirAll(filepath.Dir(standalone), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(standalone, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	check("for dffmpeg standalone: dffmpeg admin --remote -c "+standalone+"\n", bare)
	for _, place := range []string{dir, p.home} {
		if found, err := filepath.Glob(filepath.Join(place, "*.db*")); err != nil || found != nil {
			t.Errorf("left behind: %q, %v", found, err)
		}
	}
	if code, _, stderr := bare("user", "add", "jellyfin"); code != 0 || stderr != "dffmpeg: made a new database: "+filepath.Join(dir, "dffmpeg.db")+"\n" {
		t.Errorf("user add: exit code %d, %q", code, stderr)
	}
	if code, _, stderr := bare("user", "add", "emby"); code != 0 || stderr != "" {
		t.Errorf("user add a second time: exit code %d, %q", code, stderr)
	}
	if code, stdout, _ := bare("user", "list"); code != 0 || !strings.Contains(stdout, "jellyfin") {
		t.Errorf("user list: exit code %d, %q", code, stdout)
	}
}

func TestDatabaseIsLookedAfter(t *testing.T) {
	p := newProgram(t)
	if _, stdout, stderr := p.admin("db", "status"); strings.Count(stdout, "none yet") != 2 {
		t.Errorf("db status before anything: %q %q", stdout, stderr)
	}
	if _, err := os.Stat(filepath.Join(p.home, "state.db")); !os.IsNotExist(err) {
		t.Error("db status made the database")
	}
	if code, stdout, stderr := p.admin("db", "migrate"); code != 0 || !strings.Contains(stdout, "version 2, was 0") {
		t.Errorf("db migrate: exit code %d, %q %q", code, stdout, stderr)
	}
	if _, stdout, _ := p.admin("db", "migrate"); strings.Count(stdout, "was up to date") != 2 {
		t.Errorf("db migrate a second time: %q", stdout)
	}
	if code, _, stderr := p.admin("user", "add", "jellyfin"); code != 0 {
		t.Fatal(stderr)
	}
	backup := filepath.Join(p.home, "backup.db")
	if code, stdout, stderr := p.admin("db", "backup", backup); code != 0 || stdout != backup+" is complete\n" {
		t.Errorf("db backup: exit code %d, %q %q", code, stdout, stderr)
	}
	if code, _, stderr := p.admin("db", "backup", backup); code != 1 || !strings.Contains(stderr, "exists") {
		t.Errorf("a backup over another: exit code %d, %q", code, stderr)
	}
	option := p.configure("database: {engine_defaults: {sqlite: {path: backup.db}}}\n")
	if got := p.succeed(append(append([]string{"dffmpeg-admin"}, option...), "user", "list")...); !strings.Contains(got, "jellyfin") {
		t.Errorf("identities in the backup: %q", got)
	}
	left, err := filepath.Glob(backup + "?*")
	if err != nil || len(left) > 2 { // SQLite's own -wal and -shm, once it was opened
		t.Errorf("files beside the backup: %v, %v", left, err)
	}
}

// TestOldDatabaseIsImported by its file, and by its configuration; identities keep
// their keys.
func TestOldDatabaseIsImported(t *testing.T) {
	p := newProgram(t)
	old := filepath.Join(p.home, "old.db")
	const key = "MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI="
	db, err := sql.Open("sqlite", old)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, statement := range []string{
		"CREATE TABLE auth (client_id TEXT PRIMARY KEY, role TEXT, hmac_key TEXT, key_id TEXT, allowed_cidrs TEXT, created_at TEXT)",
		`CREATE TABLE jobs (job_id TEXT PRIMARY KEY, requester_id TEXT, binary_name TEXT, arguments TEXT, paths TEXT, working_directory TEXT,
			status TEXT, exit_code INTEGER, worker_id TEXT, created_at TEXT, last_update TEXT, worker_last_seen TEXT, client_last_seen TEXT,
			heartbeat_interval INTEGER, monitor INTEGER, callback_transport TEXT, callback_transport_metadata TEXT)`,
		`INSERT INTO jobs VALUES ('01J00000000000000000000001', 'jellyfin', 'ffmpeg', '["-i"]', '[]', NULL, 'completed', 0, 'gpu-box',
			'2026-01-02T03:04:05+00:00', '2026-01-02T03:05:05+00:00', NULL, NULL, 5, 0, 'http_polling', '{}')`,
		"INSERT INTO auth VALUES ('gpu-box', 'client', '" + key + "', NULL, '[\"0.0.0.0/0\", \"::/0\"]', '2026-01-02 03:04:05')",
	} {
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	config := filepath.Join(p.home, "old.yaml")
	if err := os.WriteFile(config, []byte("database: {repositories: {auth: {path: old.db}}, engine_defaults: {sqlite: {path: old.db}}}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	code, stdout, stderr := p.admin("db", "import", "--from-config", config)
	if code != 0 || !strings.Contains(stdout, "Identities: 1 added") || !strings.Contains(stdout, "Jobs: 1 added") || !strings.Contains(stdout, "set-role gpu-box worker") {
		t.Errorf("db import --from-config: exit code %d, %q %q", code, stdout, stderr)
	}
	if code, stdout, stderr := p.admin("db", "import", old); code != 0 || !strings.Contains(stdout, "Identities: 0 added, 1 were there") {
		t.Errorf("db import a second time: exit code %d, %q %q", code, stdout, stderr)
	}
	if _, stdout, stderr := p.admin("user", "show", "gpu-box", "--show-key"); !strings.Contains(stdout, "HMAC Key: "+key) {
		t.Errorf("the imported identity: %q %q", stdout, stderr)
	}
	if code, _, stderr := p.admin("db", "import", filepath.Join(p.home, "missing.db")); code != 1 || !strings.Contains(stderr, "missing.db") {
		t.Errorf("a file that is not there: exit code %d, %q", code, stderr)
	}
}

func TestKeysForSealingAreMade(t *testing.T) {
	p := newProgram(t)
	for _, algorithm := range []string{"fernet", "aesgcm"} {
		if got := p.succeed("dffmpeg-admin", "security", "generate-key", algorithm); !regexp.MustCompile(`^\S{43,}\n$`).MatchString(got) {
			t.Errorf("generate-key %s prints %q, want a key and nothing else", algorithm, got)
		}
	}
	if code, _, stderr := p.run("dffmpeg-admin", "security", "generate-key", "rot13"); code != 1 || !strings.Contains(stderr, "fernet") {
		t.Errorf("generate-key rot13: exit code %d, %q, want those that are known", code, stderr)
	}
}

// administer pauses standalone's worker and sets priorities: its admin may, its client
// may not.
func (p *program) administer(client, admin string) {
	p.t.Helper()
	for _, command := range [][]string{
		{"dffmpeg", "client", "worker", "pause", "standalone-worker"},
		{"dffmpeg", "client", "worker", "resume", "standalone-worker"},
		{"dffmpeg", "admin", "--remote", "user", "set-priorities", "standalone-client", "--ceiling", "50"},
	} {
		as := func(configuration string) []string { return append(slices.Clone(command), "-c", configuration) }
		if code, _, stderr := p.run(as(client)...); code != 1 || !strings.Contains(stderr, "Admin role required") {
			p.t.Errorf("%q as the client: exit code %d, %q", command, code, stderr)
		}
		p.succeed(as(admin)...)
	}
	if got := p.succeed("dffmpeg", "admin", "--remote", "-c", admin, "user", "show", "standalone-client"); !strings.Contains(got, "at most 50") {
		p.t.Errorf("the client's priorities: %s", got)
	}
	info, err := os.Stat(admin)
	if err != nil || info.Mode().Perm() != 0o600 {
		p.t.Errorf("the admin's configuration: %v, %v; want mode 0600", info, err)
	}
}

// TestStandaloneStartsAndStops: everything in this process, with real SQLite,
// until a signal; then nothing is left.
func TestStandaloneStartsAndStops(t *testing.T) {
	p := newProgram(t)
	out, errs := newScreen(), newScreen()
	dir, client := filepath.Join(p.home, "data"), filepath.Join(p.home, "client.yaml")
	done := make(chan int, 1)
	go func() {
		done <- p.app.Main(p.process(out, errs, "dffmpeg", "standalone", "--dir", dir, "--listen", "127.0.0.1:0", "--client-config", client))
	}()
	out.await(t, "is ready")
	if got := p.succeed("dffmpeg-client", "-c", client, "status"); !strings.Contains(got, "online") {
		t.Errorf("status says %q", got)
	}
	if got := p.succeed("dffmpeg-client", "-c", client, "worker", "list"); !strings.Contains(got, "standalone-worker") {
		t.Errorf("worker list says %q", got)
	}
	p.administer(client, filepath.Join(dir, "admin.yaml"))
	if err := syscall.Kill(os.Getpid(), syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	select {
	case code := <-done:
		if code != 0 {
			t.Errorf("exit code %d: %s", code, errs)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("standalone did not stop")
	}
}
