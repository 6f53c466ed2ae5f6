// Package rabbitmq is the transport over AMQP 0-9-1 with RabbitMQ's publisher
// confirms (protocol.md, Transports: rabbitmq). The coordinator publishes to two
// durable topic exchanges; each recipient declares a queue of its own and binds
// it. A worker's queue outlives it and the broker; a requester's is gone with
// the last who listens, so the transport is lossy.
package rabbitmq

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/internal/tlsfiles"
	"github.com/dffmpeg/dffmpeg/secret"
	"github.com/dffmpeg/dffmpeg/transport"
)

// Name is what peers negotiate.
const Name = "rabbitmq"

// Settings are those of either end. The keys are those of 0.4, and more.
type Settings struct {
	Host     string       `yaml:"host,required"`        // default 127.0.0.1
	Port     int          `yaml:"port,min=1,max=65535"` // default 5672, with TLS 5671
	Username string       `yaml:"username,required"`    // default guest
	Password secret.Value `yaml:"password"`             // default guest
	VHost    string       `yaml:"vhost,required"`       // default /; a peer uses the coordinator's
	UseTLS   bool         `yaml:"use_tls"`              // TLS; any file below turns it on, too
	Verify   bool         `yaml:"verify_ssl"`           // whether the broker's certificate and name are checked; default true
	CA       string       `yaml:"ssl_ca,file"`          // certificates of the authority; default the system's
	Cert     string       `yaml:"ssl_cert,file"`        // our certificate, for brokers that want one
	Key      string       `yaml:"ssl_key,file"`         // its key
	// UseSRV looks up where the brokers are: records of _amqp._tcp or, with TLS,
	// _amqps._tcp below Host. Without any, Host and Port are used.
	UseSRV bool `yaml:"use_srv"`
	// The exchanges; for the coordinator.
	WorkersExchange string `yaml:"workers_exchange,required"` // default dffmpeg.workers
	JobsExchange    string `yaml:"jobs_exchange,required"`    // default dffmpeg.jobs
	// CoordinatorsExchange is for what coordinators tell each other; default
	// dffmpeg.coordinators.
	CoordinatorsExchange string `yaml:"coordinators_exchange,required"`
}

const (
	plainPort     = 5672
	encryptedPort = 5671
)

// DefaultSettings returns what applies without configuration; the port is 0.
func DefaultSettings() Settings {
	return Settings{
		Host: "127.0.0.1", Username: "guest", Password: secret.New("guest"), VHost: "/", Verify: true,
		WorkersExchange: "dffmpeg.workers", JobsExchange: "dffmpeg.jobs", CoordinatorsExchange: "dffmpeg.coordinators",
	}
}

func newSettings() any {
	s := DefaultSettings()
	return &s
}

// Plugin returns the transport, both ends.
func Plugin() transport.Plugin {
	return transport.Plugin{
		Name:  Name,
		Lossy: true,

		ServerSettings: newSettings,
		ClientSettings: newSettings,

		NewServer: func(o transport.ServerOptions) (transport.Server, error) {
			s := DefaultSettings()
			if err := o.Settings.Decode(&s); err != nil {
				return nil, err
			}
			broker, err := newBroker(&s)
			if err != nil {
				return nil, err
			}
			return newServer(broker, s.WorkersExchange, s.JobsExchange, s.CoordinatorsExchange, o.OfferLifetime, o.Logger), nil
		},
		NewClient: func(o transport.ClientOptions) (transport.Client, error) {
			s := DefaultSettings()
			if err := o.Settings.Decode(&s); err != nil {
				return nil, err
			}
			queue, err := parseQueue(o.Subscription.Metadata)
			if err != nil {
				return nil, err
			}
			if queue.vhost != "" {
				s.VHost = queue.vhost
			}
			broker, err := newBroker(&s)
			if err != nil {
				return nil, err
			}
			return &client{broker: broker, queue: queue, subscription: o.Subscription, logger: o.Logger}, nil
		},
		Reach: reach,
	}
}

// reach is how a peer connects, but that it cannot know which vhost the coordinator
// will name: without the one of its own settings the broker is reached all the same.
func reach(ctx context.Context, settings transport.Decoder) error {
	s := DefaultSettings()
	if err := settings.Decode(&s); err != nil {
		return err
	}
	broker, err := newBroker(&s)
	if err != nil {
		return err
	}
	connection, err := broker.dial(ctx)
	if err == nil {
		return connection.CloseDeadline(time.Now().Add(goodbye))
	}
	if _, reached := errors.AsType[noVHost](err); reached {
		return nil
	}
	return err
}

// broker is where the brokers are, and who we are to them.
type broker struct {
	host     string
	port     int
	srv      string // service to look up, "" for none
	username string
	password secret.Value
	vhost    string
	tls      *tls.Config // nil for none; its ServerName is the host's
	resolver resolver
}

func newBroker(s *Settings) (broker, error) {
	b := broker{host: s.Host, port: s.Port, username: s.Username, password: s.Password, vhost: s.VHost, resolver: net.DefaultResolver}
	service, port := "amqp", plainPort
	if s.UseTLS || s.CA != "" || s.Cert != "" || s.Key != "" {
		service, port = "amqps", encryptedPort
		var err error
		if b.tls, err = (tlsfiles.Files{ServerName: s.Host, CA: s.CA, Cert: s.Cert, Key: s.Key, Verify: s.Verify}).Config(); err != nil {
			return broker{}, err
		}
	}
	if b.port == 0 {
		b.port = port
	}
	if s.UseSRV {
		b.srv = service
	}
	return b, nil
}

// queue is where a recipient listens: protocol.md, Transports.
type queue struct {
	vhost, exchange, key, name string
	durable, autoDelete        bool
}

// queueOf returns a recipient's queue.
func queueOf(to dffmpeg.Recipient, vhost, workers, jobs string) queue {
	if to.Kind == dffmpeg.RecipientWorker {
		return queue{vhost: vhost, exchange: workers, key: "worker." + to.ID, name: "dffmpeg.worker." + to.ID, durable: true}
	}
	key := "job." + to.ID + "." + to.JobID
	return queue{vhost: vhost, exchange: jobs, key: key, name: "dffmpeg." + key, autoDelete: true}
}

// metadata returns the queue as peers are told of it.
func (q queue) metadata() transport.Metadata {
	return transport.Metadata{
		"vhost": q.vhost, "exchange": q.exchange, "routing_key": q.key, "queue_name": q.name,
		"durable": q.durable, "auto_delete": q.autoDelete,
	}
}

// maxName bounds names on the wire (AMQP 0-9-1, shortstr).
const maxName = 255

// parseQueue reads what metadata wrote.
func parseQueue(m transport.Metadata) (queue, error) {
	var q queue
	for key, into := range map[string]*string{"exchange": &q.exchange, "routing_key": &q.key, "queue_name": &q.name} {
		text, ok := m[key].(string)
		if !ok || text == "" || strings.ContainsRune(text, 0) {
			return queue{}, errors.New("the coordinator did not say which " + key + " to use")
		}
		if len(text) > maxName {
			return queue{}, fmt.Errorf("the %s that the coordinator chose is longer than the %d bytes that AMQP allows", key, maxName)
		}
		*into = text
	}
	q.vhost, _ = m["vhost"].(string)
	q.durable, _ = m["durable"].(bool)
	q.autoDelete, _ = m["auto_delete"].(bool)
	return q, nil
}
