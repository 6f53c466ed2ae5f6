package programs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"strings"
	"time"
	"unicode"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/internal/worker/launch"
)

// patience bounds how long a program may take for one answer. A graphics processor that
// was asleep takes some seconds to wake.
const patience = 15 * time.Second

// mostSilent is how many questions may go without an answer before a look is given up:
// hardware that hangs may do so with each of fifty encoders.
const mostSilent = 3

var errSilent = errors.New("not asked any more: it does not answer")

// questions are put to one program.
type questions struct {
	launcher Launcher
	program  launch.Program
	logger   *slog.Logger
	busy     func() bool // whether jobs run

	doubt  doubt // about what was found out so far
	jobs   bool  // whether some ran while something was tried in vain
	silent int   // how many questions had no answer in time
}

// doubt is why what was found of hardware may be wrong. The greater is the graver.
type doubt int

const (
	certain    doubt = iota
	whileBusy        // something was tried in vain while jobs ran, which may have used it
	unanswered       // the program could not be run, or did not answer in time
)

// ask runs the program and returns what it put out.
func (q *questions) ask(ctx context.Context, args ...string) (launch.Answer, error) {
	if q.silent >= mostSilent {
		return launch.Answer{}, errSilent
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	answer, err := q.launcher.Ask(ctx, q.program, args)
	if err != nil {
		q.doubt = unanswered
	}
	switch {
	case errors.Is(err, launch.ErrStuck):
		q.silent = mostSilent // each question more would leave a process behind
		q.logger.Warn("a program that was asked what it can do cannot be killed; does a device or a file system hang?", "program", q.program.Path, "arguments", strings.Join(args, " "))
		return answer, err
	case errors.Is(err, context.DeadlineExceeded):
		q.silent++
		return answer, fmt.Errorf("%s %s: no answer within %s", q.program.Path, strings.Join(args, " "), patience)
	case err != nil:
		return answer, err
	case answer.Code != 0:
		return answer, fmt.Errorf("%s %s: exit code %d: %s", q.program.Path, strings.Join(args, " "), answer.Code, complaint(answer.Stderr))
	}
	return answer, nil
}

// try has the program use hardware, and returns why that does not work. While jobs run it
// may be on their account.
func (q *questions) try(ctx context.Context, args ...string) error {
	busy := q.busy()
	_, err := q.ask(ctx, args...)
	if err != nil && (busy || q.busy()) {
		q.doubt, q.jobs = max(q.doubt, whileBusy), true
	}
	return err
}

// maxVersion bounds how much of a version is kept.
const maxVersion = 100

// version returns what the program says its version is: the third word of "ffmpeg
// version 7.1 Copyright (c) …".
func (q *questions) version(ctx context.Context) (string, error) {
	answer, err := q.ask(ctx, "-hide_banner", "-version")
	if err != nil {
		return "", err
	}
	words := strings.Fields(string(answer.Stdout))
	if len(words) < 3 || words[1] != "version" {
		return "", fmt.Errorf("%s -version does not say a version", q.program.Path)
	}
	version := printable(words[2])
	if version == "" {
		return "", fmt.Errorf("%s -version says a version that cannot be shown", q.program.Path)
	}
	return version, nil
}

// printable returns what of a version can be shown, up to a bound.
func printable(version string) string {
	version = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return -1
	}, strings.ToValidUTF8(version, ""))
	return strings.ToValidUTF8(version[:min(len(version), maxVersion)], "")
}

// built returns what is built into the program. Kinds that it does not list are left
// out: nothing is known of them.
func (q *questions) built(ctx context.Context) dffmpeg.Profile {
	profile := make(dffmpeg.Profile)
	devices := q.list(ctx, "-devices", table) // -f takes them as it does formats
	for _, list := range []struct {
		kind   dffmpeg.AbilityKind
		option string
		read   func(text string) map[string]bool
		beside map[string]bool
	}{
		{dffmpeg.AbilityEncoder, "-encoders", table, nil},
		{dffmpeg.AbilityDecoder, "-decoders", table, nil},
		{dffmpeg.AbilityFilter, "-filters", filters, nil},
		{dffmpeg.AbilityMuxer, "-muxers", table, devices},
		{dffmpeg.AbilityDemuxer, "-demuxers", table, devices},
	} {
		if names := q.list(ctx, list.option, list.read); len(names) > 0 {
			maps.Copy(names, list.beside)
			profile[list.kind] = sorted(names)
		}
	}
	return profile
}

// list returns the names in one of the program's lists, none when it has no such list.
func (q *questions) list(ctx context.Context, option string, read func(text string) map[string]bool) map[string]bool {
	answer, err := q.ask(ctx, "-hide_banner", option)
	if err != nil {
		q.logger.Debug("a program does not say what it has", "option", option, "error", err)
		return nil
	}
	return read(string(answer.Stdout))
}

// complaint returns the first line of what a program complained of: those that follow
// say what came of it.
func complaint(text []byte) string {
	line, _, _ := strings.Cut(strings.TrimSpace(string(text)), "\n")
	return strings.ToValidUTF8(line, "?")
}
