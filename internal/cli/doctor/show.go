package doctor

import (
	"fmt"
	"io"
	"strings"

	"github.com/dffmpeg/dffmpeg/internal/cli/show"
)

// write writes the report for people: a line for each finding, with what to do
// about it below.
func (r *Report) write(w io.Writer) {
	indent := strings.Repeat(" ", len("FAIL  configuration  "))
	for rest := r.Findings; len(rest) > 0; {
		f, checks := rest[0], skippedAlike(rest)
		rest = rest[max(1, len(checks)):]
		if len(checks) > 1 {
			fmt.Fprintf(w, "%-4s  %s: %s\n", f.Status.mark(), strings.Join(checks, ", "), show.Text(f.Found))
			continue
		}
		for i, line := range strings.Split(strings.TrimRight(f.Found, "\n"), "\n") {
			if i == 0 {
				fmt.Fprintf(w, "%-4s  %-13s  %s\n", f.Status.mark(), f.Check, show.Text(line))
			} else {
				fmt.Fprintf(w, "%s%s\n", indent, show.Text(line))
			}
		}
		if f.Check == checkWorkers {
			for _, line := range r.verdicts() {
				fmt.Fprintf(w, "%s%s\n", indent, line)
			}
		}
		if f.Advice != "" {
			fmt.Fprintf(w, "%s-> %s\n", indent, show.Text(f.Advice))
		}
	}
	fmt.Fprintf(w, "\n%s\n", r.summary())
}

// skippedAlike returns the checks at the beginning of a list that were skipped for
// one and the same reason.
func skippedAlike(findings []Finding) []string {
	var checks []string
	for _, f := range findings {
		if f.Status != Skipped || f.Found != findings[0].Found {
			break
		}
		checks = append(checks, f.Check)
	}
	return checks
}

// mark is what a status looks like in the report.
func (s Status) mark() string {
	switch s {
	case Warning:
		return "warn"
	case Problem:
		return "FAIL"
	case Skipped:
		return "skip"
	default:
		return string(s)
	}
}

// verdicts returns a line for each worker, aligned.
func (r *Report) verdicts() []string {
	width := 0
	for _, v := range r.Workers {
		width = max(width, len(show.Text(v.Worker)))
	}
	lines := make([]string, 0, len(r.Workers))
	for _, v := range r.Workers {
		lines = append(lines, fmt.Sprintf("%-*s  %s", width, show.Text(v.Worker), show.Text(v.sentence())))
	}
	return lines
}

// summary says how many findings there are to look at.
func (r *Report) summary() string {
	var parts []string
	for _, kind := range []struct {
		status    Status
		one, many string
	}{{Problem, "problem", "problems"}, {Warning, "warning", "warnings"}} {
		switch n := r.count(kind.status); n {
		case 0:
		case 1:
			parts = append(parts, "1 "+kind.one)
		default:
			parts = append(parts, fmt.Sprintf("%d %s", n, kind.many))
		}
	}
	if len(parts) == 0 {
		return "Everything is in order."
	}
	return strings.Join(parts, ", ") + "."
}
