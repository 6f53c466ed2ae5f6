//go:build race

package sqlite

import "github.com/dffmpeg/dffmpeg/store/storetest/history"

// past is the history that queries are tried with. The race detector slows down
// this engine, which is in the same process, thirty times.
var past = history.Size{Jobs: 4_000, Messages: true}
