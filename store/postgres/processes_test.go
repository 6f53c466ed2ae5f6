package postgres

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/secret"
	"github.com/dffmpeg/dffmpeg/store"
	"github.com/dffmpeg/dffmpeg/store/dbserver"
	"github.com/dffmpeg/dffmpeg/store/storetest"
)

// place is where a store is, for another process.
type place struct {
	Settings dbserver.Settings
	Password string
	Tables   store.Tables
}

// openAt opens a store at a place.
func openAt(ctx context.Context, text string) (store.State, error) {
	var at place
	if err := json.Unmarshal([]byte(text), &at); err != nil {
		return nil, err
	}
	at.Settings.Password = secret.New(at.Password)
	state, err := Open(ctx, at.Settings, Options{Tables: at.Tables, Now: time.Now, IDs: dffmpeg.NewIDSource()})
	if err != nil {
		return nil, err
	}
	return state, nil
}

func TestTwoProcesses(t *testing.T) {
	settings := server(t, "POSTGRES")
	at := place{Settings: settings, Password: settings.Password.Reveal(), Tables: tables(t, "POSTGRES")}
	text, err := json.Marshal(at)
	if err != nil {
		t.Fatal(err)
	}
	storetest.RunProcesses(t, openAt, string(text))
}
