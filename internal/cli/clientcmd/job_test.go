package clientcmd

import (
	"encoding/json"
	"fmt"
	"strings"
	"syscall"
	"testing"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/client"
	"github.com/dffmpeg/dffmpeg/store"
)

// decode reads what a command printed as JSON.
func decode[T any](t *testing.T, term *terminal) T {
	t.Helper()
	var value T
	if err := json.Unmarshal([]byte(term.out.String()), &value); err != nil {
		t.Fatalf("%v: %s", err, term.out)
	}
	return value
}

func TestJobList(t *testing.T) {
	c := start(t)
	done, active := c.submit(), c.submit()
	c.finish(done, c.run(done), store.Result{Status: dffmpeg.JobFailed, ExitCode: exit(3)})
	for _, tt := range []struct {
		words []string
		want  []string // IDs, newest first
	}{
		{nil, []string{active, done}},
		{[]string{"-w", "3600"}, []string{active, done}},
		{[]string{"--window=0"}, []string{active}},
	} {
		words := append([]string{"job", "list"}, tt.words...)
		term := newTerminal(t, c)
		wantExit(t, term.execute(words...), 0)
		lines := strings.Split(strings.TrimSpace(term.out.String()), "\n")
		if len(lines) != len(tt.want)+1 || !strings.HasPrefix(lines[0], "JOB ID ") {
			t.Fatalf("%q printed\n%s\nwant a header and %d jobs", words, term.out, len(tt.want))
		}
		asJSON := newTerminal(t, c)
		wantExit(t, asJSON.execute(append(words, "--json")...), 0)
		jobs := decode[[]dffmpeg.Job](t, asJSON)
		if len(jobs) != len(tt.want) {
			t.Fatalf("%q --json printed %d jobs, want %d", words, len(jobs), len(tt.want))
		}
		for i, id := range tt.want {
			if !strings.HasPrefix(lines[i+1], id+"  ") {
				t.Errorf("%q: line %d is %q, want job %s", words, i+1, lines[i+1], id)
			}
			if jobs[i].ID != id {
				t.Errorf("%q --json: job %d is %s, want %s", words, i, jobs[i].ID, id)
			}
		}
	}
}

func TestJobShow(t *testing.T) {
	c := start(t)
	id := c.submit()
	c.finish(id, c.run(id), store.Result{Status: dffmpeg.JobFailed, ExitCode: exit(3)})
	term := newTerminal(t, c)
	wantExit(t, term.execute("job", "show", id), 0)
	shown := strings.Join(strings.Fields(term.out.String()), " ")
	for _, want := range []string{"Job ID: " + id, "Status: failed", "Exit code: 3", "Command: ffmpeg -i 'in put.mkv'", "Worker: " + holder} {
		if !strings.Contains(shown, want) {
			t.Errorf("the job is shown as %q, want %q in it", shown, want)
		}
	}
	term = newTerminal(t, c)
	wantExit(t, term.execute("job", "show", id, "--json"), 0)
	if job := decode[dffmpeg.Job](t, term); job.ID != id || job.Status != dffmpeg.JobFailed {
		t.Errorf("as JSON the job is %+v", job)
	}
}

func TestJobLogs(t *testing.T) {
	c := start(t)
	id := c.submit()
	by := c.run(id)
	term := newTerminal(t, c)
	wantExit(t, term.execute("job", "logs", id), 0) // nothing yet
	term.wantOutput("", "")
	c.print(id, by, 1, stdout("{"), stderr("frame=1"))
	c.print(id, by, 2, stdout("}"))
	wantExit(t, term.execute("job", "logs", id), 0)
	term.wantOutput("{\n}\n", "frame=1\n")
	// Nobody but run and attach ends as the job does.
	c.finish(id, by, store.Result{Status: dffmpeg.JobFailed, ExitCode: exit(3)})
	for _, words := range [][]string{{"job", "logs", id}, {"job", "logs", "-f", id}} {
		term = newTerminal(t, c)
		wantExit(t, term.execute(words...), 0)
		term.wantOutput("{\n}\n", "frame=1\n")
	}
	c.wantNoListener()
}

