package clientcmd

import (
	"fmt"
	"maps"
	"strconv"
	"strings"

	"github.com/dffmpeg/dffmpeg"
)

const termOptions = `      --priority N              from -100 to 100, as far as an admin allows
      --require LABEL=VALUE     run only on workers with this label
      --prefer LABEL=VALUE      run on a worker with this label if one is free
      --need KIND:NAME          needs this of the program, such as encoder:hevc_nvenc
      --no-need KIND:NAME       does not need it, although the arguments look so
      --use RESOURCE=N          occupies N of a resource that workers count; 0 for none
      --max-attempts N          tries it N times at most; 3 if one of the next two says when
      --retry-on WHAT           what is tried again: lost, failed, or an exit code
      --backoff SECONDS         before the second attempt, and twice as long after each
                                (a job whose streams are here is not tried again: see submit -D)
      --queue-timeout SECONDS   fails when it has waited so long for a worker
                                (options from --require to --use, and --retry-on, may be repeated)`

// isTerm reports whether an option is about how the job is queued.
func isTerm(name string) bool {
	switch name {
	case "--priority", "--require", "--prefer", "--need", "--no-need", "--use", "--max-attempts", "--retry-on", "--backoff", "--queue-timeout":
		return true
	}
	return false
}

// setTerm reads the value of such an option.
func setTerm(terms *dffmpeg.JobTerms, name, text string) error {
	switch name {
	case "--require", "--prefer":
		label, value, ok := strings.Cut(text, "=")
		if !ok || label == "" {
			return fmt.Errorf("option %s needs LABEL=VALUE, not %q", name, text)
		}
		labels := &terms.Require
		if name == "--prefer" {
			labels = &terms.Prefer
		}
		set(labels, label, value)
	case "--need", "--no-need":
		if _, _, ok := dffmpeg.SplitAbility(text); !ok {
			return fmt.Errorf("option %s needs KIND:NAME, such as encoder:hevc_nvenc, not %q", name, text)
		}
		if name == "--need" {
			terms.Needs = append(terms.Needs, text)
		} else {
			terms.Lift = append(terms.Lift, text)
		}
	case "--use":
		resource, count, _ := strings.Cut(text, "=")
		number, err := strconv.Atoi(count)
		if err != nil || number < 0 || resource == "" {
			return fmt.Errorf("option %s needs RESOURCE=NUMBER, not %q", name, text)
		}
		set(&terms.Uses, resource, number)
	case "--retry-on":
		terms.RetryOn = append(terms.RetryOn, text)
	default:
		return setNumber(terms, name, text)
	}
	return nil
}

// withTerms returns what a command line asks for, and what the configuration does where
// that says nothing: labels are replaced one by one.
func withTerms(configured, asked dffmpeg.JobTerms) dffmpeg.JobTerms {
	if asked.Priority == nil {
		asked.Priority = configured.Priority
	}
	asked.Require, asked.Prefer = overlaid(configured.Require, asked.Require), overlaid(configured.Prefer, asked.Prefer)
	return asked
}

// overlaid returns the labels of both, those of over where both have one.
func overlaid(under, over map[string]string) map[string]string {
	if len(under) == 0 {
		return over
	}
	both := maps.Clone(under)
	maps.Copy(both, over)
	return both
}

// setNumber reads the value of an option that is a number.
func setNumber(terms *dffmpeg.JobTerms, name, text string) error {
	number, err := strconv.Atoi(text)
	if err != nil {
		return fmt.Errorf("option %s needs a number, not %q", name, text)
	}
	switch name {
	case "--priority":
		if number < dffmpeg.MinPriority || number > dffmpeg.MaxPriority {
			return fmt.Errorf("option %s needs a number from %d to %d, not %d", name, dffmpeg.MinPriority, dffmpeg.MaxPriority, number)
		}
		terms.Priority = &number
	case "--max-attempts":
		if number < 1 || number > dffmpeg.MaxAttempts {
			return fmt.Errorf("option %s needs a number from 1 to %d, not %d", name, dffmpeg.MaxAttempts, number)
		}
		terms.MaxAttempts = number
	case "--backoff":
		terms.Backoff = &number
	case "--queue-timeout":
		terms.QueueTimeout = number
	}
	if number < 0 && name != "--priority" {
		return fmt.Errorf("option %s needs a number from 0 on, not %d", name, number)
	}
	return nil
}

// set adds an entry to a map that may be nil.
func set[V any](m *map[string]V, key string, value V) {
	if *m == nil {
		*m = make(map[string]V)
	}
	(*m)[key] = value
}
