// Package mqtt is the transport over an MQTT 3.1.1 broker, which is what every
// broker and 0.4 speak (protocol.md, Transports: mqtt). Messages are published
// with quality of service 1 and are not retained; the broker keeps nothing for a
// peer that is away, so the transport is lossy.
package mqtt

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"

	paho "github.com/eclipse/paho.mqtt.golang"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/internal/tlsfiles"
	"github.com/dffmpeg/dffmpeg/secret"
	"github.com/dffmpeg/dffmpeg/transport"
)

// Name is what peers negotiate.
const Name = "mqtt"

// topicKey is the key of the metadata that says where to listen.
const topicKey = "topic"

// Settings are those of either end. The keys are those of 0.4, and more.
type Settings struct {
	Host     string       `yaml:"host,required"`        // default 127.0.0.1
	Port     int          `yaml:"port,min=1,max=65535"` // default 1883
	Username string       `yaml:"username"`
	Password secret.Value `yaml:"password"`
	UseTLS   bool         `yaml:"use_tls"`       // TLS; any file below turns it on, too
	Verify   bool         `yaml:"verify_ssl"`    // whether the broker's certificate and name are checked; default true
	CA       string       `yaml:"ssl_ca,file"`   // certificates of the authority; default the system's
	Cert     string       `yaml:"ssl_cert,file"` // our certificate, for brokers that want one
	Key      string       `yaml:"ssl_key,file"`  // its key
	// TopicPrefix begins every topic; for the coordinator, default dffmpeg.
	TopicPrefix string `yaml:"topic_prefix,required"`
}

// DefaultSettings returns what applies without configuration.
func DefaultSettings() Settings {
	return Settings{Host: "127.0.0.1", Port: 1883, Verify: true, TopicPrefix: "dffmpeg"}
}

// Validate checks the prefix.
func (s *Settings) Validate(problem func(key, message string)) {
	if strings.ContainsAny(s.TopicPrefix, "+#\x00") || strings.HasPrefix(s.TopicPrefix, "$") {
		problem("topic_prefix", "a topic cannot contain + or #, or begin with $")
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
			broker, prefix, err := decode(o.Settings)
			if err != nil {
				return nil, err
			}
			return newServer(broker, prefix, o.Logger), nil
		},
		NewClient: func(o transport.ClientOptions) (transport.Client, error) {
			broker, _, err := decode(o.Settings)
			if err != nil {
				return nil, err
			}
			topic, ok := o.Subscription.Metadata[topicKey].(string)
			if !ok || unusable(topic) != nil {
				return nil, errors.New("the coordinator did not say which topic to subscribe to")
			}
			return &client{broker: broker, topic: topic, subscription: o.Subscription, logger: o.Logger}, nil
		},
		Reach: func(ctx context.Context, settings transport.Decoder) error {
			broker, _, err := decode(settings)
			if err != nil {
				return err
			}
			connection, err := broker.dial(ctx, func(paho.Message) {})
			if err == nil {
				connection.close()
			}
			return err
		},
	}
}

// broker is where the broker is, and who we are to it.
type broker struct {
	address  string // host and port
	url      string
	username string
	password secret.Value
	tls      *tls.Config // nil for none
}

func decode(settings transport.Decoder) (broker, string, error) {
	s := DefaultSettings()
	if err := settings.Decode(&s); err != nil {
		return broker{}, "", err
	}
	b := broker{address: net.JoinHostPort(s.Host, strconv.Itoa(s.Port)), username: s.Username, password: s.Password}
	scheme := "tcp"
	if s.UseTLS || s.CA != "" || s.Cert != "" || s.Key != "" {
		scheme = "ssl"
		var err error
		if b.tls, err = (tlsfiles.Files{ServerName: s.Host, CA: s.CA, Cert: s.Cert, Key: s.Key, Verify: s.Verify}).Config(); err != nil {
			return broker{}, "", err
		}
	}
	b.url = (&url.URL{Scheme: scheme, Host: b.address}).String()
	return b, strings.TrimSuffix(s.TopicPrefix, "/"), nil
}

// topic returns where a recipient's messages are published.
func topic(prefix string, to dffmpeg.Recipient) string {
	if to.Kind == dffmpeg.RecipientWorker {
		return prefix + "/workers/" + to.ID
	}
	return prefix + "/jobs/" + to.ID + "/" + to.JobID
}

// unusable returns why nothing can be published to a topic.
func unusable(topic string) error {
	switch {
	case topic == "" || strings.ContainsAny(topic, "+#\x00"):
		return fmt.Errorf("%q is no topic: it is empty or has + or # in it", topic)
	case len(topic) > 65535:
		return errors.New("the topic is too long")
	}
	return nil
}

// clientID returns a name for a connection; brokers end one of two that have the
// same. All take 23 characters.
func clientID() string { return "dffmpeg-" + rand.Text()[:15] }
