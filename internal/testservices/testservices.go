// Package testservices tells tests where the servers are that dev/services
// started. A test that needs one fails when it is not there: nothing that is
// said to be tested goes untested in silence.
package testservices

import (
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/dffmpeg/dffmpeg/secret"
	"github.com/dffmpeg/dffmpeg/store/dbserver"
)

// URL returns where a service is: name is such as MARIADB or POSTGRES_CA. It
// comes from the environment variable DFFMPEG_TEST_NAME, or else from the file
// that dev/services wrote.
func URL(t testing.TB, name string) string {
	t.Helper()
	variable := "DFFMPEG_TEST_" + name
	if value := os.Getenv(variable); value != "" {
		return value
	}
	if value := written(variable); value != "" {
		return value
	}
	t.Fatalf("this test needs a server: run dev/services up (or make test, which does), or set %s", variable)
	return ""
}

// written returns a variable that dev/services wrote, "" when there is none.
func written(variable string) string {
	dir, err := repository()
	if err != nil {
		return ""
	}
	text, err := os.ReadFile(filepath.Join(dir, ".services", "env"))
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		if name == variable {
			return value
		}
	}
	return ""
}

// Database returns the settings of a database server, laid over the engine's
// defaults.
func Database(t testing.TB, name string, settings dbserver.Settings) dbserver.Settings {
	t.Helper()
	return Settings(t, URL(t, name), settings)
}

// Settings returns the settings that a URL such as mysql://user:password@host:port/name
// says, laid over the engine's defaults.
func Settings(t testing.TB, address string, settings dbserver.Settings) dbserver.Settings {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	settings.Host = u.Hostname()
	if settings.Port, err = strconv.Atoi(u.Port()); err != nil {
		t.Fatalf("the port of %s: %v", u.Redacted(), err)
	}
	settings.User = u.User.Username()
	password, _ := u.User.Password()
	settings.Password = secret.New(password)
	if database := strings.Trim(u.Path, "/"); database != "" {
		settings.Database = database
	}
	return settings
}

// Login is where a message broker is, and who we are to it.
type Login struct {
	Host     string
	Port     int
	User     string
	Password secret.Value
}

// Broker returns where a message broker is.
func Broker(t testing.TB, name string) Login {
	t.Helper()
	u, err := url.Parse(URL(t, name))
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(u.Port())
	if err != nil {
		t.Fatalf("the port of %s: %v", u.Redacted(), err)
	}
	password, _ := u.User.Password()
	return Login{Host: u.Hostname(), Port: port, User: u.User.Username(), Password: secret.New(password)}
}
