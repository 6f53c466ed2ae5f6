package config

import (
	"errors"
	"net/netip"
	"strings"
	"time"
	"unicode"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/internal/config/strictyaml"
)

// Coordinator is dffmpeg-coordinator.yaml.
type Coordinator struct {
	Source
	Logging
	Host                        string        `yaml:"host,required"`                              // default 127.0.0.1
	Port                        int           `yaml:"port,min=0,max=65535"`                       // default 8000; 0 takes a free one
	WebDashboardEnabled         bool          `yaml:"web_dashboard_enabled"`                      // default true
	AllowedDashboardIPs         Networks      `yaml:"allowed_dashboard_ips"`                      // default everyone
	AllowedMetricsIPs           Networks      `yaml:"allowed_metrics_ips"`                        // default everyone
	DefaultJobHeartbeatInterval time.Duration `yaml:"default_job_heartbeat_interval,whole,min=1"` // default 5 s
	HandshakeDelay              time.Duration `yaml:"handshake_delay_seconds,min=0"`              // default 1 s
	// AdvertisedURL is where other coordinators of the cluster reach this one;
	// default: its host and port.
	AdvertisedURL string        `yaml:"advertised_url"`
	ShutdownDelay time.Duration `yaml:"shutdown_delay_seconds,min=0"` // how long health says shutdown before connections end; default 0
	// CallerGrace is how long a requester may be away that closed its connection
	// without a word, before its job is canceled; default 0.5 s.
	CallerGrace     time.Duration `yaml:"caller_grace,min=0"`
	DevMode         bool          `yaml:"dev_mode"`                                // documentation pages; default false, DFFMPEG_COORDINATOR_DEV=1 sets it
	AllowedBinaries []string      `yaml:"allowed_binaries,required"`               // default ffmpeg, ffprobe
	TrustedProxies  Networks      `yaml:"trusted_proxies"`                         // whose X-Forwarded-For counts; default 127.0.0.1
	MaxBodyBytes    int64         `yaml:"max_body_bytes,min=65536,max=1073741824"` // largest request body; default 16 MiB
	Database        Database      `yaml:"database"`
	Janitor         Janitor       `yaml:"janitor"`
	Scheduler       Scheduler     `yaml:"scheduler"`
	Retention       Retention     `yaml:"retention"`
	Transports      Transports    `yaml:"transports"`
	// HTTPPolling are the settings of that transport, decoded.
	HTTPPolling HTTPPollingServer `yaml:"-"`
}

// Janitor is the section "janitor": when what is silent is given up.
type Janitor struct {
	Interval                    time.Duration `yaml:"interval,min=0.01"`                    // between rounds; default 10 s
	Jitter                      time.Duration `yaml:"jitter,min=0"`                         // at most so much more or less; default 0.5 s
	WorkerThresholdFactor       float64       `yaml:"worker_threshold_factor,min=1"`        // × registration interval; default 1.5
	JobHeartbeatThresholdFactor float64       `yaml:"job_heartbeat_threshold_factor,min=1"` // × heartbeat interval; default 2.5
	JobAssignmentTimeout        time.Duration `yaml:"job_assignment_timeout,min=0"`         // until accepted; default 10 s
	JobPendingRetryDelay        time.Duration `yaml:"job_pending_retry_delay,min=0"`        // between attempts to assign; default 5 s
	// JobPendingTimeout is how long a job that somebody waits for may wait while no
	// worker qualifies; default 30 s.
	JobPendingTimeout time.Duration `yaml:"job_pending_timeout,min=0"`
}

// Scheduler is the section "scheduler": how jobs wait and how often they are tried,
// where they do not say so themselves.
type Scheduler struct {
	DetachedAttempts int           `yaml:"detached_attempts,min=1,max=20"`         // of jobs that nobody waits for; default 3
	RetryBackoff     time.Duration `yaml:"retry_backoff,whole,min=0,max=86400"`    // before the second attempt, then twice as long; default 10 s
	JobLostAfter     time.Duration `yaml:"job_lost_after,whole,min=60,max=604800"` // without contact until an attempt is lost that another may follow; default 5 min
	QueueTimeout     time.Duration `yaml:"queue_timeout,whole,min=0,max=31536000"` // of waiting, for jobs that nobody waits for; default 0: none
	// QueryWorker is the ID of the only worker that answers questions such as -encoders,
	// so that the answer is always the same; default: any does.
	QueryWorker     string `yaml:"query_worker"`
	LegacyMaxJobs   int    `yaml:"legacy_max_jobs,min=0,max=100000"`       // of each worker of 0.4; default 0: any number
	LegacyLightJobs int    `yaml:"legacy_max_light_jobs,min=0,max=100000"` // the same, of light jobs; default 0
}

