package stdio

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	// pingEvery is how often a connection is tried, and pingLimit how long the answer
	// may take.
	pingEvery = 10 * time.Second
	pingLimit = 15 * time.Second
)

// ErrSilent is the error of a connection over which nobody answers, which is not to
// say that anybody closed it.
var ErrSilent = errors.New("nobody answers")

// KeepAlive tries a connection again and again until ctx ends or it fails: with
// ErrSilent when there is no answer.
func KeepAlive(ctx context.Context, conn Conn) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pingEvery):
		}
		bounded, cancel := context.WithTimeout(ctx, pingLimit)
		err := conn.Ping(bounded)
		if err != nil && ctx.Err() == nil && bounded.Err() != nil {
			err = fmt.Errorf("%w for %s", ErrSilent, pingLimit)
		}
		cancel()
		if err != nil {
			return err
		}
	}
}
