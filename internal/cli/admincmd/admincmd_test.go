package admincmd

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/internal/accounts"
	"github.com/dffmpeg/dffmpeg/internal/legacy"
	"github.com/dffmpeg/dffmpeg/secret"
	"github.com/dffmpeg/dffmpeg/secret/fernet"
	"github.com/dffmpeg/dffmpeg/store/memory"
)

// cluster is one with a job and a worker.
type cluster struct {
	job     dffmpeg.Job
	pages   []dffmpeg.LogsAnswer
	asked   []string // what was asked for
	problem error
}

func (c *cluster) note(what string) error {
	c.asked = append(c.asked, what)
	return c.problem
}

func (c *cluster) Health(context.Context) (dffmpeg.HealthAnswer, error) {
	return dffmpeg.HealthAnswer{Status: dffmpeg.HealthOnline}, c.note("health")
}

func (c *cluster) Workers(_ context.Context, window time.Duration) ([]dffmpeg.Worker, error) {
	return []dffmpeg.Worker{{ID: "gpu-box", Status: dffmpeg.WorkerOnline}}, c.note("workers of " + window.String())
}

func (c *cluster) Worker(_ context.Context, id string) (dffmpeg.Worker, error) {
	return dffmpeg.Worker{ID: id, Status: dffmpeg.WorkerOnline}, c.note("worker " + id)
}

func (c *cluster) Jobs(_ context.Context, window time.Duration, requester string) ([]dffmpeg.Job, error) {
	return []dffmpeg.Job{c.job}, c.note("jobs of " + window.String() + " of " + requester)
}

func (c *cluster) Job(_ context.Context, id string) (dffmpeg.Job, error) {
	return c.job, c.note("job " + id)
}

func (c *cluster) Logs(_ context.Context, id, since string) (dffmpeg.LogsAnswer, error) {
	if len(c.pages) == 0 {
		return dffmpeg.LogsAnswer{}, c.note("logs of " + id + " after " + since)
	}
	page := c.pages[0]
	c.pages = c.pages[1:]
	return page, c.note("logs of " + id + " after " + since)
}

func (c *cluster) Coordinators(context.Context) ([]dffmpeg.Coordinator, error) {
	return []dffmpeg.Coordinator{{ID: "01J0000000000000000000000C", Host: "north:8000", Version: "0.5.0"}}, c.note("coordinators")
}

func (c *cluster) Janitor(_ context.Context, action dffmpeg.JanitorAction) error {
	return c.note("janitor " + string(action))
}

// bench is the commands over memory.
type bench struct {
	t       *testing.T
	users   *accounts.Accounts
	cluster *cluster
	opened  int
	closed  int
	env     Env
	out     bytes.Buffer
	err     bytes.Buffer
}

func newBench(t *testing.T) *bench {
	t.Helper()
	providers, err := secret.NewRegistry(fernet.New(time.Now))
	if err != nil {
		t.Fatal(err)
	}
	sealing, err := providers.GenerateKey("fernet")
	if err != nil {
		t.Fatal(err)
	}
	keyring, err := secret.NewKeyring(providers, map[string]secret.Value{"2026": sealing}, "")
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{t: t, users: accounts.New(memory.NewIdentities(time.Now), keyring), cluster: &cluster{job: dffmpeg.Job{
		ID: "01J00000000000000000000001", RequesterID: "jellyfin", BinaryName: "ffmpeg", Status: dffmpeg.JobRunning,
		Arguments: []string{"-i", "a b.mkv"},
	}}}
	b.env = Env{
		Out: &b.out, Err: &b.err, Providers: providers,
		Open: func(context.Context) (Backend, error) {
			b.opened++
			return Backend{Users: b.users, Cluster: b.cluster, Close: func() error { b.closed++; return nil }}, nil
		},
		Create: func(ctx context.Context) (Backend, error) { return b.env.Open(ctx) },
		OpenKeys: func(context.Context) (Keys, string, func() error, error) {
			b.opened++
			return b.users, "2026", func() error { b.closed++; return nil }, nil
		},
	}
	return b
}

