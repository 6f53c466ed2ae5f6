package replicas

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/dffmpeg/dffmpeg"
)

// links are the ways to the others: one over the broker when there is one, else
// one to each. They are opened and closed by the goroutine that gives signs of
// life, which learns of the others.
type links struct {
	own    string
	broker Tell                           // nil: direct is used
	direct func(dffmpeg.Coordinator) Tell // nil: there is none
	logger *slog.Logger

	running sync.WaitGroup

	mu   sync.Mutex
	open map[string]openLink // by the other's ID, "" for the broker's
}

type openLink struct {
	*link
	stop context.CancelFunc
}

// add has all others told. It does not block.
func (ls *links) add(to dffmpeg.Recipient, notBefore time.Time) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	for _, l := range ls.open {
		l.add(to, notBefore)
	}
}

// update opens links to those who came and closes those to who left. They run
// until ctx ends at most.
func (ls *links) update(ctx context.Context, others []dffmpeg.Coordinator) {
	wanted := make(map[string]Tell)
	for _, c := range others {
		switch {
		case ls.broker != nil:
			wanted[""] = ls.broker
		case ls.direct != nil:
			if tell := ls.direct(c); tell != nil {
				wanted[c.ID] = tell
			}
		}
	}
	ls.mu.Lock()
	defer ls.mu.Unlock()
	for id, l := range ls.open {
		if _, still := wanted[id]; !still {
			l.stop()
			delete(ls.open, id)
		}
	}
	for id, tell := range wanted {
		if _, is := ls.open[id]; is {
			continue
		}
		running, stop := context.WithCancel(ctx)
		l := openLink{newLink(ls.own, tell, ls.logger.With("coordinator", id)), stop}
		ls.open[id] = l
		ls.running.Go(func() { _ = l.run(running) }) // until it is told to end
	}
}

// close ends all links.
func (ls *links) close() {
	ls.update(context.Background(), nil)
	ls.running.Wait()
}
