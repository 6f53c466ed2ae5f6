package httppoll_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/transport"
	"github.com/dffmpeg/dffmpeg/transport/httppoll"
	"github.com/dffmpeg/dffmpeg/transport/transporttest"
)

// BenchmarkWakeToReceipt measures, over a loopback connection, from a message's
// commit and wake-up to the receiver's handler.
func BenchmarkWakeToReceipt(b *testing.B) {
	for name, streaming := range map[string]bool{"Stream": true, "LongPoll": false} {
		b.Run(name, func(b *testing.B) {
			c := transporttest.StartCoordinator(b, httppoll.Plugin(), transporttest.Settings(nil), transporttest.NewMailbox())
			settings := httppoll.DefaultClientSettings()
			settings.Streaming = streaming
			client, err := httppoll.NewClient(settings, transport.Subscription{Metadata: c.Server.Address(worker)}, c.Caller(b, worker.ID), transporttest.Discard())
			if err != nil {
				b.Fatal(err)
			}
			heard := make(chan struct{}, 1)
			transporttest.Listen(b, client, func(context.Context, []dffmpeg.Message) error {
				heard <- struct{}{}
				return nil
			})
			b.ResetTimer()
			for i := range b.N {
				c.Send(worker, i)
				select {
				case <-heard:
				case <-time.After(10 * time.Second):
					b.Fatal(fmt.Errorf("message %d is not heard", i))
				}
			}
		})
	}
}
