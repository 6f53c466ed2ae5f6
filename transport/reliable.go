package transport

import (
	"context"
	"errors"
	"log/slog"
	"net/url"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/dffmpeg/dffmpeg"
)

// Fetch reads a recipient's messages from the coordinator's store, oldest first,
// perhaps not all of them at once: those whose ID sorts after a cursor, or, when
// that is "", those that were not acknowledged. It returns none when there are no
// more.
type Fetch func(ctx context.Context, after string) ([]dffmpeg.Message, error)

// FetchQuery returns the query of a request that fetches.
func FetchQuery(after string) url.Values {
	if after == "" {
		return nil
	}
	return url.Values{"after": {after}}
}

// Fetched returns what a request has fetched. A coordinator that does not offer
// it, as 0.4, has none.
func Fetched(answer dffmpeg.MailAnswer, err error) ([]dffmpeg.Message, error) {
	if dffmpeg.CodeOf(err) == dffmpeg.CodeNotFound {
		return nil, nil
	}
	var messages []dffmpeg.Message
	for i := range answer.Messages {
		messages = append(messages, answer.Messages[i].Plain())
	}
	return messages, err
}

// Reliable makes a client for a transport that is lossy (see [Plugin]) and
// returns one that keeps the promise of all transports: at least once, in order,
// nothing lost while either side was away. open makes the transport's own end.
//
// Each time that one hears again after it did not, and when a number is missing,
// what the broker may have lost is fetched before anything else is delivered.
// Messages that were delivered are dropped, so what the broker repeats, or brings
// late, does no harm. While it does not hear, messages are fetched at intervals:
// a peer goes on without its broker. Listen also returns the errors of fetch that will
// not go away: those with the code unauthenticated, forbidden or not found.
func Reliable(open func(Subscription) (Client, error), subscription Subscription, fetch Fetch, logger *slog.Logger) (Client, error) {
	r := &reliable{
		fetch: fetch, logger: logger, cursor: subscription.After, outer: subscription,
		turn: make(chan struct{}, 1), wake: make(chan struct{}, 1),
	}
	subscription.Listening = r.listening
	var err error
	r.inner, err = open(subscription)
	if err != nil {
		return nil, err
	}
	return r, nil
}

// reliable is what Reliable returns.
type reliable struct {
	inner  Client
	fetch  Fetch
	logger *slog.Logger
	outer  Subscription // whose Listening is told, too

	hears  atomic.Bool
	behind atomic.Bool   // something may be missing
	wake   chan struct{} // has a token when behind was set

	turn   chan struct{} // full while somebody delivers
	cursor string        // ID of the last message delivered; for the holder of the turn
	seq    int64         // its number; 0: unknown
}

// listening is called by the inner client.
func (r *reliable) listening(hears bool) {
	r.hears.Store(hears)
	if hears {
		r.suspect()
	}
	r.outer.Hears(hears)
}

// suspect says that something may be missing.
func (r *reliable) suspect() {
	r.behind.Store(true)
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

const (
	// deafFor is how long the broker may be away before messages are fetched
	// without it; firstFetch to mostFetch are the pauses between.
	deafFor    = 2 * time.Second
	firstFetch = time.Second
	mostFetch  = 5 * time.Second
)

// goOn fetches at intervals while the inner client does not hear.
func (r *reliable) goOn(ctx context.Context) error {
	pause := deafFor
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
		switch {
		case r.hears.Load():
			pause = deafFor
		case pause == deafFor:
			pause = firstFetch
			r.suspect()
		default:
			pause = min(2*pause, mostFetch)
			r.suspect()
		}
	}
}

// errHandled marks the end by an error of the handler or of fetch.
type errHandled struct{ error }

// Listen implements Client.
func (r *reliable) Listen(ctx context.Context, handle func(context.Context, []dffmpeg.Message) error) error {
	group, listening := errgroup.WithContext(ctx)
	group.Go(func() error {
		return r.inner.Listen(listening, func(_ context.Context, messages []dffmpeg.Message) error {
			return r.alone(listening, func() error { return r.deliver(listening, ctx, messages, handle) })
		})
	})
	group.Go(func() error { return r.goOn(listening) })
	group.Go(func() error {
		for {
			select {
			case <-listening.Done():
				return listening.Err()
			case <-r.wake:
			}
			if err := r.alone(listening, func() error { return r.catchUp(listening, ctx, handle) }); err != nil {
				return err
			}
		}
	})
	err := group.Wait()
	var handled errHandled
	switch {
	case errors.As(err, &handled):
		return handled.error
	case ctx.Err() != nil:
		return ctx.Err()
	}
	return err
}

// alone does something when nobody else delivers.
func (r *reliable) alone(ctx context.Context, do func() error) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case r.turn <- struct{}{}:
	}
	defer func() { <-r.turn }()
	return do()
}

// deliver hands on what the broker brought, after what comes before it. The
// handler gets a context that only the caller of Listen ends.
func (r *reliable) deliver(listening, ctx context.Context, messages []dffmpeg.Message, handle func(context.Context, []dffmpeg.Message) error) error {
	if fresh := r.fresh(messages); len(fresh) > 0 && r.seq > 0 && fresh[0].Seq > r.seq+1 {
		r.behind.Store(true) // or one was withdrawn
	}
	if err := r.catchUp(listening, ctx, handle); err != nil {
		return err
	}
	return r.pass(ctx, r.fresh(messages), handle)
}

// fresh returns the messages behind the cursor. Those of a 0.4 coordinator have no
// number, and IDs that need not ascend: all of them pass.
func (r *reliable) fresh(messages []dffmpeg.Message) []dffmpeg.Message {
	var fresh []dffmpeg.Message
	for _, m := range messages {
		if m.Seq == 0 || m.ID > r.cursor {
			fresh = append(fresh, m)
		}
	}
	return fresh
}

// catchUp fetches until nothing is missing.
func (r *reliable) catchUp(listening, ctx context.Context, handle func(context.Context, []dffmpeg.Message) error) error {
	backoff := NewBackoff("the coordinator", r.logger)
	for r.behind.Load() {
		messages, err := r.fetch(listening, r.cursor)
		switch {
		case listening.Err() != nil:
			return listening.Err()
		case Permanent(err):
			return errHandled{err}
		case err != nil:
			if err := backoff.Wait(listening, err); err != nil {
				return err
			}
			continue
		}
		backoff.Reset()
		if len(messages) == 0 {
			r.behind.Store(false)
			return nil
		}
		if err := r.pass(ctx, messages, handle); err != nil {
			return err
		}
	}
	return nil
}

// pass gives messages to the handler and moves the cursor.
func (r *reliable) pass(ctx context.Context, messages []dffmpeg.Message, handle func(context.Context, []dffmpeg.Message) error) error {
	if len(messages) == 0 {
		return nil
	}
	if err := handle(ctx, messages); err != nil {
		return errHandled{err}
	}
	last := messages[len(messages)-1]
	r.cursor, r.seq = last.ID, last.Seq
	return nil
}

// Permanent reports whether an error of the coordinator will not go away by
// trying again.
func Permanent(err error) bool {
	switch dffmpeg.CodeOf(err) {
	case dffmpeg.CodeUnauthenticated, dffmpeg.CodeForbidden, dffmpeg.CodeNotFound:
		return true
	default:
		return false
	}
}
