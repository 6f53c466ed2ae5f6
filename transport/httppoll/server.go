package httppoll

import (
	"context"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/transport"
)

// ServerSettings are the coordinator's settings.
type ServerSettings struct {
	BasePath string `yaml:"base_path,required"` // where the poll endpoints are; default /poll
	// BackendTransport names the broker by which coordinators tell each other who
	// has mail, "" for none; the coordinator connects to it.
	BackendTransport string `yaml:"backend_transport"`
}

// Server is the coordinator's end. Make one with NewServer.
type Server struct {
	base    string
	mailbox transport.Mailbox
	logger  *slog.Logger
	closing chan struct{} // closed when Run ends
	// serving is the context of held streams, which stop ends.
	serving context.Context
	stop    context.CancelFunc
	held    streams
	store   proof

	mu        sync.Mutex
	listeners map[dffmpeg.Recipient]map[*listener]struct{}
}

var _ transport.Puller = (*Server)(nil)

// listener is a peer that waits.
type listener struct {
	wake    chan struct{} // holds a token when there may be mail
	evicted chan struct{} // closed when another connection takes its place
	// interrupt makes it look at the channels if it does not wait for them.
	interrupt func()
}

func newListener() *listener {
	return &listener{wake: make(chan struct{}, 1), evicted: make(chan struct{}), interrupt: func() {}}
}

// state is what a listener that does not wait is to do.
type state int

const (
	idle state = iota
	woken
	over
)

// state takes the token, if there is one.
func (l *listener) state(s *Server) state {
	select {
	case <-l.evicted:
		return over
	case <-s.closing:
		return over
	default:
	}
	select {
	case <-l.wake:
		return woken
	default:
		return idle
	}
}

// NewServer returns the coordinator's end. It starts nothing.
func NewServer(settings ServerSettings, mailbox transport.Mailbox, logger *slog.Logger) *Server {
	serving, stop := context.WithCancel(context.Background())
	return &Server{
		serving: serving, stop: stop, held: streams{conns: make(map[*listener]net.Conn)},
		base:      strings.TrimSuffix(settings.BasePath, "/"),
		mailbox:   mailbox,
		logger:    logger,
		closing:   make(chan struct{}),
		listeners: make(map[dffmpeg.Recipient]map[*listener]struct{}),
	}
}

// Name implements transport.Server.
func (s *Server) Name() string { return Name }

// Address implements transport.Server.
func (s *Server) Address(to dffmpeg.Recipient) transport.Metadata {
	if to.Kind == dffmpeg.RecipientWorker {
		return transport.Metadata{"path": s.base + "/worker"}
	}
	return transport.Metadata{"path": s.base + "/jobs/" + to.JobID}
}

// Health implements transport.Server; there is nothing that could fail.
func (s *Server) Health(context.Context) (string, error) {
	return "HTTP Polling mode (standalone)", nil
}

// Run waits for the end and then lets peers go, so that they connect elsewhere.
func (s *Server) Run(ctx context.Context) error {
	<-ctx.Done()
	s.mu.Lock()
	close(s.closing)
	s.mu.Unlock()
	s.release()
	return ctx.Err()
}

// closed reports whether Run has ended.
func (s *Server) closed() bool {
	select {
	case <-s.closing:
		return true
	default:
		return false
	}
}

// Wake implements transport.Puller.
func (s *Server) Wake(to dffmpeg.Recipient) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for l := range s.listeners[to] {
		select {
		case l.wake <- struct{}{}:
			l.interrupt()
		default:
		}
	}
}

// Waiting implements transport.Puller.
func (s *Server) Waiting() []dffmpeg.Recipient {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(maps.Keys(s.listeners))
}

// Routes implements transport.Puller.
func (s *Server) Routes() []transport.Route {
	return []transport.Route{
		{
			Method: http.MethodGet, Pattern: s.base + "/worker", Summary: "Messages for a worker",
			Recipient: func(r *http.Request, caller dffmpeg.Identity) (dffmpeg.Recipient, error) {
				if caller.Role != dffmpeg.RoleWorker {
					return dffmpeg.Recipient{}, dffmpeg.Errorf(dffmpeg.CodeForbidden,
						"Only workers have messages here; %s has the role %s. An admin can change it: dffmpeg admin user set-role %s worker",
						caller.ClientID, caller.Role, caller.ClientID)
				}
				_, err := parse(r)
				return dffmpeg.ToWorker(caller.ClientID), err
			},
			Handle: s.handle,
		},
		{
			Method: http.MethodGet, Pattern: s.base + "/jobs/{job_id}", Summary: "Messages for the requester of a job",
			Recipient: func(r *http.Request, caller dffmpeg.Identity) (dffmpeg.Recipient, error) {
				_, err := parse(r)
				return dffmpeg.Recipient{Kind: dffmpeg.RecipientRequester, ID: caller.ClientID, JobID: r.PathValue("job_id")}, err
			},
			Handle: s.handle,
		},
	}
}

// handle serves a peer that may listen for the recipient.
func (s *Server) handle(w http.ResponseWriter, r *http.Request, to dffmpeg.Recipient) {
	d, err := parse(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest) // checked before by Recipient
		return
	}
	if d.stream && s.hold(w, r, to, d) {
		return
	}
	l := s.join(to, d)
	defer s.leave(to, l)
	c := &connection{server: s, to: to, demand: d, listener: l, writer: w, out: response{w, http.NewResponseController(w)}}
	if d.stream {
		err = c.stream(r.Context())
	} else {
		err = c.poll(r.Context())
	}
	if err != nil && r.Context().Err() == nil {
		s.lost(to, err)
	}
}

func (s *Server) lost(to dffmpeg.Recipient, err error) {
	s.logger.Debug("peer lost", "recipient", to.String(), "error", err)
}

// join adds a listener.
func (s *Server) join(to dffmpeg.Recipient, d demand) *listener {
	l := newListener()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.add(to, d, l)
	return l
}

// add adds a listener; the caller holds the mutex. A worker listens once: one that connects without a
// cursor replaces its earlier connections, which may be dead without anybody
// having noticed and must not swallow its messages.
func (s *Server) add(to dffmpeg.Recipient, d demand, l *listener) {
	if to.Kind == dffmpeg.RecipientWorker && d.cursor == "" {
		for other := range s.listeners[to] {
			close(other.evicted)
			other.interrupt()
		}
		delete(s.listeners, to)
	}
	if s.listeners[to] == nil {
		s.listeners[to] = make(map[*listener]struct{})
	}
	s.listeners[to][l] = struct{}{}
}

func (s *Server) leave(to dffmpeg.Recipient, l *listener) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.held.conns, l)
	delete(s.listeners[to], l)
	if len(s.listeners[to]) == 0 {
		delete(s.listeners, to)
	}
}
