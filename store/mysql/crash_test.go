package mysql

import (
	"testing"
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/internal/testservices"
	"github.com/dffmpeg/dffmpeg/store/storetest/crash"
)

// TestKilledServer: what the store confirmed is there after the server was
// killed and has recovered, nothing is half there, and the store goes on by
// itself.
func TestKilledServer(t *testing.T) {
	const service = "mariadb-crash"
	settings := server(t, "MARIADB_CRASH")
	state, err := Open(t.Context(), settings, Options{Tables: tables(t, "MARIADB_CRASH"), Now: time.Now, IDs: dffmpeg.NewIDSource()})
	if err != nil {
		t.Fatal(err)
	}
	defer state.Close()
	crash.RunServer(t, state, crash.Server{
		Kill:    func() { testservices.Kill(t, service) },
		Start:   func() { testservices.Start(t, service) },
		Secrets: []string{settings.Password.Reveal(), settings.User + "@"},
	})
}
