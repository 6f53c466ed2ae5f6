package clientcmd

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/dffmpeg/dffmpeg"
)

func workerPause(env Env) *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use:   "pause WORKER",
		Short: "Give a worker no more jobs; it finishes those it has (for admins)",
		Long: "Give a worker no more jobs until it is resumed, also when it is restarted. It finishes\n" +
			"those it has.",
		Example: "  dffmpeg client worker pause b1 --reason \"new graphics card\"",
		Args:    cobra.ExactArgs(1),
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why, for those who look at the worker")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return changeWorker(cmd.Context(), env, "paused", func(ctx context.Context, session *Session) (dffmpeg.Worker, error) {
			return session.Client.PauseWorker(ctx, args[0], reason)
		})
	}
	return cmd
}

func workerResume(env Env) *cobra.Command {
	return &cobra.Command{
		Use:     "resume WORKER",
		Short:   "Give a worker jobs again (for admins)",
		Example: "  dffmpeg client worker resume b1",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return changeWorker(cmd.Context(), env, "resumed", func(ctx context.Context, session *Session) (dffmpeg.Worker, error) {
				return session.Client.ResumeWorker(ctx, args[0])
			})
		},
	}
}

// changeWorker does something to a worker and says so.
func changeWorker(ctx context.Context, env Env, done string, change func(context.Context, *Session) (dffmpeg.Worker, error)) error {
	session, err := env.Connect()
	if err != nil {
		return err
	}
	worker, err := change(ctx, session)
	if dffmpeg.CodeOf(err) == dffmpeg.CodeForbidden {
		return fmt.Errorf("%w; name the configuration of an admin with -c", err)
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(env.Out, "Worker %s is %s.\n", worker.ID, done)
	return err
}
