// Command dffmpeg is every part of the system in one binary: coordinator,
// worker, client and administration. It also answers to the names
// dffmpeg-coordinator, dffmpeg-worker, dffmpeg-client and dffmpeg-admin.
package main

import (
	"fmt"
	"os"

	"github.com/dffmpeg/dffmpeg/app"
)

// version is set when a release is built.
var version = "0.5.0-dev"

func main() { os.Exit(run()) }

func run() int {
	program, err := app.Builtin(version)
	if err != nil {
		fmt.Fprintf(os.Stderr, "dffmpeg: %v\n", err)
		return 1
	}
	return program.Run()
}
