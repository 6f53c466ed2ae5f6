package storetest

import (
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/dffmpeg/dffmpeg"
)

// idFunc is a source of IDs for tests: ULIDs by form, in an order of the
// test's choice.
type idFunc func() string

func (f idFunc) NewID(time.Time) string { return f() }

// numbered returns the ULID-shaped ID number n.
func numbered(n int64) string { return fmt.Sprintf("01%024d", n) }

func ascendingIDs() dffmpeg.IDSource {
	var last atomic.Int64
	return idFunc(func() string { return numbered(last.Add(1)) })
}

func descendingIDs() dffmpeg.IDSource {
	var last atomic.Int64
	last.Store(1e12)
	return idFunc(func() string { return numbered(last.Add(-1)) })
}

func equalIDs() dffmpeg.IDSource {
	return idFunc(func() string { return numbered(7) })
}

func randomIDs() dffmpeg.IDSource {
	return idFunc(func() string { return numbered(rand.Int64N(1e15)) })
}
