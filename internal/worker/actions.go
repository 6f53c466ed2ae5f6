package worker

import (
	"context"
	"errors"
	"log/slog"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/transport"
)

// verifyWindow is how long a registration may stay unverified before its
// transport is given up: what a 0.4 worker allows as well.
const verifyWindow = 15 * time.Second

// listening is the transport client at work.
type listening struct {
	answer dffmpeg.RegisterAnswer
	client transport.Client
	stop   context.CancelFunc
	ended  chan struct{}
	forget func() // after the end
}

// delivery is a batch of messages with a place to say that it was acted upon.
type delivery struct {
	messages []dffmpeg.Message
	done     chan struct{}
}

// actions is the loop that everything the coordinator says goes through: one
// answer or batch of messages at a time. Jobs run beside it and outlive it;
// their reports end with reporting.
func (w *Worker) actions(ctx, reporting context.Context, jobs *sync.WaitGroup) {
	deliveries := make(chan delivery)
	seen := transport.NewDeduper()
	var current *listening
	defer func() { current.end() }()
	for {
		select {
		case <-ctx.Done():
			return
		case answer := <-w.answers:
			w.stopListed(answer.Stop)
			current = w.listen(ctx, current, answer, deliveries)
			w.listening.Store(current)
		case d := <-deliveries:
			var acknowledged []string
			for i := range d.messages {
				m := &d.messages[i]
				if seen.Seen(m.ID) || !w.act(ctx, reporting, m, jobs) {
					acknowledged = append(acknowledged, m.ID)
				}
			}
			w.acknowledge(ctx, current, acknowledged)
			close(d.done)
		}
	}
}

// listen makes the worker listen where an answer says, unless it does already.
func (w *Worker) listen(ctx context.Context, current *listening, answer dffmpeg.RegisterAnswer, deliveries chan<- delivery) *listening {
	if current != nil && current.alive() && current.answer.Transport == answer.Transport &&
		reflect.DeepEqual(current.answer.TransportMetadata, answer.TransportMetadata) {
		current.answer = answer
		return current
	}
	current.end()
	client, err := w.connector.Connect(answer.Transport, transport.Subscription{
		Recipient: dffmpeg.ToWorker(w.settings.ID),
		Metadata:  answer.TransportMetadata,
		Listening: func(hears bool) { w.transports.note(answer.Transport, hears) },
	}, w.coordinator.fetch)
	if err != nil {
		w.logger.Error("cannot use the transport that the coordinator chose", "transport", answer.Transport, "error", err)
		return nil
	}
	listenCtx, stop := context.WithCancel(ctx)
	l := &listening{answer: answer, client: client, stop: stop, ended: make(chan struct{}), forget: func() { w.transports.forget(answer.Transport) }}
	go func() {
		defer close(l.ended)
		err := client.Listen(listenCtx, func(ctx context.Context, messages []dffmpeg.Message) error {
			return hand(ctx, deliveries, messages)
		})
		if listenCtx.Err() == nil {
			w.logger.Warn("listening ended; registering again", "transport", answer.Transport, "error", err)
			signal(w.again)
		}
	}()
	w.logger.Info("listening", "transport", answer.Transport)
	return l
}

