// Package doctor is the command that finds out why a client cannot have its programs
// run, or says that all is well: from its configuration to the workers that could
// take a job.
package doctor

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/dffmpeg/dffmpeg/internal/cli/clientcmd"
	"github.com/dffmpeg/dffmpeg/internal/cli/show"
	"github.com/dffmpeg/dffmpeg/internal/config"
	"github.com/dffmpeg/dffmpeg/internal/peer"
)

// Env is the surroundings of the command.
type Env struct {
	Out io.Writer
	// Load reads the client's configuration.
	Load func() (*config.Client, error)
	// Connect prepares the session that the configuration describes. It does not talk
	// to the coordinator.
	Connect func(cfg *config.Client) (*peer.Session, error)
	Getwd   func() (string, error)
	// Version is this program's.
	Version string
	// Local finds a program on this machine, for the fallback.
	Local func(name string, settings config.Fallback) (string, error)
	Now   func() time.Time
}

// normalLimit bounds the whole examination unless the user says otherwise.
const normalLimit = 10 * time.Second

// Command returns the command.
func Command(env Env) *cobra.Command {
	var asJSON bool
	limit := normalLimit
	cmd := &cobra.Command{
		Use:   "doctor [--json] [-- PROGRAM ARGS…]",
		Short: "Find out why programs do not run, or that all is well",
		Long: "Check the client's configuration, the way to the coordinator, the key, the clock, the transports, the\n" +
			"connection for standard streams, the programs for the fallback, and which workers could take a job.\n" +
			"With a command line the workers are looked at for that one, and its paths as well; nothing is run.\n\n" +
			"Each finding says what to do about it. The exit code is 1 when there is a problem.",
		Example: "  dffmpeg doctor\n" +
			"  dffmpeg doctor -- ffmpeg -i /media/a.mkv -c:v hevc /media/b.mkv\n" +
			"  dffmpeg doctor --json | jq '.findings[] | select(.status != \"ok\")'",
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, cancel := context.WithTimeout(cmd.Context(), limit)
			defer cancel()
			report := Examine(ctx, env, args)
			render := report.Show
			if asJSON {
				render = func(w io.Writer) error { return show.JSON(w, report) }
			}
			if err := render(env.Out); err != nil {
				return fmt.Errorf("show the findings: %w", err)
			}
			if !report.Well {
				return &clientcmd.ExitError{Code: 1}
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.Flags().DurationVar(&limit, "timeout", normalLimit, "at most so long")
	cmd.Flags().SetInterspersed(false) // what follows is the program's
	return cmd
}
