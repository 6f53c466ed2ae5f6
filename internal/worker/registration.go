package worker

import (
	"context"
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/transport"
)

// registrations announces the worker again and again until ctx ends. Each
// answer goes to the action loop.
func (w *Worker) registrations(ctx context.Context) {
	w.awaitLook(ctx)
	retry := backoff{first: time.Second, most: w.settings.RegistrationInterval}
	wait := retry.first
	for {
		pause := w.settings.RegistrationInterval
		if err := w.register(ctx); err != nil {
			if ctx.Err() != nil {
				return
			}
			w.logger.Warn("registration failed; trying again", "error", err, "in", wait.String())
			pause, wait = wait, min(2*wait, retry.most)
		} else {
			wait = retry.first
		}
		select {
		case <-ctx.Done():
			return
		case <-w.again:
		case <-w.transports.changed:
		case <-time.After(jittered(pause, min(w.settings.Jitter, pause/2))):
		}
	}
}

// hears reports whether the worker is sure to hear the coordinator now.
func (w *Worker) hears() bool {
	l := w.listening.Load()
	if l == nil || !l.alive() {
		return false
	}
	hearer, ok := l.client.(transport.Hearer)
	return ok && hearer.Hears()
}

// hasten notes that a registration is sent. One that follows soon upon another may come
// before that one's token was sent back, which is void then.
func (w *Worker) hasten(now time.Time) {
	if now.Sub(w.registered) < w.settings.RegistrationInterval/2 {
		w.overtaken.Store(&now)
	}
	w.registered = now
}

// mayBeVoid reports whether a token that is sent back may be void because another
// registration overtook it, whose own will come.
func (w *Worker) mayBeVoid() bool {
	at := w.overtaken.Load()
	return at != nil && time.Since(*at) < verifyWindow
}

// register announces the worker once.
func (w *Worker) register(ctx context.Context) error {
	version := w.settings.Version
	status := dffmpeg.WorkerOnline
	if w.isDraining() {
		status = dffmpeg.WorkerDraining
	}
	request := dffmpeg.RegisterRequest{
		WorkerID:             w.settings.ID,
		Capabilities:         []string{dffmpeg.FeatureAck, dffmpeg.FeatureAttempt, dffmpeg.FeatureStdio, dffmpeg.FeatureSegments, dffmpeg.FeatureLease},
		Binaries:             w.settings.Binaries,
		Paths:                w.paths.Available(ctx),
		RegistrationInterval: int(w.settings.RegistrationInterval / time.Second),
		Version:              &version,
		SupportedTransports:  w.transports.names(),
		Status:               status,
		InstanceID:           w.settings.InstanceID,
		Running:              w.running(),
		Offer:                w.settings.Offer,
		Hears:                w.coordinator.renews.Load() && w.hears(),
	}
	w.inventory.announce(&request)
	w.hasten(time.Now())
	answer, err := w.coordinator.register(ctx, request)
	if w.inventory.refuse(&request, err) {
		w.logger.Error("the coordinator refuses what it is told of programs; it is not told again until they change", "error", err)
		signal(w.again)
	}
	if err != nil {
		return err
	}
	if w.inventory.asked(answer.Unknown) {
		signal(w.again)
	}
	if request.Hears && len(request.Running) == 0 {
		w.coordinator.caller.Rest() // nothing to verify, nothing to report
	}
	select {
	case w.answers <- answer:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
