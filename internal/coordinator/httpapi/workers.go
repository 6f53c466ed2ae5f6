package httpapi

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/store"
	"github.com/dffmpeg/dffmpeg/transport"
)

// maxWindow bounds how far back a list may look: ten years.
const maxWindow = 10 * 366 * 86400

// features are the protocol features of this coordinator.
func features() []string {
	return []string{
		dffmpeg.FeatureAck, dffmpeg.FeatureAttempt, dffmpeg.FeatureFinalLogs, dffmpeg.FeatureStdio, dffmpeg.FeatureSegments,
		dffmpeg.FeatureRenew, dffmpeg.FeatureOffer,
	}
}

func (a *api) workerEndpoints() []endpoint {
	worker := signedBy(dffmpeg.RoleWorker)
	list := define(route{http.MethodGet, "/workers", "List workers", anyIdentity()}, a.listWorkers)
	list.query = []parameter{{"window", "integer", "Seconds back that an offline worker may have been seen last"}}
	return []endpoint{
		define(route{http.MethodPost, "/worker/register", "Register a worker, again and again", worker}, a.register),
		define(route{http.MethodPost, "/worker/{worker_id}/verify", "Send a registration token back", worker}, a.verify),
		define(route{http.MethodPost, "/worker/deregister", "Take a worker offline", worker}, a.deregister),
		list,
		define(route{http.MethodGet, "/workers/{worker_id}", "Show one worker", anyIdentity()}, a.showWorker),
		define(route{http.MethodGet, "/workers/{worker_id}/programs", "Show what a worker's programs can do", anyIdentity()}, a.showPrograms),
		define(route{http.MethodPost, "/workers/{worker_id}/pause", "Give a worker no more jobs; it finishes those it has", signedBy(dffmpeg.RoleAdmin)}, a.pauseWorker),
		define(route{http.MethodPost, "/workers/{worker_id}/resume", "Give a worker jobs again", signedBy(dffmpeg.RoleAdmin)}, a.resumeWorker),
	}
}

// own checks that a worker speaks of itself.
func own(c *call, workerID string) error {
	if workerID != c.identity.ClientID {
		return dffmpeg.Errorf(dffmpeg.CodeForbidden, "WorkerID does not match authenticated ClientID")
	}
	return nil
}

func (a *api) register(c *call, in dffmpeg.RegisterRequest) (dffmpeg.RegisterAnswer, error) {
	var answer dffmpeg.RegisterAnswer
	if err := own(c, in.WorkerID); err != nil {
		return answer, err
	}
	if err := announceable(&in); err != nil {
		return answer, err
	}
	server, err := a.negotiate(c.ctx(), in.SupportedTransports, " in: "+short(strings.Join(in.SupportedTransports, ", ")))
	if err != nil {
		return answer, err
	}
	to := dffmpeg.ToWorker(in.WorkerID)
	status := in.Status
	if status == "" {
		status = dffmpeg.WorkerOnline
	}
	offer, err := a.offered(&in)
	if err != nil {
		return answer, err
	}
	unknown, err := a.profiles(c.ctx(), &in)
	if err != nil {
		return answer, err
	}
	stop, err := a.Reconciler.Reconcile(c.ctx(), in)
	if err != nil {
		return answer, err
	}
	address := server.Address(to)
	_, err = a.State.Register(c.ctx(), store.Registration{
		Worker: dffmpeg.Worker{
			ID:                   in.WorkerID,
			Capabilities:         in.Capabilities,
			Binaries:             a.allowedOf(in.Binaries),
			Paths:                in.Paths,
			RegistrationInterval: in.RegistrationInterval,
			Version:              in.Version,
			Status:               status,
			Transport:            server.Name(),
			TransportMetadata:    address,
			InstanceID:           in.InstanceID,
			Offer:                offer,
		},
		Token: a.NewToken(),
		Delay: a.Settings.HandshakeDelay,
		Hears: in.Hears,
	})
	return dffmpeg.RegisterAnswer{
		Transport:         server.Name(),
		TransportMetadata: dffmpeg.PublicMetadata(address),
		Stop:              stop,
		Features:          features(),
		Unknown:           unknown,
	}, err
}

// negotiate chooses a peer's transport. One that is enabled and whose broker is
// away is worth trying again.
func (a *api) negotiate(ctx context.Context, names []string, offered string) (transport.Server, error) {
	if server, ok := a.Transports.Negotiate(ctx, names); ok {
		return server, nil
	}
	for _, server := range a.Transports.Servers() {
		if slices.Contains(names, server.Name()) {
			return nil, dffmpeg.Errorf(dffmpeg.CodeUnavailable, "The broker of transport %s cannot be reached now; try again, or enable http_polling as well", server.Name())
		}
	}
	return nil, dffmpeg.Errorf(dffmpeg.CodeInvalid, "No supported transports%s", offered)
}

// announceable checks that what a worker says of itself can be stored and
// shown.
func announceable(in *dffmpeg.RegisterRequest) error {
	const msg = "Control characters cannot be part of a name"
	for _, field := range []struct {
		name string
		list []string
	}{{"capabilities", in.Capabilities}, {"binaries", in.Binaries}, {"paths", in.Paths}} {
		for i, text := range field.list {
			if !plain(text) {
				return invalidFields(dffmpeg.FieldError{Type: "value_error", Loc: []any{"body", field.name, i}, Msg: msg})
			}
		}
	}
	if in.Version != nil && !plain(*in.Version) {
		return invalidBody("version", msg)
	}
	if !plain(in.InstanceID) {
		return invalidBody("instance_id", msg)
	}
	return nil
}

