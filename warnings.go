package dffmpeg

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
)

const (
	// maxWarnings is how many warnings a job's record keeps.
	maxWarnings = 16
	// maxWarningBytes is how long each may be.
	maxWarningBytes = 512
)

// Warnings returns warnings as a job's record keeps them: none that is empty or
// repeated, without control characters, each of 512 bytes at most, and 16 at most,
// of which the last then says how many are missing. Nil when there are none. It
// does not change its arguments. What it returned before it leaves as it is.
//
// They never fail a job, so nobody refuses them: both ends cut them by this.
func Warnings(lists ...[]string) []string {
	var kept []string
	for _, warning := range slices.Concat(lists...) {
		if warning = printable(warning); warning != "" && !slices.Contains(kept, warning) {
			kept = append(kept, warning)
		}
	}
	if len(kept) > maxWarnings {
		kept = append(kept[:maxWarnings-1:maxWarnings-1], fmt.Sprintf("There are %d more warnings", len(kept)-maxWarnings+1))
	}
	return kept
}

// printable returns a text in one line, cut to a warning's length.
func printable(text string) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return unicode.ReplacementChar
		}
		return r
	}, strings.TrimSpace(text))
	if len(text) <= maxWarningBytes {
		return text
	}
	const ellipsis = "…"
	return strings.ToValidUTF8(text[:maxWarningBytes-len(ellipsis)], "") + ellipsis
}
