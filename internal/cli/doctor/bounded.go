package doctor

import (
	"context"
	"time"
)

// fileLimit bounds how long a file system may take to answer. One that is mounted
// from a machine which is away may never do.
const fileLimit = 2 * time.Second

// within runs something that cannot be interrupted, and gives up waiting for it when
// the limit or ctx has passed. What runs on is left to the end of the program.
func within[T any](ctx context.Context, limit time.Duration, do func() T) (result T, done bool) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	answer := make(chan T, 1)
	go func() { answer <- do() }()
	select {
	case result = <-answer:
		return result, true
	case <-ctx.Done():
		return result, false
	}
}
