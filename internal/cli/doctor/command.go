package doctor

import (
	"fmt"
	"path"
	"strings"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/internal/demand"
	"github.com/dffmpeg/dffmpeg/internal/pathmap"
	"github.com/dffmpeg/dffmpeg/internal/proxy"
)

// normalProgram is looked at unless another one is asked for.
const normalProgram = "ffmpeg"

// command is what a worker is looked for.
type command struct {
	program string
	args    []string
	dir     string
	general bool // no command was given: any job of this client
}

// parseCommand reads a command line: a program, which may have a directory as in a
// log, and its arguments. Without a program it is the normal one's options.
func parseCommand(words []string, dir string) command {
	switch {
	case len(words) == 0:
		return command{program: normalProgram, general: true}
	case strings.HasPrefix(words[0], "-"):
		return command{program: normalProgram, args: words, dir: dir}
	}
	return command{program: path.Base(words[0]), args: words[1:], dir: dir}
}

// job returns the job that would be submitted, as far as it matters to who can take
// it. One of no command in particular needs all paths, of which names are all.
func (c command) job(paths *pathmap.Client, names []string) *dffmpeg.Job {
	if c.general {
		return &dffmpeg.Job{BinaryName: c.program, Paths: names}
	}
	request := proxy.New(nil, paths, 0).Request(proxy.Invocation{Binary: c.program, Args: c.args, Dir: c.dir})
	return &dffmpeg.Job{
		BinaryName: c.program, Arguments: request.Arguments, Segments: request.Segments, Paths: unique(request.Paths),
		Demand: demand.Infer(c.program, request.Arguments),
	}
}

// asks reports whether the command is a question about the program, for which a
// coordinator may have one worker only.
func (c command) asks(job *dffmpeg.Job) bool {
	return !c.general && demand.IsQuery(c.program, job.Arguments)
}

// judge says which of the command's paths mean nothing on a worker.
func (c command) judge(paths *pathmap.Client, job *dffmpeg.Job) Finding {
	var unmapped []string
	for _, e := range paths.Explain(c.args, c.dir) {
		unmapped = append(unmapped, e.Unmapped...)
	}
	if len(unmapped) > 0 {
		return warning(checkCommand, "below none of our paths, and so passed as they are: "+strings.Join(unmapped, ", "),
			"add their directory to paths here and on the workers; dffmpeg explain shows what becomes of each argument")
	}
	needs := "no paths"
	if len(job.Paths) > 0 {
		needs = pathsOf(job.Paths)
	}
	found := fmt.Sprintf("needs %s", needs)
	if _, names := paths.MapWorkingDirectory(c.dir); len(names) == 0 {
		found += "; runs in an empty directory of the worker's: the working directory is below none of our paths"
	}
	return ok(checkCommand, "%s", found)
}
