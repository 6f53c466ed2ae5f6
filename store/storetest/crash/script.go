// Package crash tests what an engine promises about crashes: whatever it
// confirmed is there afterwards, and nothing is half there. Writers go through
// endless scripts of operations that are known in advance, each with jobs and a
// worker of its own; after a crash all that a writer's script has touched must
// be as package memory has it after so many steps: as many as were confirmed,
// or one more if one was under way. The writers then go on from there.
//
// [RunProcess] kills the process that writes, for an engine within the process,
// and [RunServer] the engine's server.
package crash

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/store"
)

// script is the endless list of operations of one writer.
type script struct{ writer int }

// action is one operation of a script on a store. Its job is one of the three
// of each round.
type action func(ctx context.Context, state store.State, s script, round int) (store.Outcome, error)

// round is what a script repeats: the worker registers, and three jobs live and
// die in different ways.
func round() []action {
	return []action{
		register, verify,
		submit(0), claim(0), accept(0), write(0, 1), renew(0), write(0, 2), acknowledge, finish(0, 3), handOver(0),
		submit(1), claim(1), reject(1), claim(1), accept(1), cancel(1), write(1, 1), finish(1, 2), attend(1),
		submit(2), claim(2), requeue(2), claim(2), conclude(2), acknowledge,
	}
}

// perRound is how many jobs a round has.
const perRound = 3

// step executes step n of the script, which nothing may keep from applying.
func (s script) step(ctx context.Context, state store.State, n int) error {
	actions := round()
	outcome, err := actions[n%len(actions)](ctx, state, s, n/len(actions))
	if err == nil && outcome != store.Applied {
		err = fmt.Errorf("the outcome is %s", outcome)
	}
	if err != nil {
		return fmt.Errorf("writer %d, step %d: %w", s.writer, n, err)
	}
	return nil
}

// jobs returns the IDs of the jobs that steps from one up to but not including
// another are about.
func (s script) jobs(from, to int) []string {
	length := len(round())
	var ids []string
	for r := from / length; to > 0 && r <= (to-1)/length; r++ {
		for i := range perRound {
			ids = append(ids, s.job(r, i))
		}
	}
	return ids
}

func (s script) worker() string    { return fmt.Sprintf("worker-%d", s.writer) }
func (s script) requester() string { return fmt.Sprintf("client-%d", s.writer) }

// job returns the ID of job i of a round.
func (s script) job(round, i int) string {
	return fmt.Sprintf("01%06d%018d", s.writer, round*perRound+i)
}

// recipient returns where messages about a job go.
func (s script) recipient(job string) dffmpeg.Recipient {
	return (&dffmpeg.Job{ID: job, RequesterID: s.requester()}).Requester()
}

func (s script) token(round int) string { return fmt.Sprintf("token-%d-%d", s.writer, round) }

func register(ctx context.Context, state store.State, s script, round int) (store.Outcome, error) {
	version := "0.4.0"
	_, err := state.Register(ctx, store.Registration{
		Worker: dffmpeg.Worker{
			ID: s.worker(), Capabilities: []string{"ack/1"}, Binaries: []string{"ffmpeg"}, Paths: []string{"Media"},
			RegistrationInterval: 15, Version: &version, Status: dffmpeg.WorkerOnline,
			Transport: "http_polling", TransportMetadata: map[string]any{"path": "/poll/worker"},
			InstanceID: fmt.Sprint("instance ", round),
		},
		Token: s.token(round),
	})
	return store.Applied, err
}

func verify(ctx context.Context, state store.State, s script, round int) (store.Outcome, error) {
	_, err := state.Verify(ctx, s.worker(), s.token(round))
	return store.Applied, err
}

// acknowledge acknowledges all that the worker was told.
func acknowledge(ctx context.Context, state store.State, s script, _ int) (store.Outcome, error) {
	to := dffmpeg.ToWorker(s.worker())
	mail, err := state.Mail(ctx, to, store.MailQuery{Select: store.MailUnacknowledged})
	if err != nil {
		return 0, err
	}
	ids := make([]string, len(mail))
	for i, message := range mail {
		ids[i] = message.ID
	}
	_, err = state.Acknowledge(ctx, to, ids)
	return store.Applied, err
}

// handOver marks what the requester of job i was told as sent.
func handOver(i int) action {
	return func(ctx context.Context, state store.State, s script, round int) (store.Outcome, error) {
		to := s.recipient(s.job(round, i))
		mail, err := state.Mail(ctx, to, store.MailQuery{Select: store.MailUnsent})
		if err != nil || len(mail) == 0 {
			return store.Refused, err
		}
		return store.Applied, state.MarkSent(ctx, to, mail[len(mail)-1].Seq)
	}
}

