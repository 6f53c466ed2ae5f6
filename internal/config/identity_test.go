package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// variables returns an environment of these variables.
func variables(v map[string]string) Environment {
	return Environment{Lookup: func(name string) (string, bool) {
		value, ok := v[name]
		return value, ok
	}}
}

func TestKeyComesFrom(t *testing.T) {
	const inFile, inline, inEnvironment = marker + "-file", marker + "-inline", marker + "-env"
	for _, test := range []struct {
		name        string
		text        string
		keyFile     string // content; "" for no file
		mode        os.FileMode
		environment bool
		want        string
		warning     string // part of it; "" for none
		problem     string
	}{
		{name: "inline", text: "hmac_key: " + inline, want: inline},
		{name: "file", text: "hmac_key_file: key", keyFile: "\n " + inFile + "\n", want: inFile},
		{name: "file before inline", text: "hmac_key: " + inline + "\nhmac_key_file: key", keyFile: inFile, want: inFile},
		{name: "fall back to inline", text: "hmac_key: " + inline + "\nhmac_key_file: key", want: inline, warning: "cannot read the file: no such file or directory (a relative name is looked up beside the configuration); using the key given directly"},
		{name: "empty file falls back", text: "hmac_key: " + inline + "\nhmac_key_file: key", keyFile: "\n", want: inline, warning: "it is empty (a relative name is looked up beside the configuration); using the key given directly"},
		{name: "nothing to fall back to", text: "hmac_key_file: key", problem: ":2:1: hmac_key_file: cannot read the file: no such file"},
		{name: "key in place of its file", text: "hmac_key_file: " + marker, problem: "cannot read the file: no such file"},
		{name: "large file", text: "hmac_key_file: key", keyFile: strings.Repeat(marker, 10_000), problem: "larger than 65536 bytes"},
		{name: "open to everybody", text: "hmac_key_file: key", keyFile: inFile, mode: 0o644, want: inFile, warning: "chmod o-r"},
		{name: "environment before inline", text: "hmac_key: " + inline, environment: true, want: inEnvironment},
		{name: "file before environment", text: "hmac_key_file: key", keyFile: inFile, environment: true, want: inFile},
		{name: "fall back to environment", text: "hmac_key_file: key", environment: true, want: inEnvironment, warning: "no such file"},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := write(t, "dffmpeg-client.yaml", "client_id: me\n"+test.text+"\n")
			if test.keyFile != "" {
				if err := os.WriteFile(filepath.Join(filepath.Dir(path), "key"), []byte(test.keyFile), 0o600|test.mode); err != nil {
					t.Fatal(err)
				}
			}
			env := Environment{}
			if test.environment {
				env = variables(map[string]string{VariableHMACKey: inEnvironment})
			}
			c, err := LoadClient(path, env)
			if test.problem != "" {
				if err == nil || !strings.Contains(err.Error(), test.problem) || strings.Contains(err.Error(), marker) {
					t.Fatalf("error %v, want one with %q and no secret", err, test.problem)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if c.HMACKey.Reveal() != test.want {
				t.Error("the key came from somewhere else")
			}
			warnings := strings.Join(c.Warnings, "\n")
			if (test.warning == "") != (warnings == "") || !strings.Contains(warnings, test.warning) || strings.Contains(warnings, marker) {
				t.Errorf("warnings %q, want one with %q and no secret", warnings, test.warning)
			}
		})
	}
}

func TestClientFromEnvironment(t *testing.T) {
	env := variables(map[string]string{
		VariableClientID: "me", VariableHMACKey: marker, VariableCoordinatorURL: "https://dffmpeg.example.org/base/",
	})
	env.Dir, env.System = t.TempDir(), t.TempDir()
	c, err := LoadClient("", env)
	if err != nil {
		t.Fatal(err)
	}
	if c.ClientID != "me" || c.HMACKey.Reveal() != marker || c.File != "" {
		t.Errorf("identity %q, key %v, file %q", c.ClientID, c.HMACKey, c.File)
	}
	if got, want := c.Coordinator.URL().String(), "https://dffmpeg.example.org:443/base"; got != want {
		t.Errorf("coordinator %s, want %s", got, want)
	}
}

