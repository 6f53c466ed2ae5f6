package scheduler

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/dffmpeg/dffmpeg"
)

// Explain says in a sentence why a pending job waits; "" when nothing keeps it from
// being assigned.
func (c *Cluster) Explain(job *dffmpeg.Job) string {
	if why := Unqualified(job, c.workers); why != "" {
		return why
	}
	if job.NotBefore != nil && job.NotBefore.After(c.now) {
		return "the next attempt begins at " + job.NotBefore.UTC().Format(time.DateTime) + " UTC"
	}
	q, able := &queue{like: *job}, c.qualified(job)
	if len(able) == 0 {
		return c.looking(job)
	}
	c.enter([]*queue{q})
	switch {
	case !q.fits():
		return busy(job, able)
	case len(c.willing(q, job)) > 0:
		return ""
	case len(able) == 1:
		return fmt.Sprintf("worker %s lost it and may still run it, and no other could", able[0].worker.ID)
	default:
		return fmt.Sprintf("worker %s lost it, and the others that could run it are busy", job.Worker())
	}
}

// looking says which workers may qualify for a job once they know what their programs can
// do.
func (c *Cluster) looking(job *dffmpeg.Job) string {
	var who []string
	for i := range c.workers {
		if w := &c.workers[i]; settled(w.Lacks(job)).Nothing() {
			who = append(who, w.ID)
		}
	}
	if len(who) == 1 {
		return "worker " + who[0] + " is still finding out what its " + job.BinaryName + " can do"
	}
	return fmt.Sprintf("%d workers are still finding out what their %s can do", len(who), job.BinaryName)
}

// settled returns what a worker lacks whatever it finds out about its program.
func settled(lack dffmpeg.Lack) dffmpeg.Lack {
	if lack.Looking {
		lack.Abilities, lack.Looking = nil, false
	}
	return lack
}

// busy says which limits keep all those that could run the job from taking it, and which
// of them are kept free for others.
func busy(job *dffmpeg.Job, able []*candidate) string {
	slots := make(map[dffmpeg.Limit]int) // how many there are of what is occupied
	var kept, full []string
	for _, c := range able {
		if other := c.keepsFrom(job); other != nil {
			kept = append(kept, fmt.Sprintf("worker %s is kept free for a job that needs %s", c.worker.ID, needed(other)))
			continue
		}
		limit := *c.worker.Reached(job, &c.load)
		most := limit.Most
		limit.Most = 0
		slots[limit] += most
		full = append(full, c.worker.ID)
	}
	var reasons []string
	for limit, most := range slots {
		reasons = append(reasons, occupied(limit, most, job.Demand.Uses[limit.Name]))
	}
	slices.Sort(reasons)
	text := strings.Join(reasons, ", ")
	switch {
	case len(full) == 1:
		text += " on worker " + full[0]
	case len(full) == len(able):
		text += fmt.Sprintf(" on the %d workers that could run it", len(able))
	case len(full) > 0:
		text += fmt.Sprintf(" on %d workers that could run it", len(full))
	}
	if text != "" {
		kept = append([]string{text}, kept...)
	}
	return strings.Join(kept, ", ")
}

// needed names what a job needs several of, or several things.
func needed(job *dffmpeg.Job) string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(job.Demand.Uses)) {
		all = append(all, fmt.Sprintf("%d %s", job.Demand.Uses[name], name))
	}
	return strings.Join(all, " and ")
}

// occupied says that all there is of something is in use, or more than would leave as
// many as are needed.
func occupied(limit dffmpeg.Limit, most, units int) string {
	all := fmt.Sprintf("all %d ", most)
	if most == 1 {
		all = "the only "
	}
	switch limit.Kind {
	case dffmpeg.LimitLightJobs:
		return all + plural(most, "slot") + " for light jobs busy"
	case dffmpeg.LimitBinary:
		return all + plural(most, "slot") + " for " + limit.Name + " busy"
	case dffmpeg.LimitResource:
		if units > 1 {
			return fmt.Sprintf("fewer than %d of the %d %s free", units, most, limit.Name)
		}
		return all + limit.Name + " in use"
	case dffmpeg.LimitTrial:
		return all + plural(most, "slot") + " of a worker on trial busy"
	default:
		return all + plural(most, "slot") + " busy"
	}
}

