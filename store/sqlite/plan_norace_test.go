//go:build !race

package sqlite

import "github.com/dffmpeg/dffmpeg/store/storetest/history"

// past is the history that queries are tried with.
var past = history.Size{Jobs: 100_000, Messages: true}