// run runs a command and returns what it printed.
func (b *bench) run(args ...string) (string, error) {
	b.t.Helper()
	b.out.Reset()
	b.err.Reset()
	root := &cobra.Command{Use: "admin", SilenceErrors: true, SilenceUsage: true}
	root.AddCommand(Commands(b.env)...)
	root.SetArgs(args)
	root.SetOut(&b.out)
	root.SetErr(&b.err)
	err := root.ExecuteContext(b.t.Context())
	if b.opened != b.closed {
		b.t.Errorf("%q: %d backends opened, %d closed", args, b.opened, b.closed)
	}
	return b.out.String(), err
}

func (b *bench) succeed(args ...string) string {
	b.t.Helper()
	out, err := b.run(args...)
	if err != nil {
		b.t.Fatalf("%q: %v", args, err)
	}
	return out
}

// TestUsers: the lines that scripts read are alone on theirs.
func TestUsers(t *testing.T) {
	b := newBench(t)
	added := b.succeed("user", "add", "gpu-box", "--role", "worker", "--allowed-cidrs", "192.0.2.0/24,::1")
	key := regexp.MustCompile(`(?m)^HMAC Key: (\S{44})$`).FindStringSubmatch(added)
	if key == nil {
		t.Fatalf("user add prints %q", added)
	}
	if got := b.succeed("user", "show", "gpu-box"); strings.Contains(got, key[1]) || !strings.Contains(got, "192.0.2.0/24") || !strings.Contains(got, "worker") {
		t.Errorf("user show prints %q, want role and scope without the key", got)
	}
	if got := b.succeed("user", "show", "gpu-box", "--show-key"); !strings.Contains(got, "\nHMAC Key: "+key[1]+"\n") {
		t.Errorf("user show --show-key prints %q", got)
	}
	rotated := regexp.MustCompile(`(?m)^New HMAC Key: (\S{44})$`).FindStringSubmatch(b.succeed("user", "rotate-key", "gpu-box"))
	if rotated == nil || rotated[1] == key[1] {
		t.Errorf("user rotate-key prints %q", rotated)
	}
	if got := b.succeed("user", "show", "gpu-box"); !strings.Contains(strings.Join(strings.Fields(got), " "), "Priorities: 0, at most 0") {
		t.Errorf("user show prints %q", got)
	}
	b.succeed("user", "set-priorities", "gpu-box", "--default", "5", "--ceiling", "40")
	if got := b.succeed("user", "show", "gpu-box"); !strings.Contains(strings.Join(strings.Fields(got), " "), "Priorities: 5, at most 40") {
		t.Errorf("with priorities, user show prints %q", got)
	}
	b.succeed("user", "set-priorities", "gpu-box")
	b.succeed("user", "set-role", "gpu-box", "client")
	b.succeed("user", "set-scope", "gpu-box", "198.51.100.7/32")
	var listed []dffmpeg.Identity
	if err := json.Unmarshal([]byte(b.succeed("user", "list", "--json")), &listed); err != nil {
		t.Fatal(err)
	}
	if len(listed) != 1 || listed[0].Role != dffmpeg.RoleClient || len(listed[0].AllowedCIDRs) != 1 || listed[0].AllowedCIDRs[0].String() != "198.51.100.7/32" {
		t.Errorf("user list --json has %+v, want the new role and scope", listed)
	}
	b.succeed("user", "delete", "gpu-box")
	if got := b.succeed("user", "list"); strings.Contains(got, "gpu-box") || !strings.HasPrefix(got, "CLIENT ID") {
		t.Errorf("user list prints %q after the deletion", got)
	}
}

func TestUserMistakes(t *testing.T) {
	b := newBench(t)
	b.succeed("user", "add", "emby")
	for want, args := range map[string][]string{
		"exists":    {"user", "add", "emby"},
		"director":  {"user", "add", "plex", "--role", "director"},
		"10.0.0":    {"user", "add", "plex", "--allowed-cidrs", "10.0.0"},
		"not found": {"user", "show", "plex"},
		"plex":      {"user", "delete", "plex"},
		"arg":       {"user", "add"},
	} {
		if out, err := b.run(args...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %q, %v, want an error with %q", args, out, err, want)
		}
	}
	if got := b.succeed("user", "list"); strings.Contains(got, "plex") {
		t.Errorf("a refused identity was stored: %q", got)
	}
}

