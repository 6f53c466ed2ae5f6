package app

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dffmpeg/dffmpeg/internal/config"
)

// configCommand checks and shows configuration files.
func (s *surroundings) configCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "config", Short: "Check and show configuration files", Args: cobra.NoArgs, RunE: help}
	names := []string{string(config.CoordinatorComponent), string(config.WorkerComponent), string(config.ClientComponent)}
	which := strings.Join(names, "|")
	check := &cobra.Command{
		Use:       "check [" + which + "]",
		Short:     "Check configuration files, all problems at once; without a name, all that are found",
		Example:   "  dffmpeg config check worker -c /etc/dffmpeg/worker.yaml",
		Args:      cobra.MatchAll(cobra.MaximumNArgs(1), cobra.OnlyValidArgs),
		ValidArgs: names,
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				args = names
			}
			return s.check(args)
		},
	}
	show := &cobra.Command{
		Use:       "show " + which,
		Short:     "Show the configuration that applies, with defaults and without secrets",
		Example:   "  dffmpeg config show coordinator",
		Args:      cobra.MatchAll(cobra.ExactArgs(1), cobra.OnlyValidArgs),
		ValidArgs: names,
		RunE: func(_ *cobra.Command, args []string) error {
			loaded, err := s.load(config.Component(args[0]))
			if err != nil {
				return err
			}
			return loaded.show(s.process.Out)
		},
	}
	cmd.AddCommand(check, show)
	return s.withConfig(cmd)
}

// loaded is a configuration that is right.
type loaded struct {
	source config.Source
	show   func(io.Writer) error
}

// load reads a component's file and what its plug-ins say of it.
func (s *surroundings) load(component config.Component) (loaded, error) {
	env := s.process.Env
	switch component {
	case config.CoordinatorComponent:
		cfg, err := config.LoadCoordinator(s.config, env, s.app.Engines.Settings())
		if err != nil {
			return loaded{}, err
		}
		return loaded{cfg.Source, cfg.Show}, cfg.Transports.Check(s.app.Transports.ServerSettings())
	case config.WorkerComponent:
		cfg, err := config.LoadWorker(s.config, env)
		if err != nil {
			return loaded{}, err
		}
		return loaded{cfg.Source, cfg.Show}, cfg.Transports.Check(s.app.Transports.ClientSettings())
	default:
		cfg, err := s.loadClient()
		if err != nil {
			return loaded{}, err
		}
		return loaded{cfg.Source, cfg.Show}, nil
	}
}

// check reports on each component; one that has no file is only a failure when
// it was asked for alone.
func (s *surroundings) check(names []string) error {
	var failed []string
	for _, name := range names {
		result, err := s.load(config.Component(name))
		var missing *config.NotFoundError
		switch {
		case errors.As(err, &missing) && len(names) > 1:
			fmt.Fprintf(s.process.Out, "%s: no file\n", name)
		case err != nil:
			fmt.Fprintf(s.process.Err, "%s:\n%v\n", name, err)
			failed = append(failed, name)
		default:
			fmt.Fprintf(s.process.Out, "%s: ok (%s)\n", name, described(result.source.File))
			for _, warning := range result.source.Warnings {
				fmt.Fprintf(s.process.Out, "  warning: %s\n", warning)
			}
		}
	}
	if len(failed) > 0 {
		return fmt.Errorf("the configuration of %s is not right", strings.Join(slices.Compact(failed), ", "))
	}
	return nil
}

func described(file string) string {
	if file == "" {
		return "no file; defaults and environment"
	}
	return file
}
