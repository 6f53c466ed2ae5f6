package doctor

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/internal/cli/show"
)

// Verdict is whether a worker could take a job.
type Verdict struct {
	Worker string               `json:"worker_id"`
	Status dffmpeg.WorkerStatus `json:"status"`
	Could  bool                 `json:"could_take_it"`
	// Paused and SetAside keep it from any job.
	Paused   bool `json:"paused,omitempty"`
	SetAside bool `json:"set_aside,omitempty"` // jobs failed there that others completed
	// ForAnother says that the job is for one worker only, and that this is another.
	ForAnother bool `json:"for_another_worker,omitempty"`
	// What it lacks for it.
	LacksBinary  string   `json:"lacks_binary,omitempty"`
	LacksPaths   []string `json:"lacks_paths"`
	LacksStreams bool     `json:"lacks_streams,omitempty"` // it is of 0.4, and the job has media on its standard streams
	// LacksAbilities are those of its program, LacksLabels what the configuration
	// requires, and LacksResources what the job uses more of than there is, as
	// name=number.
	LacksAbilities []string `json:"lacks_abilities,omitempty"`
	Looking        bool     `json:"looking,omitempty"` // it is still finding out which those are
	LacksLabels    []string `json:"lacks_labels,omitempty"`
	LacksResources []string `json:"lacks_resources,omitempty"`
	// Lines says that it sends lines instead of bytes, and reads no input; Whole that it
	// maps paths only that are whole arguments. Both are so with 0.4.
	Lines bool `json:"sends_lines"`
	Whole bool `json:"maps_whole_arguments_only"`
}

// verdict applies the scheduler's rule.
func verdict(job *dffmpeg.Job, w *dffmpeg.Worker) Verdict {
	lack := w.Lacks(job)
	v := Verdict{
		Worker: w.ID, Status: w.Status, Could: lack.Nothing(),
		Paused: lack.Paused, SetAside: lack.SetAside, ForAnother: lack.Other,
		LacksBinary: lack.Binary, LacksPaths: lack.Paths, LacksStreams: lack.Streams,
		LacksAbilities: lack.Abilities, Looking: lack.Looking, LacksLabels: lack.Labels,
		Lines: !w.Has(dffmpeg.FeatureStdio), Whole: !w.Has(dffmpeg.FeatureSegments),
	}
	for _, name := range lack.Resources {
		v.LacksResources = append(v.LacksResources, fmt.Sprintf("%s=%d", name, job.Demand.Uses[name]))
	}
	if v.LacksPaths == nil {
		v.LacksPaths = []string{}
	}
	return v
}

// sentence is the verdict for people.
func (v *Verdict) sentence() string {
	var lacks []string
	if v.LacksBinary != "" {
		lacks = append(lacks, "the binary "+v.LacksBinary)
	}
	if len(v.LacksPaths) > 0 {
		lacks = append(lacks, pathsOf(v.LacksPaths))
	}
	if v.LacksStreams {
		lacks = append(lacks, "standard streams (it is of 0.4)")
	}
	lacks = append(lacks, v.lacksOf()...)
	var b strings.Builder
	b.WriteString("could take it")
	if !v.Could {
		b.Reset()
		b.WriteString("cannot: ")
		if is := v.keptBy(); len(is) > 0 {
			b.WriteString("is " + strings.Join(is, ", "))
			if len(lacks) > 0 {
				b.WriteString("; ")
			}
		}
	}
	if len(lacks) > 0 {
		b.WriteString("lacks " + strings.Join(lacks, ", "))
	}
	if v.Whole && v.Could {
		b.WriteString("; it is of 0.4: sends lines, and paths within arguments stay as typed")
	}
	return b.String()
}

// lacksOf names what its program cannot do, and the labels and resources that it does
// not have.
func (v *Verdict) lacksOf() []string {
	var lacks []string
	if v.Looking {
		lacks = append(lacks, "what its program can do, which it is still finding out")
	}
	for _, ability := range v.LacksAbilities {
		if v.Looking {
			break // all, as long as nothing is known
		}
		lacks = append(lacks, strings.Replace(ability, ":", " ", 1))
	}
	for _, label := range v.LacksLabels {
		lacks = append(lacks, "the label "+show.Text(label))
	}
	for _, resource := range v.LacksResources {
		lacks = append(lacks, "the resource "+show.Text(resource))
	}
	return lacks
}

// keptBy names what keeps the worker from any job, or from those for another.
func (v *Verdict) keptBy() []string {
	var is []string
	if v.Status != dffmpeg.WorkerOnline {
		is = append(is, string(v.Status))
	}
	if v.Paused {
		is = append(is, "paused")
	}
	if v.SetAside {
		is = append(is, "set aside, because jobs failed there that others completed")
	}
	if v.ForAnother {
		is = append(is, "not the worker that it is for")
	}
	return is
}

// onlyPaused and onlySetAside report whether nothing else keeps the worker from the job.
func (v Verdict) onlyPaused() bool   { return v.Paused && v.otherwiseCould() }
func (v Verdict) onlySetAside() bool { return v.SetAside && v.otherwiseCould() }

func (v Verdict) otherwiseCould() bool {
	return v.Status == dffmpeg.WorkerOnline && !v.ForAnother && v.LacksBinary == "" && len(v.LacksPaths) == 0 && !v.LacksStreams && len(v.lacksOf()) == 0
}

// pathsOf names paths.
func pathsOf(names []string) string {
	if len(names) == 1 {
		return "the path " + names[0]
	}
	return "the paths " + strings.Join(names, ", ")
}

