package doctor

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/internal/cli/show"
	"github.com/dffmpeg/dffmpeg/internal/config"
	"github.com/dffmpeg/dffmpeg/internal/pathmap"
)

// noMachine is one without any program.
type noMachine struct{}

func (noMachine) Local(name string, _ config.Fallback) (string, error) {
	return "", fmt.Errorf("no %s", name)
}
func (noMachine) InPath(string) (string, bool, error) { return "", false, errors.New("no") }

// programs is a machine that has some; the drop-in is one whose path says so.
type programs map[string]string

func (p programs) Local(name string, _ config.Fallback) (string, error) {
	if path, has := p[name]; has && !strings.Contains(path, "dffmpeg") {
		return path, nil
	}
	return "", fmt.Errorf("there is no other %s", name)
}

func (p programs) InPath(name string) (string, bool, error) {
	path, has := p[name]
	if !has {
		return "", false, errors.New("no")
	}
	return path, strings.Contains(path, "dffmpeg"), nil
}

func TestFallback(t *testing.T) {
	here := programs{"ffmpeg": "/usr/bin/ffmpeg", "ffprobe": "/opt/dffmpeg/ffprobe"}
	for name, tt := range map[string]struct {
		settings config.Fallback
		program  string
		status   Status
		says     string
	}{
		"never":                {config.Fallback{When: config.FallbackNever}, "x", OK, "never"},
		"there":                {config.Fallback{When: config.FallbackUnavailable}, "ffmpeg", OK, "/usr/bin/ffmpeg"},
		"itself":               {config.Fallback{When: config.FallbackUnavailable}, "ffprobe", Warning, "fallback.binaries.ffprobe"},
		"named and missing":    {config.Fallback{When: config.FallbackUnavailable, Binaries: map[string]string{"x": "/x"}}, "ffmpeg", Warning, "no other x"},
		"always and missing":   {config.Fallback{When: config.FallbackNever, Always: []string{"x"}}, "ffmpeg", Problem, "no other x"},
		"always, and reported": {config.Fallback{When: config.FallbackUnavailable, Always: []string{"x"}, Binaries: map[string]string{"x": "/x"}}, "x", Problem, "no other x"},
	} {
		t.Run(name, func(t *testing.T) {
			report := newReport(fallback(tt.settings, tt.program, here), nil)
			report.want(t, checkFallback, tt.status, tt.says)
		})
	}
	for program, says := range map[string]string{"ffmpeg": "not the drop-in", "ffprobe": "is the drop-in", "x": "no x in PATH"} {
		f := dropIn(program, here)
		f.want(t, OK, says)
	}
}

func TestDirectories(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	must(t, os.WriteFile(file, nil, 0o600))
	for name, tt := range map[string]struct {
		paths  map[string]string
		status Status
		says   string
	}{
		"there":   {map[string]string{"B": dir, "A": dir}, OK, "A, B"},
		"none":    {nil, Warning, "as they are typed"},
		"missing": {map[string]string{"A": dir, "B": dir + "/missing"}, Warning, "B: stat"},
		"a file":  {map[string]string{"A": file}, Warning, "is no directory"},
	} {
		t.Run(name, func(t *testing.T) {
			report := newReport(directories(t.Context(), tt.paths, fileLimit, os.Stat), nil)
			report.want(t, checkPaths, tt.status, tt.says)
		})
	}
}

// TestDirectoryThatHangs: one that does not answer costs the limit, however many they
// are, and the others are looked at.
func TestDirectoryThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		away := make(chan struct{})
		defer close(away)
		began := time.Now()
		report := newReport(directories(t.Context(), map[string]string{"A": "/", "B": "/away", "C": "/away/too"}, fileLimit, func(name string) (fs.FileInfo, error) {
			if name != "/" {
				<-away
			}
			return os.Stat("/")
		}), nil)
		if took := time.Since(began); took != fileLimit || len(report.Findings) != 2 {
			t.Errorf("it took %s: %+v", took, report.Findings)
		}
		for _, f := range report.Findings {
			f.want(t, Warning, "does not answer")
		}
	})
}

