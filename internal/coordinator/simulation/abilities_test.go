//go:build !race

package simulation

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dffmpeg/dffmpeg"
)

// build is an ffmpeg that machines may have.
type build struct {
	name    string
	profile dffmpeg.Profile
	can     map[string]bool // the same as the profile, as checks read it
}

// What there is.
var (
	plain    = newBuild("plain", "encoder:libx264")
	newer    = newBuild("newer", "encoder:libsvtav1", "encoder:libx264")
	hardware = newBuild("hardware", "device:cuda", "encoder:hevc_nvenc", "encoder:libx264")
)

func builds() []*build { return []*build{plain, newer, hardware} }

func newBuild(name string, abilities ...string) *build {
	b := &build{name: name, profile: make(dffmpeg.Profile), can: make(map[string]bool)}
	for _, kind := range dffmpeg.AbilityKinds() {
		b.profile[kind] = []string{}
	}
	for _, ability := range abilities {
		b.can[ability] = true
		kind, name, _ := strings.Cut(ability, ":")
		b.profile[dffmpeg.AbilityKind(kind)] = append(b.profile[dffmpeg.AbilityKind(kind)], name)
	}
	return b
}

// meets reports whether the build can do what a job needs; nil may be able to do
// anything, as that of a worker that says nothing of it.
func (b *build) meets(job *dffmpeg.Job) bool {
	return b == nil || !slices.ContainsFunc(job.Demand.Needs, func(need string) bool { return !b.can[need] })
}

// said is what a worker said of its ffmpeg last, and before that.
type said struct {
	build, before *build
	at            time.Time // true
}

func (c *checks) announced(workerID string, b *build) {
	c.mu.Lock()
	defer c.mu.Unlock()
	last, known := c.said[workerID]
	switch {
	case !known:
		c.said[workerID] = said{b, b, time.Now()}
	case last.build != b:
		c.said[workerID] = said{b, last.build, time.Now()}
	}
}

// ableTo notes a job that is given to a worker that has said that it cannot do what the
// job needs. What it says at this very moment the scheduler may not have heard.
func (c *checks) ableTo(job *dffmpeg.Job) {
	last := c.said[job.Worker()]
	if last.build.meets(job) || last.before.meets(job) && last.at.Equal(time.Now()) {
		return
	}
	c.note(unable, fmt.Sprintf("%s needs %q, and %s is %s", job.ID, job.Demand.Needs, job.Worker(), last.build.name))
}
