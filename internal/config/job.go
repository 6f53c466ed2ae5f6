package config

import (
	"strconv"

	"github.com/dffmpeg/dffmpeg/internal/config/strictyaml"
)

// Job is the section "job" of a client: what is asked of the queue for its jobs, unless
// a command line says otherwise.
type Job struct {
	Priority Priority          `yaml:"priority"` // default PriorityDefault
	Require  map[string]string `yaml:"require"`  // labels that workers must have
	Prefer   map[string]string `yaml:"prefer"`   // labels of workers that are preferred
}

// Validate checks the labels.
func (j *Job) Validate(problem func(key, message string)) {
	checkLabels(j.Require, "require", problem)
	checkLabels(j.Prefer, "prefer", problem)
}

// PriorityDefault is a Priority that leaves it to the coordinator.
const PriorityDefault = "default"

// Priority is PriorityDefault or a number from -100 to 100.
type Priority string

// Number returns the number, nil for PriorityDefault.
func (p Priority) Number() *int {
	number, err := strconv.Atoi(string(p))
	if err != nil {
		return nil
	}
	return &number
}

// MarshalNode writes numbers as such.
func (p Priority) MarshalNode() any {
	if number := p.Number(); number != nil {
		return *number
	}
	return string(p)
}

// UnmarshalNode reads a number or the word.
func (p *Priority) UnmarshalNode(n *strictyaml.Node) Problems {
	text := n.Text()
	number, err := strconv.Atoi(text)
	if n.Kind() != strictyaml.Scalar || text != PriorityDefault && (err != nil || number < -100 || number > 100) {
		return Problems{n.Problem("expected a number from -100 to 100, or %s", PriorityDefault)}
	}
	*p = Priority(text)
	return nil
}

var _ strictyaml.Unmarshaler = (*Priority)(nil)