func TestKeyFile(t *testing.T) {
	dir := t.TempDir()
	write := func(mode os.FileMode) string {
		path := filepath.Join(dir, mode.String())
		must(t, os.WriteFile(path, nil, 0o600))
		must(t, os.Chmod(path, mode))
		return path
	}
	self := os.Geteuid()
	for _, tt := range []struct {
		mode   os.FileMode
		user   int
		status Status
	}{
		{0o600, self, OK},
		{0o400, self, OK},
		{0o644, self, Warning},
		{0o602, self, Warning},
		{0o604, self + 1, Warning},
		{0o640, self + 1, OK}, // how we read another user's file
	} {
		// A group of our own, which on most systems has our number, and one of others.
		for group, want := range map[uint32]Status{1000: OK, 100: Warning} {
			f := keyFile(&config.Client{}, config.Environment{}, 1000, func(string) (fs.FileInfo, error) { return shared{group: group}, nil })
			f.want(t, want)
		}
		f := keyFile(&config.Client{Credentials: config.Credentials{HMACKeyFile: write(tt.mode)}}, config.Environment{}, tt.user, os.Stat)
		if f.Status != tt.status {
			t.Errorf("%s as user %d: %+v, want %s", tt.mode, tt.user, f, tt.status)
		}
	}
	f := keyFile(&config.Client{Credentials: config.Credentials{HMACKeyFile: dir + "/gone"}}, config.Environment{}, self, os.Stat)
	f.want(t, Warning, "cannot be looked at")
	f = keyFile(&config.Client{}, set(config.VariableHMACKey), self, os.Stat)
	f.want(t, OK, config.VariableHMACKey)
}

// shared is a file of user 1000 that a group may read.
type shared struct {
	fs.FileInfo
	group uint32
}

func (shared) Mode() fs.FileMode { return 0o640 }
func (s shared) Sys() any        { return &syscall.Stat_t{Uid: 1000, Gid: s.group} }

// TestPlaces: a setting is named where it is.
func TestPlaces(t *testing.T) {
	file, none := place{file: "c.yaml", env: set(config.VariableHMACKey)}, place{env: set(config.VariableClientID)}
	for got, want := range map[string]string{
		file.identity():              "client_id in c.yaml",
		file.key(""):                 "DFFMPEG_HMAC_KEY of the environment",
		file.key("/etc/key"):         "/etc/key (hmac_key_file)",
		none.identity():              "DFFMPEG_CLIENT_ID of the environment",
		none.address("coordinator."): "coordinator. of a configuration file (there is none)",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// set is an environment with one variable.
func set(variable string) config.Environment {
	return config.Environment{Lookup: func(name string) (string, bool) { return map[string]string{variable: "x"}[name], name == variable }}
}

func TestConfigurationWarns(t *testing.T) {
	cfg := &config.Client{Source: config.Source{File: "c.yaml", Warnings: []string{"/key: everybody on this machine may read this key file", "something else"}}}
	cfg.HMACKeyFile = "/key"
	findings := configuration(cfg, set(config.VariableCoordinatorURL))
	if len(findings) != 2 {
		t.Fatalf("findings %+v", findings)
	}
	findings[0].want(t, OK, "c.yaml; overridden by DFFMPEG_COORDINATOR_URL")
	findings[1].want(t, Warning, "something else")
}

func TestClock(t *testing.T) {
	for _, tt := range []struct {
		skew     skew
		accepted bool
		want     Status
		says     string
	}{
		{skew{}, true, Skipped, "no date"},
		{skew{200 * time.Millisecond, 600 * time.Millisecond, true}, true, OK, "agrees"},
		{skew{-3 * time.Second, 600 * time.Millisecond, true}, true, OK, "3s behind"},
		{skew{100 * time.Second, time.Second, true}, true, OK, "1m40s ahead of"},
		{skew{-101 * time.Second, time.Second, true}, true, Warning, "1m41s behind"},
		{skew{300 * time.Second, time.Second, true}, false, Warning, ""},
		{skew{301 * time.Second, time.Second, true}, false, Problem, "at most 5m0s"},
		{skew{301 * time.Second, time.Second, true}, true, Warning, "a proxy in between has a clock that is wrong"},
	} {
		f := judgeClock(tt.skew, tt.accepted)
		f.want(t, tt.want, tt.says)
	}
}

// TestMeasure: half of the round trip, and half of the second that a date does not
// tell, are taken off.
func TestMeasure(t *testing.T) {
	sent := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	got := measure(sent, sent.Add(2*time.Second), map[string][]string{"Date": {"Fri, 02 Jan 2026 03:03:56 GMT"}})
	if diff := cmp.Diff(skew{9500 * time.Millisecond, 1500 * time.Millisecond, true}, got, cmp.AllowUnexported(skew{})); diff != "" {
		t.Error(diff)
	}
	for _, date := range []string{"", "yesterday"} {
		if got := measure(sent, sent, map[string][]string{"Date": {date}}); got.measure {
			t.Errorf("%q is measured: %+v", date, got)
		}
	}
}

func TestLatency(t *testing.T) {
	for _, tt := range []struct {
		list []time.Duration
		want Status
		says string
	}{
		{nil, Warning, "no request was answered"},
		{[]time.Duration{slow * 9, slow, slow / 2, slow, slow * 9}, OK, "250ms"},
		{[]time.Duration{slow * 2, slow, slow * 2}, Warning, "500ms for a signed request (median of 3)"},
	} {
		f := judgeLatency(tt.list)
		f.want(t, tt.want, tt.says)
	}
	if list := latencies(t.Context(), time.Minute, func(context.Context) error { return nil }); len(list) != requests {
		t.Errorf("%d requests, want %d", len(list), requests)
	}
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		list := latencies(t.Context(), 2*time.Second, func(ctx context.Context) error {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(700 * time.Millisecond):
				return nil
			}
		})
		if len(list) != 2 || time.Since(began) != 2*time.Second {
			t.Errorf("%v after %s", list, time.Since(began))
		}
	})
}

