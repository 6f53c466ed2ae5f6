package dffmpeg

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

// Demand is what a job needs of a worker beside its program and its paths. The
// coordinator infers it from the arguments, and the client may add to it. The zero
// Demand is that of a job of which nothing is known.
type Demand struct {
	// Light says that the job is over in a moment and needs next to nothing: a probe,
	// a question about the program, a single image. Light jobs have slots of their own.
	Light bool `json:"light,omitempty" doc:"Over in a moment: a probe, a question about the program, a single image"`
	// Needs are abilities of the program, sorted, such as encoder:hevc_nvenc; see
	// [Ability].
	Needs []string `json:"needs,omitempty" doc:"What the worker's program must be able to do, such as encoder:hevc_nvenc"`
	// Uses are named resources that the job occupies while it runs. A worker that
	// does not count a resource has no bound on it.
	Uses map[string]int `json:"uses,omitempty" doc:"Named resources that it occupies while it runs"`
	// Claims are those of Uses that a worker must count.
	Claims []string `json:"claims,omitempty" doc:"Those of the resources that the worker must have"`
	// Require are labels that the worker must have.
	Require map[string]string `json:"require,omitempty" doc:"Labels that the worker must have"`
	// Worker is the only one that may run the job; "" for any.
	Worker string `json:"worker,omitempty" doc:"The only worker that may run it"`
}

// AbilityKind is a kind of things that a build of ffmpeg has or has not. The set is
// closed.
type AbilityKind string

// The kinds of abilities.
const (
	AbilityEncoder AbilityKind = "encoder"
	AbilityDecoder AbilityKind = "decoder"
	AbilityFilter  AbilityKind = "filter"
	AbilityMuxer   AbilityKind = "muxer"
	AbilityDemuxer AbilityKind = "demuxer"
	// AbilityDevice is a kind of hardware that initialises on that machine, by the name
	// that -init_hw_device and -hwaccel use: cuda, vaapi, qsv, vulkan and so on.
	AbilityDevice AbilityKind = "device"
)

// AbilityKinds lists every kind.
func AbilityKinds() []AbilityKind {
	return []AbilityKind{AbilityEncoder, AbilityDecoder, AbilityFilter, AbilityMuxer, AbilityDemuxer, AbilityDevice}
}

// Ability names one ability, as it is in [Demand.Needs]: kind and name with a colon
// between them.
func Ability(kind AbilityKind, name string) string { return string(kind) + ":" + name }

// SplitAbility returns the parts of what Ability returned; ok is false for anything
// else.
func SplitAbility(ability string) (kind AbilityKind, name string, ok bool) {
	before, name, found := strings.Cut(ability, ":")
	kind = AbilityKind(before)
	return kind, name, found && name != "" && slices.Contains(AbilityKinds(), kind)
}

// Profile is what one build of a program can do on one machine, as far as it was
// found out: the names of each kind, sorted. Encoders and devices that are built in
// but do not work there are not part of it. A kind that is missing is not known.
type Profile map[AbilityKind][]string

// Can reports whether the profile has an ability, or does not know of its kind. A
// nil profile knows nothing.
func (p Profile) Can(ability string) bool {
	kind, name, ok := SplitAbility(ability)
	if !ok {
		return false
	}
	names, known := p[kind]
	if !known {
		return true
	}
	_, found := slices.BinarySearch(names, name)
	return found
}

// Priorities of jobs: the higher goes first.
const (
	MinPriority     = -100
	MaxPriority     = 100
	DefaultPriority = 0
)

// JobLoad is how much of a worker the jobs in its hands occupy.
type JobLoad struct {
	Jobs      int            // that are not light
	LightJobs int            // that are
	Binaries  map[string]int // jobs of each program, light or not
	Uses      map[string]int // of each named resource
}

// Add counts n more jobs like job; n may be negative.
func (l *JobLoad) Add(job *Job, n int) {
	if job.Demand.Light {
		l.LightJobs += n
	} else {
		l.Jobs += n
	}
	if l.Binaries == nil {
		l.Binaries = make(map[string]int)
	}
	l.Binaries[job.BinaryName] += n
	for name, count := range job.Demand.Uses {
		if l.Uses == nil {
			l.Uses = make(map[string]int)
		}
		l.Uses[name] += n * count
	}
}

