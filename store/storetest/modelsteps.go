package storetest

import (
	"fmt"
	"time"

	"pgregory.net/rapid"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/store"
)

func (m *model) anyJob(rt *rapid.T) string { return rapid.SampledFrom(m.jobs).Draw(rt, "job") }

func (m *model) anyWorker(rt *rapid.T) string {
	return rapid.SampledFrom([]string{b1, b1, b2, "never registered"}).Draw(rt, "worker")
}

// step does one operation on a job with both stores.
func (m *model) step(rt *rapid.T, what string, do func(state store.State) (store.Change, error)) {
	compare(m, rt, what, func(s store.State, _ bool) (store.Change, error) { return do(s) })
}

func (m *model) submit(rt *rapid.T) {
	job := dffmpeg.Job{
		ID:          m.ids.NewID(time.Time{}),
		RequesterID: rapid.SampledFrom([]string{alice, "bob"}).Draw(rt, "requester"), BinaryName: rapid.SampledFrom([]string{"ffmpeg", "ffprobe"}).Draw(rt, "binary"),
		Arguments: rapid.SliceOfN(rapid.String(), 0, 3).Draw(rt, "arguments"), Paths: []string{"Media"},
		Environment:       rapid.SampledFrom([]map[string]string{nil, {}, {"AMD_DEBUG": "", "LIBVA_DRIVER_NAME": "é'\n"}}).Draw(rt, "environment"),
		Segments:          rapid.SampledFrom([][]dffmpeg.Argument{nil, twoForms()}).Draw(rt, "segments"),
		Warnings:          rapid.SampledFrom([][]string{nil, {}, {"given", "given", "é'\n"}}).Draw(rt, "warnings"),
		Umask:             rapid.SampledFrom([]*int{nil, umask(0), umask(0o77)}).Draw(rt, "umask"),
		HeartbeatInterval: interval, Monitor: rapid.Bool().Draw(rt, "monitor"),
		Transport:      rapid.SampledFrom([]string{"http_polling", "mqtt"}).Draw(rt, "transport"),
		Stdio:          rapid.SampledFrom([]dffmpeg.StdioUse{dffmpeg.StdioNone, dffmpeg.StdioOffered}).Draw(rt, "stdio"),
		Priority:       rapid.SampledFrom([]int{0, 0, -100, 100}).Draw(rt, "priority"),
		Demand:         rapid.SampledFrom(demands()).Draw(rt, "demand"),
		Prefer:         rapid.SampledFrom([]map[string]string{nil, {}, {"a": "é"}}).Draw(rt, "prefer"),
		Retry:          rapid.SampledFrom(policies()).Draw(rt, "retry"),
		QueueTimeout:   rapid.IntRange(0, 1).Draw(rt, "queue timeout"),
		IdempotencyKey: rapid.SampledFrom([]string{"", "", "k1", "k2"}).Draw(rt, "key"),
	}
	result := compare(m, rt, "Submit", func(s store.State, _ bool) (store.Change, error) { return s.Submit(m.ctx, job) })
	if result.oracle.Outcome == store.Applied {
		m.jobs = append(m.jobs, job.ID)
		m.look(rt, job.ID)
	}
}

// look remembers the record of a job as it is now.
func (m *model) look(rt *rapid.T, id string) {
	m.seen[id] = compare(m, rt, "Job", func(s store.State, _ bool) (dffmpeg.Job, error) { return s.Job(m.ctx, id) })
}

// change does what clients and the coordinator do to jobs.
func (m *model) change(rt *rapid.T) {
	id, worker := m.anyJob(rt), m.anyWorker(rt)
	what := rapid.SampledFrom([]string{"Claim", "Claim", "Attend", "Cancel", "Requeue", "Lose", "Conclude", "look"}).Draw(rt, "operation")
	status := rapid.SampledFrom(dffmpeg.JobStatuses()).Draw(rt, "status")
	monitor := rapid.Ptr(rapid.Bool(), true).Draw(rt, "monitor")
	switch what {
	case "Attend":
		m.step(rt, what, func(s store.State) (store.Change, error) { return s.Attend(m.ctx, id, monitor) })
	case "Cancel":
		m.step(rt, what, func(s store.State) (store.Change, error) { return s.Cancel(m.ctx, id, alice, "asked") })
	case "look":
		m.look(rt, id)
	default:
		seen := m.seen[id]
		compare(m, rt, what, func(s store.State, engine bool) (store.Change, error) {
			record := seen.oracle
			if engine {
				record = seen.engine
			}
			switch what {
			case "Claim":
				return s.Claim(m.ctx, record, worker)
			case "Requeue":
				return s.Requeue(m.ctx, record, "lost")
			case "Lose":
				return s.Lose(m.ctx, record, "lost")
			}
			return s.Conclude(m.ctx, record, status, "over")
		})
	}
}