func TestStreams(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want Status
		says string
	}{
		{dffmpeg.Errorf(dffmpeg.CodeNotFound, "Job not found"), OK, ""},
		{dffmpeg.Errorf(dffmpeg.CodeNotFound, "The coordinator answered 404 Not Found"), Problem, "answers to WebSockets itself"},
		{dffmpeg.Errorf(dffmpeg.CodeUpgradeRequired, "x"), Problem, "removes the headers"},
		{dffmpeg.Errorf(dffmpeg.CodeInternal, "The coordinator answered 502 Bad Gateway"), Problem, "502"},
		{errors.New("connection reset"), Problem, "connection reset"},
		{nil, Problem, "not by the coordinator"},
	} {
		f := judgeStreams(tt.err)
		f.want(t, tt.want, tt.says)
	}
	if !dffmpeg.ValidID(noJob) {
		t.Errorf("%s is no ID: the coordinator would refuse it for that", noJob)
	}
}

func TestTransports(t *testing.T) {
	well := dffmpeg.ComponentHealth{Status: dffmpeg.HealthOnline}
	detail := "no broker"
	ill := dffmpeg.ComponentHealth{Status: dffmpeg.HealthUnhealthy, Detail: &detail}
	for name, tt := range map[string]struct {
		enabled []string
		theirs  map[string]dffmpeg.ComponentHealth
		away    error
		want    []Status
		says    string // by the last finding
	}{
		"polling":            {[]string{"http_polling"}, map[string]dffmpeg.ComponentHealth{"http_polling": well}, nil, []Status{OK}, "http_polling"},
		"not known":          {[]string{"http_polling"}, nil, nil, []Status{Skipped}, "does not say"},
		"a broker":           {[]string{"mqtt", "http_polling"}, map[string]dffmpeg.ComponentHealth{"http_polling": well, "mqtt": well}, nil, []Status{OK}, "mqtt; its broker is reached"},
		"not from here":      {[]string{"mqtt", "http_polling"}, map[string]dffmpeg.ComponentHealth{"http_polling": well, "mqtt": well}, errors.New("broker refuses"), []Status{Warning}, "messages are fetched by HTTP"},
		"the second":         {[]string{"mqtt", "http_polling"}, map[string]dffmpeg.ComponentHealth{"http_polling": well}, nil, []Status{Warning, OK}, "http_polling"},
		"the second is well": {[]string{"mqtt", "http_polling"}, map[string]dffmpeg.ComponentHealth{"http_polling": well, "mqtt": ill}, nil, []Status{Warning, OK}, "http_polling"},
		"none":               {[]string{"nats"}, map[string]dffmpeg.ComponentHealth{"http_polling": well}, nil, []Status{Warning, Problem}, "add http_polling as the last one"},
		"one, which is ill":  {[]string{"mqtt"}, map[string]dffmpeg.ComponentHealth{"mqtt": ill}, nil, []Status{Warning, Problem}, "none of ours can be used: mqtt"},
	} {
		t.Run(name, func(t *testing.T) {
			findings := judgeTransports(t.Context(), tt.enabled, tt.theirs, place{file: "c.yaml"}, func(_ context.Context, name string) (bool, error) {
				return name != "http_polling", tt.away
			})
			var got []Status
			for _, f := range findings {
				got = append(got, f.Status)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Fatalf("%s%+v", diff, findings)
			}
			findings[len(findings)-1].want(t, tt.want[len(tt.want)-1], tt.says)
			if _, has := tt.theirs[tt.enabled[0]]; len(findings) > 1 && !has {
				findings[0].want(t, Warning, "the coordinator does not have "+tt.enabled[0])
			}
		})
	}
}

