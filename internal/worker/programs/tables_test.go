package programs

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTables(t *testing.T) {
	for name, c := range map[string]struct {
		read func(string) map[string]bool
		text string
		want []string
	}{
		"encoders": {table, `Encoders:
 V..... = Video
 .....D = Supports direct rendering method 1
 ------
 V....D a64multi             Multicolor charset for Commodore 64 (codec a64_multi)
 A....D libopus              libopus Opus (codec opus)
`, []string{"a64multi", "libopus"}},
		"formats": {table, `File formats:
 D. = Demuxing supported
 .E = Muxing supported
 --
 D  matroska,webm   Matroska / WebM
  E mp4             MP4 (MPEG-4 Part 14)
`, []string{"matroska", "mp4", "webm"}},
		"formats, as since 7.1": {table, `Formats:
 D.. = Demuxing supported
 .E. = Muxing supported
 ..d = Is a device
 ---
  E  3gp             3GP (3GPP file format)
 D d x11grab         X11 screen capture, using XCB
 DEd alsa            ALSA audio output
`, []string{"3gp", "alsa", "x11grab"}},
		"filters": {filters, `Filters:
  T.. = Timeline support
  A = Audio input/output
  | = Source or sink filter
 ... abench            A->A       Benchmark part of a filtergraph.
 TSC overlay           VV->V      Overlay a video source on top of the input. Not a->b.
 ... anullsrc          |->A       Null audio source, return empty audio frames.
`, []string{"abench", "anullsrc", "overlay"}},
		"filters with fewer flags":     {filters, " TS overlay           VV->V      Overlay\n", []string{"overlay"}},
		"a program that has no tables": {table, "Unrecognized option 'encoders'.\nError splitting the argument list\n", []string{}},
		"nothing":                      {filters, "", []string{}},
	} {
		if diff := cmp.Diff(c.want, sorted(c.read(c.text))); diff != "" {
			t.Errorf("%s: -want +got:\n%s", name, diff)
		}
	}
}

func FuzzTables(f *testing.F) {
	f.Add(" ---\n D d x11grab  X\n ... a V->V b\n")
	f.Fuzz(func(_ *testing.T, text string) {
		table(text)
		filters(text)
		kinds(text)
	})
}
