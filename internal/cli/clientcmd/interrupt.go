package clientcmd

import (
	"context"
	"os"

	"github.com/dffmpeg/dffmpeg/client"
)

// Interruptible returns a context that ends with a signal, too.
func Interruptible(ctx context.Context, signals <-chan os.Signal) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		select {
		case <-signals:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}

// interruptibly runs what a signal ends, with the exit code that says so.
func interruptibly(ctx context.Context, env Env, run func(ctx context.Context) error) error {
	ctx, cancel := Interruptible(ctx, env.Signals)
	defer cancel()
	err := run(ctx)
	if ctx.Err() != nil {
		return &ExitError{Code: client.ExitCanceled}
	}
	return err
}
