package clientcmd

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/client"
	"github.com/dffmpeg/dffmpeg/internal/cli/show"
)

// output is what a job puts out, or a part of it.
type output interface {
	// print prints what there is.
	print() error
	// follow prints what there is and what comes, until the job ends, and returns how
	// it ended. It goes on through restarts of the coordinator.
	follow() (dffmpeg.JobStatusChange, error)
}

// outputPart is a stream of a job's output from a byte on.
type outputPart struct {
	stream string // "": both, as lines
	offset int64
}

func (p *outputPart) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&p.stream, "stream", "", "only this one, stdout or stderr, as bytes")
	cmd.Flags().Int64Var(&p.offset, "offset", 0, "with --stream: begin at this byte")
}

// check refuses what makes no part.
func (p *outputPart) check(cmd *cobra.Command) error {
	switch {
	case p.stream != "" && p.stream != string(dffmpeg.Stdout) && p.stream != string(dffmpeg.Stderr):
		return usage(cmd, fmt.Errorf("--stream %s: want stdout or stderr", p.stream))
	case p.offset < 0:
		return usage(cmd, errors.New("--offset: want a number of bytes, from 0 on"))
	case p.stream == "" && p.offset > 0:
		return usage(cmd, errors.New("--offset counts the bytes of one stream; say which one with --stream"))
	default:
		return nil
	}
}

// of returns that part of a job's output. It is read while ctx allows.
func (p *outputPart) of(ctx context.Context, env Env, session *Session, job dffmpeg.Job) output {
	if p.stream == "" {
		return &lines{ctx, env, session, job}
	}
	return &stream{ctx: ctx, env: env, session: session, job: job, name: dffmpeg.Stream(p.stream), offset: p.offset}
}

// lines are both streams, line by line.
type lines struct {
	ctx     context.Context
	env     Env
	session *Session
	job     dffmpeg.Job
}

func (l *lines) print() error {
	_, err := l.printAll()
	return err
}

// printAll prints what there is and returns the cursor.
func (l *lines) printAll() (string, error) {
	var last string
	for {
		page, err := l.session.Client.Logs(l.ctx, l.job.ID, last, 0)
		if err != nil || len(page.Logs) == 0 {
			return last, err
		}
		if err := l.Output(page.Logs); err != nil {
			return last, err
		}
		if page.LastMessageID == nil || *page.LastMessageID == last {
			return last, nil
		}
		last = *page.LastMessageID
	}
}

func (l *lines) follow() (dffmpeg.JobStatusChange, error) {
	last, err := l.printAll()
	if err != nil || l.job.Status.Terminal() {
		return dffmpeg.NewJobStatusChange(&l.job), err
	}
	return l.session.Client.Attach(l.ctx, client.Attachment{Job: l.job, After: last}, l)
}

// Output implements client.Events.
func (l *lines) Output(entries []dffmpeg.LogEntry) error {
	return show.Logs(l.env.Out, l.env.Err, entries)
}

// Status implements client.Events.
func (l *lines) Status(dffmpeg.JobStatusChange) {}

// readAgain is the pause before a reading is repeated that the coordinator did not
// answer.
const readAgain = 500 * time.Millisecond

// stream is one stream as bytes, read from where it was up to the end of what there
// is, whenever there may be more. What it is told of that does not matter.
type stream struct {
	ctx     context.Context
	env     Env
	session *Session
	job     dffmpeg.Job
	name    dffmpeg.Stream
	offset  int64
	attempt int // 0: not known yet
}

// print implements output. Another attempt begins at its first byte.
func (s *stream) print() error {
	for {
		page, err := s.session.Client.Output(s.ctx, s.job.ID, s.name, 0, s.offset)
		if err != nil {
			return err
		}
		if s.attempt != 0 && page.Attempt != s.attempt {
			s.attempt, s.offset = page.Attempt, 0
			continue
		}
		s.attempt = page.Attempt
		if len(page.Data) == 0 {
			return nil
		}
		if page.Offset > s.offset {
			fmt.Fprintf(s.env.Err, "dffmpeg: bytes %d to %d are not kept any more\n", s.offset, page.Offset)
		}
		if _, err := s.env.Out.Write(page.Data); err != nil {
			return err
		}
		s.offset = page.NextOffset
	}
}

func (s *stream) follow() (dffmpeg.JobStatusChange, error) {
	newest, err := s.session.Client.Logs(s.ctx, s.job.ID, "", 1)
	if err == nil {
		err = s.persist()
	}
	if err != nil || s.job.Status.Terminal() {
		return dffmpeg.NewJobStatusChange(&s.job), err
	}
	at := client.Attachment{Job: s.job}
	if newest.LastMessageID != nil {
		at.After = *newest.LastMessageID // what came before need not be announced
	}
	final, err := s.session.Client.Attach(s.ctx, at, s)
	if err != nil {
		return final, err
	}
	return final, s.persist()
}

// persist prints as an attachment listens: through lost connections and restarts of
// the coordinator.
func (s *stream) persist() error {
	for {
		err := s.print()
		if !client.Unreachable(err) && dffmpeg.CodeOf(err) != dffmpeg.CodeUnavailable {
			return err
		}
		select {
		case <-s.ctx.Done():
			return s.ctx.Err()
		case <-time.After(readAgain):
		}
	}
}

// Output implements client.Events.
func (s *stream) Output([]dffmpeg.LogEntry) error { return s.persist() }

// Status implements client.Events.
func (s *stream) Status(dffmpeg.JobStatusChange) {}
