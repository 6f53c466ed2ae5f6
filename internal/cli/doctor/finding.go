package doctor

import (
	"fmt"
	"slices"
)

// Status is how a check ended.
type Status string

// The statuses.
const (
	OK      Status = "ok"
	Warning Status = "warning" // it works, and should be looked at
	Problem Status = "problem" // jobs fail because of it
	Skipped Status = "skipped" // it could not be checked, or does not apply
)

// The names of the checks, in the order of the report. Programs may rely on them.
const (
	checkConfiguration = "configuration"
	checkKeyFile       = "key-file"
	checkPaths         = "paths"
	checkFallback      = "fallback"
	checkDropIn        = "drop-in"
	checkCommand       = "command"
	checkName          = "name"
	checkConnection    = "connection"
	checkTLS           = "tls"
	checkCoordinator   = "coordinator"
	checkVersion       = "version"
	checkClock         = "clock"
	checkKey           = "key"
	checkRole          = "role"
	checkLatency       = "latency"
	checkTransport     = "transport"
	checkStreams       = "streams"
	checkWorkers       = "workers"
)

// Finding is what one check found. A check may have several.
type Finding struct {
	Check  string `json:"check"`
	Status Status `json:"status"`
	// Found is what was found, in one line, free of secrets; of a configuration that
	// cannot be read, a line for each problem.
	Found string `json:"found"`
	// Advice is what to do about it, "" when there is nothing to do.
	Advice string `json:"advice,omitempty"`
}

func ok(check, format string, args ...any) Finding {
	return Finding{Check: check, Status: OK, Found: fmt.Sprintf(format, args...)}
}

func warning(check, found, advice string) Finding {
	return Finding{Check: check, Status: Warning, Found: found, Advice: advice}
}

func problem(check, found, advice string) Finding {
	return Finding{Check: check, Status: Problem, Found: found, Advice: advice}
}

func skipped(check, format string, args ...any) Finding {
	return Finding{Check: check, Status: Skipped, Found: fmt.Sprintf(format, args...)}
}

// because skips checks that need what another one did not find.
func because(of string, checks ...string) []Finding {
	list := make([]Finding, 0, len(checks))
	for _, check := range checks {
		list = append(list, skipped(check, "not checked, because of the problem with %s", of))
	}
	return list
}

// Report is all that was found.
type Report struct {
	// Status is the worst of the findings'; Skipped counts as OK.
	Status   Status    `json:"status"`
	Findings []Finding `json:"findings"`
	// Workers are those that are not offline, by ID.
	Workers []Verdict `json:"workers"`
}

func newReport(findings []Finding, workers []Verdict) Report {
	r := Report{Status: OK, Findings: findings, Workers: workers}
	switch {
	case r.count(Problem) > 0:
		r.Status = Problem
	case r.count(Warning) > 0:
		r.Status = Warning
	}
	if r.Workers == nil {
		r.Workers = []Verdict{}
	}
	return r
}

// count returns how many findings have a status.
func (r *Report) count(status Status) int {
	n := 0
	for _, f := range r.Findings {
		if f.Status == status {
			n++
		}
	}
	return n
}

// failed returns the first check with a problem, "" when there is none.
func failed(findings []Finding) string {
	if i := slices.IndexFunc(findings, func(f Finding) bool { return f.Status == Problem }); i >= 0 {
		return findings[i].Check
	}
	return ""
}
