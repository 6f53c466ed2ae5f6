// Package clientcmd holds the commands of people who submit jobs.
package clientcmd

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/client"
	"github.com/dffmpeg/dffmpeg/internal/cli/show"
)

// Session is what a command needs to talk to the coordinator.
type Session struct {
	Client    *client.Client
	Paths     Paths
	Heartbeat int // seconds, from the configuration; 0: the coordinator's default
	// Terms are what the configuration asks of the queue.
	Terms dffmpeg.JobTerms
	// Environment is what of our environment goes with a job.
	Environment map[string]string
	// Umask is ours; nil when it is not known.
	Umask *int
}

// Env is the surroundings of the commands.
type Env struct {
	In       io.Reader
	Out, Err io.Writer
	// Connect reads the configuration and prepares the session; it does not
	// talk to the coordinator yet.
	Connect func() (*Session, error)
	// Signals delivers what asks to end a run, for as long as the command runs.
	Signals <-chan os.Signal
	Getwd   func() (string, error)
}

// ExitError makes the program end with a code, silently.
type ExitError struct{ Code int }

// Error implements error.
func (e *ExitError) Error() string { return fmt.Sprintf("exit code %d", e.Code) }

// Commands returns the commands: run, submit, explain, status, job, worker.
func Commands(env Env) []*cobra.Command {
	return []*cobra.Command{runCommand(env), submitCommand(env), explainCommand(env), statusCommand(env), jobCommand(env), workerCommand(env)}
}

// statusCommand shows the coordinator's condition.
func statusCommand(env Env) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show the coordinator's condition",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			session, err := env.Connect()
			if err != nil {
				return err
			}
			health, err := session.Client.Health(cmd.Context(), true)
			if err != nil {
				return err
			}
			return render(env.Out, asJSON, health, func() error { return show.Health(env.Out, &health) })
		},
	}
	jsonFlag(cmd, &asJSON)
	return cmd
}

// workerCommand shows workers.
func workerCommand(env Env) *cobra.Command {
	cmd := &cobra.Command{Use: "worker", Short: "Look at workers, pause and resume them", Args: cobra.NoArgs, RunE: group}
	cmd.AddCommand(workerList(env), workerShow(env), workerPrograms(env), workerPause(env), workerResume(env))
	return cmd
}

func workerList(env Env) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List workers; offline ones when last seen within the window",
		Args:  cobra.NoArgs,
	}
	jsonFlag(cmd, &asJSON)
	window := windowFlag(cmd, 86400)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		session, err := env.Connect()
		if err != nil {
			return err
		}
		workers, err := session.Client.Workers(cmd.Context(), seconds(*window))
		if err != nil {
			return err
		}
		return render(env.Out, asJSON, workers, func() error { return show.Workers(env.Out, workers) })
	}
	return cmd
}

func workerShow(env Env) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "show WORKER",
		Short: "Show one worker",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			session, err := env.Connect()
			if err != nil {
				return err
			}
			worker, err := session.Client.Worker(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return render(env.Out, asJSON, worker, func() error { return show.Worker(env.Out, &worker) })
		},
	}
	jsonFlag(cmd, &asJSON)
	return cmd
}

// group is what a command does that only has subcommands: show them.
func group(cmd *cobra.Command, _ []string) error { return cmd.Help() }

// render writes v as JSON or as people like it.
func render(w io.Writer, asJSON bool, v any, people func() error) error {
	if asJSON {
		return show.JSON(w, v)
	}
	return people()
}

func jsonFlag(cmd *cobra.Command, asJSON *bool) {
	cmd.Flags().BoolVar(asJSON, "json", false, "print JSON")
}

// windowFlag adds -w, a number of seconds.
func windowFlag(cmd *cobra.Command, normal int) *int {
	return cmd.Flags().IntP("window", "w", normal, "seconds to look back")
}

func seconds(n int) time.Duration { return time.Duration(n) * time.Second }

// record reads a job.
func record(ctx context.Context, env Env, id string) (*Session, dffmpeg.Job, error) {
	session, err := env.Connect()
	if err != nil {
		return nil, dffmpeg.Job{}, err
	}
	job, err := session.Client.Job(ctx, id)
	return session, job, err
}
