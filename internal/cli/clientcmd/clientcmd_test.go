package clientcmd

import (
	"errors"
	"strings"
	"testing"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/client"
)

func TestStatus(t *testing.T) {
	c := start(t)
	term := newTerminal(t, c)
	wantExit(t, term.execute("status"), 0)
	shown := strings.Join(strings.Fields(term.out.String()), " ")
	if want := "Coordinator: online Version: 1.2.3 Database jobs: online Transport http_polling: online"; shown != want {
		t.Errorf("status printed %q, want %q", shown, want)
	}
	term = newTerminal(t, c)
	wantExit(t, term.execute("status", "--json"), 0)
	if health := decode[dffmpeg.HealthAnswer](t, term); health.Status != dffmpeg.HealthOnline || health.Databases["jobs"].Status != dffmpeg.HealthOnline {
		t.Errorf("as JSON the condition is %+v", health)
	}
	c.mu.Lock()
	c.condition.Status = dffmpeg.HealthShutdown
	c.mu.Unlock()
	term = newTerminal(t, c)
	wantError(t, term.execute("status"), "condition is shutdown")
	term.wantOutput("", "")
}

func TestWorkerList(t *testing.T) {
	c := start(t)
	c.online("b2")
	_, err := c.state.Deregister(t.Context(), "b2")
	must(t, err)
	for _, tt := range []struct {
		words []string
		want  int
	}{
		{nil, 2}, {[]string{"-w", "60"}, 2}, {[]string{"--window", "0"}, 1},
	} {
		words := append([]string{"worker", "list"}, tt.words...)
		term := newTerminal(t, c)
		wantExit(t, term.execute(words...), 0)
		if lines := strings.Count(term.out.String(), "\n"); lines != tt.want+1 || !strings.Contains(term.out.String(), "\n"+holder+" ") {
			t.Errorf("%q printed\n%s\nwant a header and %d workers", words, term.out, tt.want)
		}
		term = newTerminal(t, c)
		wantExit(t, term.execute(append(words, "--json")...), 0)
		if workers := decode[[]dffmpeg.Worker](t, term); len(workers) != tt.want {
			t.Errorf("%q --json printed %d workers, want %d", words, len(workers), tt.want)
		}
	}
}

func TestWorkerShow(t *testing.T) {
	c := start(t)
	term := newTerminal(t, c)
	wantExit(t, term.execute("worker", "show", holder), 0)
	shown := strings.Join(strings.Fields(term.out.String()), " ")
	for _, want := range []string{"Worker: " + holder, "Status: online", "Binaries: ffmpeg, ffprobe", "Paths: Media"} {
		if !strings.Contains(shown, want) {
			t.Errorf("the worker is shown as %q, want %q in it", shown, want)
		}
	}
	term = newTerminal(t, c)
	wantExit(t, term.execute("worker", "show", "--json", holder), 0)
	if worker := decode[dffmpeg.Worker](t, term); worker.ID != holder || worker.Status != dffmpeg.WorkerOnline {
		t.Errorf("as JSON the worker is %+v", worker)
	}
}

func TestWorkerPrograms(t *testing.T) {
	c := start(t)
	profile := dffmpeg.Profile{dffmpeg.AbilityEncoder: {"aac", "hevc_nvenc"}, dffmpeg.AbilityDevice: {}}
	if err := c.state.SaveProfile(t.Context(), profile); err != nil {
		t.Fatal(err)
	}
	c.offers(dffmpeg.Offer{Programs: map[string]dffmpeg.Program{
		"ffmpeg": {Version: "7.1", Profile: profile.ID(), Hardware: []string{"hevc_nvenc"}}, "ffprobe": {Version: "7.0"},
	}})
	term := newTerminal(t, c)
	wantExit(t, term.execute("worker", "programs", holder), 0)
	shown := strings.Join(strings.Fields(term.out.String()), " ")
	if want := "Program: ffmpeg Version: 7.1 Encoders: aac, hevc_nvenc Devices: - Program: ffprobe Version: 7.0 Abilities: not known"; shown != want {
		t.Errorf("the programs are shown as %q, want %q", shown, want)
	}
	term = newTerminal(t, c)
	wantExit(t, term.execute("worker", "programs", "--json", holder), 0)
	if programs := decode[map[string]dffmpeg.ProgramAnswer](t, term); !programs["ffmpeg"].Abilities.Can("encoder:aac") || len(programs) != 2 {
		t.Errorf("as JSON they are %+v", programs)
	}
	term = newTerminal(t, c)
	wantExit(t, term.execute("worker", "show", holder), 0)
	if shown := strings.Join(strings.Fields(term.out.String()), " "); !strings.Contains(shown, "Version of ffmpeg: 7.1 Hardware of ffmpeg: hevc_nvenc Version of ffprobe: 7.0") {
		t.Errorf("the worker is shown as %q", shown)
	}
	term = newTerminal(t, c)
	wantError(t, term.execute("worker", "programs", "nobody"), "Worker not found")
}