// Total is the number of jobs, light or not.
func (l *JobLoad) Total() int { return l.Jobs + l.LightJobs }

// Limit is one that a worker sets, and that keeps it from being given one job more.
type Limit struct {
	Kind LimitKind
	Name string // of the binary or resource
	Most int
}

// LimitKind says what a limit counts. The set is closed.
type LimitKind string

// The kinds of limits.
const (
	LimitJobs      LimitKind = "jobs"
	LimitLightJobs LimitKind = "light jobs"
	LimitBinary    LimitKind = "binary"
	LimitResource  LimitKind = "resource"
	// LimitTrial is that of a worker that has to prove itself ([Trouble]): one job.
	LimitTrial LimitKind = "trial"
)

// Offer is what a worker gives to jobs: how many it takes at a time, and of what
// sort. The zero Offer is that of a worker that sets no limit, as those of 0.4.
type Offer struct {
	// MaxJobs and MaxLightJobs are how many jobs it takes at a time; 0 for any number.
	MaxJobs      int `json:"max_jobs,omitempty" minimum:"0" maximum:"100000" doc:"Jobs at a time, light ones apart; 0 for any number"`
	MaxLightJobs int `json:"max_light_jobs,omitempty" minimum:"0" maximum:"100000" doc:"Light jobs at a time; 0 for any number"`
	// MaxPerBinary limits the jobs of a program, light or not, within those limits.
	MaxPerBinary map[string]int `json:"max_jobs_per_binary,omitempty" doc:"Jobs at a time of a program"`
	// Resources are counts of what jobs share, such as sessions of an encoder.
	Resources map[string]int `json:"resources,omitempty" doc:"Named resources and how much of each there is"`
	// Labels are what jobs may ask for.
	Labels map[string]string `json:"labels,omitempty" doc:"Labels that jobs may ask for"`
	// Weight is how much of the work it takes in comparison with others; 0 counts as 1.
	Weight float64 `json:"weight,omitempty" minimum:"0" maximum:"1000" doc:"Share of the work in comparison with other workers; 1 when absent"`
	// Programs say what is known of its binaries, by their names.
	Programs map[string]Program `json:"programs,omitempty" doc:"What is known of its programs"`
}

// Program is what a worker says of one of its binaries.
type Program struct {
	Version string `json:"version,omitempty" maxLength:"256" doc:"As the program says it"`
	// Profile is the ID of what it can do ([Profile.ID]); "" when that is not known.
	Profile string `json:"profile,omitempty" maxLength:"64" doc:"ID of the list of what it can do"`
	// Hardware is what of that works in hardware, for people: kinds of devices, then
	// encoders.
	Hardware []string `json:"hardware,omitempty" maxItems:"200" doc:"Devices and encoders of hardware that work"`
	// Looking says that the worker is still finding out what it can do, and will tell.
	Looking bool `json:"looking,omitempty" doc:"The worker is still finding out what it can do; no job comes that needs anything of it"`
}

// Reached returns the limit that keeps a worker with this load from being given job,
// nil when there is none.
func (o *Offer) Reached(job *Job, load *JobLoad) *Limit {
	kind, held, most := LimitJobs, load.Jobs, o.MaxJobs
	if job.Demand.Light {
		kind, held, most = LimitLightJobs, load.LightJobs, o.MaxLightJobs
	}
	if most > 0 && held >= most {
		return &Limit{Kind: kind, Most: most}
	}
	if most := o.MaxPerBinary[job.BinaryName]; most > 0 && load.Binaries[job.BinaryName] >= most {
		return &Limit{Kind: LimitBinary, Name: job.BinaryName, Most: most}
	}
	for _, name := range slices.Sorted(maps.Keys(job.Demand.Uses)) {
		if most, counted := o.Resources[name]; counted && load.Uses[name]+job.Demand.Uses[name] > most {
			return &Limit{Kind: LimitResource, Name: name, Most: most}
		}
	}
	return nil
}

// Limitless reports whether nothing in the offer depends on how many jobs the worker
// has.
func (o *Offer) Limitless() bool {
	return o.MaxJobs == 0 && o.MaxLightJobs == 0 && len(o.MaxPerBinary) == 0 && len(o.Resources) == 0
}

// Share returns Weight, and 1 when there is none.
func (o *Offer) Share() float64 { return cmp.Or(o.Weight, 1) }
