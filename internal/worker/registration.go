package worker

import (
	"context"
	"time"

	"github.com/dffmpeg/dffmpeg"
)

// registrations announces the worker again and again until ctx ends. Each
// answer goes to the action loop.
func (w *Worker) registrations(ctx context.Context) {
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

// register announces the worker once.
func (w *Worker) register(ctx context.Context) error {
	version := w.settings.Version
	status := dffmpeg.WorkerOnline
	if w.isDraining() {
		status = dffmpeg.WorkerDraining
	}
	answer, err := w.coordinator.register(ctx, dffmpeg.RegisterRequest{
		WorkerID:             w.settings.ID,
		Capabilities:         []string{dffmpeg.FeatureAck, dffmpeg.FeatureAttempt, dffmpeg.FeatureStdio, dffmpeg.FeatureSegments},
		Binaries:             w.settings.Binaries,
		Paths:                w.paths.Available(ctx),
		RegistrationInterval: int(w.settings.RegistrationInterval / time.Second),
		Version:              &version,
		SupportedTransports:  w.transports.names(),
		Status:               status,
		InstanceID:           w.settings.InstanceID,
		Running:              w.running(),
	})
	if err != nil {
		return err
	}
	select {
	case w.answers <- answer:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