func plural(n int, word string) string {
	if n == 1 {
		return word
	}
	return word + "s"
}

// Unqualified says in a sentence why no worker could run the job even with nothing else
// to do; "" when one could, or may: it is still finding out what its program can do. It
// looks at one sort of thing after the other, and names the first that leaves nobody.
func Unqualified(job *dffmpeg.Job, workers []dffmpeg.Worker) string {
	left := make([]dffmpeg.Lack, 0, len(workers))
	for i := range workers {
		left = append(left, settled(workers[i].Lacks(job)))
	}
	for _, stage := range stages(job) {
		able := slices.DeleteFunc(slices.Clone(left), stage.excludes)
		if len(able) == 0 {
			return stage.why(left)
		}
		left = able
	}
	return ""
}

// stage is one sort of things that a worker may lack.
type stage struct {
	excludes func(dffmpeg.Lack) bool
	why      func(left []dffmpeg.Lack) string // when it excludes all that were left
}

// stages are all sorts of things that a worker may lack, in the order they are
// explained in.
func stages(job *dffmpeg.Job) []stage {
	always := func(why string) func([]dffmpeg.Lack) string { return func([]dffmpeg.Lack) string { return why } }
	return []stage{
		{func(l dffmpeg.Lack) bool { return l.Status != "" }, always("no worker is online")},
		{func(l dffmpeg.Lack) bool { return l.Other }, always("worker " + job.Demand.Worker + ", the only one that may run it, is not online")},
		{func(l dffmpeg.Lack) bool { return l.Binary != "" }, always("no online worker has the binary " + job.BinaryName)},
		{func(l dffmpeg.Lack) bool { return l.Streams }, always("the job has media on its standard streams, and no online worker that could run it can connect them; upgrade one to 0.5")},
		{func(l dffmpeg.Lack) bool { return len(l.Paths) > 0 }, func(left []dffmpeg.Lack) string {
			return lacking(left, "no online worker with "+job.BinaryName+" has", "the path ", "the paths ", func(l dffmpeg.Lack) []string { return l.Paths })
		}},
		{func(l dffmpeg.Lack) bool { return len(l.Abilities) > 0 }, func(left []dffmpeg.Lack) string {
			return lacking(left, "no worker has", "", "", func(l dffmpeg.Lack) []string { return spaced(l.Abilities) })
		}},
		{func(l dffmpeg.Lack) bool { return len(l.Resources) > 0 }, func(left []dffmpeg.Lack) string {
			return lacking(left, "no worker has enough of", "", "", func(l dffmpeg.Lack) []string { return l.Resources })
		}},
		{func(l dffmpeg.Lack) bool { return len(l.Labels) > 0 }, func(left []dffmpeg.Lack) string {
			return lacking(left, "no worker has", "the label ", "the labels ", func(l dffmpeg.Lack) []string { return l.Labels })
		}},
		{func(l dffmpeg.Lack) bool { return l.Paused }, always("every worker that could run it is paused")},
		{func(l dffmpeg.Lack) bool { return l.SetAside }, always("every worker that could run it is set aside, because jobs failed there that others completed")},
	}
}

// lacking names what nobody has; what somebody has, though nobody all of it, when there
// is nothing of that kind.
func lacking(left []dffmpeg.Lack, nobody, one, several string, of func(dffmpeg.Lack) []string) string {
	var all []string
	none := slices.Clone(of(left[0]))
	for _, l := range left {
		all = append(all, of(l)...)
		none = slices.DeleteFunc(none, func(name string) bool { return !slices.Contains(of(l), name) })
	}
	slices.Sort(all)
	all = slices.Compact(all)
	if len(none) > 0 {
		return nobody + " " + one + strings.Join(none, ", ")
	}
	return nobody + " all of " + several + strings.Join(all, ", ")
}

// spaced writes abilities for people: "encoder hevc_nvenc".
func spaced(abilities []string) []string {
	list := make([]string, len(abilities))
	for i, ability := range abilities {
		list[i] = strings.Replace(ability, ":", " ", 1)
	}
	return list
}
