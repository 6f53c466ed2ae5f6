package programs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/internal/worker"
	"github.com/dffmpeg/dffmpeg/internal/worker/launch"
)

// build is a build of ffmpeg on a machine with hardware, as a launcher.
type build struct {
	path     string
	version  string
	encoders []string
	kinds    []string
	works    []string // devices, and encoders beside those in software
	mute     bool     // it makes no picture
	hangs    []string // devices and encoders with which it hangs
	stuck    bool     // and cannot be killed
	broken   error    // it does not run
	asked    []string // what it was asked
}

func (b *build) Find(string) (launch.Program, error) {
	return launch.Program{Path: b.path, Environment: []string{"LIBVA_DRIVER_NAME=" + b.version, "OTHER=x"}}, nil
}

func (b *build) Ask(_ context.Context, program launch.Program, args []string) (launch.Answer, error) {
	line := strings.Join(args, " ")
	b.asked = append(b.asked, line)
	if b.broken != nil {
		return launch.Answer{}, b.broken
	}
	value := func(option string) string {
		if at := slices.Index(args, option); at >= 0 {
			return args[at+1]
		}
		return ""
	}
	said := ""
	switch {
	case strings.Contains(line, "-version"):
		said = filepath.Base(program.Path) + " version " + b.version + " Copyright (c) the developers\n"
	case strings.Contains(line, "-encoders"):
		said = " ------\n V..... " + strings.Join(b.encoders, " x\n V..... ") + " x\n"
	case strings.Contains(line, "-decoders"):
		said = " ------\n V..... h264 x\n V..... h264_cuvid x\n V..... h264_v4l2m2m x\n"
	case strings.Contains(line, "-filters"):
		said = " ... scale V->V x\n ... scale_cuda V->V x\n ... scale_vaapi V->V x\n ... libplacebo N->V x\n"
	case strings.Contains(line, "-devices"):
		said = " --\n DE alsa x\n"
	case strings.Contains(line, "muxers"):
		said = " --\n DE matroska,webm x\n"
	case value("-init_hw_device") == "list":
		said = "Supported hardware device types:\n" + strings.Join(b.kinds, "\n") + "\n\n"
	default:
		device, encoder := strings.Replace(value("-init_hw_device"), "=tried", "", 1), value("-c:v")
		if slices.Contains(b.hangs, cmp.Or(encoder, device)) {
			if b.stuck {
				return launch.Answer{}, fmt.Errorf("%w: %w", context.DeadlineExceeded, launch.ErrStuck)
			}
			return launch.Answer{}, context.DeadlineExceeded
		}
		if b.mute || device != "" && !slices.Contains(b.works, device) || encoder != "" && !slices.Contains(b.works, encoder) {
			return launch.Answer{Code: 1, Stderr: []byte("first\nno such device\n")}, nil
		}
	}
	return launch.Answer{Stdout: []byte(said)}, nil
}

// inspector returns one of this build alone.
func (b *build) inspector(t *testing.T, cacheDir, dev string) *Inspector {
	t.Helper()
	if b.path == "" {
		b.path = filepath.Join(t.TempDir(), "ffmpeg")
		write(t, b.path, "1")
	}
	return New(Settings{Binaries: []string{"ffmpeg", "mkvmerge"}, CacheDir: cacheDir, System: System{Dev: dev, Boot: filepath.Join(dev, "boot")}}, b, slog.New(slog.DiscardHandler))
}

