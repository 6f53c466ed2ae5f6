package clientcmd

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/internal/cli/show"
	"github.com/dffmpeg/dffmpeg/internal/pathmap"
	"github.com/dffmpeg/dffmpeg/internal/proxy"
)

// Paths is the mapping of a configuration.
type Paths interface {
	proxy.Mapper
	// Explain says what becomes of each argument of a command that runs in dir.
	Explain(args []string, dir string) []pathmap.Explanation
}

// explainOptions are the options of explain.
type explainOptions struct {
	roots  []string // NAME=DIRECTORY of a worker
	worker string
	json   bool
}

func explainCommand(env Env) *cobra.Command {
	var o explainOptions
	cmd := &cobra.Command{
		Use:   "explain [--worker-path NAME=DIRECTORY]… [--worker WORKER] [--json] -- ARGS…",
		Short: "Show what becomes of a command's paths, without running it",
		Long: "Show argument by argument what would be sent and, with a worker's directories, what it\n" +
			"would run. Arguments that arrive as they are typed have one line only.\n" +
			"Absolute paths that lie below none of the client's paths are flagged: on a worker they\n" +
			"mean something else, or nothing. The name of the program may come first, as in a log.\n\n" +
			"The exit code is 1 when something is flagged, so that a script can check a command.",
		Example: "  dffmpeg explain -- -i /media/a.mkv -vf subtitles=/media/a.srt /media/b.mp4\n" +
			"  dffmpeg explain --worker-path Media=/mnt/nas --worker gpu1 -- ffmpeg -i /media/a.mkv out.mp4",
		RunE: func(cmd *cobra.Command, args []string) error {
			roots, err := parseRoots(o.roots)
			if err == nil && len(args) == 0 {
				err = errors.New("there is nothing to explain; give a command line behind --")
			}
			if err != nil {
				return usage(cmd, err)
			}
			return explain(cmd.Context(), env, o, roots, args)
		},
	}
	cmd.Flags().StringArrayVar(&o.roots, "worker-path", nil, "a directory of a worker, as in its configuration; may be repeated")
	cmd.Flags().StringVar(&o.worker, "worker", "", "look whether this worker could run it")
	jsonFlag(cmd, &o.json)
	cmd.Flags().SetInterspersed(false) // what follows is the program's
	return cmd
}

// explanation is what explain shows.
type explanation struct {
	Arguments []explainedArgument `json:"arguments"`
	// Directory is the working directory in the form that the job carries, null
	// when it lies below no path.
	Directory *string  `json:"working_directory"`
	Paths     []string `json:"paths"`
	// Segments says whether version 1 of the arguments does not say all.
	Segments bool             `json:"segments"`
	Unmapped []string         `json:"unmapped"`
	Worker   *explainedWorker `json:"worker,omitempty"`
}

// explainedArgument is what becomes of an argument.
type explainedArgument struct {
	Typed    string           `json:"typed"`
	Sent     dffmpeg.Argument `json:"sent"`
	V1       string           `json:"v1"`
	Runs     string           `json:"runs,omitempty"`    // with a worker's directories
	Problem  string           `json:"problem,omitempty"` // why the worker would refuse it
	Unknown  []string         `json:"-"`                 // paths in it for which no directory of the worker was given
	List     string           `json:"list,omitempty"`    // text of the list file that is sent along
	Unmapped []string         `json:"unmapped,omitempty"`
}

// explainedWorker is whether a worker could run it.
type explainedWorker struct {
	ID       string               `json:"worker_id"`
	Status   dffmpeg.WorkerStatus `json:"status"`
	Missing  []string             `json:"missing"` // paths that it does not have
	Segments bool                 `json:"segments"`
}

// explain is what the command does.
func explain(ctx context.Context, env Env, o explainOptions, roots map[string]string, args []string) error {
	worker, err := pathmap.NewWorker(roots)
	if err != nil {
		return err
	}
	session, err := env.Connect()
	if err != nil {
		return err
	}
	dir, err := env.Getwd()
	if err != nil {
		return fmt.Errorf("working directory: %w", err)
	}
	e := explained(session.Paths, withoutProgram(args), dir)
	if o.worker != "" {
		record, err := session.Client.Worker(ctx, o.worker)
		if err != nil {
			return err
		}
		e.Worker = &explainedWorker{ID: record.ID, Status: record.Status, Missing: missing(e.Paths, record.Paths), Segments: record.Has(dffmpeg.FeatureSegments)}
	}
	if len(roots) > 0 {
		e.run(worker)
	}
	if err := render(env.Out, o.json, e, func() error { return e.show(env) }); err != nil {
		return err
	}
	if e.flagged() {
		return &ExitError{Code: 1}
	}
	return nil
}

// parseRoots reads NAME=DIRECTORY.
func parseRoots(list []string) (map[string]string, error) {
	roots := make(map[string]string, len(list))
	for _, text := range list {
		name, dir, ok := strings.Cut(text, "=")
		if !ok {
			return nil, fmt.Errorf("--worker-path %s: want NAME=DIRECTORY, such as Media=/mnt/media", text)
		}
		roots[name] = dir
	}
	return roots, nil
}

// withoutProgram drops the name of the program from a command line that was
// copied from a log.
func withoutProgram(args []string) []string {
	name := path.Base(args[0])
	if strings.HasSuffix(name, "ffmpeg") || strings.HasSuffix(name, "ffprobe") || name == "Plex Transcoder" {
		return args[1:]
	}
	return args
}