// allowedOf returns those of a worker's binaries that may be run.
func (a *api) allowedOf(binaries []string) []string {
	return slices.DeleteFunc(slices.Clone(binaries), func(name string) bool {
		return !slices.Contains(a.Settings.AllowedBinaries, name)
	})
}

func (a *api) verify(c *call, in dffmpeg.VerifyRequest) (dffmpeg.OKAnswer, error) {
	if err := own(c, c.PathValue("worker_id")); err != nil {
		return dffmpeg.OKAnswer{}, err
	}
	if !plain(in.RegistrationToken) {
		return dffmpeg.OKAnswer{}, store.ErrInvalidToken
	}
	_, err := a.State.Verify(c.ctx(), c.identity.ClientID, in.RegistrationToken)
	if dffmpeg.CodeOf(err) == dffmpeg.CodeNotFound {
		err = store.ErrNoPendingRegistration
	}
	return dffmpeg.OKAnswer{Status: "ok"}, err
}

func (a *api) deregister(c *call, in dffmpeg.DeregisterRequest) (dffmpeg.OKAnswer, error) {
	if err := own(c, in.WorkerID); err != nil {
		return dffmpeg.OKAnswer{}, err
	}
	_, err := a.State.Deregister(c.ctx(), in.WorkerID)
	if err == nil {
		err = a.Reconciler.Left(c.ctx(), in.WorkerID)
	}
	return dffmpeg.OKAnswer{Status: "ok"}, err
}

func (a *api) listWorkers(c *call, _ nothing) ([]dffmpeg.Worker, error) {
	window, err := c.number("window", 86400, 0, maxWindow)
	if err != nil {
		return nil, err
	}
	workers, err := a.State.ListWorkers(c.ctx(), time.Duration(window)*time.Second)
	public := make([]dffmpeg.Worker, 0, len(workers))
	for _, w := range workers {
		public = append(public, w.Public())
	}
	return public, err
}

func (a *api) showWorker(c *call, _ nothing) (dffmpeg.Worker, error) {
	worker, err := a.worker(c)
	return worker.Public(), err
}

// worker returns the worker that a path names.
func (a *api) worker(c *call) (dffmpeg.Worker, error) {
	absent := dffmpeg.Errorf(dffmpeg.CodeNotFound, "Worker not found")
	id := c.PathValue("worker_id")
	if !plain(id) {
		return dffmpeg.Worker{}, absent
	}
	worker, err := a.State.Worker(c.ctx(), id)
	if dffmpeg.CodeOf(err) == dffmpeg.CodeNotFound {
		err = absent
	}
	return worker, err
}

// showPrograms answers with what is known of a worker's programs, by their names. Of one
// whose profile has not come yet, as of one that has none, that is the version alone.
func (a *api) showPrograms(c *call, _ nothing) (map[string]dffmpeg.ProgramAnswer, error) {
	worker, err := a.worker(c)
	if err != nil {
		return nil, err
	}
	programs := make(map[string]dffmpeg.ProgramAnswer)
	for name, program := range worker.Offer.Programs {
		answer := dffmpeg.ProgramAnswer{Program: program}
		if program.Profile != "" {
			answer.Abilities, err = a.State.Profile(c.ctx(), program.Profile)
			if err != nil && dffmpeg.CodeOf(err) != dffmpeg.CodeNotFound {
				return nil, err
			}
		}
		programs[name] = answer
	}
	return programs, nil
}

// pauseWorker and resumeWorker answer with the worker as it is then.
func (a *api) pauseWorker(c *call, in dffmpeg.PauseRequest) (dffmpeg.Worker, error) {
	if !plain(in.Reason) {
		return dffmpeg.Worker{}, invalidBody("reason", "Control characters cannot be part of a reason")
	}
	return a.setPause(c, &dffmpeg.Pause{By: c.identity.ClientID, Reason: in.Reason})
}

func (a *api) resumeWorker(c *call, _ nothing) (dffmpeg.Worker, error) { return a.setPause(c, nil) }

func (a *api) setPause(c *call, pause *dffmpeg.Pause) (dffmpeg.Worker, error) {
	absent := dffmpeg.Errorf(dffmpeg.CodeNotFound, "Worker not found")
	id := c.PathValue("worker_id")
	if !plain(id) {
		return dffmpeg.Worker{}, absent
	}
	worker, err := a.State.PauseWorker(c.ctx(), id, pause)
	if dffmpeg.CodeOf(err) == dffmpeg.CodeNotFound {
		err = absent
	}
	return worker.Public(), err
}

// profiles stores what a worker says of its programs, and returns the IDs of those of
// its offer that are still not known.
func (a *api) profiles(ctx context.Context, in *dffmpeg.RegisterRequest) ([]string, error) {
	named := make(map[string]bool)
	for _, program := range in.Offer.Programs {
		named[program.Profile] = true
	}
	for id, profile := range in.Profiles {
		if !named[id] {
			return nil, invalidBody("profiles", "A profile is sent that the offer does not name")
		}
		if problem := profile.Problem(); problem != "" {
			return nil, invalidBody("profiles", problem)
		}
		if profile.ID() != id {
			return nil, invalidBody("profiles", "A profile has another ID than it is sent under")
		}
		if err := a.State.SaveProfile(ctx, profile); err != nil {
			return nil, err
		}
	}
	var unknown []string
	for _, program := range in.Offer.Programs {
		if program.Profile == "" || slices.Contains(unknown, program.Profile) {
			continue
		}
		switch _, err := a.State.Profile(ctx, program.Profile); {
		case dffmpeg.CodeOf(err) == dffmpeg.CodeNotFound:
			unknown = append(unknown, program.Profile)
		case err != nil:
			return nil, err
		}
	}
	slices.Sort(unknown)
	return unknown, nil
}