// report does what workers do.
func (m *model) report(rt *rapid.T) {
	id := m.anyJob(rt)
	by := store.By{WorkerID: m.anyWorker(rt), Attempt: rapid.IntRange(0, 2).Draw(rt, "attempt")}
	result := store.Result{
		Status:   rapid.SampledFrom(dffmpeg.JobStatuses()[3:]).Draw(rt, "status"),
		ExitCode: rapid.Ptr(rapid.IntRange(0, 1), true).Draw(rt, "exit code"),
		Warnings: rapid.SampledFrom([][]string{nil, {"given", "reported"}}).Draw(rt, "warnings"),
	}
	batch := rapid.Int64Range(0, 3).Draw(rt, "batch")
	entries := output(rapid.SliceOfN(rapid.String(), 1, 2).Draw(rt, "lines")...)
	reports := map[string]func(s store.State) (store.Change, error){
		"Accept":     func(s store.State) (store.Change, error) { return s.Accept(m.ctx, id, by) },
		"Reject":     func(s store.State) (store.Change, error) { return s.Reject(m.ctx, id, by) },
		"Renew":      func(s store.State) (store.Change, error) { return s.Renew(m.ctx, id, by) },
		"Finish":     func(s store.State) (store.Change, error) { return s.Finish(m.ctx, id, by, result) },
		"AppendLogs": func(s store.State) (store.Change, error) { return s.AppendLogs(m.ctx, id, by, batch, entries) },
	}
	what := rapid.SampledFrom([]string{"Accept", "Accept", "Reject", "Renew", "Finish", "AppendLogs"}).Draw(rt, "report")
	m.step(rt, what, reports[what])
}

func (m *model) register(rt *rapid.T, id string) {
	registration := announcement(id, "token "+rapid.SampledFrom([]string{"1", "2"}).Draw(rt, "token"))
	registration.Worker.Status = rapid.SampledFrom([]dffmpeg.WorkerStatus{dffmpeg.WorkerOnline, dffmpeg.WorkerOnline, dffmpeg.WorkerDraining}).Draw(rt, "asked")
	registration.Worker.Transport = rapid.SampledFrom([]string{"http_polling", "http_polling", "mqtt"}).Draw(rt, "transport")
	registration.Worker.Offer = rapid.SampledFrom(offers()).Draw(rt, "offer")
	registration.Hears = rapid.Bool().Draw(rt, "hears")
	if m.features.InjectedClock {
		registration.Delay = rapid.SampledFrom([]time.Duration{0, delay}).Draw(rt, "delay")
	}
	compare(m, rt, "Register", func(s store.State, _ bool) (store.Registered, error) { return s.Register(m.ctx, registration) })
}

func (m *model) verify(rt *rapid.T, id string) {
	token := "token " + rapid.SampledFrom([]string{"1", "2"}).Draw(rt, "token")
	compare(m, rt, "Verify", func(s store.State, _ bool) (dffmpeg.Worker, error) { return s.Verify(m.ctx, id, token) })
}

func (m *model) changeWorker(rt *rapid.T) {
	id := rapid.SampledFrom([]string{b1, b2}).Draw(rt, "worker")
	switch rapid.SampledFrom([]string{"Register", "Verify", "Verify", "Deregister", "Expire", "Pause", "look"}).Draw(rt, "operation") {
	case "Register":
		m.register(rt, id)
	case "Verify":
		m.verify(rt, id)
	case "Deregister":
		compare(m, rt, "Deregister", func(s store.State, _ bool) (dffmpeg.Worker, error) { return s.Deregister(m.ctx, id) })
	case "Expire":
		seen := m.known[id]
		compare(m, rt, "Expire", func(s store.State, engine bool) (bool, error) {
			if engine {
				return s.Expire(m.ctx, seen.engine)
			}
			return s.Expire(m.ctx, seen.oracle)
		})
	case "Pause":
		pause := rapid.SampledFrom([]*dffmpeg.Pause{nil, {By: "admin", Reason: "é"}}).Draw(rt, "pause")
		compare(m, rt, "PauseWorker", func(s store.State, _ bool) (dffmpeg.Worker, error) { return s.PauseWorker(m.ctx, id, pause) })
	case "look":
		m.known[id] = compare(m, rt, "Worker", func(s store.State, _ bool) (dffmpeg.Worker, error) { return s.Worker(m.ctx, id) })
	}
}

// recipients are all whose mail the model looks at.
func (m *model) recipients() []dffmpeg.Recipient {
	list := []dffmpeg.Recipient{dffmpeg.ToWorker(b1), dffmpeg.ToWorker(b2)}
	for _, id := range m.jobs {
		list = append(list, (&dffmpeg.Job{ID: id, RequesterID: m.seen[id].oracle.RequesterID}).Requester())
	}
	return list
}

