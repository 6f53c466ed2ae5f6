package clientcmd

import (
	"errors"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/client"
	"github.com/dffmpeg/dffmpeg/store"
)

func TestRunIsTheProgram(t *testing.T) {
	progress := "\r"
	for _, tt := range []struct {
		name   string
		words  []string
		result store.Result
		code   int
		stderr string // besides the program's
	}{
		{"run, completed", []string{"run"}, store.Result{Status: dffmpeg.JobCompleted, ExitCode: exit(0)}, 0, ""},
		{"run, failed", []string{"run"}, store.Result{Status: dffmpeg.JobFailed, ExitCode: exit(187)}, 187, ""},
		{
			"run, could not be run",
			[]string{"run"},
			store.Result{Status: dffmpeg.JobFailed, Reason: "no such program"},
			client.ExitFailed,
			"dffmpeg: ffmpeg could not be run: no such program\n",
		},
		{"submit, failed", []string{"submit"}, store.Result{Status: dffmpeg.JobFailed, ExitCode: exit(3)}, 3, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := start(t)
			term := newTerminal(t, c)
			wait := term.begin(append(tt.words, "--", "-i", "/nonexistent/media/in.mkv", "out.mp4")...)
			job := c.submitted()
			if !job.Monitor || job.HeartbeatInterval != 7 || job.RequesterID != requester {
				t.Errorf("monitor %t, heartbeats every %d s, of %s; want true, 7, %s", job.Monitor, job.HeartbeatInterval, job.RequesterID, requester)
			}
			if !slices.Equal(job.Arguments, []string{"-i", "$Media/in.mkv", "out.mp4"}) || !slices.Equal(job.Paths, []string{"Media"}) {
				t.Errorf("arguments %q below %q, want paths mapped", job.Arguments, job.Paths)
			}
			if job.WorkingDirectory == nil || *job.WorkingDirectory != "$Media/films" {
				t.Errorf("working directory %v, want $Media/films", job.WorkingDirectory)
			}
			by := c.run(job.ID)
			c.print(job.ID, by, 1, stdout("{}"), dffmpeg.LogEntry{Stream: dffmpeg.Stderr, Content: "frame=1", Terminator: &progress})
			term.err.await(t, "frame=1\r")
			c.finish(job.ID, by, tt.result)
			wantExit(t, wait(), tt.code)
			term.wantOutput("{}\n", "frame=1\r"+tt.stderr)
		})
	}
}

// TestRetriesOfARunAreWarnedOf, where they are asked for: its output cannot be taken back.
func TestRetriesOfARunAreWarnedOf(t *testing.T) {
	for options, warned := range map[string]bool{
		"": false, "--max-attempts 1": false, "--max-attempts 2": true, "--retry-on failed": true, "--backoff 0": true, "--max-attempts 1 --retry-on failed": false,
	} {
		c := start(t)
		term := newTerminal(t, c)
		wait := term.begin(append(append([]string{"run"}, strings.Fields(options)...), "--", "-i", "x")...)
		job := c.submitted()
		c.finish(job.ID, c.run(job.ID), store.Result{Status: dffmpeg.JobCompleted, ExitCode: exit(0)})
		wantExit(t, wait(), 0)
		if got := term.err.String(); strings.Contains(got, "is not tried again") != warned {
			t.Errorf("run %s printed %q", options, got)
		}
	}
}

func TestSignalCancelsARun(t *testing.T) {
	c := start(t)
	term := newTerminal(t, c)
	wait := term.begin("run", "-i", "in.mkv")
	job := c.submitted()
	by := c.run(job.ID)
	c.print(job.ID, by, 1, stdout("begun"))
	term.out.await(t, "begun\n")
	term.signals <- syscall.SIGINT
	// The worker ends the program, which still says something.
	c.awaitStatus(job.ID, dffmpeg.JobCanceling)
	c.print(job.ID, by, 2, stderr("Exiting normally, received signal 15."))
	c.finish(job.ID, by, store.Result{Status: dffmpeg.JobCanceled, ExitCode: exit(255)})
	wantExit(t, wait(), client.ExitCanceled)
	term.wantOutput("begun\n", "Exiting normally, received signal 15.\n")
}

