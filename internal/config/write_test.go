package config

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/dffmpeg/dffmpeg/secret"
	"github.com/google/go-cmp/cmp"
)

func TestWriteClient(t *testing.T) {
	env := Environment{Home: t.TempDir(), Dir: t.TempDir(), System: t.TempDir()}
	path := UserFile(ClientComponent, env)
	file := ClientFile{
		ClientID:    "yes: \"#\u2028é'",
		HMACKey:     secret.New("+/" + marker + "="),
		Coordinator: Address{Scheme: "http", Host: "127.0.0.1", Port: 4711},
		Paths:       map[string]string{"Media": "/mnt/a b: c", "on": "/0"},
	}
	for range 2 { // the second time it replaces the first
		if err := WriteClient(path, file); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("mode %v, want 0600", info.Mode())
		}
	}
	c, err := LoadClient("", env)
	if err != nil {
		t.Fatal(err)
	}
	got := ClientFile{ClientID: c.ClientID, HMACKey: c.HMACKey, Coordinator: c.Coordinator, Paths: c.Paths}
	if diff := cmp.Diff(file, got, cmp.Comparer(func(a, b secret.Value) bool { return a == b })); diff != "" {
		t.Errorf("read back (-want +got):\n%s", diff)
	}
	if c.File != path {
		t.Errorf("found %s, want %s", c.File, path)
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 1 {
		t.Errorf("%d files in the directory, want the configuration alone", len(entries))
	}
}

func TestWriteClientFails(t *testing.T) {
	directory := t.TempDir()
	path := filepath.Join(directory, "client.yaml")
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := WriteClient(path, ClientFile{}); err == nil {
		t.Error("a directory was replaced")
	}
	entries, err := os.ReadDir(directory)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 1 {
		t.Error("a temporary file is left behind")
	}
	if err := WriteClient(filepath.Join(directory, "client.yaml", "a\x00b", "c"), ClientFile{}); err == nil {
		t.Error("an impossible path was written")
	}
}
