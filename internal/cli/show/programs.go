package show

import (
	"fmt"
	"io"
	"strings"

	"github.com/dffmpeg/dffmpeg"
)

// Programs writes what a worker's programs can do, a paragraph for each.
func Programs(w io.Writer, programs map[string]dffmpeg.ProgramAnswer) error {
	if len(programs) == 0 {
		_, err := fmt.Fprintln(w, "Nothing is known of its programs.")
		return err
	}
	for i, name := range sorted(programs) {
		program := programs[name]
		if i > 0 {
			if _, err := fmt.Fprintln(w); err != nil {
				return err
			}
		}
		pairs := [][2]string{{"Program", Text(name)}, {"Version", Text(program.Version)}}
		if program.Abilities == nil {
			pairs = append(pairs, [2]string{"Abilities", "not known"})
		}
		for _, kind := range dffmpeg.AbilityKinds() {
			if names, known := program.Abilities[kind]; known {
				title := strings.ToUpper(string(kind[:1])) + string(kind[1:]) + "s"
				pairs = append(pairs, [2]string{title, List(names)})
			}
		}
		if err := Pairs(w, pairs); err != nil {
			return err
		}
	}
	return nil
}
