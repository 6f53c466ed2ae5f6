package executor

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

// The test binary plays other programs when it is called by these names.
const (
	guardName  = "test-guard"
	workerName = "test-worker"
	nobodyName = "test-worker-of-nobody"
)

func TestMain(m *testing.M) {
	switch os.Args[0] {
	case guardName:
		Guard(os.Stdin)
	case workerName:
		playWorker(os.Args[1], nil)
	case nobodyName:
		playWorker(os.Args[1], nobody())
	default:
		goleak.VerifyTestMain(m)
	}
}