// hand gives messages to the action loop and waits until it has acted.
func hand(ctx context.Context, deliveries chan<- delivery, messages []dffmpeg.Message) error {
	d := delivery{messages: messages, done: make(chan struct{})}
	select {
	case deliveries <- d:
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case <-d.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (l *listening) alive() bool {
	select {
	case <-l.ended:
		return false
	default:
		return true
	}
}

// end stops listening and waits for it; on nil it does nothing.
func (l *listening) end() {
	if l == nil {
		return
	}
	l.stop()
	<-l.ended
	l.forget()
}

// acknowledge tells a coordinator that wants to know what was acted upon. A
// failure only means that the messages come again, to be recognised.
func (w *Worker) acknowledge(ctx context.Context, current *listening, ids []string) {
	if current == nil || len(ids) == 0 || !slices.Contains(current.answer.Features, dffmpeg.FeatureAck) {
		return
	}
	if err := w.coordinator.acknowledge(ctx, ids); err != nil && ctx.Err() == nil {
		w.logger.Debug("acknowledgement failed", "error", err)
	}
}

// act does what one message asks for. It returns true when that acknowledged the
// message, too: sending a token back does.
func (w *Worker) act(ctx, reporting context.Context, m *dffmpeg.Message, jobs *sync.WaitGroup) (settled bool) {
	var err error
	switch m.Type {
	case dffmpeg.MessageVerifyRegistration:
		err = w.verify(ctx, m)
	case dffmpeg.MessageJobRequest:
		err = w.take(ctx, reporting, m, jobs)
	case dffmpeg.MessageJobStatus:
		err = w.heed(ctx, m)
	default:
		err = errors.New("unknown type of message")
	}
	if err != nil && ctx.Err() == nil {
		level := slog.LevelWarn
		if m.Type == dffmpeg.MessageVerifyRegistration && dffmpeg.CodeOf(err) == dffmpeg.CodeInvalid && w.mayBeVoid() {
			level = slog.LevelDebug
		}
		w.logger.Log(ctx, level, "message not acted upon", "type", string(m.Type), "message", m.ID, "error", err)
	}
	return err == nil && m.Type == dffmpeg.MessageVerifyRegistration
}

// verify sends a registration token back.
func (w *Worker) verify(ctx context.Context, m *dffmpeg.Message) error {
	payload, err := dffmpeg.DecodePayload[dffmpeg.VerifyRegistration](m)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, verifyWindow)
	defer cancel()
	return reportBackoff().retry(ctx, func(ctx context.Context) error {
		return w.coordinator.verify(ctx, payload.RegistrationToken)
	})
}

// take starts the job that is asked for, or refuses it while draining.
func (w *Worker) take(ctx, reporting context.Context, m *dffmpeg.Message, jobs *sync.WaitGroup) error {
	request, err := dffmpeg.DecodePayload[dffmpeg.JobRequest](m)
	if err != nil {
		return err
	}
	a := newAttempt(request)
	if w.isDraining() {
		return w.coordinator.reject(ctx, a.ref)
	}
	if !w.admit(a) {
		return nil // it runs here already
	}
	jobs.Go(func() {
		defer w.release(a)
		w.runner.run(reporting, a)
	})
	return nil
}

// admit notes an attempt as running, unless that attempt or a later one of the
// same job runs here. An earlier one is stopped.
func (w *Worker) admit(a *attempt) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if before := w.attempts[a.ref.JobID]; before != nil {
		if before.ref.Attempt >= a.ref.Attempt {
			return false
		}
		before.stop(stopOrphaned)
	}
	w.attempts[a.ref.JobID] = a
	return true
}

// release forgets an attempt that has ended.
func (w *Worker) release(a *attempt) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.attempts[a.ref.JobID] == a {
		delete(w.attempts, a.ref.JobID)
	}
	if len(w.attempts) == 0 {
		signal(w.idle)
	}
}

// heed stops a job whose status says so. A worker that is told to cancel a job
// it does not run says that it is canceled.
func (w *Worker) heed(ctx context.Context, m *dffmpeg.Message) error {
	change, err := dffmpeg.DecodePayload[dffmpeg.JobStatusChange](m)
	if err != nil || m.JobID == nil {
		return err
	}
	a := w.attempt(*m.JobID)
	if a != nil && change.Attempt != 0 && change.Attempt < a.ref.Attempt {
		return nil // about an attempt before this one
	}
	switch {
	case change.Status == dffmpeg.JobCanceling && a != nil:
		a.stop(stopAsked)
	case change.Status == dffmpeg.JobCanceling:
		ref := dffmpeg.AttemptRef{JobID: *m.JobID, Attempt: change.Attempt}
		return w.coordinator.finish(ctx, ref, dffmpeg.FinishRequest{Status: dffmpeg.JobCanceled})
	case change.Status.Terminal() && a != nil:
		a.stop(stopOrphaned)
	}
	return nil
}

// stopListed stops attempts that the coordinator says are no longer ours.
func (w *Worker) stopListed(refs []dffmpeg.AttemptRef) {
	for _, ref := range refs {
		if a := w.attempt(ref.JobID); a != nil && a.ref == ref {
			a.stop(stopOrphaned)
		}
	}
}
