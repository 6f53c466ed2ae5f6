package config

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/internal/config/strictyaml"
)

// Worker is dffmpeg-worker.yaml.
type Worker struct {
	Source
	Logging
	Credentials
	RegistrationInterval time.Duration `yaml:"registration_interval,whole,min=1"` // default 15 s
	Jitter               time.Duration `yaml:"jitter,min=0"`                      // default 0.5 s
	LogBatchSize         int           `yaml:"log_batch_size,min=1,max=100000"`   // lines; default 100
	LogBatchDelay        time.Duration `yaml:"log_batch_delay,min=0"`             // default 0.25 s
	EnableJobDraining    bool          `yaml:"enable_job_draining"`               // running jobs finish before an orderly end; default true
	MinDrainTime         time.Duration `yaml:"min_drain_time_seconds,min=0"`      // default 5 s
	Coordinator          Address       `yaml:"coordinator"`
	// Binaries maps names that jobs use to what is run: an absolute path, or a
	// bare name to be looked up in PATH.
	Binaries map[string]string `yaml:"binaries"`
	// Paths maps names of path variables to directories: absolute and clean,
	// symbolic links not yet resolved.
	Paths           map[string]string `yaml:"paths,file"`
	MountManagement MountManagement   `yaml:"mount_management"`
	// MaxJobs and MaxLightJobs are how many jobs run at a time, those apart that are over
	// in a moment; default SlotsAuto.
	MaxJobs      Slots `yaml:"max_jobs"`
	MaxLightJobs Slots `yaml:"max_light_jobs"`
	// MaxPerBinary limits the jobs of a program within those limits.
	MaxPerBinary map[string]int `yaml:"max_jobs_per_binary"`
	// Resources are counts of what jobs share, such as sessions of an encoder.
	Resources map[string]int `yaml:"resources"`
	// Labels are what jobs may ask for.
	Labels map[string]string `yaml:"labels"`
	// Weight is the worker's share of the work in comparison with others; default 1.
	Weight float64 `yaml:"weight,min=0.001,max=1000"`
	// DetectPrograms says whether to find out what the binaries can do; default true.
	DetectPrograms bool              `yaml:"detect_programs"`
	Environment    WorkerEnvironment `yaml:"environment"`
	// Umask is that of processes; default UmaskCaller.
	Umask      Umask      `yaml:"umask"`
	RunAs      RunAs      `yaml:"run_as"`
	Transports Transports `yaml:"transports"`
	// HTTPPolling are the settings of that transport, decoded.
	HTTPPolling HTTPPollingPeer `yaml:"-"`
}

// MountManagement is the section "mount_management": mounts that are watched,
// and whether to bring them back.
type MountManagement struct {
	Recovery bool    `yaml:"recovery"` // restart a mount's systemd unit; default true
	Sudo     bool    `yaml:"sudo"`     // do so through sudo; default false
	Mounts   []Mount `yaml:"mounts"`
}

// Mount is one mount point: written as its path alone, or with what has to be
// mounted before it.
type Mount struct {
	Path         string   `yaml:"path,required,file"`
	Dependencies []string `yaml:"dependencies,file"`
}

// UnmarshalNode reads either form.
func (m *Mount) UnmarshalNode(n *strictyaml.Node) Problems {
	type full Mount
	if n.Kind() == strictyaml.Mapping {
		return asProblems(n.Decode((*full)(m)))
	}
	if n.Kind() != strictyaml.Scalar {
		return Problems{n.Problem("expected a path, or path and dependencies")}
	}
	if !filepath.IsAbs(n.Text()) {
		return Problems{n.Problem("expected an absolute path")}
	}
	m.Path = filepath.Clean(n.Text())
	return nil
}

// MarshalNode writes the shorter form where it says everything.
func (m Mount) MarshalNode() any {
	if len(m.Dependencies) == 0 {
		return m.Path
	}
	type full Mount
	return full(m)
}

// Validate checks that the mounts can be ordered.
func (m *MountManagement) Validate(problem func(key, message string)) {
	needs := make(map[string][]string)
	for _, mount := range m.Mounts {
		if _, twice := needs[mount.Path]; twice && mount.Path != "" {
			problem("mounts", "a mount is listed twice")
		}
		needs[mount.Path] = mount.Dependencies
	}
	done := make(map[string]bool)
	for _, path := range slices.Sorted(maps.Keys(needs)) {
		if inCircle(path, needs, done, nil) {
			problem("mounts", "the dependencies of mounts go in a circle")
			return
		}
	}
}

// inCircle reports whether path needs itself, directly or not. Done collects
// paths known not to.
func inCircle(path string, needs map[string][]string, done map[string]bool, above []string) bool {
	if slices.Contains(above, path) {
		return true
	}
	if done[path] {
		return false
	}
	for _, next := range needs[path] {
		if inCircle(next, needs, done, append(above, path)) {
			return true
		}
	}
	done[path] = true
	return false
}

