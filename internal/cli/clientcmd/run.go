package clientcmd

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/client"
	"github.com/dffmpeg/dffmpeg/internal/cli/show"
	"github.com/dffmpeg/dffmpeg/internal/proxy"
)

// submission is a parsed `run` or `submit` command line.
type submission struct {
	binary    string
	detach    bool
	heartbeat int
	terms     dffmpeg.JobTerms
	args      []string
	help      bool
}

// parseSubmission reads our own options up to the first word that is none of
// them, or "--"; the rest is the program's, which has options of its own.
func parseSubmission(words []string, mayDetach bool) (submission, error) {
	s := submission{binary: "ffmpeg"}
	for len(words) > 0 {
		name, value, attached := strings.Cut(words[0], "=")
		attached = attached && strings.HasPrefix(name, "--")
		take := func() (string, error) {
			if attached {
				return value, nil
			}
			if len(words) < 2 {
				return "", fmt.Errorf("option %s needs a value", name)
			}
			words = words[1:]
			return words[0], nil
		}
		var err error
		switch {
		case words[0] == "--":
			s.args = words[1:]
			return s, nil
		case words[0] == "--help":
			s.help = true
			return s, nil
		case words[0] == "-b" || name == "--binary":
			s.binary, err = take()
		case mayDetach && (words[0] == "-D" || words[0] == "--detach"):
			s.detach = true
		case name == "--heartbeat-interval":
			var text string
			if text, err = take(); err == nil {
				s.heartbeat, err = positive(name, text)
			}
		case isTerm(name):
			var text string
			if text, err = take(); err == nil {
				err = setTerm(&s.terms, name, text)
			}
		default:
			s.args = words
			return s, nil
		}
		if err != nil {
			return s, err
		}
		words = words[1:]
	}
	return s, nil
}

func positive(name, text string) (int, error) {
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		return 0, fmt.Errorf("option %s needs a whole number of seconds from 1 on, not %q", name, text)
	}
	return n, nil
}

const ownOptions = `
Options (before the program's own; "--" ends them):
  -b, --binary NAME             program to run (default ffmpeg)
      --heartbeat-interval N    seconds between heartbeats (default: the coordinator's)
` + termOptions

func runCommand(env Env) *cobra.Command {
	return &cobra.Command{
		Use:   "run [-b BINARY] [--] ARGS…",
		Short: "Run a program on a worker as if it ran here",
		Long: "Run a program on a worker as if it ran here: it has our standard input, output and\n" +
			"error, gets the signals that we get, and its exit code is ours (130 when canceled by\n" +
			"`job cancel`, 1 when it could not be run).\n" + ownOptions,
		Example:            "  dffmpeg run -- -i in.mkv -c:v libx264 out.mp4\n  dffmpeg run -b ffprobe -- -hide_banner in.mkv",
		DisableFlagParsing: true,
		RunE:               func(cmd *cobra.Command, words []string) error { return submit(cmd, env, words, false) },
	}
}

func submitCommand(env Env) *cobra.Command {
	return &cobra.Command{
		Use:   "submit [-b BINARY] [-D|--detach] [--heartbeat-interval N] ARGS…",
		Short: "Submit a job, and wait for it unless detached",
		Long: "Submit a job. Without --detach this is the same as run.\n" + ownOptions +
			"\n  -D, --detach                  print the job's ID and do not wait",
		Example:            "  dffmpeg submit -D -- -i in.mkv out.mp4\n  dffmpeg job attach JOB_ID",
		DisableFlagParsing: true,
		RunE:               func(cmd *cobra.Command, words []string) error { return submit(cmd, env, words, true) },
	}
}

// submit is what run and submit do.
func submit(cmd *cobra.Command, env Env, words []string, mayDetach bool) error {
	s, err := parseSubmission(words, mayDetach)
	if err != nil {
		return usage(cmd, err)
	}
	if s.help {
		return cmd.Help()
	}
	if s.binary == "" {
		return usage(cmd, errors.New("the name of the binary must not be empty"))
	}
	session, err := env.Connect()
	if err != nil {
		return err
	}
	dir, err := env.Getwd()
	if err != nil {
		return fmt.Errorf("working directory: %w", err)
	}
	if s.heartbeat == 0 {
		s.heartbeat = session.Heartbeat
	}
	p := proxy.New(session.Client, session.Paths, s.heartbeat)
	inv := proxy.Invocation{
		Binary: s.binary, Args: s.args, Dir: dir, Stdin: env.In, Stdout: env.Out, Stderr: env.Err, Signals: env.Signals, Environment: session.Environment, Umask: session.Umask,
	}
	inv.Terms = withTerms(session.Terms, s.terms)
	if !s.detach {
		if s.terms.AskRetries() {
			fmt.Fprintln(env.Err, "dffmpeg: warning: a job whose output is shown here is not tried again, as that cannot be taken back; submit -D is for that")
		}
		if code := p.Run(cmd.Context(), inv); code != 0 {
			return &ExitError{Code: code}
		}
		return nil
	}
	request := p.Request(inv)
	answer, err := session.Client.Submit(cmd.Context(), request)
	if err != nil {
		return err
	}
	for _, warning := range request.Warnings {
		fmt.Fprintf(env.Err, "dffmpeg: warning: %s\n", show.Text(warning))
	}
	fmt.Fprintf(env.Out, "Job ID: %s\n", answer.ID)
	return nil
}

// usage reports a wrong command line.
func usage(cmd *cobra.Command, err error) error {
	fmt.Fprintf(cmd.ErrOrStderr(), "%s: %v\nUsage: %s\n", cmd.CommandPath(), err, cmd.UseLine())
	return &ExitError{Code: client.ExitUsage}
}
