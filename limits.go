package dffmpeg

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits of what people name and count, which configurations and the coordinator share.
const (
	// MaxLabels is how many labels, resources or programs a job or worker may have.
	MaxLabels = 64
	// MaxNameLength bounds the name of a label or resource, and a label's value, in bytes.
	MaxNameLength = 128
	// MaxCount bounds how much of a resource there is, or how many jobs of a program.
	MaxCount = 1_000_000
	// MaxSlots bounds the jobs of a worker, and MaxHardware what a program uses of
	// hardware; the schemas of Offer and Program have them as well.
	MaxSlots    = 100_000
	MaxHardware = 200
)

// Plain reports whether a text can be stored and shown: it is UTF-8 without control
// characters.
func Plain(text string) bool {
	return utf8.ValidString(text) && !strings.ContainsFunc(text, unicode.IsControl)
}

// Named reports whether a text can be the name of a label, a resource or a program.
func Named(name string) bool { return name != "" && len(name) <= MaxNameLength && Plain(name) }

// LabelsProblem says in a sentence what is wrong with labels, "" when nothing is.
func LabelsProblem(labels map[string]string) string {
	if len(labels) > MaxLabels {
		return fmt.Sprintf("There may be %d labels at most", MaxLabels)
	}
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		if value := labels[name]; !Named(name) || len(value) > MaxNameLength || !Plain(value) {
			return fmt.Sprintf("A label has a name, and neither that nor its value has control characters or more than %d bytes: not %s", MaxNameLength, brief(name))
		}
	}
	return ""
}

// CountsProblem says in a sentence what is wrong with counts of resources or jobs, "" when
// nothing is.
func CountsProblem(counts map[string]int) string {
	if len(counts) > MaxLabels {
		return fmt.Sprintf("There may be %d of them at most", MaxLabels)
	}
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		if !Named(name) || counts[name] < 0 || counts[name] > MaxCount {
			return fmt.Sprintf("A count is a number from 0 to %d under a name without control characters, of %d bytes at most: not %s", MaxCount, MaxNameLength, brief(name))
		}
	}
	return ""
}

// brief shortens a name that a sentence repeats.
func brief(name string) string {
	const most = 100
	if len(name) <= most {
		return name
	}
	return strings.ToValidUTF8(name[:most], "") + "…"
}
