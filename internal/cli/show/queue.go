package show

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"

	"github.com/dffmpeg/dffmpeg"
)

// queueing returns how a job waits, what it demands and what became of its attempts, as
// far as there is something to say.
func queueing(j *dffmpeg.Job) [][2]string {
	var pairs [][2]string
	add := func(name, value string) {
		if value != "" {
			pairs = append(pairs, [2]string{name, value})
		}
	}
	if j.Position > 0 {
		add("Position in queue", strconv.Itoa(j.Position))
	}
	if j.Priority != dffmpeg.DefaultPriority {
		add("Priority", strconv.Itoa(j.Priority))
	}
	if j.Demand.Light {
		add("Light", "true")
	}
	add("Needs", optional(strings.Join(j.Demand.Needs, ", ")))
	add("Uses", joined(j.Demand.Uses))
	add("Requires", joined(j.Demand.Require))
	add("Prefers", joined(j.Prefer))
	if j.Demand.Worker != "" {
		add("Only on", Text(j.Demand.Worker))
	}
	if j.Retry.MaxAttempts > 1 {
		add("Attempts at most", fmt.Sprintf("%d, on %s", j.Retry.MaxAttempts, List(j.Retry.On)))
	}
	if len(j.Attempts) > 1 {
		for i := range j.Attempts {
			add("Attempt "+strconv.Itoa(j.Attempts[i].Number), attempt(&j.Attempts[i]))
		}
	}
	return pairs
}

// attempt says what became of one.
func attempt(a *dffmpeg.Attempt) string {
	text := fmt.Sprintf("%s on %s, %s", cmp.Or(string(a.Outcome), "under way"), Text(a.WorkerID), Time(&a.AssignedAt))
	if a.ExitCode != nil {
		text += ", exit code " + strconv.Itoa(*a.ExitCode)
	}
	if a.Reason != "" {
		text += ": " + Text(a.Reason)
	}
	return text
}

// joined renders a map.
func joined[V any](m map[string]V) string {
	parts := make([]string, 0, len(m))
	for _, name := range sorted(m) {
		parts = append(parts, fmt.Sprintf("%s=%v", name, m[name]))
	}
	if len(parts) == 0 {
		return ""
	}
	return Text(strings.Join(parts, ", "))
}

// workerStatus returns a worker's status, and what else keeps it from jobs.
func workerStatus(k *dffmpeg.Worker) string {
	if kept := k.Kept(); kept != "" {
		return string(k.Status) + ", " + kept
	}
	return string(k.Status)
}

// offer returns what a worker gives to jobs, and what keeps it from some.
func offer(k *dffmpeg.Worker) [][2]string {
	var pairs [][2]string
	add := func(name, value string) {
		if value != "" {
			pairs = append(pairs, [2]string{name, value})
		}
	}
	add("Jobs at a time", fmt.Sprintf("%s, and %s light ones", limit(k.Offer.MaxJobs), limit(k.Offer.MaxLightJobs)))
	add("Of a program", joined(k.Offer.MaxPerBinary))
	add("Resources", joined(k.Offer.Resources))
	add("Labels", joined(k.Offer.Labels))
	if k.Offer.Share() != 1 {
		add("Weight", fmt.Sprint(k.Offer.Share()))
	}
	for _, name := range sorted(k.Offer.Programs) {
		program := k.Offer.Programs[name]
		add("Version of "+name, Text(program.Version))
		if program.Profile != "" {
			add("Hardware of "+name, List(program.Hardware))
		}
	}
	if p := k.Pause; p != nil {
		add("Paused", Time(&p.Since)+" by "+Text(p.By))
		add("Pause reason", optional(p.Reason))
	}
	if t := k.Trouble; t != nil {
		add("Failed, and others completed", List(t.Jobs))
		if t.Since != nil {
			add("Set aside", Time(t.Since)+", gets a job on trial "+Time(t.Until))
		}
	}
	return pairs
}

// optional renders a text that may be missing.
func optional(text string) string {
	if text == "" {
		return ""
	}
	return Text(text)
}

func limit(n int) string {
	if n == 0 {
		return "any number"
	}
	return strconv.Itoa(n)
}
