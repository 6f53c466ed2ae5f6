package doctor

import (
	"context"
	"fmt"
	"slices"
	"time"
)

const (
	// requests are sent to measure the latency, for mostOf the time there is.
	requests = 5
	mostOf   = 5
	// slow is a latency that is felt with every program that runs.
	slow = 250 * time.Millisecond
)

// latencies measures requests, one after the other, until the time is up.
func latencies(ctx context.Context, limit time.Duration, send func(ctx context.Context) error) []time.Duration {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	var list []time.Duration
	for range requests {
		began := time.Now()
		if send(ctx) != nil {
			break
		}
		list = append(list, time.Since(began))
	}
	return list
}

// judgeLatency says whether the coordinator is far away.
func judgeLatency(list []time.Duration) Finding {
	if len(list) == 0 {
		return warning(checkLatency, "no request was answered in time", "see what is between this machine and the coordinator, and the load of its database")
	}
	list = slices.Sorted(slices.Values(list))
	median := list[len(list)/2]
	found := fmt.Sprintf("%s for a signed request (median of %d)", median.Round(100*time.Microsecond), len(list))
	if median > slow {
		return warning(checkLatency, found, "a program needs several of them to start: see what is between this machine and the coordinator, and the load of its database")
	}
	return ok(checkLatency, "%s", found)
}
