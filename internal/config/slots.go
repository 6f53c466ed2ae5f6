package config

import (
	"strconv"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/internal/config/strictyaml"
)

// Values of Slots beside numbers.
const (
	SlotsAuto      = "auto"      // as many as the machine is good for
	SlotsUnlimited = "unlimited" // any number
)

// Slots is how many jobs run at a time: SlotsAuto, SlotsUnlimited or a number from 1 on.
type Slots string

// Limit returns the number, 0 for any; auto is that of SlotsAuto.
func (s Slots) Limit(auto int) int {
	if s == SlotsAuto {
		return auto
	}
	number, err := strconv.Atoi(string(s))
	if err != nil {
		return 0
	}
	return number
}

// MarshalNode writes numbers as such.
func (s Slots) MarshalNode() any {
	if number, err := strconv.Atoi(string(s)); err == nil {
		return number
	}
	return string(s)
}

// UnmarshalNode reads a number or a word.
func (s *Slots) UnmarshalNode(n *strictyaml.Node) Problems {
	text := n.Text()
	number, err := strconv.Atoi(text)
	if n.Kind() != strictyaml.Scalar || text != SlotsAuto && text != SlotsUnlimited && (err != nil || number < 1 || number > dffmpeg.MaxSlots) {
		return Problems{n.Problem("expected a number from 1 to %d, or %s, or %s", dffmpeg.MaxSlots, SlotsAuto, SlotsUnlimited)}
	}
	*s = Slots(text)
	return nil
}

// AutoSlots returns how many jobs a machine with so many processors is good for: an
// encoder uses several of them, and one on a graphics card needs them for the rest.
func AutoSlots(processors int) (jobs, light int) {
	return max(2, processors/2), max(8, 2*processors)
}

var _ strictyaml.Unmarshaler = (*Slots)(nil)