// worker returns one of ours that is online.
func worker(id, binaries, paths string) dffmpeg.Worker {
	return dffmpeg.Worker{
		ID: id, Status: dffmpeg.WorkerOnline, Binaries: strings.Fields(binaries), Paths: strings.Fields(paths),
		Capabilities: []string{dffmpeg.FeatureStdio, dffmpeg.FeatureSegments},
	}
}

func TestWorkers(t *testing.T) {
	old, draining, gone := worker("old", "ffmpeg", "A B"), worker("draining", "ffmpeg", "A B"), worker("gone", "ffmpeg", "A B")
	old.Capabilities, draining.Status, gone.Status = nil, dffmpeg.WorkerDraining, dffmpeg.WorkerOffline
	both := &dffmpeg.Job{BinaryName: "ffmpeg", Paths: []string{"A", "B"}, Stdio: dffmpeg.StdioOffered}
	stream := &dffmpeg.Job{BinaryName: "ffmpeg", Arguments: []string{"-i", "-"}, Stdio: dffmpeg.StdioOffered}
	paused, aside, pausedToo := worker("paused", "ffmpeg", "A B"), worker("aside", "ffmpeg", "A B"), worker("w1", "ffprobe", "A")
	paused.Pause, aside.Trouble, pausedToo.Pause = &dffmpeg.Pause{}, &dffmpeg.Trouble{Since: &time.Time{}}, &dffmpeg.Pause{}
	coded := &dffmpeg.Job{BinaryName: "ffmpeg", Demand: dffmpeg.Demand{Needs: []string{"encoder:hevc_nvenc"}, Require: map[string]string{"gpu": "new"}}}
	plain := worker("w1", "ffmpeg", "")
	plain.Profiles = map[string]dffmpeg.Profile{"ffmpeg": {dffmpeg.AbilityEncoder: {"libx264"}}}
	twoSessions := &dffmpeg.Job{BinaryName: "ffmpeg", Demand: dffmpeg.Demand{Uses: map[string]int{"nvenc": 2}}}
	counting := worker("w1", "ffmpeg", "")
	counting.Offer.Resources = map[string]int{"nvenc": 1}
	looking := worker("w1", "ffmpeg", "")
	looking.Offer.Programs = map[string]dffmpeg.Program{"ffmpeg": {Looking: true}}
	question := &dffmpeg.Job{BinaryName: "ffmpeg", Demand: dffmpeg.Demand{Worker: "qw"}}
	for name, tt := range map[string]struct {
		job     *dffmpeg.Job
		general bool
		workers []dffmpeg.Worker
		want    Status
		says    []string
		lines   []string
	}{
		"nobody":           {both, true, nil, Problem, []string{"no worker is online", "dffmpeg worker"}, nil},
		"nobody any more":  {both, true, []dffmpeg.Worker{gone}, Problem, []string{"offline: gone (last seen -)"}, nil},
		"one drains":       {both, true, []dffmpeg.Worker{draining}, Problem, []string{"no worker is online"}, []string{"draining  cannot: is draining"}},
		"one of two":       {both, true, []dffmpeg.Worker{worker("w2", "ffprobe", "A"), worker("w1", "ffmpeg", "A B")}, OK, []string{"1 of 2 online could take ffmpeg with the paths A, B"}, []string{"w1  could take it", "w2  cannot: lacks the binary ffmpeg, the path B"}},
		"paused":           {both, true, []dffmpeg.Worker{paused}, Problem, []string{"0 of 1 online", "worker resume"}, []string{"paused  cannot: is paused"}},
		"set aside":        {both, true, []dffmpeg.Worker{aside}, Problem, []string{"worker show"}, []string{"aside  cannot: is set aside, because"}},
		"paused and more":  {both, true, []dffmpeg.Worker{pausedToo}, Problem, []string{"add ffmpeg to binaries"}, []string{"w1  cannot: is paused; lacks the binary ffmpeg, the path B"}},
		"of 0.4":           {both, true, []dffmpeg.Worker{old}, OK, nil, []string{"old  could take it; it is of 0.4"}},
		"no binary":        {both, true, []dffmpeg.Worker{worker("w1", "ffprobe", "A B")}, Problem, []string{"add ffmpeg to binaries"}, []string{"w1  cannot: lacks the binary ffmpeg"}},
		"no path":          {both, true, []dffmpeg.Worker{worker("w1", "ffmpeg", "A")}, Problem, []string{"add B to paths"}, []string{"w1  cannot: lacks the path B"}},
		"not all at once":  {both, true, []dffmpeg.Worker{worker("w1", "ffmpeg", "A"), worker("w2", "ffmpeg", "B")}, Warning, []string{"give one worker all of them"}, nil},
		"a job needs all":  {both, false, []dffmpeg.Worker{worker("w1", "ffmpeg", "A"), worker("w2", "ffmpeg", "B")}, Problem, []string{"give one worker all of these paths"}, nil},
		"streams":          {stream, false, []dffmpeg.Worker{old}, Problem, []string{"upgrade a worker to 0.5"}, []string{"old  cannot: lacks standard streams"}},
		"abilities":        {coded, false, []dffmpeg.Worker{plain}, Problem, []string{"w1 lacks only encoder hevc_nvenc, the label gpu=new", "worker programs w1"}, []string{"w1  cannot: lacks encoder hevc_nvenc, the label gpu=new"}},
		"looking":          {&dffmpeg.Job{BinaryName: "ffmpeg", Demand: dffmpeg.Demand{Needs: []string{"encoder:x"}}}, false, []dffmpeg.Worker{looking}, Problem, []string{"wait for worker w1"}, []string{"w1  cannot: lacks what its program can do, which it is still finding out"}},
		"resources":        {twoSessions, false, []dffmpeg.Worker{counting}, Problem, []string{"w1 lacks only the resource nvenc=2. Labels and resources are in its configuration"}, []string{"w1  cannot: lacks the resource nvenc=2"}},
		"for another":      {question, false, []dffmpeg.Worker{worker("w1", "ffmpeg", "")}, Problem, []string{"0 of 1 online could take ffmpeg, which is for worker qw only", "bring worker qw online", "scheduler.query_worker"}, []string{"w1  cannot: is not the worker that it is for"}},
		"for this one":     {question, false, []dffmpeg.Worker{worker("w1", "ffmpeg", ""), worker("qw", "ffmpeg", "")}, OK, []string{"1 of 2 online could take ffmpeg, which is for worker qw only"}, []string{"qw  could take it"}},
		"for one without":  {question, false, []dffmpeg.Worker{worker("w1", "ffmpeg", ""), worker("qw", "ffprobe", "")}, Problem, []string{"add ffmpeg to binaries of qw's configuration"}, []string{"qw  cannot: lacks the binary ffmpeg"}},
		"escape sequences": {both, true, []dffmpeg.Worker{worker("\x1b[2J", "ffmpeg", "A B")}, OK, nil, []string{`"\x1b[2J"  could take it`}},
	} {
		t.Run(name, func(t *testing.T) {
			f, verdicts := judgeWorkers(tt.job, tt.general, tt.workers)
			f.want(t, tt.want, tt.says...)
			report := newReport([]Finding{f}, verdicts)
			lines := strings.Join(report.verdicts(), "\n")
			for _, line := range tt.lines {
				if !strings.Contains(lines, line) {
					t.Errorf("verdicts\n%s\nwant %q", lines, line)
				}
			}
		})
	}
}

