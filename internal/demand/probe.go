package demand

import (
	"strings"

	"github.com/dffmpeg/dffmpeg/internal/ffargs"
)

// readsAll reports whether ffprobe looks at every packet of its input.
func readsAll(args []string) bool {
	all, some, file, unsure := false, false, false, false
	for _, w := range ffargs.Words(args) {
		switch {
		case showsAll(w.Name()), w.Of == "show_entries" && entriesOfAll(w.Text):
			all = true
		case w.Of == "read_intervals":
			some = bounded(w.Text)
		case w.File(), w.Input():
			file = true
		case w.Unsure && fileLike(w.Text):
			unsure = true
		}
	}
	return all && !some || unsure && !file
}

// showsAll reports whether an option of ffprobe is about packets or frames.
func showsAll(option string) bool {
	switch option {
	case "count_frames", "count_packets", "show_frames", "show_packets", "analyze_frames":
		return true
	}
	return false
}

// entriesOfAll reports whether one of the sections of -show_entries is, or is part of,
// that of packets or frames: "SECTION[=ENTRY,…]:…". Names such as tags are of several
// sections, and stand for all of them.
func entriesOfAll(entries string) bool {
	for one := range strings.SplitSeq(entries, ":") {
		section, _, _ := strings.Cut(one, "=")
		switch name, _, _ := strings.Cut(section, "_"); name {
		case "", "chapter", "chapters", "format", "program", "programs", "stream", "streams", "disposition", "error",
			"library", "pixel", "flags":
		default:
			return true
		}
	}
	return false
}

// bounded reports whether all intervals of -read_intervals have an end: "START%END,…".
func bounded(intervals string) bool {
	for one := range strings.SplitSeq(intervals, ",") {
		if _, end, _ := strings.Cut(one, "%"); end == "" {
			return false
		}
	}
	return true
}
