// Command dffmpeg-plugins is dffmpeg with an engine, a transport and an
// encryption provider of its own.
package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/dffmpeg/dffmpeg/app"

	"example.com/dffmpeg-plugins/etm"
	"example.com/dffmpeg-plugins/spool"
	"example.com/dffmpeg-plugins/volatile"
)

func main() {
	program, err := app.Builtin("1.0 with plug-ins")
	var engineErr, transportErr, providerErr error
	program.Engines, engineErr = program.Engines.With(volatile.Engine())
	program.Transports, transportErr = program.Transports.With(spool.Plugin())
	program.Providers, providerErr = program.Providers.With(etm.Provider{})
	if err := errors.Join(err, engineErr, transportErr, providerErr); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(program.Run())
}
