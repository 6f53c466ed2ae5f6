package doctor

import (
	"fmt"
	"io"
	"strings"

	"github.com/dffmpeg/dffmpeg/internal/cli/show"
)

// Status is how grave a finding is.
type Status string

// The statuses.
const (
	OK      Status = "ok"
	Warning Status = "warning" // it works, but should be looked at
	Problem Status = "problem" // programs will not run, or not all
	Skipped Status = "skipped" // it could not be looked at, or there is nothing to
)

// Finding is what one check found.
type Finding struct {
	Check  string `json:"check"` // what was looked at; the same in every version
	Status Status `json:"status"`
	Found  string `json:"found"` // in a sentence
	// Details are lines about parts, such as one for each worker.
	Details []string `json:"details,omitempty"`
	// Advice is what to do about it; "" when nothing is to be done.
	Advice string `json:"advice,omitempty"`
}

// Report is all that was found, in the order of the way from the configuration to
// the workers.
type Report struct {
	Well     bool      `json:"well"` // there is no problem; there may be warnings
	Findings []Finding `json:"findings"`
}

func newReport(findings []Finding) Report {
	r := Report{Well: true, Findings: findings}
	for i := range findings {
		if findings[i].Status == Problem {
			r.Well = false
		}
	}
	return r
}

// marks are what people see of a status.
func (s Status) mark() string {
	switch s {
	case OK:
		return "ok"
	case Warning:
		return "WARNING"
	case Problem:
		return "PROBLEM"
	case Skipped:
		return "-"
	default:
		return string(s)
	}
}

// Show writes the report for people.
func (r Report) Show(w io.Writer) error {
	rows := make([][]string, 0, len(r.Findings))
	for i := range r.Findings {
		f := &r.Findings[i]
		rows = append(rows, []string{f.Check, f.Status.mark(), safe(f.Found)})
		for _, detail := range f.Details {
			rows = append(rows, []string{"", "", "  " + safe(detail)})
		}
		if f.Advice != "" {
			rows = append(rows, []string{"", "", "→ " + safe(f.Advice)})
		}
	}
	if err := show.Table(w, []string{"CHECK", "RESULT", "FOUND"}, rows); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "\n%s\n", r.summary())
	return err
}

// safe makes each line of a text safe for a terminal, and one line of them.
func safe(text string) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	for i := range lines {
		lines[i] = show.Text(lines[i])
	}
	return strings.Join(lines, "; ")
}

func (r Report) summary() string {
	count := map[Status]int{}
	for i := range r.Findings {
		count[r.Findings[i].Status]++
	}
	switch {
	case count[Problem] > 0:
		return fmt.Sprintf("%s, %s.", plural(count[Problem], "problem"), plural(count[Warning], "warning"))
	case count[Warning] > 0:
		return "It works, with " + plural(count[Warning], "warning") + "."
	default:
		return "All is well."
	}
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
