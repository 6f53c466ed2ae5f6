package app

import (
	"os"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"

	"github.com/dffmpeg/dffmpeg/internal/worker/executor"
)

func TestMain(m *testing.M) {
	// A worker starts the program it is part of as its guard: here, this one.
	if filepath.Base(os.Args[0]) == guardName {
		executor.Guard(os.Stdin)
		return
	}
	goleak.VerifyTestMain(m)
}