func TestCommandLine(t *testing.T) {
	for words, want := range map[string]command{
		"":                     {program: "ffmpeg", general: true},
		"-i a":                 {program: "ffmpeg", args: []string{"-i", "a"}, dir: "/d"},
		"/usr/lib/x/ffprobe a": {program: "ffprobe", args: []string{"a"}, dir: "/d"},
		"mkvmerge":             {program: "mkvmerge", args: []string{}, dir: "/d"},
	} {
		if diff := cmp.Diff(want, parseCommand(strings.Fields(words), "/d"), cmp.AllowUnexported(command{})); diff != "" {
			t.Errorf("%q: %s", words, diff)
		}
	}
}

func TestCommandPaths(t *testing.T) {
	paths, err := pathmap.NewClient(map[string]string{"Media": "/nonexistent/media", "Cache": "/nonexistent/cache"})
	must(t, err)
	for _, tt := range []struct {
		args, dir string
		want      Status
		says      string
		paths     []string
	}{
		{"-i /nonexistent/media/a out", "/nonexistent/cache", OK, "needs the paths Cache, Media", []string{"Cache", "Media"}},
		{"-version", "/", OK, "needs no paths; runs in an empty directory", []string{}},
		{"-i /elsewhere/a -vf subtitles=/fonts/b", "/nonexistent/media", Warning, "/elsewhere/a, /fonts/b", []string{"Media"}},
	} {
		c := command{program: "ffmpeg", args: strings.Fields(tt.args), dir: tt.dir}
		job := c.job(paths, nil)
		f := c.judge(paths, job)
		f.want(t, tt.want, tt.says)
		if diff := cmp.Diff(tt.paths, job.Paths); diff != "" {
			t.Errorf("%q: %s", tt.args, diff)
		}
	}
}

