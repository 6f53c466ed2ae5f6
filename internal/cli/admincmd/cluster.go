package admincmd

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/internal/cli/show"
)

func statusCommand(env Env) *cobra.Command {
	cmd := &cobra.Command{Use: "status", Short: "Show the condition of the coordinator and its parts", Args: cobra.NoArgs}
	asJSON := jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return with(cmd, env, func(ctx context.Context, backend Backend) error {
			health, err := backend.Cluster.Health(ctx)
			if err != nil {
				return err
			}
			return render(env.Out, *asJSON, health, func() error { return show.Health(env.Out, &health) })
		})
	}
	return cmd
}

func coordinatorCommand(env Env) *cobra.Command {
	cmd := &cobra.Command{Use: "coordinator", Short: "Look at the coordinators", Args: cobra.NoArgs, RunE: group}
	list := &cobra.Command{Use: "list", Short: "List the coordinators that share the database and live", Args: cobra.NoArgs}
	asJSON := jsonFlag(list)
	list.RunE = func(cmd *cobra.Command, _ []string) error {
		return with(cmd, env, func(ctx context.Context, backend Backend) error {
			all, err := backend.Cluster.Coordinators(ctx)
			if err != nil {
				return err
			}
			return render(env.Out, *asJSON, all, func() error { return show.Coordinators(env.Out, all) })
		})
	}
	cmd.AddCommand(list)
	return cmd
}

func workerCommand(env Env) *cobra.Command {
	cmd := &cobra.Command{Use: "worker", Short: "Look at workers", Args: cobra.NoArgs, RunE: group}
	cmd.AddCommand(workerList(env), workerShow(env))
	return cmd
}

func workerList(env Env) *cobra.Command {
	cmd := &cobra.Command{Use: "list", Short: "List workers; offline ones when last seen within the window", Args: cobra.NoArgs}
	asJSON, window := jsonFlag(cmd), windowFlag(cmd, 86400)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return with(cmd, env, func(ctx context.Context, backend Backend) error {
			workers, err := backend.Cluster.Workers(ctx, seconds(*window))
			if err != nil {
				return err
			}
			return render(env.Out, *asJSON, workers, func() error { return show.Workers(env.Out, workers) })
		})
	}
	return cmd
}

func workerShow(env Env) *cobra.Command {
	cmd := &cobra.Command{Use: "show WORKER", Short: "Show one worker", Args: cobra.ExactArgs(1)}
	asJSON := jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return with(cmd, env, func(ctx context.Context, backend Backend) error {
			worker, err := backend.Cluster.Worker(ctx, args[0])
			if err != nil {
				return err
			}
			return render(env.Out, *asJSON, worker, func() error { return show.Worker(env.Out, &worker) })
		})
	}
	return cmd
}

func jobCommand(env Env) *cobra.Command {
	cmd := &cobra.Command{Use: "job", Short: "Look at everybody's jobs", Args: cobra.NoArgs, RunE: group}
	cmd.AddCommand(jobList(env), jobShow(env), jobLogs(env))
	return cmd
}

func jobList(env Env) *cobra.Command {
	cmd := &cobra.Command{Use: "list", Short: "List active jobs and those finished within the window, newest first", Args: cobra.NoArgs}
	asJSON, window := jsonFlag(cmd), windowFlag(cmd, 3600)
	requester := cmd.Flags().String("requester", "", "only this identity's jobs")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return with(cmd, env, func(ctx context.Context, backend Backend) error {
			jobs, err := backend.Cluster.Jobs(ctx, seconds(*window), *requester)
			if err != nil {
				return err
			}
			return render(env.Out, *asJSON, jobs, func() error { return show.Jobs(env.Out, jobs) })
		})
	}
	return cmd
}

func jobShow(env Env) *cobra.Command {
	cmd := &cobra.Command{Use: "show JOB_ID", Short: "Show one job", Args: cobra.ExactArgs(1)}
	asJSON := jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return with(cmd, env, func(ctx context.Context, backend Backend) error {
			job, err := backend.Cluster.Job(ctx, args[0])
			if err != nil {
				return err
			}
			return render(env.Out, *asJSON, job, func() error { return show.Job(env.Out, &job) })
		})
	}
	return cmd
}

func jobLogs(env Env) *cobra.Command {
	return &cobra.Command{
		Use:   "logs JOB_ID",
		Short: "Print a job's output so far; stdout and stderr go where they belong",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return with(cmd, env, func(ctx context.Context, backend Backend) error {
				return printLogs(ctx, env, backend.Cluster, args[0])
			})
		},
	}
}

func printLogs(ctx context.Context, env Env, cluster Cluster, id string) error {
	for last := ""; ; {
		page, err := cluster.Logs(ctx, id, last)
		if err != nil || len(page.Logs) == 0 {
			return err
		}
		if err := show.Logs(env.Out, env.Err, page.Logs); err != nil {
			return err
		}
		if page.LastMessageID == nil || *page.LastMessageID == last {
			return nil
		}
		last = *page.LastMessageID
	}
}

func janitorCommand(env Env) *cobra.Command {
	return &cobra.Command{
		Use:       "janitor run_all|clean_workers|clean_jobs",
		Short:     "Have the running coordinator tidy up now",
		Args:      cobra.MatchAll(cobra.ExactArgs(1), cobra.OnlyValidArgs),
		ValidArgs: []string{string(dffmpeg.JanitorRunAll), string(dffmpeg.JanitorCleanWorkers), string(dffmpeg.JanitorCleanJobs)},
		RunE: func(cmd *cobra.Command, args []string) error {
			return with(cmd, env, func(ctx context.Context, backend Backend) error {
				if err := backend.Cluster.Janitor(ctx, dffmpeg.JanitorAction(args[0])); err != nil {
					return err
				}
				_, err := fmt.Fprintln(env.Out, "Action accepted: "+args[0])
				return err
			})
		},
	}
}
