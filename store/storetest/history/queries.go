package history

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/store/transition"

	"github.com/dffmpeg/dffmpeg/store"
	"github.com/dffmpeg/dffmpeg/store/sqlstore"
)

// Recorder notes the queries that engines prepare. It may be used by several
// goroutines at once.
type Recorder struct {
	mu      sync.Mutex
	queries map[string]bool
}

// Dialect returns a dialect, of an engine whose tables have these names, that
// notes each query.
func (r *Recorder) Dialect(d sqlstore.Dialect, tables store.Tables) sqlstore.Dialect {
	names := strings.NewReplacer(
		cmp.Or(tables.Jobs, "dffmpeg_jobs"), "dffmpeg_jobs",
		cmp.Or(tables.Messages, "dffmpeg_messages"), "dffmpeg_messages",
		cmp.Or(tables.Workers, "dffmpeg_workers"), "dffmpeg_workers",
	)
	rebind := d.Rebind
	d.Rebind = func(query string) string {
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.queries == nil {
			r.queries = make(map[string]bool)
		}
		r.queries[names.Replace(query)] = true
		return rebind(query)
	}
	return d
}

// Query is one that was noted, with its placeholders as the store writes them,
// and arguments for each.
type Query struct {
	Text string
	// Of arguments there are several lists: of a job that ended, and of the worker
	// that did all jobs.
	Args [][]any
}

// Searches returns the queries that look for something in a table which grows
// with history. It is an error when there are so few that some must have been
// missed, and for one whose arguments are not known: then they are to be added
// here.
func (r *Recorder) Searches(size Size) ([]Query, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	kinds := make(map[string]int)
	var found []Query
	for _, text := range slices.Sorted(maps.Keys(r.queries)) {
		kind, _, _ := strings.Cut(text, " ")
		if !slices.Contains([]string{"SELECT", "UPDATE", "DELETE"}, kind) ||
			!strings.Contains(text, "dffmpeg_jobs") && !strings.Contains(text, "dffmpeg_messages") {
			continue
		}
		kinds[kind]++
		q := Query{Text: text}
		for _, mailbox := range []string{"job/" + jobID(size.Jobs/2), "worker/" + Worker} {
			args, err := arguments(text, mailbox, size)
			if err != nil {
				return nil, err
			}
			q.Args = append(q.Args, args)
		}
		found = append(found, q)
	}
	if kinds["SELECT"] < 20 || kinds["UPDATE"] < 5 || kinds["DELETE"] < 5 {
		return nil, fmt.Errorf("only %v queries were seen", kinds)
	}
	return found, nil
}

// placeholder is what a query says just before an argument.
var placeholder = regexp.MustCompile(`(?:(\w+) ?(=|<|>|<=|>=|<>|IN \(|,) ?|(LIMIT) )$`)

// arguments returns arguments for a query that are like those of a coordinator
// with much history.
func arguments(text, mailbox string, size Size) ([]any, error) {
	parts := strings.Split(text, "?")
	args := make([]any, 0, len(parts)-1)
	var column, operator string
	for _, before := range parts[:len(parts)-1] {
		if before != "," { // else another one of the same list
			at := placeholder.FindStringSubmatch(before)
			if at == nil {
				return nil, fmt.Errorf("the argument after %q is not known", before)
			}
			column, operator = cmp.Or(at[1], at[3]), at[2]
		}
		args = append(args, argument(column, operator, mailbox, size))
	}
	return args, nil
}

// argument returns a value that a column is compared with, or set to.
func argument(column, operator, mailbox string, size Size) any {
	half := size.Jobs / 2
	switch column + " " + operator {
	case "last_update >", "created_at >":
		return time.Now().Add(-time.Hour).UnixMicro() // a window
	case "last_update <", "created_at <":
		return began() + int64(half)*1_000_000 // what is too old
	case "log_bytes >":
		return int64(1) << 20
	case "seq <=", "seq =":
		return int64(size.Jobs) // the worker's last one
	case "message_id >", "message_id >=":
		return "" // from the beginning
	case "message_id <=":
		return "Z"
	case "queue_until <":
		return time.Now().UnixMicro()
	case "queue >":
		return "" // from the first
	case "number <":
		return int64(Limit)
	}
	switch column {
	case "LIMIT":
		return int64(Limit)
	case "mailbox":
		return mailbox
	case "job_id":
		return jobID(half)
	case "message_id", "last_message_id":
		return fmt.Sprintf("%s%0*d03", messagePrefix, maxDigits, half)
	case "requester_id":
		return requester
	case "idempotency_key":
		return fmt.Sprintf("key-%0*d", maxDigits, half)
	case "worker_id":
		return Worker
	case "status":
		return "pending"
	case "type":
		return "job_request"
	case "transport":
		return "mqtt"
	case "queue":
		return transition.Queue(&dffmpeg.Job{Status: dffmpeg.JobPending, RequesterID: requester, BinaryName: "ffmpeg"})
	case "reason":
		return "reason"
	case "monitor":
		return true
	}
	return int64(1)
}

// Limit is how many rows are asked for by queries that have a limit.
const Limit = 100
