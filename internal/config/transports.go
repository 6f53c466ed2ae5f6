package config

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/dffmpeg/dffmpeg/internal/config/strictyaml"
	"github.com/dffmpeg/dffmpeg/secret"
)

// HTTPPollingName is the name of the transport that every peer can use, and the
// only one enabled by default.
const HTTPPollingName = "http_polling"

// Transports is the section "transports": which transports are enabled, best
// first, and their settings.
type Transports struct {
	Enabled []string // default http_polling

	node     *strictyaml.Node
	defaults Settings
	specific map[string]Settings
	decoded  map[string]any // settings that this package knows the meaning of
}

// transportsFile is the section as it is written.
type transportsFile struct {
	Enabled  []string            `yaml:"enabled_transports,required"`
	Defaults Settings            `yaml:"defaults"`
	Specific map[string]Settings `yaml:"transport_settings"`
}

// defaultTransports returns the section's defaults.
func defaultTransports() Transports { return Transports{Enabled: []string{HTTPPollingName}} }

// UnmarshalNode reads the section.
func (t *Transports) UnmarshalNode(n *strictyaml.Node) Problems {
	file := transportsFile{Enabled: t.Enabled}
	err := n.Decode(&file)
	t.Enabled, t.defaults, t.specific, t.node = file.Enabled, file.Defaults, file.Specific, n
	return asProblems(err)
}

// Settings returns a transport's own settings with the general defaults below
// them. A key of the defaults that the transport does not know is no problem.
func (t Transports) Settings(name string) Settings {
	return t.specific[name].over(t.defaults.shared())
}

// Check returns a problem (in Problems) for every name, enabled or with settings,
// that is not in kinds, and for settings that their transport does not take. kinds
// returns by name a pointer to each transport's settings with their defaults; nil:
// they are not checked.
func (t Transports) Check(kinds map[string]func() any) error {
	var problems Problems
	known := slices.Sorted(maps.Keys(kinds))
	for _, name := range t.Enabled {
		if !slices.Contains(known, name) {
			problems = append(problems, unknownName(t.node, "enabled_transports", "transport "+show(name), name, known))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(t.specific)) {
		if !slices.Contains(known, name) {
			problems = append(problems, unknownName(t.node, "transport_settings."+name, "transport", name, known))
		}
	}
	for _, name := range known {
		_, set := t.specific[name]
		if kinds[name] != nil && (set || slices.Contains(t.Enabled, name)) {
			problems = append(problems, asProblems(t.Settings(name).Decode(kinds[name]()))...)
		}
	}
	return problems.Err()
}

// MarshalNode writes the section with the settings that apply.
func (t Transports) MarshalNode() any {
	var settings strictyaml.Fields
	names := slices.Concat(slices.Collect(maps.Keys(t.specific)), slices.Collect(maps.Keys(t.decoded)), t.Enabled)
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		if decoded, ok := t.decoded[name]; ok {
			settings = settings.Add(name, decoded)
		} else {
			settings = settings.Add(name, t.Settings(name))
		}
	}
	return strictyaml.Fields{}.Add("enabled_transports", t.Enabled).Add("transport_settings", settings)
}

// HTTPPollingServer is the coordinator's section of http_polling.
type HTTPPollingServer struct {
	BasePath string `yaml:"base_path,required"` // where the poll endpoints are; default /poll
	// BackendTransport names the broker by which coordinators tell each other who
	// has mail, "" for none.
	BackendTransport string `yaml:"backend_transport"`
}

// Validate checks the path.
func (h *HTTPPollingServer) Validate(problem func(key, message string)) {
	if !strings.HasPrefix(h.BasePath, "/") || strings.ContainsAny(h.BasePath, "?#{} ") || strings.Contains(h.BasePath, "//") {
		problem("base_path", "expected a path such as /poll")
	}
}

// HTTPPollingPeer is a worker's or client's section of http_polling.
type HTTPPollingPeer struct {
	Streaming bool          `yaml:"streaming"`             // NDJSON instead of long polls; default true
	PollWait  time.Duration `yaml:"poll_wait,whole,min=1"` // how long a poll waits; default 5 s
	// Overrides for polling alone; zero means as everywhere else.
	ClientID       string       `yaml:"client_id"`
	HMACKey        secret.Value `yaml:"hmac_key"`
	CoordinatorURL string       `yaml:"coordinator_url"`
}

// Validate checks the override.
func (h *HTTPPollingPeer) Validate(problem func(key, message string)) {
	if h.CoordinatorURL == "" {
		return
	}
	if _, err := ParseAddress(h.CoordinatorURL); err != nil {
		problem("coordinator_url", err.Error())
	}
}

// decodePolling decodes the settings of http_polling into a section that has its
// defaults, and remembers it for Show.
func (t *Transports) decodePolling(into any) Problems {
	t.decoded = map[string]any{HTTPPollingName: into}
	return asProblems(t.Settings(HTTPPollingName).Decode(into))
}
