package doctor

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/dffmpeg/dffmpeg"
)

// command is the command line that workers are looked at for.
type command struct {
	program string
	args    []string
	given   bool // by the user
}

func newCommand(args []string) command {
	switch {
	case len(args) == 0:
		return command{program: "ffmpeg"}
	case strings.HasPrefix(args[0], "-"): // the program was left out
		return command{program: "ffmpeg", args: args, given: true}
	default:
		return command{program: filepath.Base(args[0]), args: args[1:], given: true}
	}
}

// needed returns the job that a command would be, as far as it matters to workers,
// and the absolute paths in it that map to nothing. Without a command that is one
// that uses every path.
func (x *examination) needed() (job dffmpeg.Job, unmapped []string, err error) {
	job.BinaryName = x.command.program
	if !x.command.given {
		job.Paths = slices.Sorted(maps.Keys(x.cfg.Paths))
		return job, nil, nil
	}
	dir, err := x.env.Getwd()
	if err != nil {
		return job, nil, fmt.Errorf("working directory: %w", err)
	}
	_, _, names := x.session.Paths.MapCommand(x.command.args, dir)
	_, of := x.session.Paths.MapWorkingDirectory(dir)
	job.Paths = slices.Compact(slices.Sorted(slices.Values(append(slices.Clone(names), of...))))
	for _, e := range x.session.Paths.Explain(x.command.args, dir) {
		unmapped = append(unmapped, e.Unmapped...)
	}
	return job, unmapped, nil
}

// workers looks for those that could take the job.
func (x *examination) workers(ctx context.Context) bool {
	const check = "workers"
	job, unmapped, err := x.needed()
	if err != nil {
		x.add(check, Problem, err.Error(), "go to a directory that exists")
		return false
	}
	if len(unmapped) > 0 {
		x.add("command", Warning, "absolute paths that lie below none of the client's paths: workers take them as they are",
			"add their directories to paths: on this client and on workers; dffmpeg explain shows each argument", unmapped...)
	}
	ctx, cancel := bounded(ctx)
	defer cancel()
	all, err := x.session.Client.Workers(ctx, 24*time.Hour)
	if err != nil {
		x.add(check, Problem, err.Error(), "the coordinator's log has more")
		return false
	}
	var could int
	lines := make([]string, 0, len(all))
	for i := range all {
		w := &all[i]
		why := lacks(w, &job)
		if why == "" {
			could++
			why = "could take it"
		}
		lines = append(lines, w.ID+": "+why)
	}
	what := job.BinaryName
	if len(job.Paths) > 0 {
		what += " with " + strings.Join(job.Paths, ", ")
	}
	switch online := count(all, dffmpeg.WorkerOnline); {
	case online == 0:
		x.add(check, Problem, "none is online", "start `dffmpeg worker` on a machine that has the programs; its log says why it does not register", lines...)
	case could == 0 && !x.command.given && len(job.Paths) > 1:
		x.add(check, Warning, "none has all of this client's paths: only commands that need no more than one of them has can run", "add what is missing to the workers' binaries: and paths:", lines...)
	case could == 0:
		x.add(check, Problem, "none could take "+what, "add what is missing to a worker's binaries: or paths:, under the same name as here", lines...)
	default:
		x.add(check, OK, fmt.Sprintf("%d of %d online could take %s", could, online, what), "", lines...)
	}
	return true
}

// lacks says why a worker would not be given a job, "" when it would.
func lacks(w *dffmpeg.Worker, job *dffmpeg.Job) string {
	if w.Qualifies(job) {
		return ""
	}
	if w.Status != dffmpeg.WorkerOnline {
		return "is " + string(w.Status)
	}
	var parts []string
	if !slices.Contains(w.Binaries, job.BinaryName) {
		parts = append(parts, "lacks the program "+job.BinaryName)
	}
	for _, name := range job.Paths {
		if !slices.Contains(w.Paths, name) {
			parts = append(parts, "lacks the path "+name)
		}
	}
	return strings.Join(parts, ", ")
}

func count(workers []dffmpeg.Worker, status dffmpeg.WorkerStatus) (n int) {
	for i := range workers {
		if workers[i].Status == status {
			n++
		}
	}
	return n
}