// handleMail reads a recipient's mail, and marks or acknowledges some of it.
func (m *model) handleMail(rt *rapid.T) {
	to := rapid.SampledFrom(m.recipients()).Draw(rt, "recipient")
	query := store.MailQuery{
		Select: rapid.SampledFrom([]store.MailSelection{store.MailUnsent, store.MailUnacknowledged, store.MailAfter}).Draw(rt, "selection"),
		Limit:  rapid.IntRange(0, 3).Draw(rt, "limit"),
	}
	mail := compare(m, rt, "Mail", func(s store.State, _ bool) ([]dffmpeg.Message, error) { return s.Mail(m.ctx, to, query) })
	if len(mail.oracle) == 0 {
		return
	}
	some := rapid.IntRange(1, len(mail.oracle)).Draw(rt, "some")
	if rapid.Bool().Draw(rt, "acknowledge") {
		compare(m, rt, "Acknowledge", func(s store.State, engine bool) (int, error) {
			if engine {
				return s.Acknowledge(m.ctx, to, messageIDs(mail.engine[:some]))
			}
			return s.Acknowledge(m.ctx, to, messageIDs(mail.oracle[:some]))
		})
		return
	}
	through := mail.oracle[some-1].Seq
	compare(m, rt, "MarkSent", func(s store.State, _ bool) (struct{}, error) { return struct{}{}, s.MarkSent(m.ctx, to, through) })
}

// compareAll compares all that can be read, at the end of a sequence.
func (m *model) compareAll(rt *rapid.T) {
	for _, to := range m.recipients() {
		for selection := store.MailUnsent; selection <= store.MailAfter; selection++ {
			compare(m, rt, fmt.Sprintf("mail %d of %s", selection, to), func(s store.State, _ bool) ([]dffmpeg.Message, error) {
				return s.Mail(m.ctx, to, store.MailQuery{Select: selection})
			})
		}
	}
	for _, id := range m.jobs {
		for _, limit := range []int{0, 1} {
			compare(m, rt, "Logs", func(s store.State, _ bool) (store.LogPage, error) {
				return s.Logs(m.ctx, id, store.LogQuery{Limit: limit})
			})
		}
	}
	for _, window := range []time.Duration{0, 2 * time.Minute, 24 * time.Hour} {
		if window > 0 && !m.features.InjectedClock {
			continue
		}
		compare(m, rt, "List", func(s store.State, _ bool) ([]dffmpeg.Job, error) {
			return s.List(m.ctx, store.JobQuery{Requester: alice, Window: window})
		})
		compare(m, rt, "ListWorkers", func(s store.State, _ bool) ([]dffmpeg.Worker, error) { return s.ListWorkers(m.ctx, window) })
	}
	compare(m, rt, "Active", func(s store.State, _ bool) ([]dffmpeg.Job, error) { return s.Active(m.ctx, 3) })
	compare(m, rt, "Loads", func(s store.State, _ bool) (map[string]int, error) {
		held, err := s.Loads(m.ctx)
		return store.JobsByWorker(held), err
	})
	compare(m, rt, "Queues", func(s store.State, _ bool) ([]store.Head, error) { return s.Queues(m.ctx, "", 100) })
	compare(m, rt, "Enqueue", func(s store.State, _ bool) (int, error) { return s.Enqueue(m.ctx, 10) })
	compare(m, rt, "Depths", func(s store.State, _ bool) ([]store.Depth, error) { return s.Depths(m.ctx) })
	compare(m, rt, "Monitored", func(s store.State, _ bool) ([]dffmpeg.Job, error) { return s.Monitored(m.ctx) })
	compare(m, rt, "Overdue", func(s store.State, _ bool) (int, error) {
		jobs, err := s.Overdue(m.ctx, 100)
		return len(jobs), err
	})
	for _, id := range []string{b1, b2} {
		compare(m, rt, "HeldBy", func(s store.State, _ bool) ([]dffmpeg.Job, error) { return s.HeldBy(m.ctx, id) })
	}
	compare(m, rt, "Unsent", func(s store.State, _ bool) (int, error) {
		to, err := s.Unsent(m.ctx, []string{"mqtt", "http_polling"}, 1000)
		return len(to), err
	})
	if m.features.InjectedClock {
		compare(m, rt, "Tally", func(s store.State, _ bool) (dffmpeg.MetricsAnswer, error) { return s.Tally(m.ctx) })
	}
}

// demands, policies and offers are such as jobs and workers have.
func demands() []dffmpeg.Demand {
	return []dffmpeg.Demand{
		{},
		{Light: true},
		{Needs: []string{"encoder:b", "encoder:a", "encoder:a"}, Uses: map[string]int{"nvenc": 1}, Claims: []string{}},
		{Uses: map[string]int{}, Require: map[string]string{"a": "é"}, Worker: b1},
	}
}

func policies() []dffmpeg.RetryPolicy {
	return []dffmpeg.RetryPolicy{
		{},
		{MaxAttempts: 2, On: []string{"lost", "failed", "lost"}, LostAfter: 60, Asked: true},
		{MaxAttempts: 3, Backoff: 60, On: []string{"1"}},
	}
}

func offers() []dffmpeg.Offer {
	return []dffmpeg.Offer{
		{},
		{MaxJobs: 1, MaxLightJobs: 1, Labels: map[string]string{}},
		{MaxPerBinary: map[string]int{"ffprobe": 1}, Resources: map[string]int{"nvenc": 1}, Labels: map[string]string{"a": "é"}, Weight: 1.5},
	}
}