func TestCluster(t *testing.T) {
	b := newBench(t)
	newline, cursor := "", "01J00000000000000000000009"
	b.cluster.pages = []dffmpeg.LogsAnswer{
		{LastMessageID: &cursor, Logs: []dffmpeg.LogEntry{
			{Stream: dffmpeg.Stdout, Content: "{"}, {Stream: dffmpeg.Stderr, Content: "frame=1", Terminator: &newline},
		}},
		{LastMessageID: &cursor, Logs: []dffmpeg.LogEntry{{Stream: dffmpeg.Stdout, Content: "}"}}},
	}
	for _, tt := range []struct {
		args        []string
		want, asked string
	}{
		{[]string{"status"}, "online", "health"},
		{[]string{"worker", "list"}, "gpu-box", "workers of 24h0m0s"},
		{[]string{"worker", "list", "-w", "60"}, "gpu-box", "workers of 1m0s"},
		{[]string{"worker", "show", "gpu-box"}, "gpu-box", "worker gpu-box"},
		{[]string{"job", "list", "--requester", "jellyfin"}, "01J00000000000000000000001", "jobs of 1h0m0s of jellyfin"},
		{[]string{"job", "show", "01J00000000000000000000001"}, "'a b.mkv'", "job 01J00000000000000000000001"},
		{[]string{"job", "show", "01J00000000000000000000001", "--json"}, `"job_id": "01J00000000000000000000001"`, "job 01J00000000000000000000001"},
		{[]string{"job", "logs", "J"}, "{\n}\n", "logs of J after " + cursor},
		{[]string{"janitor", "clean_jobs"}, "", "janitor clean_jobs"},
		{[]string{"coordinator", "list"}, "north:8000", "coordinators"},
	} {
		if got := b.succeed(tt.args...); !strings.Contains(got, tt.want) || b.cluster.asked[len(b.cluster.asked)-1] != tt.asked {
			t.Errorf("%q prints %q and asks for %q, want …%s… and %q", tt.args, got, b.cluster.asked, tt.want, tt.asked)
		}
		if tt.args[0] == "job" && tt.args[1] == "logs" && b.err.String() != "frame=1" {
			t.Errorf("stderr of the job is %q", b.err.String())
		}
	}
	if _, err := b.run("janitor", "sweep"); err == nil || !strings.Contains(err.Error(), "sweep") {
		t.Errorf("janitor sweep: %v", err)
	}
	b.cluster.problem = dffmpeg.Errorf(dffmpeg.CodeUnavailable, "The coordinator is away")
	for _, args := range [][]string{{"status"}, {"worker", "list"}, {"worker", "show", "x"}, {"job", "list"}, {"job", "show", "x"}, {"job", "logs", "x"}, {"janitor", "run_all"}, {"coordinator", "list"}} {
		if out, err := b.run(args...); out != "" || !errors.Is(err, b.cluster.problem) {
			t.Errorf("%q: %q, %v, want the problem and nothing printed", args, out, err)
		}
	}
}

func TestSecurity(t *testing.T) {
	b := newBench(t)
	b.succeed("user", "add", "emby")
	before, err := b.users.Key(t.Context(), "emby")
	if err != nil {
		t.Fatal(err)
	}
	if got := b.succeed("security", "re-encrypt"); !strings.Contains(got, "1") {
		t.Errorf("re-encrypt prints %q, want how many", got)
	}
	after, err := b.users.Key(t.Context(), "emby")
	if err != nil || after != before {
		t.Errorf("the sealed key is another one, or %v", err)
	}
	for want, args := range map[string][]string{
		"contradict": {"security", "re-encrypt", "--decrypt", "--key-id", "2026"},
		"--limit":    {"security", "re-encrypt", "--limit", "-1"},
		"fernet":     {"security", "generate-key", "rot13"},
	} {
		if _, err := b.run(args...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want an error with %q", args, err, want)
		}
	}
	if got := b.succeed("security", "generate-key", "fernet"); !regexp.MustCompile(`^\S+\n$`).MatchString(got) {
		t.Errorf("generate-key prints %q, want only the key", got)
	}
}

// copies is a Databases that notes what is asked of it.
type copies struct {
	parts    []DatabasePart
	asked    []string
	migrated error
	imported legacy.Report
}

func (c *copies) Inspect(context.Context) ([]DatabasePart, error) {
	c.asked = append(c.asked, "inspect")
	return c.parts, nil
}

func (c *copies) Migrate(context.Context) error {
	c.asked = append(c.asked, "migrate")
	return c.migrated
}

func (c *copies) Backup(_ context.Context, file string) error {
	c.asked = append(c.asked, "backup "+file)
	return nil
}