// TestWorkerPause: for admins, and told to everybody who looks.
func TestWorkerPause(t *testing.T) {
	c := start(t)
	term := newTerminal(t, c)
	wantError(t, term.execute("worker", "pause", holder), "Admin role required")
	c.become(dffmpeg.RoleAdmin)
	term = newTerminal(t, c)
	wantExit(t, term.execute("worker", "pause", holder, "--reason", "new card"), 0)
	if got := term.out.String(); got != "Worker "+holder+" is paused.\n" {
		t.Errorf("pause says %q", got)
	}
	term = newTerminal(t, c)
	wantExit(t, term.execute("worker", "show", holder), 0)
	if shown := term.out.String(); !strings.Contains(shown, "online, paused") || !strings.Contains(shown, "new card") {
		t.Errorf("the worker is shown as %s", shown)
	}
	term = newTerminal(t, c)
	wantExit(t, term.execute("worker", "resume", holder), 0)
	if got := term.out.String(); got != "Worker "+holder+" is resumed.\n" {
		t.Errorf("resume says %q", got)
	}
}

func TestGroupsShowTheirCommands(t *testing.T) {
	for group, wants := range map[string][]string{
		"job":    {"list", "show", "logs", "attach", "cancel"},
		"worker": {"list", "show", "programs", "pause", "resume"},
	} {
		term := newTerminal(t, nil)
		wantExit(t, term.execute(group), 0)
		for _, want := range wants {
			if !strings.Contains(term.out.String(), "\n  "+want+" ") {
				t.Errorf("%s does not list %s:\n%s", group, want, term.out)
			}
		}
		wantError(t, newTerminal(t, nil).execute(group, "dance"), `unknown command "dance" for "dffmpeg `+group+`"`)
	}
}

func TestNumberOfArguments(t *testing.T) {
	for words, want := range map[string]string{
		"status now":       `unknown command "now" for "dffmpeg status"`,
		"job list all":     `unknown command "all" for "dffmpeg job list"`,
		"worker list all":  `unknown command "all" for "dffmpeg worker list"`,
		"job show":         "accepts 1 arg(s), received 0",
		"job logs":         "accepts 1 arg(s), received 0",
		"job attach":       "accepts 1 arg(s), received 0",
		"job cancel":       "accepts 1 arg(s), received 0",
		"job cancel A B":   "accepts 1 arg(s), received 2",
		"worker show":      "accepts 1 arg(s), received 0",
		"worker show A B":  "accepts 1 arg(s), received 2",
		"job list -w soon": `invalid argument "soon" for "-w, --window" flag`,
		"status --verbose": "unknown flag: --verbose",
	} {
		term := newTerminal(t, nil)
		term.env.Connect = func() (*Session, error) {
			t.Errorf("%q connects", words)
			return nil, errors.New("unreachable")
		}
		wantError(t, term.execute(strings.Fields(words)...), want)
		term.wantOutput("", "")
	}
}

// everything is each command that talks to a coordinator, for a job or worker
// of this name.
func everything(name string) [][]string {
	return [][]string{
		{"status"},
		{"submit", "-D"},
		{"run"},
		{"job", "list"},
		{"job", "show", name},
		{"job", "logs", name},
		{"job", "logs", "-f", name},
		{"job", "attach", name},
		{"job", "cancel", name},
		{"worker", "list"},
		{"worker", "show", name},
	}
}

func TestNoConfiguration(t *testing.T) {
	missing := errors.New("dffmpeg-client.yaml: not found")
	for _, words := range everything("01ARZ3NDEKTSV4RRFFQ69G5FAV") {
		term := newTerminal(t, nil)
		term.env.Connect = func() (*Session, error) { return nil, missing }
		if err := term.execute(words...); !errors.Is(err, missing) {
			t.Errorf("%q ended with %v, want %v", words, err, missing)
		}
		term.wantOutput("", "")
	}
}

func TestUnreachableCoordinator(t *testing.T) {
	c := start(t)
	c.server.Close()
	want := "cannot reach the coordinator at " + c.server.URL + ": "
	for _, words := range everything("01ARZ3NDEKTSV4RRFFQ69G5FAV") {
		term := newTerminal(t, c)
		err := term.execute(words...)
		if words[0] == "run" { // which says so itself
			wantExit(t, err, client.ExitFailed)
			if got := term.err.String(); !strings.HasPrefix(got, "dffmpeg: "+want) || strings.Count(got, "\n") != 1 {
				t.Errorf("run said %q, want one line that says %q", got, want)
			}
			continue
		}
		if !client.Unreachable(err) || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q ended with %v, want an error that begins with %q", words, err, want)
		}
		term.wantOutput("", "")
	}
}

func TestUnknownNames(t *testing.T) {
	c := start(t)
	for _, words := range everything("01ARZ3NDEKTSV4RRFFQ69G5FAV") {
		if words[len(words)-1] != "01ARZ3NDEKTSV4RRFFQ69G5FAV" {
			continue
		}
		want := "Job not found"
		if words[0] == "worker" {
			want = "Worker not found"
		}
		term := newTerminal(t, c)
		wantError(t, term.execute(words...), want)
		term.wantOutput("", "")
	}
	wantError(t, newTerminal(t, c).execute("job", "show", "7"), "Invalid job ID")
	wantError(t, newTerminal(t, c).execute("job", "list", "-w", "-1"), "window")
}

func TestExitErrorNamesItsCode(t *testing.T) {
	if got := (&ExitError{Code: 130}).Error(); got != "exit code 130" {
		t.Errorf("Error() = %q", got)
	}
}
