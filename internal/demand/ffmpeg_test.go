package demand

import (
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/dffmpeg/dffmpeg"
)

// listed returns the names in one of ffmpeg's tables.
func listed(t *testing.T, table string) []string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "ffmpeg", "-hide_banner", "-"+table).Output()
	if err != nil {
		t.Fatalf("ffmpeg -%s: %v", table, err)
	}
	var names []string
	for row := range strings.Lines(string(out)) {
		if fields := strings.Fields(row); len(fields) > 1 {
			names = append(names, strings.Split(fields[1], ",")...)
		}
	}
	return names
}

// TestNamesOfCodecs: with the real ffmpeg, no name of a codec is taken for that of an
// encoder or decoder that there is none of.
func TestNamesOfCodecs(t *testing.T) {
	encoders, decoders := listed(t, "encoders"), listed(t, "decoders")
	out, err := exec.CommandContext(t.Context(), "ffmpeg", "-hide_banner", "-codecs").Output()
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for row := range strings.Lines(string(out)) {
		fields := strings.Fields(row)
		if len(fields) < 3 || len(fields[0]) != 6 {
			continue
		}
		seen++
		name := fields[1]
		if fields[0][1] == 'E' && certainCodec(name) && !slices.Contains(encoders, name) {
			t.Errorf("-c %s is said to need an encoder of that name", name)
		}
		if fields[0][0] == 'D' && certainCodec(name) && !slices.Contains(decoders, name) {
			t.Errorf("-c %s is said to need a decoder of that name", name)
		}
	}
	if seen < 100 {
		t.Errorf("only %d codecs were seen", seen)
	}
}

// TestWhatRuns: what the real ffmpeg runs needs nothing that it does not list.
func TestWhatRuns(t *testing.T) {
	tables := map[dffmpeg.AbilityKind][]string{
		dffmpeg.AbilityEncoder: listed(t, "encoders"), dffmpeg.AbilityDecoder: listed(t, "decoders"),
		dffmpeg.AbilityFilter: listed(t, "filters"), dffmpeg.AbilityMuxer: listed(t, "muxers"),
	}
	source := "-f lavfi -i testsrc2=size=64x64:duration=0.1 "
	for _, command := range []string{
		source + "-c:v libx264 -f mp4 -movflags empty_moov -",
		source + "-c:v h264 -f mpegts -",
		source + "-vf scale=32:32,format=yuv420p -c:v mpeg4 -f avi -",
		source + "-f lavfi -i sine=d=0.1 -filter_complex [0:v]split[a][b];[a][b]hstack[v];[1:a]aresample=8000[s] -map [v] -map [s] -c:a pcm_s16le -f nut -",
		source + "-frames:v 1 -f image2pipe -c:v mjpeg -",
		source + "-f null -",
		source + "-f ssegment -segment_format mpegts " + t.TempDir() + "/%d.ts",
	} {
		args := strings.Fields(command)
		if out, err := exec.CommandContext(t.Context(), "ffmpeg", append([]string{"-v", "error", "-nostdin"}, args...)...).CombinedOutput(); err != nil {
			t.Errorf("ffmpeg %s: %v\n%.300s", command, err, out)
		}
		needs := Infer("ffmpeg", args).Needs
		if len(needs) == 0 {
			t.Errorf("%s needs nothing", command)
		}
		for _, need := range needs {
			kind, name, _ := dffmpeg.SplitAbility(need)
			if !slices.Contains(tables[kind], name) {
				t.Errorf("%s is said to need %s, which is not listed", command, need)
			}
		}
	}
}

// TestFormatsOfOneKind: the real ffmpeg has a codec of that kind alone for them.
func TestFormatsOfOneKind(t *testing.T) {
	for format, extensions := range map[string]string{
		"image2": "bmp jpeg jpg jp2 jxl png ppm pgm tga tif tiff", "image2pipe": "", "mjpeg": "", "mpjpeg": "", "webp": "webp", "gif": "gif", "apng": "apng",
		"rawvideo": "", "yuv4mpegpipe": "", "wav": "wav", "adts": "aac", "ac3": "ac3", "eac3": "eac3", "s16le": "", "chromaprint": "",
	} {
		help, err := exec.CommandContext(t.Context(), "ffmpeg", "-hide_banner", "-h", "muxer="+format).Output()
		if err != nil {
			t.Fatal(err)
		}
		outputs := []file{{name: "x", format: format}}
		for _, extension := range strings.Fields(extensions) {
			outputs = append(outputs, file{name: "x.y." + strings.ToUpper(extension)})
		}
		for kind, name := range map[byte]string{video: "video", audio: "audio", subtitle: "subtitle"} {
			want := strings.Contains(string(help), "Default "+name+" codec")
			for _, out := range outputs {
				if got := out.holds(kind); got != want {
					t.Errorf("%s%s holds %s: %t, but ffmpeg says %s", out.name, out.format, name, got, help)
				}
			}
		}
	}
}

// TestKindsOfFilters: the real ffmpeg says that a filter that reads sound writes video
// where this package says so.
func TestKindsOfFilters(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "ffmpeg", "-hide_banner", "-filters").Output()
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for row := range strings.Lines(string(out)) {
		fields := strings.Fields(row)
		if len(fields) < 3 {
			continue
		}
		reads, writes, ok := strings.Cut(fields[2], "->")
		if !ok || strings.ContainsAny(reads+writes, "N|") {
			continue // any number, or none
		}
		seen++
		kind := reads[0] | 0x20
		if got := kindWritten(fields[1], kind); got != 0 && got != writes[0]|0x20 {
			t.Errorf("%s makes %c of %c, but ffmpeg says %s", fields[1], got, kind, fields[2])
		}
	}
	if seen < 100 {
		t.Errorf("only %d filters were seen", seen)
	}
}
