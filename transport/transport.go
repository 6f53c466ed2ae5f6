// Package transport is the contract of the ways by which messages go down from
// the coordinator to workers and requesters. Everything upward is HTTP.
//
// A transport has two ends, which live in one package: a [Server] in the
// coordinator and a [Client] in the peer. The promise to the peer is the same
// on every transport: at least once, in order per recipient, nothing lost
// while either side is away. Durability is the store's; a transport only
// carries, and says what it carried. What a broker may lose the peer fetches:
// see [Reliable].
package transport

import (
	"context"
	"errors"
	"net/http"

	"github.com/dffmpeg/dffmpeg"
)

// Metadata tells a peer where to listen; it is JSON on the wire. Keys that
// begin with "_" are private to the coordinator and never leave it.
type Metadata = map[string]any

// Server is the coordinator's end. A Server is a [Puller] or a [Pusher];
// nothing else is accepted by a registry.
//
// Constructors start nothing. All methods may be called by several goroutines
// at once, also before Run.
type Server interface {
	// Name is the name that peers negotiate, such as "http_polling".
	Name() string
	// Address returns where a recipient listens. It does no I/O.
	Address(to dffmpeg.Recipient) Metadata
	// Health returns nil, or why the transport should not be offered now. It
	// returns within a bound of its own even if ctx has no deadline. The detail
	// is a short sentence for people, also when healthy.
	Health(ctx context.Context) (detail string, err error)
	// Run does the transport's background work until ctx is done and returns
	// when everything it started has ended. It is called once.
	Run(ctx context.Context) error
}

// Puller is a transport whose recipients come and fetch: the coordinator only
// tells it that there is something to fetch.
type Puller interface {
	Server
	// Wake says that the recipient has new mail. It never blocks, and may be
	// called for recipients that nobody listens for.
	Wake(to dffmpeg.Recipient)
	// Waiting lists those who listen here now.
	Waiting() []dffmpeg.Recipient
	// Routes returns what to mount on the coordinator's server.
	Routes() []Route
}

// Pusher is a transport that hands messages to a broker.
type Pusher interface {
	Server
	// Publish carries messages of one recipient, in the order given, and
	// returns nil once the broker has taken responsibility for all of them.
	// After an error any prefix may have been taken: publishing them again is
	// right. ErrAbsent says that nobody listens, where a broker can tell.
	Publish(ctx context.Context, to dffmpeg.Recipient, where Metadata, messages []dffmpeg.Message) error
}

// Broadcaster is a server over a broker by which coordinators reach each other:
// pollers connect to any of them, which tell the others who has mail.
type Broadcaster interface {
	Server
	// Overhear has handle called with what any coordinator broadcasts, this one
	// too, while Run runs. It is called once, before Run; handle does not block.
	Overhear(handle func(text []byte))
	// Broadcast tells all coordinators with the same settings a short text. It
	// may be lost, and does not wait for anybody.
	Broadcast(ctx context.Context, text []byte) error
}

// ErrAbsent is the error of Publish when the broker knows of nobody who listens
// for the recipient, so that it took none of the messages.
var ErrAbsent = errors.New("nobody listens there yet")

// Route is an HTTP endpoint of a transport. The coordinator authenticates the
// caller and checks that it may listen for the recipient before Handle runs.
type Route struct {
	Method  string
	Pattern string // path with {wildcards}, in http.ServeMux form
	Summary string // one line for the API document
	// Recipient returns whom the caller wants to listen for, from the path and
	// the authenticated identity. An error is answered by the coordinator.
	Recipient func(r *http.Request, caller dffmpeg.Identity) (dffmpeg.Recipient, error)
	// Handle serves an authorized request, for as long as the answer takes. It
	// sets deadlines and flushes through http.ResponseController: a writer that
	// wraps another must have an Unwrap method.
	Handle func(w http.ResponseWriter, r *http.Request, to dffmpeg.Recipient)
}

// Mailbox is what a Puller reads messages from: the store, seen from here.
// Its methods obey the contract of store.Messages.
type Mailbox interface {
	// Unsent returns messages never handed over.
	Unsent(ctx context.Context, to dffmpeg.Recipient) ([]dffmpeg.Message, error)
	// Unacknowledged returns messages not acknowledged.
	Unacknowledged(ctx context.Context, to dffmpeg.Recipient) ([]dffmpeg.Message, error)
	// After returns messages whose ID sorts after cursor.
	After(ctx context.Context, to dffmpeg.Recipient, cursor string) ([]dffmpeg.Message, error)
	// Sent records that messages up to and including last were handed over.
	Sent(ctx context.Context, to dffmpeg.Recipient, last dffmpeg.Message) error
}

// Client is a peer's end: it listens for one recipient.
type Client interface {
	// Listen delivers messages to handle, in order, until ctx is done or handle
	// returns an error; it returns ctx's error or handle's. It reconnects by
	// itself with back-off and jitter; after a reconnection messages may be
	// delivered again. Messages may come in batches; a batch is never empty.
	// handle is called by one goroutine at a time.
	Listen(ctx context.Context, handle func(ctx context.Context, messages []dffmpeg.Message) error) error
}

// Hearer is a [Client] that can tell whether it hears the coordinator itself, not
// only a broker between them.
type Hearer interface {
	// Hears reports whether what the coordinator sends now would arrive, for all
	// that can be known: there is a connection, over which it was heard as lately
	// as it should be.
	Hears() bool
}

// Subscription is what a Client is made for.
type Subscription struct {
	Recipient dffmpeg.Recipient
	Metadata  Metadata // from the coordinator's answer
	// After is the ID of the last message known, "" to begin with what the
	// recipient has not acknowledged.
	After string
	// Listening, unless nil, is called by a client of a lossy transport: with true
	// each time it has begun to hear what is sent from now on, before it delivers
	// any of it; with false when it does so no more. It does not block.
	Listening func(hears bool)
}

// Hears calls Listening.
func (s *Subscription) Hears(hears bool) {
	if s.Listening != nil {
		s.Listening(hears)
	}
}
