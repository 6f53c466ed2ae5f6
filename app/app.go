// Package app puts the program together: which engines, transports and
// encryption providers it knows, and its commands. A program with plug-ins of
// its own adds them to the registries and calls Main.
package app

import (
	"errors"
	"time"

	"github.com/dffmpeg/dffmpeg/secret"
	"github.com/dffmpeg/dffmpeg/secret/aead"
	"github.com/dffmpeg/dffmpeg/secret/fernet"
	"github.com/dffmpeg/dffmpeg/store"
	"github.com/dffmpeg/dffmpeg/store/mysql"
	"github.com/dffmpeg/dffmpeg/store/postgres"
	"github.com/dffmpeg/dffmpeg/store/sqlite"
	"github.com/dffmpeg/dffmpeg/transport"
	"github.com/dffmpeg/dffmpeg/transport/httppoll"
	"github.com/dffmpeg/dffmpeg/transport/mqtt"
	"github.com/dffmpeg/dffmpeg/transport/nats"
	"github.com/dffmpeg/dffmpeg/transport/rabbitmq"
)

// App is a program: its version and the plug-ins it knows.
type App struct {
	Version    string
	Engines    store.Registry
	Transports transport.Registry
	Providers  secret.Registry
}

// Builtin returns the program with everything that comes with it.
func Builtin(version string) (App, error) {
	engines, engineErr := store.NewRegistry(sqlite.Engine(), mysql.Engine(), postgres.Engine())
	transports, transportErr := transport.NewRegistry(httppoll.Plugin(), mqtt.Plugin(), rabbitmq.Plugin(), nats.Plugin())
	providers, providerErr := secret.NewRegistry(fernet.New(time.Now), aead.New())
	return App{Version: version, Engines: engines, Transports: transports, Providers: providers},
		errors.Join(engineErr, transportErr, providerErr)
}
