package programs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
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
	for _, list := range []struct {
		kind   dffmpeg.AbilityKind
		option string
		read   func(text string) map[string]bool
	}{
		{dffmpeg.AbilityEncoder, "-encoders", table},
		{dffmpeg.AbilityDecoder, "-decoders", table},
		{dffmpeg.AbilityFilter, "-filters", filters},
		{dffmpeg.AbilityMuxer, "-muxers", table},
		{dffmpeg.AbilityDemuxer, "-demuxers", table},
	} {
		answer, err := q.ask(ctx, "-hide_banner", list.option)
		names := list.read(string(answer.Stdout))
		if err != nil || len(names) == 0 {
			q.logger.Debug("a program does not say what it has", "option", list.option, "error", err)
			continue
		}
		profile[list.kind] = sorted(names)
	}
	q.devices(ctx, profile)
	return profile
}

// devices adds the input and output devices, which -f takes as it does formats.
func (q *questions) devices(ctx context.Context, profile dffmpeg.Profile) {
	answer, err := q.ask(ctx, "-hide_banner", "-devices")
	if err != nil {
		q.logger.Debug("a program does not say what it has", "option", "-devices", "error", err)
		return
	}
	names := table(string(answer.Stdout))
	for _, kind := range []dffmpeg.AbilityKind{dffmpeg.AbilityMuxer, dffmpeg.AbilityDemuxer} {
		if list, known := profile[kind]; known {
			all := make(map[string]bool)
			for _, name := range list {
				all[name] = true
			}
			for name := range names {
				all[name] = true
			}
			profile[kind] = sorted(all)
		}
	}
}

// complaint returns the first line of what a program complained of: those that follow
// say what came of it.
func complaint(text []byte) string {
	line, _, _ := strings.Cut(strings.TrimSpace(string(text)), "\n")
	return strings.ToValidUTF8(line, "?")
}
