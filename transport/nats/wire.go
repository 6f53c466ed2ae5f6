// Package nats is the transport over NATS with JetStream. The coordinator
// publishes to one stream, in which each recipient has a subject; a peer reads
// its subject from the moment on when it begins to listen. The stream forgets,
// so the transport is lossy; what it promises is that a message which was
// published reaches everybody who listens, in order, through reconnections.
//
// NATS is an extension to 0.4. The metadata is {stream, subject}. The subject is
// PREFIX.workers.ID or PREFIX.jobs.CLIENT.JOB, where bytes of an ID other than
// letters, digits and hyphens are written as _XX in hexadecimal. The body is the
// message in JSON; one that is too large for the server is announced by an empty
// body, and the peer fetches it.
package nats

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/internal/tlsfiles"
	"github.com/dffmpeg/dffmpeg/secret"
	"github.com/dffmpeg/dffmpeg/transport"
)

// Name is what peers negotiate.
const Name = "nats"

// The keys of the metadata that says where to listen.
const (
	streamKey  = "stream"
	subjectKey = "subject"
)

// Settings are those of either end.
type Settings struct {
	Host     string       `yaml:"host,required"`        // default 127.0.0.1
	Port     int          `yaml:"port,min=1,max=65535"` // default 4222
	Username string       `yaml:"username"`
	Password secret.Value `yaml:"password"`
	// CredentialsFile has a JWT and its key, for servers that want those.
	CredentialsFile string `yaml:"credentials_file,file"`
	UseTLS          bool   `yaml:"use_tls"`       // TLS; any file below turns it on, too
	Verify          bool   `yaml:"verify_ssl"`    // whether the server's certificate and name are checked; default true
	CA              string `yaml:"ssl_ca,file"`   // certificates of the authority; default the system's
	Cert            string `yaml:"ssl_cert,file"` // our certificate, for servers that want one
	Key             string `yaml:"ssl_key,file"`  // its key
	// The rest is for the coordinator, which makes the stream.
	Stream        string        `yaml:"stream,required"`         // its name; default dffmpeg
	SubjectPrefix string        `yaml:"subject_prefix,required"` // begins every subject; default dffmpeg
	MaxAge        time.Duration `yaml:"max_age,min=60"`          // how long messages are kept; default 10 min
	Replicas      int           `yaml:"replicas,min=1,max=5"`    // servers of a cluster that keep them; default 1
}

// DefaultSettings returns what applies without configuration.
func DefaultSettings() Settings {
	return Settings{
		Host: "127.0.0.1", Port: 4222, Verify: true, Stream: "dffmpeg", SubjectPrefix: "dffmpeg",
		MaxAge: 10 * time.Minute, Replicas: 1,
	}
}

// Validate checks the names.
func (s *Settings) Validate(problem func(key, message string)) {
	if strings.ContainsAny(s.Stream, ".*> \t/\\") {
		problem("stream", "a stream's name cannot contain spaces or any of .*>/\\")
	}
	if escape(strings.ReplaceAll(s.SubjectPrefix, ".", "")) != strings.ReplaceAll(s.SubjectPrefix, ".", "") ||
		strings.HasPrefix(s.SubjectPrefix, ".") || strings.HasSuffix(s.SubjectPrefix, ".") || strings.Contains(s.SubjectPrefix, "..") {
		problem("subject_prefix", "expected letters, digits and hyphens, in parts with dots between them")
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
			login, err := newLogin(&s)
			if err != nil {
				return nil, err
			}
			return newServer(login, &s, o.Logger), nil
		},
		NewClient: func(o transport.ClientOptions) (transport.Client, error) {
			s := DefaultSettings()
			if err := o.Settings.Decode(&s); err != nil {
				return nil, err
			}
			login, err := newLogin(&s)
			if err != nil {
				return nil, err
			}
			c := &client{login: login, subscription: o.Subscription, logger: o.Logger}
			if c.stream, c.subject, err = parse(o.Subscription.Metadata); err != nil {
				return nil, err
			}
			return c, nil
		},
		Reach: func(ctx context.Context, settings transport.Decoder) error {
			s := DefaultSettings()
			if err := settings.Decode(&s); err != nil {
				return err
			}
			login, err := newLogin(&s)
			if err != nil {
				return err
			}
			connection, err := login.dial(ctx)
			if err == nil {
				connection.close()
			}
			return err
		},
	}
}

// login is where the server is, and who we are to it.
type login struct {
	address     string // host and port
	username    string
	password    secret.Value
	credentials string      // file
	tls         *tls.Config // nil for none
}

func newLogin(s *Settings) (login, error) {
	l := login{
		address: net.JoinHostPort(s.Host, strconv.Itoa(s.Port)), username: s.Username, password: s.Password,
		credentials: s.CredentialsFile,
	}
	if s.UseTLS || s.CA != "" || s.Cert != "" || s.Key != "" {
		var err error
		if l.tls, err = (tlsfiles.Files{ServerName: s.Host, CA: s.CA, Cert: s.Cert, Key: s.Key, Verify: s.Verify}).Config(); err != nil {
			return login{}, err
		}
	}
	return l, nil
}

// subject returns where a recipient's messages are published.
func subject(prefix string, to dffmpeg.Recipient) string {
	if to.Kind == dffmpeg.RecipientWorker {
		return prefix + ".workers." + escape(to.ID)
	}
	return prefix + ".jobs." + escape(to.ID) + "." + escape(to.JobID)
}

// subjects returns all subjects of a stream.
func subjects(prefix string) []string {
	return []string{prefix + ".workers.*", prefix + ".jobs.*.*"}
}

// escape makes one token of a subject: nothing that NATS takes for a separator
// or a wildcard, and different IDs stay different.
func escape(id string) string {
	var b strings.Builder
	for i := range len(id) {
		switch c := id[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-':
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "_%02X", c)
		}
	}
	return b.String()
}

func parse(m transport.Metadata) (stream, subject string, err error) {
	stream, _ = m[streamKey].(string)
	subject, _ = m[subjectKey].(string)
	if stream == "" || subject == "" || strings.ContainsAny(subject, "*> \t\r\n") {
		return "", "", errors.New("the coordinator did not say which stream and subject to read")
	}
	return stream, subject, nil
}
