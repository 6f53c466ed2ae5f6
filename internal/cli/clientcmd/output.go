package clientcmd

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/client"
)

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

// chosen reports whether a part was asked for.
func (p *outputPart) chosen() bool { return p.stream != "" }

// print prints it, and with follow goes on until the job ends.
func (p *outputPart) print(ctx context.Context, env Env, session *Session, job dffmpeg.Job, follow bool) (dffmpeg.JobStatusChange, error) {
	if follow {
		return p.follow(ctx, env, session, job)
	}
	reader := &outputReader{ctx: ctx, env: env, session: session, jobID: job.ID, part: *p}
	return dffmpeg.NewJobStatusChange(&job), reader.read()
}

// follow prints it until the job ends, and returns how it ended.
func (p *outputPart) follow(ctx context.Context, env Env, session *Session, job dffmpeg.Job) (dffmpeg.JobStatusChange, error) {
	reader := &outputReader{ctx: ctx, env: env, session: session, jobID: job.ID, part: *p}
	newest, err := session.Client.Logs(ctx, job.ID, "", 1)
	if err == nil {
		err = reader.read()
	}
	if err != nil || job.Status.Terminal() {
		return dffmpeg.NewJobStatusChange(&job), err
	}
	at := client.Attachment{Job: job}
	if newest.LastMessageID != nil {
		at.After = *newest.LastMessageID // what came before need not be announced
	}
	final, err := attach(ctx, env, session, at, func(ctx context.Context) client.Events {
		reader.ctx = ctx
		return reader
	})
	if err != nil {
		return final, err
	}
	reader.ctx = ctx
	return final, reader.read()
}

// outputReader prints what there is of a part whenever it is told that there may be
// more. What it is told does not matter: it goes on where it was.
type outputReader struct {
	ctx     context.Context // of the command, or of the attachment for as long as that lasts
	env     Env
	session *Session
	jobID   string
	part    outputPart
	attempt int
}

// read prints everything from where it was up to the end of what there is. Another
// attempt begins at its first byte.
func (r *outputReader) read() error {
	for {
		page, err := r.session.Client.Output(r.ctx, r.jobID, dffmpeg.Stream(r.part.stream), 0, r.part.offset)
		if err != nil {
			return err
		}
		if r.attempt != 0 && page.Attempt != r.attempt {
			r.attempt, r.part.offset = page.Attempt, 0
			continue
		}
		r.attempt = page.Attempt
		if len(page.Data) == 0 {
			return nil
		}
		if page.Offset > r.part.offset {
			fmt.Fprintf(r.env.Err, "dffmpeg: bytes %d to %d are not kept any more\n", r.part.offset, page.Offset)
		}
		if _, err := r.env.Out.Write(page.Data); err != nil {
			return err
		}
		r.part.offset = page.NextOffset
	}
}

// readAgain is the pause before a reading is repeated that the coordinator did not
// answer.
const readAgain = 500 * time.Millisecond

// persist reads as an attachment listens: through lost connections and restarts of
// the coordinator.
func (r *outputReader) persist() error {
	for {
		err := r.read()
		if !client.Unreachable(err) && dffmpeg.CodeOf(err) != dffmpeg.CodeUnavailable {
			return err
		}
		select {
		case <-r.ctx.Done():
			return r.ctx.Err()
		case <-time.After(readAgain):
		}
	}
}

// Output implements client.Events.
func (r *outputReader) Output([]dffmpeg.LogEntry) error { return r.persist() }

// Status implements client.Events.
func (r *outputReader) Status(dffmpeg.JobStatusChange) {}
