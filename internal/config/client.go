package config

import (
	"errors"
	"time"

	"github.com/dffmpeg/dffmpeg/internal/config/strictyaml"
	"github.com/dffmpeg/dffmpeg/secret"
)

// The environment variables that override a client's file.
const (
	VariableClientID       = "DFFMPEG_CLIENT_ID"
	VariableHMACKey        = "DFFMPEG_HMAC_KEY" // a key file beats it
	VariableCoordinatorURL = "DFFMPEG_COORDINATOR_URL"
)

// Client is dffmpeg-client.yaml, which the drop-in proxy reads too.
type Client struct {
	Source
	Logging
	Credentials
	// JobHeartbeatInterval is asked for with every job; 0 leaves it to the
	// coordinator.
	JobHeartbeatInterval time.Duration `yaml:"job_heartbeat_interval,whole,min=0"`
	Coordinator          Address       `yaml:"coordinator"`
	// Paths maps names of path variables to directories: absolute and clean,
	// symbolic links not yet resolved.
	Paths    map[string]string `yaml:"paths,file"`
	Fallback Fallback          `yaml:"fallback"`
	// Job is what is asked of the queue for its jobs.
	Job Job `yaml:"job"`
	// Environment are the variables that go with a job when they are set; default
	// AMD_DEBUG and LIBVA_DRIVER_NAME.
	Environment []string   `yaml:"environment"`
	Transports  Transports `yaml:"transports"`
	// HTTPPolling are the settings of that transport, decoded.
	HTTPPolling HTTPPollingPeer `yaml:"-"`
}

// DefaultClient returns the defaults. Identity and key, which have none, are
// missing.
func DefaultClient() *Client {
	c := &Client{
		Logging:     defaultLogging(),
		Coordinator: DefaultAddress(),
		Environment: forwarded(),
		Job:         Job{Priority: PriorityDefault},
		Fallback:    Fallback{When: FallbackNever, After: 30 * time.Second},
		Transports:  defaultTransports(),
		HTTPPolling: defaultPollingPeer(),
	}
	c.Transports.decodePolling(&c.HTTPPolling) // nothing is configured: nothing can be wrong
	return c
}

// LoadClient finds and reads the client's file; explicit is the --config
// option. No file is needed when the environment names identity and key.
func LoadClient(explicit string, env Environment) (*Client, error) {
	path, err := Find(ClientComponent, explicit, env)
	var notFound *NotFoundError
	if errors.As(err, &notFound) {
		notFound.Instead = "set " + VariableClientID + " and " + VariableHMACKey
		if env.Get(VariableClientID) == "" || env.Get(VariableHMACKey) == "" {
			return nil, err
		}
	} else if err != nil {
		return nil, err
	}
	node, err := read(path)
	if node == nil && err != nil {
		return nil, err
	}
	return readClient(path, node, err, env)
}

// readClient decodes a parsed file; parsing is what Parse found wrong.
func readClient(path string, node *strictyaml.Node, parsing error, env Environment) (*Client, error) {
	c := DefaultClient()
	c.File = path
	problems := append(asProblems(parsing), asProblems(node.Decode(c))...)
	problems = append(problems, c.override(env)...)
	problems = append(problems, c.Credentials.resolve(node, &c.Source, ", or set "+VariableClientID, ", or set "+VariableHMACKey)...)
	problems = append(problems, c.Transports.decodePolling(&c.HTTPPolling)...)
	if err := problems.Err(); err != nil {
		return nil, err
	}
	return c, nil
}

// override applies the environment.
func (c *Client) override(env Environment) Problems {
	if id := env.Get(VariableClientID); id != "" {
		c.ClientID = id
	}
	if key := env.Get(VariableHMACKey); key != "" {
		c.HMACKey = secret.New(key)
	}
	address := env.Get(VariableCoordinatorURL)
	if address == "" {
		return nil
	}
	parsed, err := ParseAddress(address)
	if err != nil {
		return Problems{{Path: VariableCoordinatorURL, Message: err.Error()}}
	}
	c.Coordinator = parsed
	return nil
}

// Validate checks what concerns several keys.
func (c *Client) Validate(problem func(key, message string)) {
	checkPaths(c.Paths, problem)
	checkVariables(c.Environment, "environment", problem)
}

// These types read themselves.
var (
	_ strictyaml.Unmarshaler = (*Database)(nil)
	_ strictyaml.Unmarshaler = (*Transports)(nil)
	_ strictyaml.Unmarshaler = (*Networks)(nil)
	_ strictyaml.Unmarshaler = (*Settings)(nil)
	_ strictyaml.Unmarshaler = (*Mount)(nil)
)