// judgeWorkers says who could take a job. general says that the job stands for any: it
// has all the paths there are, and some job may need fewer.
func judgeWorkers(job *dffmpeg.Job, general bool, workers []dffmpeg.Worker) (Finding, []Verdict) {
	var verdicts []Verdict
	var offline []string
	online, could := 0, 0
	spread := slices.Clone(job.Paths) // paths that nobody has with the binary
	for i := range workers {
		w := &workers[i]
		if w.Status == dffmpeg.WorkerOffline || w.Status == dffmpeg.WorkerError {
			offline = append(offline, fmt.Sprintf("%s (last seen %s)", show.Text(w.ID), show.Time(w.LastSeen)))
			continue
		}
		v := verdict(job, w)
		verdicts = append(verdicts, v)
		if w.Status != dffmpeg.WorkerOnline {
			continue
		}
		online++
		if v.Could {
			could++
		}
		if v.LacksBinary == "" && !v.LacksStreams && !v.ForAnother {
			spread = slices.DeleteFunc(spread, func(name string) bool { return slices.Contains(w.Paths, name) })
		}
	}
	slices.SortFunc(verdicts, func(a, b Verdict) int { return cmp.Compare(a.Worker, b.Worker) })
	what := job.BinaryName
	if len(job.Paths) > 0 {
		what += " with " + pathsOf(job.Paths)
	}
	if job.Demand.Worker != "" {
		what += ", which is for worker " + show.Text(job.Demand.Worker) + " only"
	}
	found := fmt.Sprintf("%d of %d online could take %s", could, online, what)
	switch {
	case online == 0:
		found := "no worker is online"
		if len(offline) > 0 {
			found += "; offline: " + strings.Join(offline, ", ")
		}
		return problem(checkWorkers, found, "start one (dffmpeg worker), or see its log: a worker that runs says why it is not registered"), verdicts
	case could > 0:
		return ok(checkWorkers, "%s", found), verdicts
	case slices.ContainsFunc(verdicts, Verdict.onlyPaused):
		return problem(checkWorkers, found, "one that could is paused: an admin resumes it with dffmpeg client worker resume"), verdicts
	case slices.ContainsFunc(verdicts, Verdict.onlySetAside):
		return problem(checkWorkers, found, "one that could is set aside, because jobs failed there that others completed: see its log, and dffmpeg client worker show; it gets a job on trial after a while"), verdicts
	case general && len(spread) == 0 && slices.ContainsFunc(verdicts, func(v Verdict) bool { return v.Status == dffmpeg.WorkerOnline && v.LacksBinary == "" }):
		return warning(checkWorkers, found, "jobs that need several of these paths wait in vain: give one worker all of them"), verdicts
	}
	return problem(checkWorkers, found, remedy(job, verdicts, spread)), verdicts
}

// judgeQueries adds to what was found for any job that the worker is away which alone is
// asked what programs are and can do; "" for none.
func judgeQueries(found Finding, verdicts []Verdict, only string) Finding {
	if only == "" || found.Status != OK || isOnline(verdicts, only) {
		return found
	}
	return warning(checkWorkers, found.Found+"; but questions such as -encoders are for worker "+show.Text(only)+" only, which is not online", bring(only))
}

func isOnline(verdicts []Verdict, worker string) bool {
	return slices.ContainsFunc(verdicts, func(v Verdict) bool { return v.Worker == worker && v.Status == dffmpeg.WorkerOnline })
}

// bring says what to do about the worker that alone is asked.
func bring(only string) string {
	return fmt.Sprintf("bring worker %s online: it alone is asked what programs are and can do, as scheduler.query_worker of the coordinator's configuration says", show.Text(only))
}

// remedy says what would let somebody take the job: what the nearest one lacks.
func remedy(job *dffmpeg.Job, verdicts []Verdict, nobody []string) string {
	verdicts = slices.DeleteFunc(slices.Clone(verdicts), func(v Verdict) bool { return v.ForAnother })
	if only := job.Demand.Worker; only != "" && !isOnline(verdicts, only) {
		return bring(only)
	}
	whose := "a worker's"
	if job.Demand.Worker != "" {
		whose = show.Text(job.Demand.Worker) + "'s"
	}
	noBinary := !slices.ContainsFunc(verdicts, func(v Verdict) bool { return v.Status == dffmpeg.WorkerOnline && v.LacksBinary == "" })
	switch {
	case noBinary:
		return fmt.Sprintf("add %s to binaries of %s configuration, and to allowed_binaries of the coordinator's if it is not there", job.BinaryName, whose)
	case len(nobody) > 0:
		return fmt.Sprintf("add %s to paths of %s configuration (with the worker's own directory), or take it out of ours", strings.Join(nobody, ", "), whose)
	case slices.ContainsFunc(verdicts, func(v Verdict) bool { return v.LacksStreams && len(v.LacksPaths) == 0 }):
		return "upgrade a worker to 0.5, or write to a file instead of a standard stream"
	}
	for _, v := range verdicts {
		if v.Status == dffmpeg.WorkerOnline && v.LacksBinary == "" && len(v.LacksPaths) == 0 {
			if v.Looking {
				return fmt.Sprintf("wait for worker %s to find out what its programs can do; its log says when it has", show.Text(v.Worker))
			}
			return fmt.Sprintf("%s lacks only %s. Labels and resources are in its configuration; dffmpeg client worker programs %s shows what its programs can do, and its log with log_level: debug why hardware does not work",
				show.Text(v.Worker), strings.Join(v.lacksOf(), ", "), show.Text(v.Worker))
		}
	}
	return "give one worker all of these paths"
}
