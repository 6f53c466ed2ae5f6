package clientcmd

import (
	"github.com/spf13/cobra"

	"github.com/dffmpeg/dffmpeg/internal/cli/show"
)

func workerPrograms(env Env) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "programs WORKER",
		Short: "Show what a worker's programs can do",
		Long: "Show what a worker's programs can do: encoders, decoders, filters and formats, and the\n" +
			"devices that work on its machine. Jobs that need something else are not given to it.",
		Example: "  dffmpeg client worker programs b1\n  dffmpeg client worker programs b1 --json | jq '.ffmpeg.abilities.encoder'",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			session, err := env.Connect()
			if err != nil {
				return err
			}
			programs, err := session.Client.WorkerPrograms(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return render(env.Out, asJSON, programs, func() error { return show.Programs(env.Out, programs) })
		},
	}
	jsonFlag(cmd, &asJSON)
	return cmd
}
