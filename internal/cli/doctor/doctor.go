// Package doctor holds the command that finds out why jobs of a client do not run,
// and says what to do about it.
//
// It goes the way that a job goes: configuration, network, coordinator, identity,
// workers. A check that needs what another one did not find is skipped, so that a
// cause is reported once. Checks are functions of what was observed; only a few of
// them observe. Nothing is changed anywhere, and no job is submitted.
package doctor

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/dffmpeg/dffmpeg/client"
	"github.com/dffmpeg/dffmpeg/internal/cli/clientcmd"
	"github.com/dffmpeg/dffmpeg/internal/cli/show"
	"github.com/dffmpeg/dffmpeg/internal/config"
	"github.com/dffmpeg/dffmpeg/transport"
)

// normalTimeout is how long the command takes at most.
const normalTimeout = 10 * time.Second

// Env is the surroundings of the command.
type Env struct {
	Out io.Writer
	// Load reads the configuration; its error has a line for each problem.
	Load        func() (*config.Client, error)
	Environment config.Environment
	Transports  transport.Registry
	Version     string
	Getwd       func() (string, error)
	// Signals delivers what asks to end, for as long as the command runs.
	Signals <-chan os.Signal
}

// Command returns the command doctor. Its exit code is 1 when a check found a problem.
func Command(env Env) *cobra.Command {
	var asJSON bool
	timeout := normalTimeout
	cmd := &cobra.Command{
		Use:   "doctor [--json] [--timeout 10s] [-- PROGRAM ARGS…]",
		Short: "Find out why jobs do not run, and say what to do",
		Long: "Check configuration, network, clock, identity, transports and standard streams, and which\n" +
			"workers could take a job, and say what to do about each finding. No job is submitted.\n" +
			"With a command line the paths and the program are that command's; without, a worker is\n" +
			"looked for that has ffmpeg and all paths of the configuration.\n\n" +
			"The exit code is 1 when there is a problem, 0 also with warnings.",
		Example: "  dffmpeg doctor\n" +
			"  dffmpeg doctor -- ffprobe /media/film.mkv\n" +
			"  dffmpeg doctor --json -c /etc/dffmpeg/client.yaml",
		RunE: func(cmd *cobra.Command, words []string) error {
			if timeout <= 0 {
				fmt.Fprintf(cmd.ErrOrStderr(), "%s: --timeout must be more than 0\n", cmd.CommandPath())
				return &clientcmd.ExitError{Code: client.ExitUsage}
			}
			ctx, cancel := clientcmd.Interruptible(cmd.Context(), env.Signals)
			defer cancel()
			report, err := consult(ctx, env, words, timeout)
			if err != nil {
				return err
			}
			if ctx.Err() != nil {
				return &clientcmd.ExitError{Code: client.ExitCanceled}
			}
			if asJSON {
				err = show.JSON(env.Out, report)
			} else {
				report.write(env.Out)
			}
			if err == nil && report.Status == Problem {
				err = &clientcmd.ExitError{Code: 1}
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.Flags().DurationVar(&timeout, "timeout", timeout, "how long it may take in all")
	cmd.Flags().SetInterspersed(false) // what follows is the program's
	return cmd
}

// consult reads the configuration and examines what it says.
func consult(ctx context.Context, env Env, words []string, timeout time.Duration) (Report, error) {
	dir, err := env.Getwd()
	if err != nil {
		return Report{}, fmt.Errorf("working directory: %w", err)
	}
	var cfg *config.Client
	loading, done := within(ctx, timeout, func() error {
		loaded, err := env.Load()
		cfg = loaded
		return err
	})
	if !done {
		loading = fmt.Errorf("the file system does not answer within %s", timeout)
	}
	if loading != nil {
		findings := append([]Finding{unreadable(loading)}, because(checkConfiguration, rest(len(words) > 0)...)...)
		return newReport(findings, nil), nil
	}
	return examine(ctx, &subject{
		cfg: cfg, env: env.Environment, command: parseCommand(words, dir), limit: timeout,
		transports: env.Transports, version: env.Version, here: thisMachine{},
	}), nil
}

// rest are the checks behind that of the configuration.
func rest(withCommand bool) []string {
	checks := []string{checkKeyFile, checkPaths, checkFallback, checkDropIn}
	if withCommand {
		checks = append(checks, checkCommand)
	}
	return append(append(checks, checkName, checkConnection, checkTLS), behindConnection()...)
}

// behindConnection are the checks that need the coordinator.
func behindConnection() []string {
	return append([]string{checkCoordinator, checkVersion, checkClock}, behindCoordinator()...)
}

// behindCoordinator are those that need it to be well; behindKey those that also
// need to be let in.
func behindCoordinator() []string { return append([]string{checkKey}, behindKey()...) }

func behindKey() []string {
	return []string{checkRole, checkLatency, checkTransport, checkStreams, checkWorkers}
}
