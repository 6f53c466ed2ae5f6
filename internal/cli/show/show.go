// Package show renders records for people: tables and details on a terminal or
// in a file, the same every time, or JSON for programs.
package show

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/dffmpeg/dffmpeg"
)

// none stands for what is not there.
const none = "-"

// gap is the space between columns.
const gap = 2

// Table writes rows in aligned columns below a header.
func Table(w io.Writer, header []string, rows [][]string) error {
	tw := tabwriter.NewWriter(w, 0, 8, gap, ' ', 0)
	fmt.Fprintln(tw, strings.Join(header, "\t"))
	for _, row := range rows {
		fmt.Fprintln(tw, strings.Join(row, "\t"))
	}
	return tw.Flush()
}

// Pairs writes names and values, one pair a line.
func Pairs(w io.Writer, pairs [][2]string) error {
	tw := tabwriter.NewWriter(w, 0, 8, gap, ' ', 0)
	for _, p := range pairs {
		fmt.Fprintf(tw, "%s:\t%s\n", p[0], p[1])
	}
	return tw.Flush()
}

// JSON writes v indented.
func JSON(w io.Writer, v any) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(v)
}

// Text makes text safe for a terminal: control characters and what is not
// UTF-8 are shown escaped, so that nobody's job can steer somebody's screen.
func Text(s string) string {
	if s == "" {
		return none
	}
	if strings.ContainsFunc(s, unsafe) {
		return strconv.Quote(s)
	}
	return s
}

func unsafe(r rune) bool { return r == unicode.ReplacementChar || !unicode.IsGraphic(r) }

// Time renders a time in UTC to the second; nil and zero as "-".
func Time(t *time.Time) string {
	if t == nil || t.IsZero() {
		return none
	}
	return t.UTC().Format("2006-01-02 15:04:05Z")
}

// List renders a list.
func List(list []string) string {
	safe := make([]string, len(list))
	for i, s := range list {
		safe[i] = Text(s)
	}
	if len(safe) == 0 {
		return none
	}
	return strings.Join(safe, ", ")
}

// Command renders a command line as a shell would take it.
func Command(binary string, args []string) string {
	parts := make([]string, 0, len(args)+1)
	for _, arg := range append([]string{binary}, args...) {
		parts = append(parts, shellWord(arg))
	}
	return strings.Join(parts, " ")
}

// shellWord quotes an argument if a shell would not take it literally.
func shellWord(arg string) string {
	switch {
	case strings.ContainsFunc(arg, unsafe):
		return "$" + strings.ReplaceAll(strconv.Quote(arg), `"`, "'")
	case arg == "" || strings.ContainsAny(arg, " \t\"'`\\!*?[]{}()<>|&;~#"):
		return "'" + strings.ReplaceAll(arg, "'", `'\''`) + "'"
	default:
		return arg
	}
}

// Jobs writes a list of jobs. On a terminal reasons are shortened to fit.
func Jobs(w io.Writer, jobs []dffmpeg.Job) error {
	header := []string{"JOB ID", "STATUS", "BINARY", "EXIT", "WORKER", "REQUESTER", "CREATED", "WARNINGS", "POSITION", "REASON"}
	rows := make([][]string, 0, len(jobs))
	for i := range jobs {
		j := &jobs[i]
		rows = append(rows, []string{
			j.ID, string(j.Status), Text(j.BinaryName), exitCode(j.ExitCode), Text(j.Worker()), Text(j.RequesterID), Time(&j.CreatedAt), number(len(j.Warnings)),
			number(j.Position), Text(j.Reason),
		})
	}
	cutLast(header, rows, terminalWidth(w))
	return Table(w, header, rows)
}

