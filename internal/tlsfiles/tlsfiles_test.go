package tlsfiles_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dffmpeg/dffmpeg/internal/testservices"
	"github.com/dffmpeg/dffmpeg/internal/tlsfiles"
)

func TestFilesAreUsed(t *testing.T) {
	config, err := tlsfiles.Files{
		ServerName: "broker", CA: testservices.URL(t, "CA"), Cert: testservices.URL(t, "CLIENT_CERT"), Key: testservices.URL(t, "CLIENT_KEY"), Verify: true,
	}.Config()
	if err != nil {
		t.Fatal(err)
	}
	if config.ServerName != "broker" || config.InsecureSkipVerify || config.RootCAs == nil || len(config.Certificates) != 1 {
		t.Errorf("%+v: want the name, verification, an authority and a certificate", config)
	}
	if config, err = (tlsfiles.Files{}).Config(); err != nil || !config.InsecureSkipVerify || config.RootCAs != nil {
		t.Errorf("without verification: %+v, %v", config, err)
	}
}

func TestWrongFilesAreNamed(t *testing.T) {
	text := filepath.Join(t.TempDir(), "notes.txt")
	if err := os.WriteFile(text, []byte("this is no certificate\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for want, files := range map[string]tlsfiles.Files{
		"ssl_ca: open /missing":                   {CA: "/missing"},
		"ssl_ca: " + text + " has no certificate": {CA: text},
		"only one of them is set":                 {Cert: text},
		"ssl_cert and ssl_key: ":                  {Cert: text, Key: text},
	} {
		if _, err := files.Config(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want …%s…", files, err, want)
		}
	}
}
