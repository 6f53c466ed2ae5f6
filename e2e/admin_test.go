package e2e

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// admin runs the admin tool on the coordinator's database.
func (c *cluster) admin(args ...string) *process {
	c.t.Helper()
	return run(c.t, nil, c.dir, "dffmpeg-admin", append([]string{"-c", c.config("coordinator")}, args...)...)
}

// succeed fails the test unless a program ended well, and returns its stdout.
func succeed(t *testing.T, p *process) string {
	t.Helper()
	if code := p.exitCode(); code != 0 {
		t.Fatalf("%v: exit code %d: %s", p.cmd.Args, code, p.stderr.text())
	}
	return p.stdout.text()
}

func TestAdminManagesIdentities(t *testing.T) {
	c := newCluster(t)
	if got := succeed(t, c.admin("user", "list")); !strings.Contains(got, "jellyfin") || strings.Contains(got, c.keys["jellyfin"]) {
		t.Errorf("user list printed %q, want names and no keys", got)
	}
	if got := succeed(t, c.admin("user", "show", "jellyfin", "--show-key")); !strings.Contains(got, "HMAC Key: "+c.keys["jellyfin"]+"\n") {
		t.Errorf("user show --show-key printed %q", got)
	}
	works := func() bool {
		return run(t, c.clientEnv(), c.dir, "dffmpeg-client", "job", "list").exitCode() == 0
	}
	if !works() {
		t.Fatal("the client's key does not work")
	}
	rotated := regexp.MustCompile(`(?m)^New HMAC Key: (\S{44})$`).FindStringSubmatch(succeed(t, c.admin("user", "rotate-key", "jellyfin")))
	if rotated == nil || works() {
		t.Fatalf("rotate-key printed no key, or the old one still works: %v", rotated)
	}
	c.keys["jellyfin"] = rotated[1]
	if !works() {
		t.Error("the new key does not work")
	}
	succeed(t, c.admin("user", "set-scope", "jellyfin", "192.0.2.0/24"))
	if works() {
		t.Error("the client may call from outside its scope")
	}
	succeed(t, c.admin("user", "set-scope", "jellyfin", "127.0.0.0/8"))
	succeed(t, c.admin("user", "set-role", "jellyfin", "worker"))
	if works() {
		t.Error("a worker may list jobs")
	}
	succeed(t, c.admin("user", "delete", "jellyfin"))
	for _, wrong := range [][]string{
		{"user", "show", "jellyfin"},
		{"user", "add", "a b"},
		{"user", "add", "x", "--role", "king"},
		{"user", "add", "w1"},
		{"user", "set-scope", "w1", "nonsense"},
	} {
		p := c.admin(wrong...)
		if p.exitCode() != 1 || strings.Count(p.stderr.text(), "\n") != 1 {
			t.Errorf("%v: exit code %d, stderr %q; want 1 and one line", wrong, p.exitCode(), p.stderr.text())
		}
	}
}

func TestAdminThroughTheCoordinator(t *testing.T) {
	c := newCluster(t)
	c.keys["jellyfin"], c.keys["root"] = c.keys["root"], c.keys["jellyfin"]
	config := c.write("admin-client.yaml", fmt.Sprintf("client_id: root\nhmac_key: %s\ncoordinator: {host: 127.0.0.1, port: %d}\n", c.keys["jellyfin"], c.port))
	remote := func(args ...string) *process {
		return run(t, []string{"DFFMPEG_CLIENT_CONFIG=" + config}, c.dir, "dffmpeg-admin", append([]string{"--remote"}, args...)...)
	}
	if got := succeed(t, remote("user", "add", "new-worker", "--role", "worker")); !regexp.MustCompile(`(?m)^HMAC Key: \S{44}$`).MatchString(got) {
		t.Errorf("remote user add printed %q", got)
	}
	if got := succeed(t, remote("user", "list")); !strings.Contains(got, "new-worker") {
		t.Errorf("remote user list printed %q", got)
	}
	for _, args := range [][]string{{"status"}, {"worker", "list"}, {"job", "list"}, {"janitor", "run_all"}} {
		succeed(t, remote(args...))
		succeed(t, c.admin(args...)) // as the local admin
	}
	if p := c.admin("janitor", "sweep"); p.exitCode() == 0 {
		t.Error("an unknown action was accepted")
	}
}

func TestKeysAreEncryptedInPlace(t *testing.T) {
	c := newCluster(t)
	key := strings.TrimSpace(succeed(t, c.admin("security", "generate-key", "fernet")))
	if !regexp.MustCompile(`^fernet:[A-Za-z0-9+/=_-]{44}$`).MatchString(key) {
		t.Fatalf("generate-key printed %q, want only the key", key)
	}
	c.coordinator.kill()
	c.write("dffmpeg-coordinator.yaml", fmt.Sprintf(`
port: %d
database:
  engine_defaults: {sqlite: {path: %s}}
  repositories:
    auth:
      encryption_keys: {first: "%s"}
      default_encryption_key_id: first
`, c.port, filepath.Join(c.dir, "state.db"), key))
	if got := succeed(t, c.admin("security", "re-encrypt")); !strings.Contains(got, "5 changed") {
		t.Errorf("re-encrypt printed %q", got)
	}
	c.startCoordinator()
	if code := run(t, c.clientEnv(), c.dir, "dffmpeg-client", "job", "list").exitCode(); code != 0 {
		t.Errorf("with encrypted keys the client gets exit code %d", code)
	}
	if got := succeed(t, c.admin("security", "re-encrypt", "--decrypt", "--client-id", "w1")); !strings.Contains(got, "1 changed") {
		t.Errorf("re-encrypt --decrypt printed %q", got)
	}
}