func (c *copies) Import(_ context.Context, from OldDatabase, options legacy.Options) (legacy.Report, error) {
	c.asked = append(c.asked, fmt.Sprintf("import %q %q %v", from.File, from.Config, options.SetRoles))
	return c.imported, nil
}

// TestImport: what was done, and what is left for people to do.
func TestImport(t *testing.T) {
	b := newBench(t)
	c := &copies{imported: legacy.Report{
		Identities: legacy.Counts{Added: 3, Existing: 1}, Jobs: legacy.Counts{Added: 40}, Unfinished: 2, Bootstrap: true,
		Roles: []legacy.RoleConflict{
			{ClientID: "gpu-box", Role: dffmpeg.RoleClient, Worked: 9, Want: dffmpeg.RoleWorker},
			{ClientID: "gpu-two", Role: dffmpeg.RoleClient, Worked: 9, Want: dffmpeg.RoleWorker, Set: true},
			{ClientID: "both", Role: dffmpeg.RoleClient, Worked: 9, Submitted: 8},
		},
	}}
	b.env.Databases = c
	got := b.succeed("db", "import", "old.db")
	for _, want := range []string{
		"Identities: 3 added, 1 were there\n", "Jobs: 40 added, 0 were there, 2 had not ended", "--role admin",
		"dffmpeg admin user set-role gpu-box worker", "gpu-two has the role client, but ran 9 jobs and asked for 0: it is a worker now",
		"both has the role client, but ran 9 jobs and asked for 8: make two identities of it",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("db import does not say %q:\n%s", want, got)
		}
	}
	b.succeed("db", "import", "--from-config", "old.yaml", "--set-roles")
	if want := []string{`import "old.db" "" false`, `import "" "old.yaml" true`}; !slices.Equal(c.asked, want) {
		t.Errorf("asked for %q, want %q", c.asked, want)
	}
	for _, args := range [][]string{{"db", "import"}, {"db", "import", "old.db", "--from-config", "old.yaml"}} {
		if _, err := b.run(args...); err == nil || !strings.Contains(err.Error(), "--from-config") {
			t.Errorf("%q: %v", args, err)
		}
	}
	c.imported.Problems = []legacy.Problem{{Table: "auth", ID: "emby", Reason: "its key is sealed"}}
	if out, err := b.run("db", "import", "old.db"); err == nil || !strings.Contains(out, `auth "emby": its key is sealed`) {
		t.Errorf("with a row that cannot be read: %q, %v", out, err)
	}
}

func TestDatabases(t *testing.T) {
	b := newBench(t)
	c := &copies{parts: []DatabasePart{
		{Part: "state", Engine: "postgres", Place: "dffmpeg at db:5432", Version: 1, Known: 3, Tables: []DatabaseSize{{"dffmpeg_jobs", 12}}},
		{Part: "identities", Engine: "sqlite", Place: "auth.db", Version: 2, Known: 2},
		{Part: "identities", Place: "old.db", Old: true, Known: 2},
		{Part: "identities", Place: "new.db", Known: 2},
	}}
	b.env.Databases = c
	got := b.succeed("db", "status")
	for _, want := range []string{"version 1 of 3", "12 rows", "version 2, up to date", "db import", "none yet", "dffmpeg at db:5432"} {
		if !strings.Contains(got, want) {
			t.Errorf("db status does not have %q:\n%s", want, got)
		}
	}
	var parts []DatabasePart
	if err := json.Unmarshal([]byte(b.succeed("db", "status", "--json")), &parts); err != nil || len(parts) != 4 || parts[0].Tables[0].Rows != 12 {
		t.Errorf("db status --json: %+v, %v", parts, err)
	}
	if got := b.succeed("db", "migrate"); !strings.Contains(got, "version 3, was 1") || !strings.Contains(got, "version 2, was up to date") {
		t.Errorf("db migrate prints %q", got)
	}
	if got := b.succeed("db", "backup", "b.db"); got != "b.db is complete\n" || c.asked[len(c.asked)-1] != "backup b.db" {
		t.Errorf("db backup prints %q and asks for %q", got, c.asked)
	}
	c.migrated = errors.New("the disk is full")
	if out, err := b.run("db", "migrate"); err == nil || out != "" {
		t.Errorf("a migration that failed: %q, %v", out, err)
	}
}
