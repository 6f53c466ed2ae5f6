// Package relaytest runs a relay for tests of what stands around it.
package relaytest

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/dffmpeg/dffmpeg/internal/coordinator/relay"
)

// Start runs the relay of a coordinator that is alone until the test ends.
func Start(t testing.TB) *relay.Relay {
	t.Helper()
	r := relay.New(relay.Options{
		Homes: alone{}, Grace: time.Minute, Logger: slog.New(slog.DiscardHandler), Died: func(context.Context, string) {},
	})
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = r.Run(ctx) // ends with its context
	}()
	t.Cleanup(func() {
		stop()
		<-ended
	})
	return r
}

// alone is the home of all jobs' streams.
type alone struct{}

// Find implements relay.Homes.
func (alone) Find(context.Context, string) (relay.Away, error) { return nil, nil } //nolint:nilnil // nil means here
