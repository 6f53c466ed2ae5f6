package programs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"strings"
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/internal/worker/launch"
)

// patience bounds how long a program may take for one answer. A graphics processor that
// was asleep takes some seconds to wake.
const patience = 15 * time.Second

// questions are put to one program.
type questions struct {
	launcher Launcher
	program  launch.Program
	logger   *slog.Logger
}

// ask runs the program and returns what it put out.
func (q *questions) ask(ctx context.Context, args ...string) (launch.Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	answer, err := q.launcher.Ask(ctx, q.program, args)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return answer, fmt.Errorf("%s %s: no answer within %s", q.program.Path, strings.Join(args, " "), patience)
	case err != nil:
		return answer, err
	case answer.Code != 0:
		return answer, fmt.Errorf("%s %s: exit code %d: %s", q.program.Path, strings.Join(args, " "), answer.Code, complaint(answer.Stderr))
	}
	return answer, nil
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
	return strings.ToValidUTF8(words[2][:min(len(words[2]), maxVersion)], ""), nil
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
