package programs

import (
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/dffmpeg/dffmpeg/internal/worker/executor"
)

// guardName is the name by which the test binary is the process guard.
const guardName = "test-guard"

func TestMain(m *testing.M) {
	if os.Args[0] == guardName {
		executor.Guard(os.Stdin)
		return
	}
	goleak.VerifyTestMain(m)
}
