package dbserver_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dffmpeg/dffmpeg/internal/testservices"
	"github.com/dffmpeg/dffmpeg/secret"
	"github.com/dffmpeg/dffmpeg/store/dbserver"
)

func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestPasswordComesFromFileOrEnvironment(t *testing.T) {
	t.Setenv("DFFMPEG_TEST_PASSWORD_HERE", "of the environment")
	file := write(t, "of the file\r\nsecond line\n")
	for name, tt := range map[string]struct {
		settings dbserver.Settings
		want     string
	}{
		"inline":      {dbserver.Settings{Password: secret.New("inline")}, "inline"},
		"environment": {dbserver.Settings{Password: secret.New("inline"), PasswordEnv: "DFFMPEG_TEST_PASSWORD_HERE"}, "of the environment"},
		"file":        {dbserver.Settings{PasswordFile: file, PasswordEnv: "DFFMPEG_TEST_PASSWORD_HERE"}, "of the file"},
		"none":        {dbserver.Settings{}, ""},
	} {
		got, err := tt.settings.Secret()
		if err != nil || got.Reveal() != tt.want {
			t.Errorf("%s: %q, %v, want %q", name, got.Reveal(), err, tt.want)
		}
	}
	for name, settings := range map[string]dbserver.Settings{
		"missing.txt":                {PasswordFile: filepath.Join(t.TempDir(), "missing.txt")},
		"too long":                   {PasswordFile: write(t, strings.Repeat("x", 5000))},
		"DFFMPEG_TEST_NO_SUCH_THING": {PasswordEnv: "DFFMPEG_TEST_NO_SUCH_THING"},
	} {
		if _, err := settings.Secret(); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%v, want an error with %s", err, name)
		}
	}
}

func TestEncryptionIsAsConfigured(t *testing.T) {
	ca, cert, key := testservices.URL(t, "CA"), testservices.URL(t, "CLIENT_CERT"), testservices.URL(t, "CLIENT_KEY")
	plain := dbserver.Defaults(1, "user")
	if config, err := plain.TLS(); config != nil || err != nil {
		t.Errorf("without TLS: %v, %v", config, err)
	}
	for name, change := range map[string]func(*dbserver.Settings){
		"use_ssl": func(s *dbserver.Settings) { s.UseSSL = true },
		"ssl_ca":  func(s *dbserver.Settings) { s.SSLCA = ca },
		"all":     func(s *dbserver.Settings) { s.SSLCA, s.SSLCert, s.SSLKey = ca, cert, key },
	} {
		s := dbserver.Defaults(1, "user")
		change(&s)
		config, err := s.TLS()
		if err != nil || config == nil || config.InsecureSkipVerify || config.ServerName != s.Host {
			t.Errorf("%s: %+v, %v, want TLS that verifies", name, config, err)
		}
	}
	s := dbserver.Defaults(1, "user")
	s.UseSSL, s.SSLVerify = true, false
	if config, err := s.TLS(); err != nil || !config.InsecureSkipVerify {
		t.Errorf("ssl_verify: false still verifies, or %v", err)
	}
}

func TestWrongFilesAreNamed(t *testing.T) {
	ca, cert := testservices.URL(t, "CA"), testservices.URL(t, "CLIENT_CERT")
	text := write(t, "this is no certificate")
	for want, s := range map[string]dbserver.Settings{
		"ssl_ca":                {SSLCA: filepath.Join(t.TempDir(), "missing.pem")},
		"no certificate in PEM": {SSLCA: text},
		"belong together":       {SSLCA: ca, SSLCert: cert},
		"ssl_cert and ssl_key":  {SSLCert: cert, SSLKey: text},
	} {
		if _, err := s.TLS(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want …%s…", err, want)
		}
	}
}

func TestPasswordIsNotShown(t *testing.T) {
	s := dbserver.Defaults(1, "user")
	s.Password = secret.New("hunter2")
	if text := fmt.Sprintf("%v %+v %#v", s, s, s); strings.Contains(text, "hunter2") {
		t.Errorf("the password is in %s", text)
	}
}
