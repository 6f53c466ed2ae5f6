package app

import (
	"regexp"
	"strings"

	"github.com/spf13/cobra"
)

// nameExamples has the examples of all commands of a tree say what is typed under the
// name that the program is called by: they are written for dffmpeg, which has every part,
// and with dffmpeg-client "dffmpeg client job list" and "dffmpeg job list" are both
// "dffmpeg-client job list".
func nameExamples(root *cobra.Command, name string) {
	part, isPart := strings.CutPrefix(name, "dffmpeg-")
	if !isPart {
		return
	}
	words := regexp.MustCompile(`\bdffmpeg ([a-z-]+)`)
	each(root, func(cmd *cobra.Command) {
		cmd.Example = words.ReplaceAllStringFunc(cmd.Example, func(text string) string {
			command := strings.TrimPrefix(text, "dffmpeg ")
			switch child, _, err := root.Find([]string{command}); {
			case command == part:
				return name
			case err == nil && child != root:
				return name + " " + command
			}
			return text
		})
	})
}

// each visits a command and all below it.
func each(cmd *cobra.Command, visit func(*cobra.Command)) {
	visit(cmd)
	for _, child := range cmd.Commands() {
		each(child, visit)
	}
}
