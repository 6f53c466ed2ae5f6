package clientcmd

import (
	"context"
	"errors"
	"os"
	"syscall"
	"testing"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/client"
)

// TestInterruptibly: a signal ends what waits, with the exit code that says so, and
// nothing else has that code.
func TestInterruptibly(t *testing.T) {
	signals := make(chan os.Signal, 1)
	signals <- syscall.SIGINT
	err := interruptibly(t.Context(), Env{Signals: signals}, func(ctx context.Context) error {
		<-ctx.Done()
		return dffmpeg.Errorf(dffmpeg.CodeUnavailable, "away")
	})
	var exit *ExitError
	if !errors.As(err, &exit) || exit.Code != client.ExitCanceled {
		t.Errorf("ended with %v", err)
	}
	failed := errors.New("failed")
	if err := interruptibly(t.Context(), Env{Signals: signals}, func(context.Context) error { return failed }); !errors.Is(err, failed) {
		t.Errorf("ended with %v", err)
	}
}