func TestDetachedSubmission(t *testing.T) {
	tests := []struct {
		name      string
		words     []string
		binary    string
		args      []string
		heartbeat int
	}{
		{"short options", []string{"-D", "-b", "ffprobe", "-show_format", "in.mkv"}, "ffprobe", []string{"-show_format", "in.mkv"}, 7},
		{"long options", []string{"--detach", "--binary", "ffprobe", "--heartbeat-interval", "9", "in.mkv"}, "ffprobe", []string{"in.mkv"}, 9},
		{"long options with =", []string{"--heartbeat-interval=9", "--binary=ffprobe", "-D", "in.mkv"}, "ffprobe", []string{"in.mkv"}, 9},
		{"--", []string{"-D", "--", "-b", "ffprobe", "--", "--help"}, "ffmpeg", []string{"-b", "ffprobe", "--", "--help"}, 7},
		{"the program's options from the first on", []string{"-D", "-i", "x", "-b", "1M", "--detach"}, "ffmpeg", []string{"-i", "x", "-b", "1M", "--detach"}, 7},
		{"the program's option that begins like ours", []string{"-D", "-b:v", "1M"}, "ffmpeg", []string{"-b:v", "1M"}, 7},
		{"the program's help", []string{"-D", "-h"}, "ffmpeg", []string{"-h"}, 7},
		{"nothing for the program", []string{"-D"}, "ffmpeg", []string{}, 7},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := start(t)
			term := newTerminal(t, c)
			wantExit(t, term.execute(append([]string{"submit"}, tt.words...)...), 0)
			job := c.submitted()
			term.wantOutput("Job ID: "+job.ID+"\n", "")
			if job.BinaryName != tt.binary || !slices.Equal(job.Arguments, tt.args) || job.HeartbeatInterval != tt.heartbeat {
				t.Errorf("submitted %s %q with heartbeats every %d s; want %s %q, %d s",
					job.BinaryName, job.Arguments, job.HeartbeatInterval, tt.binary, tt.args, tt.heartbeat)
			}
			if job.Monitor {
				t.Error("the job depends on heartbeats that nobody sends")
			}
		})
	}
}

// run has no -D: the program may have.
func TestRunLeavesDetachToTheProgram(t *testing.T) {
	c := start(t)
	term := newTerminal(t, c)
	wait := term.begin("run", "-b", "ffprobe", "-D")
	job := c.submitted()
	if job.BinaryName != "ffprobe" || !slices.Equal(job.Arguments, []string{"-D"}) || !job.Monitor {
		t.Errorf("submitted %s %q, monitor %t; want ffprobe, its -D, and to wait", job.BinaryName, job.Arguments, job.Monitor)
	}
	c.finish(job.ID, c.run(job.ID), store.Result{Status: dffmpeg.JobCompleted, ExitCode: exit(0)})
	wantExit(t, wait(), 0)
	term.wantOutput("", "")
}

func TestWrongCommandLines(t *testing.T) {
	for _, tt := range []struct {
		words []string
		want  string
	}{
		{[]string{"run", "-b"}, "option -b needs a value"},
		{[]string{"submit", "-D", "--binary"}, "option --binary needs a value"},
		{[]string{"run", "--binary="}, "the name of the binary must not be empty"},
		{[]string{"submit", "-b", "", "x"}, "the name of the binary must not be empty"},
		{[]string{"run", "--heartbeat-interval"}, "option --heartbeat-interval needs a value"},
		{[]string{"run", "--heartbeat-interval", "0", "x"}, `option --heartbeat-interval needs a whole number of seconds from 1 on, not "0"`},
		{[]string{"submit", "--heartbeat-interval=5s"}, `option --heartbeat-interval needs a whole number of seconds from 1 on, not "5s"`},
	} {
		t.Run(strings.Join(tt.words, " "), func(t *testing.T) {
			term := newTerminal(t, nil)
			term.env.Connect = func() (*Session, error) {
				t.Error("a wrong command line connects")
				return nil, errors.New("unreachable")
			}
			wantExit(t, term.execute(tt.words...), client.ExitUsage)
			name := "dffmpeg " + tt.words[0]
			if got, want := term.err.String(), name+": "+tt.want+"\nUsage: "+name+" "; !strings.HasPrefix(got, want) || strings.Count(got, "\n") != 2 {
				t.Errorf("stderr is %q, want two lines that begin with %q", got, want)
			}
			if got := term.out.String(); got != "" {
				t.Errorf("stdout is %q, want nothing", got)
			}
		})
	}
}

func TestSubmissionRefused(t *testing.T) {
	c := start(t)
	term := newTerminal(t, c)
	wantExit(t, term.execute("run", "-b", "rm", "-rf"), client.ExitFailed)
	term.wantOutput("", "dffmpeg: Unsupported binary name: rm\n")
	wantError(t, newTerminal(t, c).execute("submit", "-D", "-b", "rm"), "Unsupported binary name: rm")
}

func TestNoWorkingDirectory(t *testing.T) {
	term := newTerminal(t, start(t))
	gone := errors.New("it was removed")
	term.env.Getwd = func() (string, error) { return "", gone }
	err := term.execute("submit", "-D")
	if !errors.Is(err, gone) || err.Error() != "working directory: it was removed" {
		t.Errorf("the command ended with %v, want what is wrong with the directory", err)
	}
}

func TestHelpOfRun(t *testing.T) {
	for name, wants := range map[string][]string{
		"run":    {"standard input", "1 when it could not be run", "--heartbeat-interval", "dffmpeg run -b ffprobe"},
		"submit": {"Without --detach this is the same as run", "-D, --detach", "dffmpeg job attach JOB_ID"},
	} {
		term := newTerminal(t, nil)
		wantExit(t, term.execute(name, "--help"), 0)
		for _, want := range wants {
			if !strings.Contains(term.out.String(), want) {
				t.Errorf("the help of %s does not say %q:\n%s", name, want, term.out)
			}
		}
	}
}