// The coordinator gives a thousand batches at once.
func TestJobLogsOfManyPages(t *testing.T) {
	c := start(t)
	id := c.submit()
	by := c.run(id)
	const batches = 2001
	var want strings.Builder
	for i := range batches {
		c.print(id, by, int64(i)+1, stdout(fmt.Sprint("frame=", i)))
		fmt.Fprintf(&want, "frame=%d\n", i)
	}
	term := newTerminal(t, c)
	wantExit(t, term.execute("job", "logs", id), 0)
	if got := term.out.String(); got != want.String() {
		t.Errorf("printed %d lines, want %d in order", strings.Count(got, "\n"), batches)
	}
}

func TestFollowing(t *testing.T) {
	for _, tt := range []struct {
		name   string
		words  []string
		result store.Result
		code   int
	}{
		{"logs -f", []string{"logs", "-f"}, store.Result{Status: dffmpeg.JobFailed, ExitCode: exit(3)}, 0},
		{"logs --follow", []string{"logs", "--follow"}, store.Result{Status: dffmpeg.JobCompleted, ExitCode: exit(0)}, 0},
		{"attach, completed", []string{"attach"}, store.Result{Status: dffmpeg.JobCompleted, ExitCode: exit(0)}, 0},
		{"attach, failed", []string{"attach"}, store.Result{Status: dffmpeg.JobFailed, ExitCode: exit(187)}, 187},
		{"attach, could not be run", []string{"attach"}, store.Result{Status: dffmpeg.JobFailed, Reason: "no such program"}, client.ExitFailed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := start(t)
			id := c.submit()
			by := c.run(id)
			c.print(id, by, 1, stdout("before"))
			term := newTerminal(t, c)
			wait := term.begin(append(append([]string{"job"}, tt.words...), id)...)
			term.out.await(t, "before\n")
			c.awaitListener()
			c.print(id, by, 2, stdout("one"), stderr("two"))
			term.err.await(t, "two\n")
			c.finish(id, by, tt.result)
			wantExit(t, wait(), tt.code)
			term.wantOutput("before\none\n", "two\n")
		})
	}
}

func TestAttachToAJobThatEnded(t *testing.T) {
	for _, tt := range []struct {
		result store.Result
		code   int
	}{
		{store.Result{Status: dffmpeg.JobCompleted, ExitCode: exit(0)}, 0},
		{store.Result{Status: dffmpeg.JobFailed, ExitCode: exit(42)}, 42},
		{store.Result{Status: dffmpeg.JobFailed}, client.ExitFailed},
	} {
		c := start(t)
		id := c.submit()
		by := c.run(id)
		c.print(id, by, 1, stdout("one"))
		c.finish(id, by, tt.result)
		term := newTerminal(t, c)
		wantExit(t, term.execute("job", "attach", id), tt.code)
		term.wantOutput("one\n", "")
		c.wantNoListener()
	}
}

// Who only watches may leave: the job goes on.
func TestSignalEndsTheAttachmentOnly(t *testing.T) {
	for _, words := range [][]string{{"job", "attach"}, {"job", "logs", "-f"}} {
		c := start(t)
		id := c.submit()
		c.print(id, c.run(id), 1, stdout("begun"))
		term := newTerminal(t, c)
		wait := term.begin(append(words, id)...)
		term.out.await(t, "begun\n")
		c.awaitListener()
		term.signals <- syscall.SIGINT
		wantExit(t, wait(), client.ExitCanceled)
		term.wantOutput("begun\n", "")
		job, err := c.state.Job(t.Context(), id)
		must(t, err)
		if job.Status != dffmpeg.JobRunning {
			t.Errorf("%q: the job that was left is %s, want running", words, job.Status)
		}
	}
}

func TestJobCancel(t *testing.T) {
	c := start(t)
	id := c.submit()
	for _, want := range []string{"Cancellation requested\n", "Job already finished\n"} {
		term := newTerminal(t, c)
		wantExit(t, term.execute("job", "cancel", id), 0)
		term.wantOutput(want, "")
	}
	term := newTerminal(t, c)
	wantExit(t, term.execute("job", "attach", id), client.ExitCanceled)
	job, err := c.state.Job(t.Context(), id)
	must(t, err)
	if job.Status != dffmpeg.JobCanceled {
		t.Errorf("the job is %s, want canceled", job.Status)
	}
}
