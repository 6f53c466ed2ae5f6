package config

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dffmpeg/dffmpeg/internal/config/strictyaml"
)

// fuzzKey has the form of an HMAC key, which mutations of the files move to
// wherever a person could put it by mistake.
const fuzzKey = marker + "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="

// FuzzDecode feeds files to every reader: none panics, and no error repeats a
// key.
func FuzzDecode(f *testing.F) {
	seeds, err := filepath.Glob("testdata/good/*.yaml")
	if err != nil || len(seeds) == 0 {
		f.Fatalf("no seeds: %v", err)
	}
	for _, seed := range seeds {
		data, err := os.ReadFile(seed)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(bytes.ReplaceAll(data, []byte(marker), []byte(fuzzKey)))
	}
	for _, text := range []string{
		"", "client_id: a\nhmac_key:" + fuzzKey, fuzzKey + ": 1", "port: " + fuzzKey, "a: &a [*a, !x *" + fuzzKey + "]", "- {? x}", "%YAML 1.1\n---\n...",
		"database: {repositories: {auth: {encryption_keys: {" + fuzzKey + ": }}}}", "paths: {<<: {" + fuzzKey + ": ~/}}", "\"\\x", "a: |\n\tb",
	} {
		f.Add([]byte(text))
	}
	directory := f.TempDir()
	f.Fuzz(func(t *testing.T, data []byte) {
		path := filepath.Join(directory, "dffmpeg.yaml")
		node, parsing := strictyaml.Parse(path, data)
		errs := []error{parsing}
		if node != nil {
			c, err := readCoordinator(path, node, parsing, Environment{}, engines())
			errs = append(errs, err)
			if err == nil {
				showAny(t, c)
			}
			w, err := readWorker(path, node, parsing)
			errs = append(errs, err)
			if err == nil {
				showAny(t, w)
			}
			l, err := readClient(path, node, parsing, Environment{})
			errs = append(errs, err)
			if err == nil {
				showAny(t, l)
			}
		}
		for _, err := range errs {
			if err != nil && strings.Contains(err.Error(), fuzzKey) {
				t.Errorf("an error repeats the key: %v", err)
			}
		}
	})
}

// showAny checks that what can be read can be shown.
func showAny(t *testing.T, c shower) {
	if err := c.Show(io.Discard); err != nil {
		t.Error(err)
	}
}

// BenchmarkLoadClient is what the drop-in proxy pays at every start.
func BenchmarkLoadClient(b *testing.B) {
	for b.Loop() {
		if _, err := LoadClient("testdata/good/dffmpeg-client.yaml", Environment{}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkLoadCoordinator reads the largest of the files.
func BenchmarkLoadCoordinator(b *testing.B) {
	for b.Loop() {
		if _, err := LoadCoordinator("testdata/good/dffmpeg-coordinator.yaml", Environment{}, engines()); err != nil {
			b.Fatal(err)
		}
	}
}
