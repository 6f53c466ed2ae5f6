package systemtest

import (
	"testing"
	"time"

	"go.uber.org/goleak"
)

// patience bounds waits for what should happen at once.
const patience = 60 * time.Second

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		// Connections kept for the next call end when they have been idle.
		goleak.IgnoreTopFunction("internal/poll.runtime_pollWait"),
		goleak.IgnoreTopFunction("net/http.(*persistConn).writeLoop"))
}