// onJob is an action that changes job i of a round.
func onJob(i int, do func(ctx context.Context, state store.State, id string, by store.By, s script) (store.Change, error)) action {
	return func(ctx context.Context, state store.State, s script, round int) (store.Outcome, error) {
		change, err := do(ctx, state, s.job(round, i), store.By{WorkerID: s.worker()}, s)
		return change.Outcome, err
	}
}

func submit(i int) action {
	return onJob(i, func(ctx context.Context, state store.State, id string, _ store.By, s script) (store.Change, error) {
		return state.Submit(ctx, dffmpeg.Job{
			ID: id, RequesterID: s.requester(), BinaryName: "ffmpeg",
			Arguments: []string{"-i", "$Media/a.mkv", "out.mp4"}, Paths: []string{"Media"}, HeartbeatInterval: 7,
			Transport: "http_polling", TransportMetadata: map[string]any{"path": "/poll/jobs/x"}, IdempotencyKey: id,
		})
	})
}

func claim(i int) action {
	return onJob(i, func(ctx context.Context, state store.State, id string, by store.By, _ script) (store.Change, error) {
		job, err := state.Job(ctx, id)
		if err != nil {
			return store.Change{}, err
		}
		return state.Claim(ctx, job, by.WorkerID)
	})
}

func accept(i int) action {
	return onJob(i, func(ctx context.Context, state store.State, id string, by store.By, _ script) (store.Change, error) {
		return state.Accept(ctx, id, by)
	})
}

func reject(i int) action {
	return onJob(i, func(ctx context.Context, state store.State, id string, by store.By, _ script) (store.Change, error) {
		return state.Reject(ctx, id, by)
	})
}

func renew(i int) action {
	return onJob(i, func(ctx context.Context, state store.State, id string, by store.By, _ script) (store.Change, error) {
		return state.Renew(ctx, id, by)
	})
}

func attend(i int) action {
	return onJob(i, func(ctx context.Context, state store.State, id string, _ store.By, _ script) (store.Change, error) {
		change, err := state.Attend(ctx, id, nil)
		if change.Outcome == store.Finished { // as it is, and said again
			change.Outcome = store.Applied
		}
		return change, err
	})
}

// write reports a batch of output of both streams.
func write(i int, batch int64) action {
	return onJob(i, func(ctx context.Context, state store.State, id string, by store.By, _ script) (store.Change, error) {
		return state.AppendLogs(ctx, id, by, batch, entries(batch))
	})
}

func finish(i int, batch int64) action {
	return onJob(i, func(ctx context.Context, state store.State, id string, by store.By, _ script) (store.Change, error) {
		code := i
		return state.Finish(ctx, id, by, store.Result{
			Status: []dffmpeg.JobStatus{dffmpeg.JobCompleted, dffmpeg.JobCanceled}[i], ExitCode: &code,
			Output: entries(batch), Batch: batch,
		})
	})
}

func cancel(i int) action {
	return onJob(i, func(ctx context.Context, state store.State, id string, _ store.By, s script) (store.Change, error) {
		return state.Cancel(ctx, id, s.requester(), "asked")
	})
}

func requeue(i int) action {
	return onJob(i, func(ctx context.Context, state store.State, id string, _ store.By, _ script) (store.Change, error) {
		seen, err := state.Job(ctx, id)
		if err != nil {
			return store.Change{}, err
		}
		return state.Requeue(ctx, seen, "lost")
	})
}

func conclude(i int) action {
	return onJob(i, func(ctx context.Context, state store.State, id string, _ store.By, _ script) (store.Change, error) {
		seen, err := state.Job(ctx, id)
		if err != nil {
			return store.Change{}, err
		}
		return state.Conclude(ctx, seen, dffmpeg.JobFailed, "nobody left")
	})
}

// entries are a batch of output; the second one is long.
func entries(batch int64) []dffmpeg.LogEntry {
	at := time.Date(2026, 11, 23, 0, 0, int(batch), 0, time.UTC)
	text := strings.Repeat(fmt.Sprintf("frame=%d fps=25 ", batch), 1+int(batch%2)*300)
	return []dffmpeg.LogEntry{
		{Stream: dffmpeg.Stderr, Content: text, Timestamp: &at},
		{Stream: dffmpeg.Stdout, Content: "progress=continue", Timestamp: &at},
		{Stream: dffmpeg.Stderr, Content: "size=1kB", Timestamp: &at},
	}
}