// DefaultWorker returns the defaults. Identity and key, which have none, are
// missing.
func DefaultWorker() *Worker {
	w := &Worker{
		Logging:              defaultLogging(),
		RegistrationInterval: 15 * time.Second,
		Jitter:               500 * time.Millisecond,
		LogBatchSize:         100,
		MaxJobs:              SlotsAuto,
		MaxLightJobs:         SlotsAuto,
		Weight:               1,
		DetectPrograms:       true,
		Environment:          WorkerEnvironment{Accept: forwarded()},
		Umask:                UmaskCaller,
		LogBatchDelay:        250 * time.Millisecond,
		EnableJobDraining:    true,
		MinDrainTime:         5 * time.Second,
		Coordinator:          DefaultAddress(),
		MountManagement:      MountManagement{Recovery: true},
		Transports:           defaultTransports(),
		HTTPPolling:          defaultPollingPeer(),
	}
	w.Transports.decodePolling(&w.HTTPPolling) // nothing is configured: nothing can be wrong
	return w
}

// defaultPollingPeer returns the defaults of http_polling in a worker or client.
func defaultPollingPeer() HTTPPollingPeer {
	return HTTPPollingPeer{Streaming: true, PollWait: 5 * time.Second}
}

// LoadWorker finds and reads the worker's file; explicit is the --config
// option. A worker needs one.
func LoadWorker(explicit string, env Environment) (*Worker, error) {
	path, err := Find(WorkerComponent, explicit, env)
	if err != nil {
		return nil, err
	}
	node, err := read(path)
	if node == nil && err != nil {
		return nil, err
	}
	return readWorker(path, node, err)
}

// readWorker decodes a parsed file; parsing is what Parse found wrong.
func readWorker(path string, node *strictyaml.Node, parsing error) (*Worker, error) {
	w := DefaultWorker()
	w.File = path
	problems := append(asProblems(parsing), asProblems(node.Decode(w))...)
	problems = append(problems, w.Credentials.resolve(node, &w.Source, "", "")...)
	problems = append(problems, w.Transports.decodePolling(&w.HTTPPolling)...)
	if err := problems.Err(); err != nil {
		return nil, err
	}
	return w, nil
}

// Validate checks what concerns several keys.
func (w *Worker) Validate(problem func(key, message string)) {
	if w.Jitter > w.RegistrationInterval {
		problem("jitter", "the jitter is longer than registration_interval")
	}
	for _, name := range slices.Sorted(maps.Keys(w.Binaries)) {
		path := w.Binaries[name]
		switch {
		case !isFileName(name):
			problem("binaries", "a binary's name is empty, has a / or a control character")
		case path != "" && !filepath.IsAbs(path) && strings.Contains(path, "/"):
			problem("binaries."+name, "expected an absolute path, or a bare name to be looked up in PATH")
		}
	}
	checkPaths(w.Paths, problem)
	w.checkUmask(problem)
	w.checkOffer(problem)
}

// checkOffer checks what the worker gives to jobs, as the coordinator will, and what only
// people trip over.
func (w *Worker) checkOffer(problem func(key, message string)) {
	w.checkPerBinary(problem)
	w.checkResources(problem)
	checkLabels(w.Labels, "labels", problem)
}

func (w *Worker) checkPerBinary(problem func(key, message string)) {
	wrong := false
	for _, name := range slices.Sorted(maps.Keys(w.MaxPerBinary)) {
		if _, offered := w.Binaries[name]; !offered {
			problem("max_jobs_per_binary."+name, "there is no such program among the binaries")
			wrong = true
		} else if w.MaxPerBinary[name] < 1 {
			problem("max_jobs_per_binary."+name, "expected a number from 1 on")
			wrong = true
		}
	}
	if !wrong {
		checkSentence("max_jobs_per_binary", dffmpeg.CountsProblem(w.MaxPerBinary), problem)
	}
}

func (w *Worker) checkResources(problem func(key, message string)) {
	for name, count := range w.Resources {
		if !isFileName(name) || count < 0 {
			problem("resources", "a resource has a name without / or control characters, and a count from 0 on")
			return
		}
	}
	checkSentence("resources", dffmpeg.CountsProblem(w.Resources), problem)
}

// checkLabels checks labels under a key.
func checkLabels(labels map[string]string, key string, problem func(key, message string)) {
	for name, value := range labels {
		if !isFileName(name) || strings.Contains(name, "=") || strings.ContainsFunc(value, unicode.IsControl) {
			problem(key, "a label has a name without /, = or control characters, and a value without control characters")
			return
		}
	}
	checkSentence(key, dffmpeg.LabelsProblem(labels), problem)
}

// checkSentence reports under a key what the coordinator would say of its value, unless
// that is nothing.
func checkSentence(key, sentence string, problem func(key, message string)) {
	if sentence != "" {
		problem(key, strings.ToLower(sentence[:1])+sentence[1:])
	}
}

// checkPaths checks the names and roots of path variables.
func checkPaths(paths map[string]string, problem func(key, message string)) {
	for _, name := range slices.Sorted(maps.Keys(paths)) {
		switch root := paths[name]; {
		case !isFileName(name) || strings.HasPrefix(name, "$"):
			problem("paths", "a name is empty, begins with $, or has a / or a control character")
		case root != "" && !filepath.IsAbs(root):
			problem("paths."+name, "expected an absolute path")
		}
	}
}
