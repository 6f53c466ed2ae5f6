package store

import (
	"context"
	"time"

	"github.com/dffmpeg/dffmpeg"
)

// Workers keeps what the coordinator knows of workers.
type Workers interface {
	// Register stores a worker's announcement and a fresh token, and sends the
	// token as verify_registration. A worker that was online or draining takes
	// the status asked for at once; any other becomes registering. When it was
	// unknown or offline, or its transport changed, the message is held back
	// for delay (Message.NotBefore). Earlier tokens not yet verified are void
	// and their messages withdrawn. LastSeen, Pause and Trouble do not change. A status asked for
	// that is neither online nor draining is CodeInvalid. Lists that are nil are
	// stored empty.
	//
	// A worker that says it hears, whose registration before was verified and came
	// from the same instance over the same transport, needs no token: LastSeen is
	// set and nothing is sent.
	Register(ctx context.Context, registration Registration) (Registered, error)

	// Verify completes a registration: the worker takes the status it asked
	// for, LastSeen is set, the token is spent and its message acknowledged.
	// Errors: CodeNotFound for an unknown worker, ErrNoPendingRegistration,
	// ErrInvalidToken.
	Verify(ctx context.Context, workerID, token string) (dffmpeg.Worker, error)

	// Deregister takes a worker offline: its lists and version are cleared, its
	// interval is 0, its transport none, its offer nothing, a token not yet verified is void and
	// messages not yet sent to it are withdrawn. LastSeen and InstanceID stay.
	// Unknown workers are CodeNotFound; an offline one stays so, unchanged.
	Deregister(ctx context.Context, workerID string) (dffmpeg.Worker, error)

	// Expire does what Deregister does to a worker found silent, unless its
	// record has changed since, it is offline or unknown: then it returns false.
	Expire(ctx context.Context, seen dffmpeg.Worker) (bool, error)

	// PauseWorker keeps a worker from being given jobs until it is called with nil, also
	// through registrations; Since is set. CodeNotFound for an unknown worker.
	PauseWorker(ctx context.Context, workerID string, pause *dffmpeg.Pause) (dffmpeg.Worker, error)

	// SaveProfile stores what a program can do, under Profile.ID. One that is known is
	// left, and counts as saved now.
	SaveProfile(ctx context.Context, profile dffmpeg.Profile) error

	// Profile returns one by its ID, or CodeNotFound.
	Profile(ctx context.Context, id string) (dffmpeg.Profile, error)

	// Worker returns one worker or CodeNotFound.
	Worker(ctx context.Context, id string) (dffmpeg.Worker, error)

	// ListWorkers returns workers: online and draining ones first, then by last
	// seen descending (never seen last), then by ID. Offline ones are included when
	// last seen less than window ago.
	ListWorkers(ctx context.Context, window time.Duration) ([]dffmpeg.Worker, error)
}

// Registration is a worker's announcement.
type Registration struct {
	// Worker holds what the worker said of itself and the negotiated transport.
	// Status is what it asks for: online or draining.
	Worker dffmpeg.Worker
	Token  string
	// Delay holds the token's message back from a worker that may not listen yet.
	Delay time.Duration
	// Hears is what the worker says: see dffmpeg.RegisterRequest.
	Hears bool
}

// Registered is the result of a registration.
type Registered struct {
	Worker dffmpeg.Worker
	// Previous is the record before, nil for a new worker.
	Previous *dffmpeg.Worker
	Messages []dffmpeg.Message
}

// Errors of Verify, with the details that peers see (protocol.md, Endpoints).
// Compare with errors.Is.
var (
	ErrNoPendingRegistration error = dffmpeg.Errorf(dffmpeg.CodeInvalid, "No pending registration to verify")
	ErrInvalidToken          error = dffmpeg.Errorf(dffmpeg.CodeInvalid, "Invalid registration token")
)