// Retention is the section "retention": what is kept of the past; 0 keeps it
// for ever.
type Retention struct {
	Jobs     time.Duration `yaml:"jobs,min=0"`                  // after they ended, with all that belongs to them; default 30 days
	Logs     time.Duration `yaml:"logs,min=0"`                  // output; default 14 days
	Messages time.Duration `yaml:"messages,min=0"`              // delivered or not; default 3 days
	LogBytes int64         `yaml:"max_log_bytes_per_job,min=0"` // the newest output; default 64 MiB
}

// Validate checks what concerns several keys.
func (j *Janitor) Validate(problem func(key, message string)) {
	if j.Jitter > j.Interval {
		problem("jitter", "the jitter is longer than the interval")
	}
}

// DefaultCoordinator returns the configuration of a coordinator without a file.
func DefaultCoordinator(engines Engines) *Coordinator {
	c := newCoordinator()
	c.finish(nil, Environment{}, engines)
	return c
}

// newCoordinator returns the defaults before a file is read.
func newCoordinator() *Coordinator {
	return &Coordinator{
		Logging: defaultLogging(),
		Host:    "127.0.0.1", Port: 8000,
		WebDashboardEnabled:         true,
		AllowedDashboardIPs:         dffmpeg.AnyAddress(),
		AllowedMetricsIPs:           dffmpeg.AnyAddress(),
		DefaultJobHeartbeatInterval: 5 * time.Second,
		HandshakeDelay:              time.Second,
		CallerGrace:                 500 * time.Millisecond,
		AllowedBinaries:             []string{"ffmpeg", "ffprobe"},
		TrustedProxies:              Networks{netip.MustParsePrefix("127.0.0.1/32")},
		MaxBodyBytes:                16 << 20,
		Janitor: Janitor{
			Interval: 10 * time.Second, Jitter: 500 * time.Millisecond,
			WorkerThresholdFactor: 1.5, JobHeartbeatThresholdFactor: 2.5,
			JobAssignmentTimeout: 10 * time.Second,
			JobPendingRetryDelay: 5 * time.Second, JobPendingTimeout: 30 * time.Second,
		},
		Scheduler: Scheduler{DetachedAttempts: 3, RetryBackoff: 10 * time.Second, JobLostAfter: 5 * time.Minute},
		Retention: Retention{
			Jobs: 30 * 24 * time.Hour, Logs: 14 * 24 * time.Hour, Messages: 3 * 24 * time.Hour, LogBytes: 64 << 20,
		},
		Transports:  defaultTransports(),
		HTTPPolling: HTTPPollingServer{BasePath: "/poll"},
	}
}

// LoadCoordinator finds and reads the coordinator's file; explicit is the
// --config option. Without a file the defaults apply.
func LoadCoordinator(explicit string, env Environment, engines Engines) (*Coordinator, error) {
	path, err := Find(CoordinatorComponent, explicit, env)
	var notFound *NotFoundError
	if err != nil && !errors.As(err, &notFound) {
		return nil, err
	}
	node, err := read(path)
	if node == nil && err != nil {
		return nil, err
	}
	return readCoordinator(path, node, err, env, engines)
}

// readCoordinator decodes a parsed file; parsing is what Parse found wrong.
func readCoordinator(path string, node *strictyaml.Node, parsing error, env Environment, engines Engines) (*Coordinator, error) {
	c := newCoordinator()
	c.File = path
	problems := append(asProblems(parsing), asProblems(node.Decode(c))...)
	problems = append(problems, c.finish(node, env, engines)...)
	if err := problems.Err(); err != nil {
		return nil, err
	}
	return c, nil
}

// finish resolves what depends on other files, on the environment and on keys
// that are absent.
func (c *Coordinator) finish(node *strictyaml.Node, env Environment, engines Engines) Problems {
	var problems Problems
	if node.Get("database") == nil {
		problems = append(problems, c.Database.UnmarshalNode(nil)...)
	}
	problems = append(problems, c.Database.checkEngines(engines)...)
	problems = append(problems, c.Database.resolveKeys(&c.Source)...)
	problems = append(problems, c.Transports.decodePolling(&c.HTTPPolling)...)
	if env.Get("DFFMPEG_COORDINATOR_DEV") == "1" {
		c.DevMode = true
	}
	return problems
}

// Validate checks what concerns several keys.
func (c *Coordinator) Validate(problem func(key, message string)) {
	for _, name := range c.AllowedBinaries {
		if name != "" && !isFileName(name) {
			problem("allowed_binaries", "a binary is named without its directory, for example ffmpeg")
		}
	}
	if c.AdvertisedURL != "" {
		if _, err := ParseAddress(c.AdvertisedURL); err != nil {
			problem("advertised_url", err.Error())
		}
	}
}

// isFileName reports whether name can be that of a binary or path variable: it
// becomes a part of paths and messages.
func isFileName(name string) bool {
	return strings.TrimSpace(name) != "" && name != "." && name != ".." &&
		!strings.Contains(name, "/") && !strings.ContainsFunc(name, unicode.IsControl)
}
