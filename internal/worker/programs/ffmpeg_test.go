package programs

import (
	"context"
	"log/slog"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/internal/pathmap"
	"github.com/dffmpeg/dffmpeg/internal/worker/executor"
	"github.com/dffmpeg/dffmpeg/internal/worker/launch"
)

// TestRealPrograms: what is found of the installed ffmpeg is what it has.
func TestRealPrograms(t *testing.T) {
	e := executor.New([]string{guardName})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = e.Run(ctx) // ends with ctx's error
	}()
	defer func() { cancel(); <-done }()
	paths, err := pathmap.NewWorker(nil)
	if err != nil {
		t.Fatal(err)
	}
	launcher := launch.New(e, map[string]string{"ffmpeg": "ffmpeg", "ffprobe": "ffprobe"}, paths, launch.Environment{Own: os.Environ()}, launch.Rights{})
	var log strings.Builder
	i := New(Settings{Binaries: []string{"ffmpeg", "ffprobe"}, System: Linux()}, launcher, slog.New(slog.NewTextHandler(&log, nil)))
	found := look(t, i, false)
	banner, err := exec.CommandContext(t.Context(), "ffmpeg", "-version").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, binary := range []string{"ffmpeg", "ffprobe"} {
		if version := found[binary].Version; version == "" || !strings.Contains(string(banner), "version "+version+" ") {
			t.Errorf("the version of %s is %q; the program says %.60q", binary, version, banner)
		}
	}
	profile := found["ffmpeg"].Profile
	for _, ability := range []string{
		"encoder:libx264", "encoder:aac", "decoder:h264", "decoder:4xm", "filter:scale", "filter:testsrc2", "filter:anullsrc",
		"muxer:matroska", "muxer:stream_segment", "muxer:ssegment", "muxer:null", "demuxer:webm", "demuxer:lavfi",
	} {
		if !profile.Can(ability) {
			t.Errorf("%s is said to be missing", ability)
		}
	}
	for _, ability := range []string{"encoder:no", "filter:=", "device:none", "muxer:D.", "encoder:V....."} {
		if profile.Can(ability) {
			t.Errorf("%s is said to be there", ability)
		}
	}
	if problem := profile.Problem(); problem != "" {
		t.Error(problem)
	}
	devices, known := profile[dffmpeg.AbilityDevice]
	if !known {
		t.Error("devices were not tried")
	}
	for _, encoder := range profile[dffmpeg.AbilityEncoder] {
		if device := deviceOf(family(encoder)); device != "" && !slices.Contains(devices, device) {
			t.Errorf("encoder %s is said to work, but of devices only %v", encoder, devices)
		}
	}
	for _, kind := range dffmpeg.AbilityKinds() {
		t.Logf("%d of %s", len(profile[kind]), kind)
	}
	if !strings.Contains(log.String(), "hardware=") {
		t.Errorf("nothing about it in the log: %s", &log)
	}
}
