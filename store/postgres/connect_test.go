package postgres

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/internal/testservices"
	"github.com/dffmpeg/dffmpeg/secret"
	"github.com/dffmpeg/dffmpeg/store/dbserver"
)

// options returns the options of an ordinary program.
func options(t testing.TB) Options {
	return Options{Tables: tables(t, "POSTGRES"), Now: time.Now, IDs: dffmpeg.NewIDSource()}
}

// cipher returns how a connection with these settings is encrypted, "" when it
// is not.
func cipher(t *testing.T, settings dbserver.Settings) (string, error) {
	t.Helper()
	pool, err := connect(settings)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	var value string
	err = pool.QueryRowContext(t.Context(), "SELECT COALESCE(cipher, '') FROM pg_stat_ssl WHERE pid = pg_backend_pid()").Scan(&value)
	return value, err
}

func TestEncryptedConnections(t *testing.T) {
	plain := server(t, "POSTGRES")
	if got, err := cipher(t, plain); got != "" || err != nil {
		t.Errorf("without TLS: cipher %q, %v", got, err)
	}
	trusted := plain
	trusted.SSLCA = testservices.URL(t, "CA")
	trusted.SSLCert, trusted.SSLKey = testservices.URL(t, "CLIENT_CERT"), testservices.URL(t, "CLIENT_KEY")
	if got, err := cipher(t, trusted); got == "" || err != nil {
		t.Errorf("with the server's authority and our certificate: cipher %q, %v", got, err)
	}
	unknown := plain
	unknown.UseSSL = true // verified by the system's authorities, which do not know it
	if _, err := cipher(t, unknown); err == nil {
		t.Error("a server of an unknown authority was trusted")
	}
	careless := unknown
	careless.SSLVerify = false
	if got, err := cipher(t, careless); got == "" || err != nil {
		t.Errorf("without verification: cipher %q, %v", got, err)
	}
}

// TestMistakesAreNamed, with what to do about them, and without the password.
func TestMistakesAreNamed(t *testing.T) {
	const password = "do-not-show-this"
	for want, change := range map[string]func(*dbserver.Settings){
		"refuses our user name, password": func(s *dbserver.Settings) { s.Password = secret.New(password) },
		"does not exist on its server":    func(s *dbserver.Settings) { s.Database = "missing_database" },
		"cannot be reached":               func(s *dbserver.Settings) { s.Port = 1 },
	} {
		settings := server(t, "POSTGRES")
		change(&settings)
		_, err := Open(t.Context(), settings, Options{Now: time.Now, IDs: dffmpeg.NewIDSource()}) // makes nothing
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), settings.Address()) {
			t.Errorf("%v, want …%s… and the address", err, want)
		}
		if text := fmt.Sprintf("%+v", err); strings.Contains(text, password) || strings.Contains(text, "SELECT") {
			t.Errorf("the error says too much: %s", text)
		}
	}
}

// TestStartsTogether: several programs may bring a new database up to date at
// once.
func TestStartsTogether(t *testing.T) {
	o := options(t)
	errs := make(chan error, 8)
	for range cap(errs) {
		go func() {
			state, err := Open(t.Context(), server(t, "POSTGRES"), o)
			if err == nil {
				err = state.Close()
			}
			errs <- err
		}()
	}
	for range cap(errs) {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
}

// TestFailuresGiveNothingAway: neither SQL nor names nor values of a query that
// fails, not even to the log.
func TestFailuresGiveNothingAway(t *testing.T) {
	settings := server(t, "POSTGRES")
	o := options(t)
	state, err := Open(t.Context(), settings, o)
	if err != nil {
		t.Fatal(err)
	}
	defer state.Close()
	pool, err := connect(settings)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	if _, err := pool.ExecContext(t.Context(), "DROP TABLE "+o.Tables.Jobs); err != nil {
		t.Fatal(err)
	}
	_, err = state.Submit(t.Context(), dffmpeg.Job{RequesterID: "somebody", BinaryName: "ffmpeg", Arguments: []string{"private.mkv"}})
	if dffmpeg.CodeOf(err) != dffmpeg.CodeUnavailable {
		t.Errorf("without its table Submit = %v, want code unavailable", err)
	}
	for cause := err; cause != nil; cause = errors.Unwrap(cause) {
		text := fmt.Sprintf("%v %+v", cause, cause)
		for _, secret := range []string{"SELECT", "INSERT", o.Tables.Jobs, "somebody", "private.mkv", settings.Password.Reveal(), settings.User + "@"} {
			if strings.Contains(text, secret) {
				t.Errorf("the error has %q in it: %s", secret, text)
			}
		}
	}
}

// TestAbandonedTransactionIsUndone: the server undoes what somebody began who can
// no longer be reached, so that others get its locks.
func TestAbandonedTransactionIsUndone(t *testing.T) {
	pool, err := connect(server(t, "POSTGRES"))
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	var limit string
	if err := pool.QueryRowContext(t.Context(), "SHOW idle_in_transaction_session_timeout").Scan(&limit); err != nil || limit != "15s" {
		t.Errorf("a transaction may be idle for %s, %v, want 15s", limit, err)
	}
}
