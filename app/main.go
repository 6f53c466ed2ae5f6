package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/dffmpeg/dffmpeg/internal/cli/clientcmd"
	"github.com/dffmpeg/dffmpeg/internal/cli/doctor"
	"github.com/dffmpeg/dffmpeg/internal/config"
	"github.com/dffmpeg/dffmpeg/internal/dropin"
	"github.com/dffmpeg/dffmpeg/internal/worker/executor"
)

// Process is the program's surroundings.
type Process struct {
	Args     []string // the first is the name it is called by
	In       io.Reader
	Out, Err io.Writer
	Env      config.Environment
}

// Run is Main in the surroundings of this process.
func (a App) Run() int {
	return a.Main(Process{
		Args: os.Args, In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Env: config.ProcessEnvironment(),
	})
}

// Main runs the program and returns its exit code. The name it is called by
// decides which part it is: dffmpeg-coordinator, dffmpeg-worker,
// dffmpeg-client, dffmpeg-admin, or all of them.
func (a App) Main(p Process) int {
	name := filepath.Base(p.Args[0])
	if name == guardName {
		executor.Guard(p.In)
		return 0
	}
	if name == dropin.Name && len(p.Args) > 1 {
		return dropin.Program{Binary: p.Args[1], Args: p.Args[2:], Version: a.Version, Transports: a.Transports}.Run()
	}
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer signal.Stop(signals)

	root := a.root(name, &surroundings{app: a, process: p, signals: signals})
	root.SetArgs(p.Args[1:])
	root.SetIn(p.In)
	root.SetOut(p.Out)
	root.SetErr(p.Err)
	return exitCode(p.Err, root.ExecuteContext(context.Background()))
}

// exitCode turns the end of a command into an exit code, with one message for
// an error: 1, or 2 for a wrong command line.
func exitCode(stderr io.Writer, err error) int {
	var exit *clientcmd.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return exit.Code
	}
	fmt.Fprintf(stderr, "dffmpeg: %v\n", err)
	if isUsage(err) {
		return 2
	}
	return 1
}

// usageError marks an error as one of the command line.
type usageError struct{ error }

func isUsage(err error) bool {
	var usage usageError
	// cobra has no type for an unknown command.
	return errors.As(err, &usage) || strings.HasPrefix(err.Error(), "unknown command") || strings.HasPrefix(err.Error(), "accepts ")
}

// surroundings is what commands share.
type surroundings struct {
	app     App
	process Process
	signals chan os.Signal
	config  string // --config
}

// root returns the command tree of a name.
func (a App) root(name string, s *surroundings) *cobra.Command {
	var cmd *cobra.Command
	switch name {
	case "dffmpeg-coordinator":
		cmd = s.coordinatorCommand()
	case "dffmpeg-worker":
		cmd = s.workerCommand()
	case "dffmpeg-client":
		cmd = s.clientCommand()
	case "dffmpeg-admin":
		cmd = s.adminCommand()
	default:
		name = "dffmpeg"
		cmd = s.everything()
	}
	cmd.Use = strings.Replace(cmd.Use, cmd.Name(), name, 1)
	nameExamples(cmd, name)
	cmd.Version = a.Version
	cmd.SetVersionTemplate(name + " {{.Version}}\n")
	cmd.SilenceUsage = true
	cmd.SilenceErrors = true
	cmd.TraverseChildren = true
	cmd.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usageError{fmt.Errorf("%w (see %s --help)", err, cmd.CommandPath())}
	})
	return cmd
}

// everything is the tree of the name dffmpeg.
func (s *surroundings) everything() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "dffmpeg",
		Short: "Run ffmpeg on whichever machine has the hardware",
		Long: "dffmpeg runs ffmpeg somewhere else: clients submit jobs, a coordinator stores and assigns them,\n" +
			"workers run them.",
		Example: "  dffmpeg standalone                        # everything on this machine, nothing to configure\n" +
			"  dffmpeg run -- -i in.mkv out.mp4          # in another terminal",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(s.coordinatorCommand(), s.workerCommand(), s.clientCommand(), s.adminCommand(), s.standaloneCommand(), s.configCommand())
	for _, c := range s.clientCommands() {
		if c.Name() != "worker" { // that name runs a worker here; lists are in `dffmpeg client worker`
			cmd.AddCommand(c)
		}
	}
	return s.withConfig(cmd)
}

// withConfig gives a command the option --config.
func (s *surroundings) withConfig(cmd *cobra.Command) *cobra.Command {
	cmd.PersistentFlags().StringVarP(&s.config, "config", "c", "", "configuration file (default: searched for, see docs/configuration.md)")
	return cmd
}

// clientCommands are the commands of those who submit jobs.
func (s *surroundings) clientCommands() []*cobra.Command {
	return append(clientcmd.Commands(s.clientEnv()), doctor.Command(s.doctorEnv()))
}

// clientCommand is dffmpeg-client.
func (s *surroundings) clientCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "client", Short: "Submit jobs, look at jobs and workers", Args: cobra.NoArgs, RunE: help}
	cmd.AddCommand(s.clientCommands()...)
	return s.withConfig(cmd)
}

func help(cmd *cobra.Command, _ []string) error { return cmd.Help() }
