package store

import (
	"context"
	"time"

	"github.com/dffmpeg/dffmpeg"
)

// Coordinators keeps what the coordinators that share the state know of each
// other.
type Coordinators interface {
	// Beat is a coordinator's sign of life: it stores the record, with LastSeen
	// now and, the first time, StartedAt now. Records of others that were last
	// seen more than CoordinatorsKept ago are forgotten.
	Beat(ctx context.Context, coordinator dffmpeg.Coordinator) error

	// Leave forgets a coordinator, and ends its leases. One that is not known is
	// no error.
	Leave(ctx context.Context, id string) error

	// ListCoordinators returns the coordinators last seen less than window ago, by
	// ID.
	ListCoordinators(ctx context.Context, window time.Duration) ([]dffmpeg.Coordinator, error)

	// Lease gives the lease of a name to holder for ttl from now on, or prolongs
	// it, unless somebody else holds it: then it returns false.
	Lease(ctx context.Context, name, holder string, ttl time.Duration) (bool, error)

	// Home returns the coordinator at which the ends of a job's standard streams
	// meet. It becomes own when it is instead, as seen before: "" for none.
	Home(ctx context.Context, jobID, own, instead string) (string, error)

	// Positions returns the number of the last message to each of the recipients;
	// those unknown are left out. A coordinator learns by it of what others have
	// sent to those who listen here.
	Positions(ctx context.Context, recipients []dffmpeg.Recipient) (map[dffmpeg.Recipient]int64, error)
}

// CoordinatorsKept is how long a coordinator that did not leave is remembered.
const CoordinatorsKept = time.Hour
