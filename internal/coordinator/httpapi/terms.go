package httpapi

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/internal/demand"
)

// QueueSettings are the coordinator's defaults for jobs that do not say how they wait
// and how often they are tried.
type QueueSettings struct {
	DetachedAttempts int           // of jobs that nobody waits for; others are tried once
	Backoff          time.Duration // before the second attempt
	LostAfter        time.Duration // without contact an attempt is lost
	Timeout          time.Duration // of waiting for a worker, for jobs that nobody waits for; 0: none
	// LegacyMaxJobs and LegacyMaxLightJobs are the limits of workers that set none, as
	// those of 0.4; 0 for none.
	LegacyMaxJobs, LegacyMaxLightJobs int
	// QueryWorker is the only one that is asked what programs are and can do, so that the
	// answer is always the same; "" for any.
	QueryWorker string
}

// askedAttempts is how often a job is tried whose requester says what is tried again, or
// when, and not how often.
const askedAttempts = 3

// maxNeeds bounds the needs that are inferred: more than any command that does something
// has.
const maxNeeds = 256

// demanded adds to a job what its requester asks of the queue.
func (a *api) demanded(identity dffmpeg.Identity, in *dffmpeg.SubmitRequest, job *dffmpeg.Job) error {
	terms := &in.Terms
	if err := checkTerms(terms); err != nil {
		return err
	}
	priority, ok := identity.Priority(terms.Priority)
	if !ok {
		return invalidTerm("priority", fmt.Sprintf("The highest priority that %s may ask for is %d; an admin can change that: dffmpeg admin user set-priorities %s --ceiling N",
			identity.ClientID, identity.PriorityCeiling(), identity.ClientID))
	}
	job.Priority, job.Prefer = priority, terms.Prefer
	job.Demand = demand.Infer(in.BinaryName, in.Arguments)
	job.Demand.Needs = bounded(job.Demand.Needs)
	if demand.IsQuery(in.BinaryName, in.Arguments) {
		job.Demand.Worker = a.Settings.Queue.QueryWorker
	}
	job.Demand.Require = terms.Require
	job.Demand.Needs = slices.DeleteFunc(append(job.Demand.Needs, terms.Needs...), func(ability string) bool {
		return slices.Contains(terms.Lift, ability) && !slices.Contains(terms.Needs, ability)
	})
	for name, count := range terms.Uses {
		if count == 0 {
			delete(job.Demand.Uses, name)
			continue
		}
		if job.Demand.Uses == nil {
			job.Demand.Uses = make(map[string]int)
		}
		job.Demand.Uses[name] = count
		job.Demand.Claims = append(job.Demand.Claims, name)
	}
	job.Retry, job.QueueTimeout = a.retryPolicy(in), terms.QueueTimeout
	if job.QueueTimeout == 0 && !in.Monitor {
		job.QueueTimeout = int(a.Settings.Queue.Timeout / time.Second)
	}
	return nil
}

// bounded returns those of inferred needs that are looked at. Every one costs a comparison
// with each worker as long as the job waits; a job that has more is given away without
// regard to the rest.
func bounded(needs []string) []string {
	needs = slices.DeleteFunc(needs, func(ability string) bool {
		_, name, ok := dffmpeg.SplitAbility(ability)
		return !ok || !dffmpeg.Named(name)
	})
	return needs[:min(len(needs), maxNeeds)]
}

// retryPolicy returns when a job is tried again.
func (a *api) retryPolicy(in *dffmpeg.SubmitRequest) dffmpeg.RetryPolicy {
	terms, settings := &in.Terms, &a.Settings.Queue
	policy := dffmpeg.RetryPolicy{MaxAttempts: terms.MaxAttempts, On: terms.RetryOn, Asked: terms.AskRetries()}
	if policy.MaxAttempts == 0 && !in.Monitor {
		policy.MaxAttempts = settings.DetachedAttempts
	}
	if policy.MaxAttempts <= 1 && policy.Asked {
		policy.MaxAttempts = askedAttempts // its requester said nothing of how often
	}
	if policy.MaxAttempts <= 1 {
		return dffmpeg.RetryPolicy{}
	}
	if len(policy.On) == 0 {
		policy.On = []string{dffmpeg.RetryLost}
	}
	policy.LostAfter = int(settings.LostAfter / time.Second)
	policy.Backoff = int(settings.Backoff / time.Second)
	if terms.Backoff != nil {
		policy.Backoff = *terms.Backoff
	}
	return policy
}

// checkTerms checks what a schema cannot.
func checkTerms(terms *dffmpeg.JobTerms) error {
	for _, field := range []struct {
		name   string
		labels map[string]string
	}{{"require", terms.Require}, {"prefer", terms.Prefer}} {
		if problem := dffmpeg.LabelsProblem(field.labels); problem != "" {
			return invalidTerm(field.name, problem)
		}
	}
	for _, field := range []struct {
		name string
		list []string
	}{{"needs", terms.Needs}, {"lift", terms.Lift}} {
		for _, ability := range field.list {
			if _, name, ok := dffmpeg.SplitAbility(ability); !ok || !dffmpeg.Named(name) {
				return invalidTerm(field.name, "An ability is written kind:name, such as encoder:hevc_nvenc, not "+short(ability)+"; there are "+abilityKinds())
			}
		}
	}
	if problem := dffmpeg.CountsProblem(terms.Uses); problem != "" {
		return invalidTerm("uses", problem)
	}
	for _, word := range terms.RetryOn {
		if code, err := strconv.Atoi(word); word != dffmpeg.RetryLost && word != dffmpeg.RetryFailed && (err != nil || strconv.Itoa(code) != word) {
			return invalidTerm("retry_on", "What is tried again is lost, failed or an exit code, not "+short(word))
		}
	}
	return nil
}

func invalidTerm(name, msg string) error {
	return invalidFields(dffmpeg.FieldError{Type: "value_error", Loc: []any{"body", "terms", name}, Msg: msg})
}

func abilityKinds() string {
	text := ""
	for i, kind := range dffmpeg.AbilityKinds() {
		if i > 0 {
			text += ", "
		}
		text += string(kind)
	}
	return text
}

// offered returns the offer of a worker as it is stored: with the coordinator's limits
// for those that say nothing of one, as those of 0.4. Ours always have a weight.
func (a *api) offered(in *dffmpeg.RegisterRequest) (dffmpeg.Offer, error) {
	offer := in.Offer
	for _, field := range []struct{ name, problem string }{
		{"labels", dffmpeg.LabelsProblem(offer.Labels)},
		{"resources", dffmpeg.CountsProblem(offer.Resources)},
		{"max_jobs_per_binary", dffmpeg.CountsProblem(offer.MaxPerBinary)},
	} {
		if field.problem != "" {
			return offer, invalidFields(dffmpeg.FieldError{Type: "value_error", Loc: []any{"body", "offer", field.name}, Msg: field.problem})
		}
	}
	for name, program := range offer.Programs {
		if !dffmpeg.Named(name) || !plain(program.Version) || !plain(program.Profile) || !plain(strings.Join(program.Hardware, "")) || len(offer.Programs) > dffmpeg.MaxLabels {
			return offer, invalidFields(dffmpeg.FieldError{
				Type: "value_error", Loc: []any{"body", "offer", "programs"}, Msg: "There are too many programs, or control characters in what is said of them",
			})
		}
	}
	if offer.Limitless() && offer.Weight == 0 {
		offer.MaxJobs, offer.MaxLightJobs = a.Settings.Queue.LegacyMaxJobs, a.Settings.Queue.LegacyMaxLightJobs
	}
	return offer, nil
}
