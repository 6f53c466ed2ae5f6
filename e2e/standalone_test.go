package e2e

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestStandaloneNeedsNoConfiguration is the first thing a new user tries: two
// terminals, no file edited.
func TestStandaloneNeedsNoConfiguration(t *testing.T) {
	home, work := t.TempDir(), t.TempDir()
	env := []string{"HOME=" + home, "XDG_STATE_HOME="}
	server := start(t, env, work, "dffmpeg", "standalone", "--listen", "127.0.0.1:0")
	server.stdout.await(t, "is ready at")
	makeClip(t, filepath.Join(work, "in.mkv"), 1)

	p := run(t, env, work, "dffmpeg", "run", "--", "-nostdin", "-i", "in.mkv", "-c", "copy", "out.mp4")
	if code := p.exitCode(); code != 0 {
		t.Fatalf("run: exit code %d: %s", code, p.stderr.text())
	}
	if got := duration(t, filepath.Join(work, "out.mp4")); got < 0.9 {
		t.Errorf("out.mp4 lasts %v s, want 1", got)
	}
	if p := run(t, env, work, "ffprobe", "-v", "error", "-show_format", "out.mp4"); p.exitCode() != 0 || !strings.Contains(p.stdout.text(), "[FORMAT]") {
		t.Errorf("ffprobe through the drop-in: exit code %d, %q, %q", p.exitCode(), p.stdout.text(), p.stderr.text())
	}
	info, err := os.Stat(filepath.Join(home, ".config", "dffmpeg", "client.yaml"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the client's configuration: %v, %v; want mode 0600", info, err)
	}
	server.signal(syscall.SIGTERM)
	if code := server.exitCode(); code != 0 {
		t.Errorf("standalone's exit code is %d, want 0", code)
	}
	again := start(t, env, work, "dffmpeg", "standalone", "--listen", "127.0.0.1:0")
	again.stdout.await(t, "is ready at") // with the identities of before
	if p := run(t, env, work, "dffmpeg", "status"); p.exitCode() != 0 {
		t.Errorf("status after a restart: %d, %s", p.exitCode(), p.stderr.text())
	}
}

func TestStandaloneLeavesOthersConfigurationAlone(t *testing.T) {
	dir := t.TempDir()
	config := filepath.Join(dir, "mine.yaml")
	const mine = "client_id: me\nhmac_key: AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n"
	if err := os.WriteFile(config, []byte(mine), 0o600); err != nil {
		t.Fatal(err)
	}
	server := start(t, nil, dir, "dffmpeg", "standalone", "--dir", dir, "--listen", "127.0.0.1:0", "--client-config", config)
	server.stdout.await(t, "DFFMPEG_CLIENT_CONFIG="+filepath.Join(dir, "client.yaml"))
	if kept, err := os.ReadFile(config); err != nil || string(kept) != mine {
		t.Errorf("the file is now %q (%v)", kept, err)
	}
}

func TestConfigCheck(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "worker.yaml")
	const broken = "client_id: w\nhmac_key: AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\nregistration_intervall: 5\njitter: often\ncoordinator: {port: 99999}\n"
	if err := os.WriteFile(file, []byte(broken), 0o600); err != nil {
		t.Fatal(err)
	}
	p := run(t, nil, dir, "dffmpeg", "config", "check", "worker", "-c", file)
	if code := p.exitCode(); code != 1 {
		t.Errorf("exit code %d, want 1", code)
	}
	message := p.stderr.text()
	for _, part := range []string{file + ":3:", `did you mean "registration_interval"?`, file + ":4:", "jitter", file + ":5:", "port"} {
		if !strings.Contains(message, part) {
			t.Errorf("no %q in %q", part, message)
		}
	}
	if strings.Contains(message, "AAECAw") {
		t.Errorf("the key is in %q", message)
	}
}

func TestDocumentationIsBrowsable(t *testing.T) {
	c := newCluster(t)
	for path, want := range map[string]string{
		"/openapi.json": `"/jobs/submit"`, "/docs/": "swagger", "/status": "dffmpeg",
	} {
		response, err := http.Get(c.url() + path) //nolint:noctx // loopback
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if response.StatusCode != http.StatusOK || !strings.Contains(string(body), want) {
			t.Errorf("%s: status %d, %d bytes without %q", path, response.StatusCode, len(body), want)
		}
	}
}

func TestVersions(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"dffmpeg", "dffmpeg-coordinator", "dffmpeg-worker", "dffmpeg-client", "dffmpeg-admin", "dffmpeg_proxy"} {
		p := run(t, nil, dir, name, "--version")
		if fields := strings.Fields(p.stdout.text()); p.exitCode() != 0 || len(fields) != 2 || fields[0] != name {
			t.Errorf("%s --version printed %q, %q", name, p.stdout.text(), p.stderr.text())
		}
	}
}