// sample is a report of all kinds.
func sample() Report {
	return newReport([]Finding{
		ok(checkName, "c is 192.0.2.1"),
		warning(checkClock, "2m30s behind", "set it"),
		problem(checkConfiguration, "c.yaml:1: a\nc.yaml:2: \x1b[2J", "correct it"),
		skipped(checkTLS, "not used"),
		skipped(checkRole, "why"), skipped(checkLatency, "why"),
		ok(checkWorkers, "1 of 2"),
	}, []Verdict{{Worker: "w1", Status: dffmpeg.WorkerOnline, Could: true, LacksPaths: []string{}}, {Worker: "worker2", Status: dffmpeg.WorkerOnline, LacksPaths: []string{"A"}}})
}

func TestShow(t *testing.T) {
	report := sample()
	var out bytes.Buffer
	report.write(&out)
	want := `ok    name           c is 192.0.2.1
warn  clock          2m30s behind
                     -> set it
FAIL  configuration  c.yaml:1: a
                     "c.yaml:2: \x1b[2J"
                     -> correct it
skip  tls            not used
skip  role, latency: why
ok    workers        1 of 2
                     w1       could take it
                     worker2  cannot: lacks the path A

1 problem, 1 warning.
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Error(diff)
	}
	well := newReport([]Finding{ok(checkName, "x"), skipped(checkTLS, "y")}, nil)
	if got := well.summary(); got != "Everything is in order." || well.Status != OK {
		t.Errorf("summary %q, status %s", got, well.Status)
	}
}

// TestJSON: programs rely on these names.
func TestJSON(t *testing.T) {
	report := sample()
	report.Findings, report.Workers = report.Findings[:2], report.Workers[1:]
	report.Workers = append(report.Workers, verdict(
		&dffmpeg.Job{BinaryName: "ffmpeg", Demand: dffmpeg.Demand{
			Worker: "qw", Needs: []string{"encoder:x"}, Require: map[string]string{"gpu": "new"}, Uses: map[string]int{"nvenc": 1}, Claims: []string{"nvenc"},
		}},
		&dffmpeg.Worker{
			ID: "w3", Status: dffmpeg.WorkerOnline, Pause: &dffmpeg.Pause{}, Trouble: &dffmpeg.Trouble{Since: &time.Time{}}, Binaries: []string{"ffmpeg"},
			Profiles: map[string]dffmpeg.Profile{"ffmpeg": {dffmpeg.AbilityEncoder: {}}},
		},
	))
	var out, compact bytes.Buffer
	must(t, show.JSON(&out, report))
	must(t, json.Compact(&compact, out.Bytes()))
	want := `{"status":"problem","findings":[{"check":"name","status":"ok","found":"c is 192.0.2.1"},` +
		`{"check":"clock","status":"warning","found":"2m30s behind","advice":"set it"}],` +
		`"workers":[{"worker_id":"worker2","status":"online","could_take_it":false,"lacks_paths":["A"],"sends_lines":false,"maps_whole_arguments_only":false},` +
		`{"worker_id":"w3","status":"online","could_take_it":false,"paused":true,"set_aside":true,"for_another_worker":true,"lacks_paths":[],` +
		`"lacks_abilities":["encoder:x"],"lacks_labels":["gpu=new"],"lacks_resources":["nvenc=1"],"sends_lines":true,"maps_whole_arguments_only":true}]}`
	if diff := cmp.Diff(want, compact.String()); diff != "" {
		t.Error(diff)
	}
}
