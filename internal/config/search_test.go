package config

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// places makes a directory for every place that is searched.
func places(t *testing.T, set map[string]string) (Environment, string) {
	t.Helper()
	root := t.TempDir()
	env := variables(set)
	env.Dir = filepath.Join(root, "work")
	env.Home = filepath.Join(root, "home")
	env.System = filepath.Join(root, "etc")
	env.Executable = filepath.Join(root, "prefix", "bin", "dffmpeg")
	return env, root
}

// touch makes an empty file.
func touch(t *testing.T, path string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestSearchOrder(t *testing.T) {
	set := map[string]string{}
	env, root := places(t, set)
	// From the last place to the first: each new file is found before the others.
	for _, path := range []string{
		"prefix/dffmpeg-worker.yaml", "etc/worker.yaml", "home/.config/dffmpeg/worker.yaml", "work/dffmpeg-worker.yaml",
	} {
		want := touch(t, filepath.Join(root, path))
		if got, err := Find(WorkerComponent, "", env); got != want || err != nil {
			t.Fatalf("found %s, %v, want %s", got, err, want)
		}
	}
	named := touch(t, filepath.Join(root, "named.yaml"))
	set["DFFMPEG_WORKER_CONFIG"] = named
	if got, err := Find(WorkerComponent, "", env); got != named || err != nil {
		t.Errorf("found %s, %v, want what the environment names", got, err)
	}
	explicit := touch(t, filepath.Join(root, "work/explicit.yaml"))
	if got, err := Find(WorkerComponent, "explicit.yaml", env); got != explicit || err != nil {
		t.Errorf("found %s, %v, want what the option names", got, err)
	}
	if got, err := Find(ClientComponent, "", env); err == nil {
		t.Errorf("found %s for another component", got)
	}
}

func TestNamedFileMustExist(t *testing.T) {
	env, root := places(t, map[string]string{"DFFMPEG_WORKER_CONFIG": "gone.yaml"})
	touch(t, filepath.Join(root, "etc/worker.yaml"))
	want := "worker configuration named by DFFMPEG_WORKER_CONFIG: stat " + root + "/work/gone.yaml: no such file or directory"
	if _, err := Find(WorkerComponent, "", env); err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
	if _, err := Find(WorkerComponent, "other.yaml", env); err == nil || !strings.Contains(err.Error(), "named by --config") {
		t.Errorf("error %v, want one that names the option", err)
	}
}

func TestNotFound(t *testing.T) {
	env, root := places(t, nil)
	_, err := LoadClient("", env)
	if _, ok := errors.AsType[*NotFoundError](err); !ok {
		t.Fatalf("error %v, want a NotFoundError", err)
	}
	want := `no client configuration found; looked at:
  ROOT/work/dffmpeg-client.yaml
  ROOT/home/.config/dffmpeg/client.yaml
  ROOT/etc/client.yaml
  ROOT/prefix/dffmpeg-client.yaml
name one with --config or DFFMPEG_CLIENT_CONFIG, or set DFFMPEG_CLIENT_ID and DFFMPEG_HMAC_KEY`
	if diff := cmp.Diff(want, strings.ReplaceAll(err.Error(), root, "ROOT")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if _, err := LoadWorker("", env); err == nil {
		t.Error("a worker without a file was loaded")
	}
	c, err := LoadCoordinator("", env, engines())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(shown(t, DefaultCoordinator(engines()), ""), shown(t, c, "")); diff != "" {
		t.Errorf("a coordinator without a file (-default +got):\n%s", diff)
	}
}

// A file where a directory of the search would be, and an executable outside of
// any bin directory, are no obstacles; a place that cannot be looked at is.
func TestSearchObstacles(t *testing.T) {
	env, root := places(t, nil)
	env.Executable = filepath.Join(root, "dffmpeg")
	touch(t, env.Home)
	want := touch(t, filepath.Join(root, "etc/client.yaml"))
	if got, err := Find(ClientComponent, "", env); got != want || err != nil {
		t.Errorf("found %s, %v, want %s", got, err, want)
	}
	env.System = filepath.Join(root, strings.Repeat("x", 300))
	if _, err := Find(ClientComponent, "", env); err == nil || !strings.Contains(err.Error(), "file name too long") {
		t.Errorf("error %v, want the reason", err)
	}
	if _, err := LoadClient(root, env); err == nil || !strings.Contains(err.Error(), "is a directory") {
		t.Errorf("error %v, want the reason", err)
	}
}
