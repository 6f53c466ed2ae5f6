package relay

import (
	"context"
	"errors"
	"syscall"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/internal/stdio"
)

// Members knows the coordinators that live.
type Members interface {
	// Alone reports whether there is no other one.
	Alone() bool
	// Lookup returns one, false for one that does not live.
	Lookup(ctx context.Context, id string) (dffmpeg.Coordinator, bool, error)
}

// Records keeps where jobs have their homes (store.Coordinators).
type Records interface {
	Home(ctx context.Context, jobID, own, instead string) (string, error)
}

// Dialer connects to another coordinator on behalf of an end.
type Dialer interface {
	DialStdio(ctx context.Context, to dffmpeg.Coordinator, jobID, side string, attempt int64) (stdio.Conn, error)
}

// homes are those of a cluster.
type homes struct {
	own     string
	members Members
	records Records
	dialer  Dialer
}

// NewHomes returns the homes as coordinator own sees them.
func NewHomes(own string, members Members, records Records, dialer Dialer) Homes {
	return &homes{own, members, records, dialer}
}

// Find implements Homes. A coordinator that is alone keeps no record: when another
// one comes, the ends that wait are asked for again.
func (h *homes) Find(ctx context.Context, jobID string) (Away, error) {
	if h.members.Alone() {
		return nil, nil //nolint:nilnil // nil means here
	}
	gone := ""
	for {
		home, err := h.records.Home(ctx, jobID, h.own, gone)
		if err != nil || home == h.own {
			return nil, err
		}
		member, lives, err := h.members.Lookup(ctx, home)
		if err != nil {
			return nil, err
		}
		if lives {
			return &away{h, member}, nil
		}
		gone = home
	}
}

// away is a home at another coordinator.
type away struct {
	*homes
	member dffmpeg.Coordinator
}

// Dial implements Away. When nobody listens at the other one's address, it is
// dead, and its place is taken at once: the next Find returns here.
func (a *away) Dial(ctx context.Context, jobID string, side Side, attempt int64) (stdio.Conn, error) {
	conn, err := a.dialer.DialStdio(ctx, a.member, jobID, side.String(), attempt)
	if errors.Is(err, syscall.ECONNREFUSED) {
		_, claim := a.records.Home(ctx, jobID, a.own, a.member.ID)
		err = errors.Join(err, claim)
	}
	return conn, err
}