// Job writes one job in full.
func Job(w io.Writer, j *dffmpeg.Job) error {
	directory := none
	if j.WorkingDirectory != nil {
		directory = Text(*j.WorkingDirectory)
	}
	pairs := [][2]string{
		{"Job ID", j.ID},
		{"Status", string(j.Status)},
		{"Exit code", exitCode(j.ExitCode)},
		{"Reason", Text(j.Reason)},
		{"Command", Command(j.BinaryName, j.Arguments)},
		{"Paths", List(j.Paths)},
		{"Working directory", directory},
		{"Requester", Text(j.RequesterID)},
		{"Worker", Text(j.Worker())},
		{"Attempt", strconv.Itoa(j.Attempt)},
		{"Monitored", strconv.FormatBool(j.Monitor)},
		{"Heartbeat", strconv.Itoa(j.HeartbeatInterval) + " s"},
		{"Created", Time(&j.CreatedAt)},
		{"Last update", Time(&j.LastUpdate)},
		{"Worker last seen", Time(j.WorkerLastSeen)},
		{"Client last seen", Time(j.ClientLastSeen)},
		{"Transport", Text(j.Transport)},
	}
	pairs = append(pairs, queueing(j)...)
	for _, warning := range j.Warnings {
		pairs = append(pairs, [2]string{"Warning", Text(warning)})
	}
	return Pairs(w, pairs)
}

// number renders a number, 0 as "-".
func number(n int) string {
	if n == 0 {
		return none
	}
	return strconv.Itoa(n)
}

func exitCode(code *int) string {
	if code == nil {
		return none
	}
	return strconv.Itoa(*code)
}

// Workers writes a list of workers.
func Workers(w io.Writer, workers []dffmpeg.Worker) error {
	rows := make([][]string, 0, len(workers))
	for i := range workers {
		k := &workers[i]
		rows = append(rows, []string{
			Text(k.ID), workerStatus(k), List(k.Binaries), List(k.Paths), version(k), Time(k.LastSeen),
		})
	}
	return Table(w, []string{"WORKER", "STATUS", "BINARIES", "PATHS", "VERSION", "LAST SEEN"}, rows)
}

// Coordinators writes a table of coordinators.
func Coordinators(w io.Writer, all []dffmpeg.Coordinator) error {
	rows := make([][]string, 0, len(all))
	for i := range all {
		c := &all[i]
		rows = append(rows, []string{Text(c.ID), Text(c.Host), Text(c.Version), Text(c.URL), Time(&c.StartedAt), Time(&c.LastSeen)})
	}
	return Table(w, []string{"COORDINATOR", "HOST", "VERSION", "URL", "STARTED", "LAST SEEN"}, rows)
}

// Worker writes one worker in full.
func Worker(w io.Writer, k *dffmpeg.Worker) error {
	return Pairs(w, append([][2]string{
		{"Worker", Text(k.ID)},
		{"Status", workerStatus(k)},
		{"Version", version(k)},
		{"Binaries", List(k.Binaries)},
		{"Paths", List(k.Paths)},
		{"Capabilities", List(k.Capabilities)},
		{"Transport", Text(k.Transport)},
		{"Registers every", strconv.Itoa(k.RegistrationInterval) + " s"},
		{"Last seen", Time(k.LastSeen)},
	}, offer(k)...))
}

func version(w *dffmpeg.Worker) string {
	if w.Version == nil {
		return none
	}
	return Text(*w.Version)
}

// Health writes a coordinator's condition.
func Health(w io.Writer, h *dffmpeg.HealthAnswer) error {
	pairs := [][2]string{{"Coordinator", string(h.Status)}, {"Version", Text(h.Version)}}
	for _, group := range []struct {
		name  string
		parts map[string]dffmpeg.ComponentHealth
	}{{"Database", h.Databases}, {"Transport", h.Transports}} {
		for _, name := range sorted(group.parts) {
			pairs = append(pairs, [2]string{group.name + " " + name, component(group.parts[name])})
		}
	}
	return Pairs(w, pairs)
}

func component(c dffmpeg.ComponentHealth) string {
	if c.Detail == nil || *c.Detail == "" {
		return string(c.Status)
	}
	return string(c.Status) + " (" + Text(*c.Detail) + ")"
}