// explained collects what becomes of a command.
func explained(paths Paths, args []string, dir string) *explanation {
	_, segments, names, _ := paths.MapCommand(args, dir)
	e := &explanation{Arguments: []explainedArgument{}, Paths: names, Segments: segments != nil, Unmapped: []string{}}
	if mapped, dirNames := paths.MapWorkingDirectory(dir); len(dirNames) > 0 {
		e.Directory = &mapped
		e.Paths = slices.Compact(slices.Sorted(slices.Values(append(slices.Clone(names), dirNames...))))
	}
	for _, a := range paths.Explain(args, dir) {
		e.Arguments = append(e.Arguments, explainedArgument{
			Typed: a.Typed, Sent: a.Sent, V1: a.V1, List: list(a.Sent), Unmapped: a.Unmapped,
		})
		e.Unmapped = append(e.Unmapped, a.Unmapped...)
	}
	return e
}

// missing returns those of the names that a worker does not have.
func missing(names, has []string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool { return slices.Contains(has, name) })
}

// run adds what a worker with those roots would run. One that does not take
// segments runs version 1.
func (e *explanation) run(worker *pathmap.Worker) {
	for i := range e.Arguments {
		a := &e.Arguments[i]
		if a.Unknown = worker.Missing(a.Sent.Names()); len(a.Unknown) > 0 {
			continue
		}
		var runs []string
		var err error
		if e.Segments && (e.Worker == nil || e.Worker.Segments) {
			runs, err = worker.Arguments([]dffmpeg.Argument{a.Sent}, e.Paths, func(string) (string, error) { return listPlaceholder, nil })
		} else {
			runs, err = worker.Args([]string{a.V1}, e.Paths)
		}
		if err != nil {
			a.Problem = errors.Unwrap(err).Error() // without the argument's place among one
			continue
		}
		a.Runs = runs[0]
	}
}

// listPlaceholder stands for the list file that a worker makes.
const listPlaceholder = "(list file)"

// list returns the text of the list file in an argument, "" if there is none.
func list(arg dffmpeg.Argument) string {
	for _, s := range arg {
		if s.Content != nil {
			return readable(s.Content)
		}
	}
	return ""
}

// readable writes an argument with references as $Name/rest.
func readable(arg dffmpeg.Argument) string {
	var b strings.Builder
	for _, s := range arg {
		switch {
		case s.Content != nil:
			b.WriteString(listPlaceholder)
		case s.Name != "":
			b.WriteString("$" + s.Name + s.Rest)
		default:
			b.WriteString(s.Literal)
		}
	}
	return b.String()
}

// flagged reports whether something is wrong.
func (e *explanation) flagged() bool {
	return len(e.Unmapped) > 0 || e.Worker != nil && len(e.Worker.Missing) > 0 ||
		slices.ContainsFunc(e.Arguments, func(a explainedArgument) bool { return a.Problem != "" })
}

// show writes it for people.
func (e *explanation) show(env Env) error {
	for i := range e.Arguments {
		a := &e.Arguments[i]
		fmt.Fprintf(env.Out, "%3d  %s\n", i+1, show.Text(a.Typed))
		for _, line := range a.lines(e.Segments) {
			fmt.Fprintf(env.Out, "     %-9s %s\n", line[0], show.Text(line[1]))
		}
		for line := range strings.Lines(a.List) {
			fmt.Fprintf(env.Out, "     %-9s %s\n", "list", show.Text(strings.TrimRight(line, "\r\n")))
		}
		for _, name := range a.Unmapped {
			fmt.Fprintf(env.Out, "     %-9s %s lies below none of the client's paths\n", "UNMAPPED", show.Text(name))
		}
	}
	fmt.Fprintln(env.Out)
	directory := "below none of the client's paths: a worker runs it in an empty directory of its own"
	if e.Directory != nil {
		directory = show.Text(*e.Directory)
	}
	pairs := [][2]string{{"Working directory", directory}, {"Paths a worker needs", show.List(e.Paths)}}
	if w := e.Worker; w != nil {
		pairs = append(pairs, [2]string{"Worker " + show.Text(w.ID), w.verdict(e.Segments)})
	}
	return show.Pairs(env.Out, pairs)
}

// lines returns what there is to say of an argument that changes.
func (a *explainedArgument) lines(segments bool) [][2]string {
	var lines [][2]string
	if sent := readable(a.Sent); sent != a.Typed || a.V1 != a.Typed {
		lines = append(lines, [2]string{"sent", sent})
		if a.V1 != sent {
			lines = append(lines, [2]string{"to 0.4", a.V1})
		}
	} else if segments && strings.HasPrefix(strings.TrimPrefix(sent, "file:"), "$") {
		lines = append(lines, [2]string{"sent", "as text"})
	}
	if a.Runs != "" && a.Runs != a.Typed {
		lines = append(lines, [2]string{"runs", a.Runs})
	}
	if len(a.Unknown) > 0 {
		lines = append(lines, [2]string{"runs", "depends on --worker-path " + a.Unknown[0] + "=DIRECTORY"})
	}
	if a.Problem != "" {
		lines = append(lines, [2]string{"REFUSED", a.Problem})
	}
	return lines
}

// verdict says whether the worker could run it.
func (w *explainedWorker) verdict(segments bool) string {
	text := string(w.Status)
	if len(w.Missing) > 0 {
		text += "; LACKS the paths " + show.List(w.Missing)
	} else {
		text += "; has all paths"
	}
	if segments && !w.Segments {
		text += "; is of 0.4: paths within arguments stay as typed"
	}
	return text
}