func TestEnvironmentBeatsClientFile(t *testing.T) {
	path := write(t, "dffmpeg-client.yaml", "client_id: file\nhmac_key: x\ncoordinator: {host: a, path_base: b/}\n")
	plain, err := LoadClient(path, Environment{})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := plain.Coordinator.URL().String(), "http://a:8000/b"; got != want {
		t.Errorf("coordinator %s, want %s", got, want)
	}
	c, err := LoadClient(path, variables(map[string]string{VariableClientID: "env", VariableCoordinatorURL: "http://[::1]:81"}))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := c.ClientID+" "+c.Coordinator.URL().String(), "env http://[::1]:81"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	_, err = LoadClient(path, variables(map[string]string{VariableCoordinatorURL: "http://me:" + marker + "@host"}))
	want := "DFFMPEG_COORDINATOR_URL: the URL contains a user or password; the key is given separately"
	if err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}

func TestParseAddress(t *testing.T) {
	for text, want := range map[string]string{
		"http://a":              "http://a:80",
		"https://a/":            "https://a:443",
		" http://a:8000/x/y/\n": "http://a:8000/x/y",
		"http://[fd00::1]:1":    "http://[fd00::1]:1",
		"a:8000":                "expected a URL such as http://coordinator:8000",
		"ftp://a":               "expected a URL such as http://coordinator:8000",
		"http://":               "expected a URL such as http://coordinator:8000",
		"http://a:70000":        "the URL's port is out of range; use 1 to 65535",
		"http://a:0":            "the URL's port is out of range; use 1 to 65535",
		"http://a/?q":           "the URL contains a query or fragment",
		"http://u@a":            "the URL contains a user or password; the key is given separately",
	} {
		address, err := ParseAddress(text)
		got := address.URL().String()
		if err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%q: got %s, want %s", text, got, want)
		}
	}
}

func TestCoordinatorDevelopment(t *testing.T) {
	path := write(t, "dffmpeg-coordinator.yaml", "dev_mode: false\n")
	for value, want := range map[string]bool{"": false, "0": false, "1": true} {
		c, err := LoadCoordinator(path, variables(map[string]string{"DFFMPEG_COORDINATOR_DEV": value}), engines())
		if err != nil {
			t.Fatal(err)
		}
		if c.DevMode != want {
			t.Errorf("DFFMPEG_COORDINATOR_DEV=%q: dev mode %v, want %v", value, c.DevMode, want)
		}
	}
}

func TestEncryptionKeysFile(t *testing.T) {
	const auth = "database:\n  repositories:\n    auth:\n      encryption_keys: {old: " + marker + "}\n      encryption_keys_file: keys.yaml\n      default_encryption_key_id: new\n"
	path := write(t, "dffmpeg-coordinator.yaml", auth)
	keys := filepath.Join(filepath.Dir(path), "keys.yaml")
	for _, test := range []struct{ name, file, want string }{
		{"missing", "", path + ":5:7: database.repositories.auth.encryption_keys_file: cannot read the file: no such file or directory (a relative name is looked up beside the configuration)"},
		{"not the default key", "old: fernet:" + marker, path + ":6:7: database.repositories.auth.default_encryption_key_id: there is no encryption key with this id; add it to encryption_keys or encryption_keys_file"},
		{"wrong", "new: [" + marker + "]", keys + ":1:6: new: expected text, found a list"},
		{"not YAML", "new: '" + marker, keys + ":1:6: the closing single quote is missing"},
	} {
		if test.file != "" {
			if err := os.WriteFile(keys, []byte(test.file), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		_, err := LoadCoordinator(path, Environment{}, engines())
		if err == nil || err.Error() != test.want {
			t.Errorf("%s: error\n%v, want\n%s", test.name, err, test.want)
		}
	}
	if err := os.WriteFile(keys, []byte("new: fernet:"+marker+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(keys, 0o644); err != nil {
		t.Fatal(err)
	}
	c, err := LoadCoordinator(path, Environment{}, engines())
	if err != nil {
		t.Fatal(err)
	}
	if e := c.Database.Encryption; len(e.Keys) != 1 || e.Keys["new"].Reveal() != "fernet:"+marker {
		t.Errorf("keys %v, want those of the file", e.Keys)
	}
	want := []string{
		path + ": encryption_keys_file is used; the keys given directly are not",
		keys + ": everybody on this machine may read this key file; chmod o-r it",
	}
	if diff := cmp.Diff(want, c.Warnings); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
}