// look returns what an inspector knows at the end of a look.
func look(t *testing.T, i *Inspector, busy bool) map[string]worker.Build {
	t.Helper()
	var last map[string]worker.Build
	i.Look(t.Context(), func() bool { return busy }, func(found map[string]worker.Build) { last = found })
	return last
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func usual() *build {
	return &build{
		version: "7.1", encoders: []string{"libx264", "h264_nvenc", "hevc_nvenc", "h264_vaapi", "h264_qsv", "h264_amf", "h264_v4l2m2m"},
		kinds: []string{"cuda", "vaapi", "qsv", "vulkan"},
	}
}

// TestHardware: what a profile has of hardware works.
func TestHardware(t *testing.T) {
	for name, c := range map[string]struct {
		change                      func(*build)
		nodes                       []string
		encoders, filters, decoders []string
		devices, hardware           []string
	}{
		"none": {
			func(*build) {}, nil,
			[]string{"libx264"},
			[]string{"scale"},
			[]string{"h264"},
			[]string{},
			nil,
		},
		"a card for two of its encoders": {
			func(b *build) { b.works = []string{"cuda", "vulkan", "h264_nvenc"} },
			[]string{"nvidia0"},
			[]string{"h264_nvenc", "libx264"},
			[]string{"libplacebo", "scale", "scale_cuda"},
			[]string{"h264", "h264_cuvid"},
			[]string{"cuda", "vulkan"},
			[]string{"cuda", "vulkan", "h264_nvenc"},
		},
		"the second card": {
			func(b *build) { b.works = []string{"vaapi:DEV/dri/renderD129,driver=i965", "h264_vaapi"} },
			[]string{"dri/renderD128", "dri/renderD129"},
			[]string{"h264_vaapi", "libx264"},
			[]string{"scale", "scale_vaapi"},
			[]string{"h264"},
			[]string{"vaapi"},
			[]string{"vaapi", "h264_vaapi"},
		},
		"families without devices": {
			func(b *build) { b.works = []string{"h264_amf", "h264_v4l2m2m"} },
			[]string{"video10"},
			[]string{"h264_amf", "h264_v4l2m2m", "libx264"},
			[]string{"scale"},
			[]string{"h264", "h264_v4l2m2m"},
			[]string{},
			[]string{"h264_amf", "h264_v4l2m2m"},
		},
		"a build that does not know the device": {
			func(b *build) { b.kinds, b.works = []string{"vaapi", "qsv"}, []string{"hevc_nvenc"} }, nil,
			[]string{"hevc_nvenc", "libx264"},
			[]string{"libplacebo", "scale", "scale_cuda"},
			[]string{"h264", "h264_cuvid"},
			[]string{},
			[]string{"hevc_nvenc"},
		},
		"video nodes are missing": {
			func(b *build) { b.works = []string{"h264_v4l2m2m"} }, nil,
			[]string{"libx264"},
			[]string{"scale"},
			[]string{"h264"},
			[]string{},
			nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			dev := t.TempDir()
			for _, node := range c.nodes {
				write(t, filepath.Join(dev, node), "")
			}
			b := usual()
			c.change(b)
			for i := range b.works {
				b.works[i] = strings.ReplaceAll(b.works[i], "DEV", dev)
			}
			got := look(t, b.inspector(t, "", dev), false)
			want := map[string]worker.Build{"ffmpeg": {Version: "7.1", Profile: dffmpeg.Profile{
				dffmpeg.AbilityEncoder: c.encoders, dffmpeg.AbilityDecoder: c.decoders, dffmpeg.AbilityFilter: c.filters, dffmpeg.AbilityDevice: c.devices,
				dffmpeg.AbilityMuxer: {"alsa", "matroska", "webm"}, dffmpeg.AbilityDemuxer: {"alsa", "matroska", "webm"},
			}, Hardware: c.hardware}}
			if diff := gocmp.Diff(want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if problem := got["ffmpeg"].Profile.Problem(); problem != "" {
				t.Error(problem)
			}
		})
	}
}

// TestHardwareThatCannotBeTried stays in the profile, and its devices are not known.
func TestHardwareThatCannotBeTried(t *testing.T) {
	b := usual()
	b.mute = true
	profile := look(t, b.inspector(t, "", t.TempDir()), false)["ffmpeg"].Profile
	for _, ability := range []string{"encoder:h264_nvenc", "device:cuda"} {
		if !profile.Can(ability) {
			t.Errorf("%s is said to be missing", ability)
		}
	}
	if profile.Can("encoder:libx265") {
		t.Error("an encoder that is not listed is said to be there")
	}
}

// TestProgramThatDoesNotAnswer: of a program that does not answer nothing is known, and it
// is not asked on and on, in one look or the next.
func TestProgramThatDoesNotAnswer(t *testing.T) {
	b := usual()
	b.broken = errors.New("cannot be run")
	i := b.inspector(t, t.TempDir(), t.TempDir())
	now := time.Now()
	i.now = func() time.Time { return now }
	if got := look(t, i, false); len(got) != 0 || len(b.asked) != 1 {
		t.Errorf("found %v after %q", got, b.asked)
	}
	for range 240 { // an hour
		now = now.Add(15 * time.Second)
		look(t, i, true)
	}
	if times := len(b.asked); times < 4 || times > 8 {
		t.Errorf("within an hour it was run %d times, though nothing had changed", times)
	}
	b.broken = nil
	now = now.Add(mostPause)
	if got := look(t, i, false); got["ffmpeg"].Version != "7.1" {
		t.Errorf("once it answers, found %v", got)
	}
}

// TestCache: a program is asked again only when something has changed.
func TestCache(t *testing.T) {
	dev, dir := t.TempDir(), filepath.Join(t.TempDir(), "a", "b")
	b := usual()
	now := time.Now()
	var i *Inspector
	start := func() { i = b.inspector(t, dir, dev); i.now = func() time.Time { return now } }
	start()
	asks := func(busy bool) bool {
		b.asked = nil
		before := look(t, i, busy)
		if len(before) != 1 {
			t.Fatalf("found %v", before)
		}
		return len(b.asked) > 0
	}
	for _, step := range []struct {
		what string
		do   func()
		busy bool
		want bool
	}{
		{"the first look", func() {}, false, true},
		{"the second", func() {}, false, false},
		{"another start", start, false, false},
		{"a minute later, while jobs run", func() { now = now.Add(leastTrust) }, true, false},
		{"a minute later", func() {}, false, true},
		{"as long again", func() { now = now.Add(leastTrust) }, false, true},
		{"only a minute, after two", func() { now = now.Add(leastTrust) }, false, false},
		{"but two", func() { now = now.Add(leastTrust) }, false, true},
		{"a new build", func() { write(t, b.path, "22") }, false, true},
		{"a new build while jobs run", func() { write(t, b.path, "333") }, true, true},
		{"a new device", func() { write(t, filepath.Join(dev, "nvidia0"), "") }, false, true},
		{"the machine has started again", func() { write(t, filepath.Join(dev, "boot"), "2") }, false, true},
		{"other drivers", func() { b.version = "7.2" }, false, true},
		{"another start", start, false, false},
		{"a file that was damaged", func() { damage(t, dir); start() }, false, true},
	} {
		step.do()
		if got := asks(step.busy); got != step.want {
			t.Errorf("%s: it was asked: %t, want %t", step.what, got, step.want)
		}
	}
	now = now.Add(365 * 24 * time.Hour)
	asks(false)
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 1 {
		t.Errorf("a year later there are %d files, want one: %v", len(files), err)
	}
}

func damage(t *testing.T, dir string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(files) == 0 {
		t.Fatal("there are no files", err)
	}
	for _, file := range files {
		write(t, file, `{"build":`)
	}
}

// TestCacheThatCannotBeWritten costs nothing but time.
func TestCacheThatCannotBeWritten(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	write(t, file, "")
	i := usual().inspector(t, filepath.Join(file, "dir"), t.TempDir())
	if got := look(t, i, false); got["ffmpeg"].Version != "7.1" {
		t.Errorf("found %v", got)
	}
}

// TestTells: what is known is told at once, although another program takes long; of one
// that is asked for the first time it is told that it is being asked, of one that has
// changed what it was before, and of one that does not answer nothing.
func TestTells(t *testing.T) {
	b := usual()
	i := b.inspector(t, t.TempDir(), t.TempDir())
	look(t, i, false)
	i.settings.Binaries = []string{"ffmpeg", "ffprobe"}
	tells := func() (said []string) {
		i.Look(t.Context(), func() bool { return false }, func(found map[string]worker.Build) {
			line := ""
			for _, name := range slices.Sorted(maps.Keys(found)) {
				line += " " + name + " " + found[name].Version
				if found[name].Looking {
					line += "looking"
				}
			}
			said = append(said, strings.TrimSpace(line))
		})
		return said
	}
	for _, step := range []struct {
		what string
		do   func()
		want []string
	}{
		{"one more", func() {}, []string{"ffmpeg 7.1 ffprobe looking", "ffmpeg 7.1 ffprobe 7.1"}},
		{"nothing new", func() {}, []string{"ffmpeg 7.1 ffprobe 7.1"}},
		{"both have changed", func() { b.version = "7.2" }, []string{"ffmpeg 7.1 ffprobe 7.1", "ffmpeg 7.2 ffprobe 7.1", "ffmpeg 7.2 ffprobe 7.2"}},
		{"both do not answer", func() { b.version, b.broken = "7.3", errors.New("cannot be run") }, []string{"ffmpeg 7.2 ffprobe 7.2", "ffprobe 7.2", ""}},
	} {
		step.do()
		if diff := gocmp.Diff(step.want, tells()); diff != "" {
			t.Errorf("%s: -want +got:\n%s", step.what, diff)
		}
	}
}

// TestWhatWasKnownStays: of a program that does not answer any more is known what was, as
// long as it is the same one; another one is asked at once.
func TestWhatWasKnownStays(t *testing.T) {
	b := usual()
	i := b.inspector(t, t.TempDir(), t.TempDir())
	now := time.Now()
	i.now = func() time.Time { return now }
	look(t, i, false)
	var log strings.Builder
	i.logger = slog.New(slog.NewTextHandler(&log, nil))
	b.broken = context.DeadlineExceeded
	for range 60 {
		now = now.Add(leastTrust)
		if got := look(t, i, false)["ffmpeg"].Version; got != "7.1" {
			t.Errorf("the version is %q", got)
		}
	}
	if strings.Count(log.String(), "\n") != 1 || !strings.Contains(log.String(), "no answer") {
		t.Errorf("the log says more, or less, than once that it does not answer: %s", &log)
	}
	write(t, b.path, "another")
	for range 2 {
		if got := look(t, i, false); len(got) != 0 {
			t.Errorf("of another program is known what was of the one before: %v", got)
		}
	}
	b.broken = nil
	write(t, b.path, "a third")
	if got := look(t, i, false)["ffmpeg"].Version; got != "7.1" {
		t.Errorf("of a third one the version is %q", got)
	}
}

// TestClockAhead: what was found when the clock was ahead is not trusted until then.
func TestClockAhead(t *testing.T) {
	b := usual()
	dev, dir := t.TempDir(), t.TempDir()
	for name, restart := range map[string]bool{"in memory": false, "on disk": true} {
		i := b.inspector(t, dir, dev)
		now := time.Now().Add(10 * 365 * 24 * time.Hour)
		i.now = func() time.Time { return now }
		b.works = nil
		look(t, i, false)
		if restart {
			i = b.inspector(t, dir, dev)
		}
		now = time.Now()
		i.now = func() time.Time { return now }
		b.works = []string{"cuda", "hevc_nvenc"}
		if got := look(t, i, true)["ffmpeg"]; !slices.Contains(got.Hardware, "hevc_nvenc") {
			t.Errorf("%s: %v is found, because the clock was ahead once", name, got.Hardware)
		}
	}
}

// TestHardwareThatHangs costs a look no more than a few questions, and one when the process
// cannot even be killed, of which the log tells.
func TestHardwareThatHangs(t *testing.T) {
	for stuck, want := range map[bool]int{false: mostSilent, true: 1} {
		b := usual()
		b.hangs, b.stuck = append(slices.Clone(b.kinds), b.encoders...), stuck
		i := b.inspector(t, "", t.TempDir())
		var log strings.Builder
		i.logger = slog.New(slog.NewTextHandler(&log, nil))
		got := look(t, i, false)["ffmpeg"]
		hung := 0
		for _, line := range b.asked {
			if strings.Contains(line, "-init_hw_device") && !strings.HasSuffix(line, "list") || strings.Contains(line, "-c:v") {
				hung++
			}
		}
		if hung != want || got.Version != "7.1" || len(got.Hardware) != 0 {
			t.Errorf("it hung %d times, want %d; found %v", hung, want, got)
		}
		if told := strings.Contains(log.String(), "cannot be killed"); told != stuck {
			t.Errorf("the log: %s", &log)
		}
	}
}

// TestHardwareInDoubt: what does not work while jobs run, or hangs, may well work: it stays
// if it did before, and is soon tried again, but not on and on.
func TestHardwareInDoubt(t *testing.T) {
	idle, busy := func() bool { return false }, func() bool { return true }
	begins := func() func() bool { // a job begins in the middle of the look
		calls := 0
		return func() bool { calls++; return calls > 4 }
	}
	works := []string{"cuda", "hevc_nvenc"}
	replace := func(t *testing.T, b *build, _ string) { write(t, b.path, "another build") }
	for name, c := range map[string]struct {
		nodes  []string
		before []string // what worked at first; nil for no look
		change func(t *testing.T, b *build, dev string)
		busy   func() bool
		hangs  []string
		works  []string // in the look after the change
		want   bool     // whether hevc_nvenc is found then
		later  bool     // and in those of the hour that follows
	}{
		"all sessions are in use":                   {before: works, change: replace, busy: busy, works: works[:1], want: true, later: true},
		"the device is in use":                      {before: works, change: replace, busy: busy, want: true, later: true},
		"a job begins":                              {before: works, change: replace, busy: begins(), want: true, later: true},
		"nothing runs":                              {before: works, change: replace, busy: idle},
		"it works although jobs run":                {before: []string{"cuda"}, change: replace, busy: busy, works: works, want: true, later: true},
		"nothing was known":                         {busy: busy, works: works[:1]},
		"the encoder hangs":                         {before: works, change: replace, busy: idle, hangs: works[1:], works: works[:1], want: true},
		"the device hangs":                          {before: works, change: replace, busy: idle, hangs: works[:1], want: true},
		"it hangs while jobs run":                   {before: works, change: replace, busy: busy, hangs: works[:1], want: true, later: true},
		"nothing can be tried":                      {before: works, change: replace, busy: idle, hangs: []string{""}, want: true, later: true},
		"nothing can be tried where nothing worked": {before: []string{}, change: replace, busy: idle, hangs: []string{""}},
		"another device came":                       {before: works, change: func(t *testing.T, _ *build, dev string) { write(t, filepath.Join(dev, "video0"), "") }, busy: busy, want: true, later: true},
		"the card was taken out":                    {nodes: []string{"nvidia0"}, before: works, change: func(t *testing.T, _ *build, dev string) { _ = os.Remove(filepath.Join(dev, "nvidia0")) }, busy: busy},
		"the new build does not have it":            {before: works, change: func(t *testing.T, b *build, dev string) { replace(t, b, dev); b.encoders = []string{"h264_nvenc"} }, busy: busy},
		"the new build does not know the device":    {before: works, change: func(t *testing.T, b *build, dev string) { replace(t, b, dev); b.kinds = []string{"vaapi"} }, busy: busy, want: true, later: true},
	} {
		t.Run(name, func(t *testing.T) {
			b, dev, dir := usual(), t.TempDir(), t.TempDir()
			for _, node := range c.nodes {
				write(t, filepath.Join(dev, node), "")
			}
			i := b.inspector(t, dir, dev)
			now := time.Now()
			i.now = func() time.Time { return now }
			has := func(busy func() bool) bool {
				var last map[string]worker.Build
				i.Look(t.Context(), busy, func(found map[string]worker.Build) { last = found })
				profile := last["ffmpeg"].Profile
				if problem := profile.Problem(); problem != "" {
					t.Error(problem)
				}
				for kind, list := range profile {
					if list == nil {
						t.Errorf("the list of %ss is not a list", kind)
					}
				}
				return profile != nil && profile.Can("encoder:hevc_nvenc")
			}
			if c.before != nil {
				b.works = c.before
				has(idle)
				c.change(t, b, dev)
			}
			b.works, b.hangs, b.asked = c.works, c.hangs, nil
			if got := has(c.busy); got != c.want {
				t.Errorf("found: %t, want %t", got, c.want)
			}
			found, looks := false, 0
			for range 240 { // an hour
				now, b.asked = now.Add(15*time.Second), nil
				found = has(c.busy)
				if len(b.asked) > 0 {
					looks++
				}
			}
			if found != c.later || looks > 6 {
				t.Errorf("an hour and %d looks later found: %t, want %t", looks, found, c.later)
			}
			b.works, b.hangs = works, nil
			now = now.Add(2 * mostPause)
			if got := has(c.busy); got != slices.Contains(b.encoders, "hevc_nvenc") {
				t.Errorf("once it works, found: %t", got)
			}
		})
	}
}

// TestVersions: only what can be shown is taken of a version, and not too much.
func TestVersions(t *testing.T) {
	for said, want := range map[string]string{
		"n7.1-2\u200b\x1b[0m\x00ü": "n7.1-2[0mü",
		"7.1\xff\xfe":              "7.1",
		strings.Repeat("é", 99):    strings.Repeat("é", maxVersion/2),
		"\x01\x02":                 "",
	} {
		b, dir := usual(), t.TempDir()
		b.version = said
		for _, from := range []string{"the program", "the disk"} {
			got, known := look(t, b.inspector(t, dir, dir), false)["ffmpeg"]
			if got.Version != want || known != (want != "") || !dffmpeg.Plain(got.Version) {
				t.Errorf("of %q %s has %q, want %q", said, from, got.Version, want)
			}
		}
	}
}

// TestTooManyNames: lists that no coordinator would take are not known.
func TestTooManyNames(t *testing.T) {
	b := usual()
	for n := range 30000 {
		b.encoders = append(b.encoders, fmt.Sprint("x", n))
	}
	if got := look(t, b.inspector(t, "", t.TempDir()), false)["ffmpeg"]; got.Version != "7.1" || got.Profile != nil {
		t.Errorf("of %d names %d are announced", len(b.encoders), len(got.Profile[dffmpeg.AbilityEncoder]))
	}
}
