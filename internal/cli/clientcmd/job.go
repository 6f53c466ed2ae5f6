package clientcmd

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/dffmpeg/dffmpeg/client"
	"github.com/dffmpeg/dffmpeg/internal/cli/show"
)

// jobCommand looks at jobs and steers them.
func jobCommand(env Env) *cobra.Command {
	cmd := &cobra.Command{Use: "job", Short: "Look at jobs, follow and cancel them", Args: cobra.NoArgs, RunE: group}
	cmd.AddCommand(jobList(env), jobShow(env), jobLogs(env), jobAttach(env), jobCancel(env))
	return cmd
}

func jobList(env Env) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List active jobs and those finished within the window, newest first",
		Args:  cobra.NoArgs,
	}
	jsonFlag(cmd, &asJSON)
	window := windowFlag(cmd, 3600)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		session, err := env.Connect()
		if err != nil {
			return err
		}
		jobs, err := session.Client.Jobs(cmd.Context(), seconds(*window))
		if err != nil {
			return err
		}
		return render(env.Out, asJSON, jobs, func() error { return show.Jobs(env.Out, jobs) })
	}
	return cmd
}

func jobShow(env Env) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "show JOB_ID",
		Short: "Show one job",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			_, job, err := record(cmd.Context(), env, args[0])
			if err != nil {
				return err
			}
			return render(env.Out, asJSON, job, func() error { return show.Job(env.Out, &job) })
		},
	}
	jsonFlag(cmd, &asJSON)
	return cmd
}

func jobLogs(env Env) *cobra.Command {
	var follow bool
	var part outputPart
	cmd := &cobra.Command{
		Use:   "logs [-f] [--stream STREAM [--offset BYTES]] JOB_ID",
		Short: "Print a job's output so far; stdout and stderr go where they belong",
		Long: "Print a job's output so far. With --stream only that one is printed, to stdout, byte for byte;\n" +
			"--offset begins at that byte of it, so that a reader that was interrupted can go on.",
		Example: "  dffmpeg job logs -f 01ARZ3NDEKTSV4RRFFQ69G5FAV\n" +
			"  dffmpeg job logs -f --stream stderr --offset 65536 01ARZ3NDEKTSV4RRFFQ69G5FAV >> encode.log",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := part.check(cmd); err != nil {
				return err
			}
			return interruptibly(cmd.Context(), env, func(ctx context.Context) error {
				session, job, err := record(ctx, env, args[0])
				if err != nil {
					return err
				}
				output := part.of(ctx, env, session, job)
				if follow {
					_, err = output.follow()
					return err
				}
				return output.print()
			})
		},
	}
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "go on until the job ends")
	part.flags(cmd)
	return cmd
}

// jobAttach shows a job's output from its start and ends as the job does.
// Unlike run it only watches: leaving it does not cancel the job.
func jobAttach(env Env) *cobra.Command {
	var part outputPart
	cmd := &cobra.Command{
		Use:   "attach [--stream STREAM [--offset BYTES]] JOB_ID",
		Short: "Follow a job to its end and exit with its exit code; leaving does not cancel it",
		Example: "  dffmpeg job attach 01ARZ3NDEKTSV4RRFFQ69G5FAV\n" +
			"  dffmpeg job attach --stream stdout --offset 1024 01ARZ3NDEKTSV4RRFFQ69G5FAV",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := part.check(cmd); err != nil {
				return err
			}
			return interruptibly(cmd.Context(), env, func(ctx context.Context) error {
				session, job, err := record(ctx, env, args[0])
				if err != nil {
					return err
				}
				final, err := part.of(ctx, env, session, job).follow()
				if err != nil {
					return err
				}
				if code := client.ExitCode(final); code != 0 {
					return &ExitError{Code: code}
				}
				return nil
			})
		},
	}
	part.flags(cmd)
	return cmd
}

func jobCancel(env Env) *cobra.Command {
	return &cobra.Command{
		Use:   "cancel JOB_ID",
		Short: "Cancel a job",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			session, err := env.Connect()
			if err != nil {
				return err
			}
			asked, err := session.Client.Cancel(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if !asked {
				fmt.Fprintln(env.Out, "Job already finished")
				return nil
			}
			fmt.Fprintln(env.Out, "Cancellation requested")
			return nil
		},
	}
}
