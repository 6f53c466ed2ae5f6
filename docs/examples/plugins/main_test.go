package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestPluginsAreKnown: the program lists the transport, takes the engine and makes
// keys of the provider.
func TestPluginsAreKnown(t *testing.T) {
	dir := t.TempDir()
	program := filepath.Join(dir, "dffmpeg")
	if out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	config := filepath.Join(dir, "coordinator.yaml")
	text := "database: {defaults: {engine: volatile}}\ntransports: {enabled_transports: [spool], transport_settings: {spool: {dir: " + dir + "}}}\n"
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"config", "check", "coordinator", "-c", config}, {"admin", "security", "generate-key", "etm"}} {
		if out, err := exec.Command(program, args...).CombinedOutput(); err != nil {
			t.Errorf("dffmpeg %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
}
