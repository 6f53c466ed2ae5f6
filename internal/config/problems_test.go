package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// write puts a file of the component into a directory of its own.
func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// numbered returns lines with so many keys, in a section.
func numbered(count int) string {
	var b strings.Builder
	for i := range count {
		fmt.Fprintf(&b, "  n%d: %d\n", i, i)
	}
	return b.String()
}

func TestProblems(t *testing.T) {
	const me = "client_id: me\nhmac_key: " + marker + "\n"
	for _, test := range []struct {
		name      string
		component Component
		text      string
		want      string // each line without the file's path
	}{
		{"unknown key", CoordinatorComponent, "hots: ::1\n", `1:1: hots: unknown key; did you mean "host"?`},
		{"unknown key in a section", CoordinatorComponent, "janitor:\n  interval: 5\n  jiter: 1\n", `3:3: janitor.jiter: unknown key; did you mean "jitter"?`},
		{"unknown key far from all", WorkerComponent, me + "coordinator:\n    zebra: 1\n", "4:5: coordinator.zebra: unknown key; known here: scheme, host, port, path_base"},
		{"unknown repository", CoordinatorComponent, "database: {repositories: {message: {}}}\n", `1:27: database.repositories.message: unknown key; did you mean "messages"?`},
		{"unknown key of sqlite", CoordinatorComponent, "database:\n  engine_defaults:\n    sqlite:\n      pth: x\n", `4:7: database.engine_defaults.sqlite.pth: unknown key; did you mean "path"?`},
		{"unknown key of http_polling", WorkerComponent, me + "transports:\n  transport_settings:\n    http_polling:\n      poll_wiat: 5\n", `6:7: transports.transport_settings.http_polling.poll_wiat: unknown key; did you mean "poll_wait"?`},
		{"all at once, in order", CoordinatorComponent, "port: 80000\nlog_level: loud\njanitor: {interval: -1}\nhost:\n", strings.Join([]string{
			`1:7: port: "80000" is out of range; use 0 to 65535`,
			`2:12: log_level: "loud" is not possible; use one of debug, info, warn, error`,
			`3:21: janitor.interval: "-1" is too small; use 0.01 or more`,
			`4:1: host: the key has no value; give one, or remove the key to get the default`,
		}, "\n")},
		{"duplicate key", CoordinatorComponent, "port: 1\nhost: a\nport: 2\nhost: b\n", "3:1: port: the key is given twice (first on line 1)\n4:1: host: the key is given twice (first on line 2)"},
		{"duplicate key with others", CoordinatorComponent, "port: 1\nport: 2\nhost: [a]\n", "2:1: port: the key is given twice (first on line 1)\n3:7: host: expected text, found a list"},
		{"text for a number", CoordinatorComponent, "port: eighty\n", `1:7: port: expected a whole number, found "eighty"`},
		{"fraction for a whole number", CoordinatorComponent, "port: 80.5\n", `1:7: port: expected a whole number, found "80.5"`},
		{"octal", CoordinatorComponent, "port: 0777\n", `1:7: port: expected a whole number, found "0777"`},
		{"huge number", CoordinatorComponent, "port: 99999999999999999999\n", `1:7: port: the number is too large`},
		{"text for a boolean", CoordinatorComponent, "dev_mode: maybe\n", `1:11: dev_mode: expected true or false, found "maybe"`},
		{"section for a boolean", CoordinatorComponent, "dev_mode:\n  a: 1\n", `2:3: dev_mode: expected true or false, found keys and values`},
		{"text for seconds", CoordinatorComponent, "handshake_delay_seconds: 5 s\n", `1:26: handshake_delay_seconds: expected a number of seconds, or one with a unit (s, m, h, d, w) such as 30d, found "5 s"`},
		{"fraction of an interval", WorkerComponent, me + "registration_interval: 1.5\n", `3:24: registration_interval: expected whole seconds, found "1.5"`},
		{"endless seconds", CoordinatorComponent, "shutdown_delay_seconds: .inf\n", `1:25: shutdown_delay_seconds: expected a number of seconds, or one with a unit (s, m, h, d, w) such as 30d, found ".inf"`},
		{"very many seconds", CoordinatorComponent, "shutdown_delay_seconds: 1e12\n", `1:25: shutdown_delay_seconds: more than ten years; without a unit the value is in seconds`},
		{"zero interval", WorkerComponent, me + "registration_interval: 0\n", `3:24: registration_interval: "0" is too small; use 1 or more`},
		{"factor below one", CoordinatorComponent, "janitor: {worker_threshold_factor: 0.5}\n", `1:36: janitor.worker_threshold_factor: "0.5" is too small; use 1 or more`},
		{"jitter above interval", CoordinatorComponent, "janitor:\n  interval: 1\n  jitter: 2\n", `3:3: janitor.jitter: the jitter is longer than the interval`},
		{"text for a list", CoordinatorComponent, "allowed_binaries: ffmpeg\n", `1:19: allowed_binaries: expected a list, found a single value; write [a, b] or lines beginning with "- "`},
		{"empty list", CoordinatorComponent, "allowed_binaries: []\n", `1:19: allowed_binaries: the list is empty; name at least one`},
		{"list without a value", CoordinatorComponent, "allowed_binaries:\nport: 1\n", `1:1: allowed_binaries: the key has no value; give one, or remove the key to get the default`},
		{"element without a value", CoordinatorComponent, "allowed_binaries: [ffmpeg, ~]\n", `1:28: allowed_binaries[1]: the key has no value; give one, or remove the key to get the default`},
		{"binary with a directory", CoordinatorComponent, "allowed_binaries: [/bin/sh]\n", `1:1: allowed_binaries: a binary is named without its directory, for example ffmpeg`},
		{"bad network", CoordinatorComponent, "trusted_proxies: [10.0.0.0/8, 10.0.0.0/33, here]\n", "1:31: trusted_proxies[1]: expected an address or a network such as 192.168.1.0/24 or fd00::/8\n1:44: trusted_proxies[2]: expected an address or a network such as 192.168.1.0/24 or fd00::/8"},
		{"networks without a value", CoordinatorComponent, "allowed_metrics_ips:\n", `1:1: allowed_metrics_ips: the key has no value; write [] for nobody, or remove the key to get the default`},
		{"no transport", CoordinatorComponent, "transports: {enabled_transports: []}\n", `1:34: transports.enabled_transports: the list is empty; name at least one`},
		{"base path", CoordinatorComponent, "transports:\n  transport_settings:\n    http_polling:\n      base_path: poll\n", `4:7: transports.transport_settings.http_polling.base_path: expected a path such as /poll`},
		{"table name", CoordinatorComponent, "database:\n  repositories:\n    jobs:\n      tablename: jobs; drop\n", `4:7: database.repositories.jobs.tablename: expected letters, digits and _ only, at most 40 and not beginning with a digit`},
		{"two kinds in one table", CoordinatorComponent, "database:\n  repositories:\n    workers:\n      tablename: Dffmpeg_Jobs\n    messages: {tablename: dffmpeg_jobs_output}\n", "4:7: database.repositories.workers.tablename: Dffmpeg_Jobs is the table of jobs already\n5:16: database.repositories.messages.tablename: dffmpeg_jobs_output is the table of the output of jobs already"},
		{"two databases", CoordinatorComponent, "database:\n  repositories:\n    workers:\n      path: /w.db\n", "3:5: database.repositories.workers: workers are in a database of their own, but jobs, messages and workers must share one: their changes commit together; give engine and settings once, in defaults and engine_defaults"},
		{"two engines", CoordinatorComponent, "database:\n  repositories:\n    messages: {engine: mysql}\n", "3:5: database.repositories.messages: messages are in a database of their own, but jobs, messages and workers must share one: their changes commit together; give engine and settings once, in defaults and engine_defaults"},
		{"keys where they do not belong", CoordinatorComponent, "database:\n  repositories:\n    jobs:\n      encryption_keys: {a: " + marker + "}\n", "3:5: database.repositories.jobs: jobs are in a database of their own, but jobs, messages and workers must share one: their changes commit together; give engine and settings once, in defaults and engine_defaults\n4:7: database.repositories.jobs.encryption_keys: unknown key; known here: path, synchronous"},
		{"unknown encryption key", CoordinatorComponent, "database:\n  repositories:\n    auth:\n      encryption_keys: {key1: " + marker + "}\n      default_encryption_key_id: kye1\n", `5:7: database.repositories.auth.default_encryption_key_id: there is no encryption key with this id; did you mean "key1"?`},
		{"encryption key without a value", CoordinatorComponent, "database:\n  repositories:\n    auth:\n      encryption_keys: {\"k:" + marker + "\"}\n", `4:25: database.repositories.auth.encryption_keys.…: the key has no value; give one, or remove the key to get the default`},
		{"no identity", WorkerComponent, "log_level: info\n", "1:1: client_id: the identity is missing; give the name that the coordinator knows\n1:1: hmac_key: the key is missing; give hmac_key or hmac_key_file"},
		{"no identity for a client", ClientComponent, "log_level: info\n", "1:1: client_id: the identity is missing; give the name that the coordinator knows, or set DFFMPEG_CLIENT_ID\n1:1: hmac_key: the key is missing; give hmac_key or hmac_key_file, or set DFFMPEG_HMAC_KEY"},
		{"empty identity", WorkerComponent, "client_id: ''\nhmac_key: ' '\n", "1:1: client_id: the identity is missing; give the name that the coordinator knows\n2:1: hmac_key: the key is missing; give hmac_key or hmac_key_file"},
		{"empty file", WorkerComponent, "", "1:1: client_id: the identity is missing; give the name that the coordinator knows\n1:1: hmac_key: the key is missing; give hmac_key or hmac_key_file"},
		{"control character", WorkerComponent, "client_id: \"a\\nb\"\nhmac_key: " + marker + "\n", "1:1: client_id: the name contains a control character"},
		{"key of the wrong type", WorkerComponent, "client_id: me\nhmac_key: [" + marker + "]\n", "2:11: hmac_key: expected text, found a list"},
		{"URL as host", ClientComponent, me + "coordinator: {host: 'http://x'}\n", "3:15: coordinator.host: a URL where a host name belongs; put its parts into scheme, host, port and path_base"},
		{"host with port", ClientComponent, me + "coordinator: {host: 'x:80'}\n", "3:15: coordinator.host: expected a host name or an address alone; port and path_base have keys of their own"},
		{"scheme", ClientComponent, me + "coordinator: {scheme: ftp}\n", `3:23: coordinator.scheme: "ftp" is not possible; use one of http, https`},
		{"port zero", ClientComponent, me + "coordinator: {port: 0}\n", `3:21: coordinator.port: "0" is out of range; use 1 to 65535`},
		{"override URL", ClientComponent, me + "transports: {transport_settings: {http_polling: {coordinator_url: 'http://me:" + marker + "@x'}}}\n", "3:50: transports.transport_settings.http_polling.coordinator_url: the URL contains a user or password; the key is given separately"},
		{"relative binary", WorkerComponent, me + "binaries:\n  ffmpeg: bin/ffmpeg\n", "4:3: binaries.ffmpeg: expected an absolute path, or a bare name to be looked up in PATH"},
		{"umask of no octal digits", WorkerComponent, me + "umask: 0089\n", `3:1: umask: expected octal digits such as "0022", or caller, or inherit`},
		{"umask that is too large", WorkerComponent, me + "umask: 1777\n", `3:1: umask: expected octal digits such as "0022", or caller, or inherit`},
		{"umask of a word", WorkerComponent, me + "umask: none\n", `3:1: umask: expected octal digits such as "0022", or caller, or inherit`},
		{"label that is too long", WorkerComponent, me + "labels:\n  gpu: " + strings.Repeat("x", 129) + "\n", "3:1: labels: a label has a name, and neither that nor its value has control characters or more than 128 bytes: not gpu"},
		{"label with a name that is too long", ClientComponent, me + "job:\n  require:\n    " + strings.Repeat("x", 129) + ": a\n", "4:3: job.require: a label has a name, and neither that nor its value has control characters or more than 128 bytes: not " + strings.Repeat("x", 100) + "…"},
		{"label with two mistakes", WorkerComponent, me + "labels: {a/b: x, c=d: y}\n", "3:1: labels: a label has a name without /, = or control characters, and a value without control characters"},
		{"too many labels", WorkerComponent, me + "labels:\n" + numbered(65), "3:1: labels: there may be 64 labels at most"},
		{"too many resources", WorkerComponent, me + "resources:\n" + numbered(65), "3:1: resources: there may be 64 of them at most"},
		{"resource that is too large", WorkerComponent, me + "resources: {nvenc: 1000001}\nlabels: {a/b: x}\n", "3:1: resources: a count is a number from 0 to 1000000 under a name without control characters, of 128 bytes at most: not nvenc\n4:1: labels: a label has a name without /, = or control characters, and a value without control characters"},
		{"negative resource", WorkerComponent, me + "resources: {nvenc: -1}\n", "3:1: resources: a resource has a name without / or control characters, and a count from 0 on"},
		{"jobs of a program without end", WorkerComponent, me + "binaries: {ffmpeg: ffmpeg}\nmax_jobs_per_binary: {ffmpeg: 1000001}\n", "4:1: max_jobs_per_binary: a count is a number from 0 to 1000000 under a name without control characters, of 128 bytes at most: not ffmpeg"},
		{"group without a user", WorkerComponent, me + "run_as: {group: media}\n", `3:9: run_as.user: the user is missing; groups alone say not whom processes run as`},
		{"empty binary", WorkerComponent, me + "binaries:\n  ffmpeg:\n  ffprobe: ''\n", "4:3: binaries.ffmpeg: the key has no value; give one, or remove the key to get the default\n5:12: binaries.ffprobe: the value is empty"},
		{"binary name", WorkerComponent, me + "binaries: {a/b: /bin/x}\n", "3:1: binaries: a binary's name is empty, has a / or a control character"},
		{"path name", ClientComponent, me + "paths: {$Media: /m}\n", "3:1: paths: a name is empty, begins with $, or has a / or a control character"},
		{"home directory", ClientComponent, me + "paths: {Media: ~/m}\n", "3:16: paths.Media: ~ is not expanded here; write the directory in full"},
		{"list of paths", ClientComponent, me + "paths:\n  - /m\n", `4:3: paths: expected lines of the form "name: value", found a list`},
		{"relative mount", WorkerComponent, me + "mount_management: {mounts: [mnt]}\n", "3:29: mount_management.mounts[0]: expected an absolute path"},
		{"mount twice", WorkerComponent, me + "mount_management: {mounts: [/a, /a/]}\n", "3:20: mount_management.mounts: a mount is listed twice"},
		{"mounts in a circle", WorkerComponent, me + "mount_management:\n  mounts:\n    - {path: /a, dependencies: [/b]}\n    - {path: /b, dependencies: [/a]}\n", "4:3: mount_management.mounts: the dependencies of mounts go in a circle"},
		{"mount without a path", WorkerComponent, me + "mount_management: {mounts: [{dependencies: [/b]}]}\n", "3:29: mount_management.mounts[0].path: the key is missing"},
		{"two documents", CoordinatorComponent, "port: 1\n---\nport: 2\n", `3:1: the file has more than one YAML document; keep one (no "---" between parts)`},
		{"a list", CoordinatorComponent, "- a\n", `1:1: expected lines of the form "key: value", found a list`},
		{"a text", CoordinatorComponent, marker + "\n", `1:1: expected lines of the form "key: value", found a single value`},
		{"no space behind the colon", ClientComponent, "client_id: me\nhmac_key:" + marker + "\nlog_level: info\n", `2:1: this line is not of the form "key: value" (a colon and a space)`},
		{"tab", CoordinatorComponent, "janitor:\n\tinterval: 1\n", "2:1: a tab is used where YAML wants spaces; indent with spaces"},
		{"open quote", ClientComponent, "client_id: me\nhmac_key: \"" + marker + "\n", "2:11: the closing double quote is missing"},
		{"open list", CoordinatorComponent, "allowed_binaries: [a, b\nport: 1\n", "2:1: the list is not closed; a comma or ] is missing"},
		{"colon in a value", ClientComponent, "hmac_key: " + marker + ": x\n", `1:11: a second ": " on the line, or wrong indentation; put the value in quotes if it contains ": "`},
		{"unknown alias", ClientComponent, "client_id: me\nhmac_key: *" + marker + "\n", "2:11: hmac_key: the *name refers to nothing above; put the value in quotes if it begins with *"},
		{"reserved character", ClientComponent, "hmac_key: @" + marker + "\n", "1:11: this character cannot begin a value; put the value in quotes"},
		{"unknown tag", ClientComponent, "client_id: me\nhmac_key: !" + marker + " x\n", "2:11: hmac_key: the !tag means nothing here; put the value in quotes if it begins with !"},
		{"not text", CoordinatorComponent, "port: 1\nhost: \xff\n", "2:7: the file is not UTF-8 text"},
		{"nested too deep", CoordinatorComponent, "host: " + strings.Repeat("[", 5000) + "\n", " brackets or list markers are nested too deep; is it a configuration file?"},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := write(t, test.component.FileName(), test.text)
			_, err := load(t, test.component, path, Environment{})
			if err == nil {
				t.Fatal("no problem found")
			}
			if _, ok := errors.AsType[Problems](err); !ok {
				t.Errorf("the error is a %T, want Problems", err)
			}
			lines := strings.Split(err.Error(), "\n")
			for i, line := range lines {
				lines[i] = strings.TrimPrefix(strings.TrimPrefix(line, path), ":")
			}
			got := strings.Join(lines, "\n")
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if strings.Contains(got, marker) {
				t.Error("the error tells a secret")
			}
		})
	}
}
