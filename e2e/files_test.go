package e2e

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// same reports differences between the files that the local program made, and those
// made through the drop-in.
func same(t *testing.T, want, got map[string]string) {
	t.Helper()
	if difference := cmp.Diff(want, got); difference != "" {
		t.Errorf("files of the local program (-) and through the drop-in (+):\n%s", difference)
	}
}

// makeFilm writes a clip with two attached fonts, as far as anybody looks at them.
func makeFilm(t *testing.T, path string) {
	t.Helper()
	dir := t.TempDir()
	clip := filepath.Join(dir, "clip.mkv")
	makeClip(t, clip, 2)
	args := []string{"-nostdin", "-v", "error", "-y", "-i", clip, "-map", "0", "-c", "copy"}
	for i, name := range []string{"Serif.ttf", "Größe & Gewicht.otf"} {
		font := filepath.Join(dir, name)
		if err := os.WriteFile(font, []byte(strings.Repeat(name, 10000)), 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, "-attach", font, "-metadata:s:t:"+strconv.Itoa(i), "mimetype=application/x-truetype-font")
	}
	if _, stderr, code := local(t, dir, "ffmpeg", append(args, path)...); code != 0 {
		t.Fatalf("make %s: exit code %d: %s", path, code, stderr)
	}
}

// sharing runs a test with equal roots on both sides, and with different ones; here
// and there are the client's and the worker's.
func sharing(t *testing.T, test func(t *testing.T, c *cluster, here, there string)) {
	t.Run("equal roots", func(t *testing.T) {
		c := newCluster(t)
		c.startWorkerAt("w1", c.media())
		test(t, c, c.media(), c.media())
	})
	t.Run("different roots", func(t *testing.T) {
		c := newCluster(t)
		_, there := c.startWorker("w1")
		test(t, c, c.media(), there)
	})
}

// TestAttachments: what a program writes into its working directory is there.
func TestAttachments(t *testing.T) {
	sharing(t, func(t *testing.T, c *cluster, here, there string) {
		makeFilm(t, filepath.Join(there, "film.mkv"))
		for _, dir := range []string{filepath.Join(there, "local"), filepath.Join(here, "proxied"), filepath.Join(there, "proxied")} {
			mkdir(t, dir)
		}
		// It says that an output file is missing, which its callers expect.
		args := func(root string) []string {
			return []string{"-dump_attachment:t", "", "-y", "-i", `file:` + filepath.Join(root, "film.mkv")}
		}
		_, wantErr, wantCode := local(t, filepath.Join(there, "local"), "ffmpeg", args(there)...)
		p := start(t, c.clientEnv(), filepath.Join(here, "proxied"), "ffmpeg", args(here)...)
		if code := p.exitCode(); code != wantCode || p.stderr.text() != wantErr || p.stdout.text() != "" {
			t.Errorf("exit code %d, want %d; stdout %q, stderr %q, want %q", code, wantCode, p.stdout.text(), p.stderr.text(), wantErr)
		}
		want := hashes(t, filepath.Join(there, "local"))
		if len(want) != 2 {
			t.Fatalf("the local program made %v, want two files", want)
		}
		same(t, want, hashes(t, filepath.Join(there, "proxied")))
	})
}

// TestImages: an image is whole at the moment the proxy ends.
func TestImages(t *testing.T) {
	c := newCluster(t)
	c.startWorkerAt("w1", c.media())
	in := filepath.Join(c.media(), "film.mkv")
	makeFilm(t, in)
	for i := range 10 {
		args := func(out string) []string {
			return []string{
				"-nostdin", "-v", "error", "-ss", strconv.FormatFloat(0.15*float64(i), 'f', 2, 64), "-i", "file:" + in, "-map", "0:v:0",
				"-vf", "scale=trunc(min(max(iw\\,ih*dar)\\,320)/2)*2:-2", "-frames:v", "1", "-f", "image2", out,
			}
		}
		expected, out := filepath.Join(c.media(), "local.jpg"), filepath.Join(c.media(), "image "+strconv.Itoa(i)+".jpg")
		if _, stderr, code := local(t, c.media(), "ffmpeg", append(args(expected), "-y")...); code != 0 {
			t.Fatalf("local program: exit code %d: %s", code, stderr)
		}
		want, err := os.ReadFile(expected)
		if err != nil {
			t.Fatal(err)
		}
		p := c.proxy("ffmpeg", args(out)...)
		code := p.exitCode()
		got, err := os.ReadFile(out)
		if code != 0 || err != nil || !cmp.Equal(got, want) || len(want) == 0 {
			t.Errorf("image %d: exit code %d, error %v, %d bytes, want %d; stderr %q", i, code, err, len(got), len(want), p.stderr.text())
		}
	}
}

// TestProbeOfFilm: what a media server asks of a film is answered as by the local
// program, with the worker's name for the file.
func TestProbeOfFilm(t *testing.T) {
	sharing(t, func(t *testing.T, c *cluster, here, there string) {
		const name = `It's a "film", [part] 1: 100 %.mkv`
		makeFilm(t, filepath.Join(there, name))
		for _, ask := range [][]string{
			{"-analyzeduration", "200M", "-probesize", "1G"}, // a whole answer
			{"-show_entries", "stream=index,codec_name", "-show_frames", "-read_intervals", "%+#5"},
		} {
			args := func(root string) []string {
				return append(ask, "-i", "file:"+filepath.Join(root, name), "-threads", "0", "-v", "warning", "-print_format", "json", "-show_streams", "-show_chapters", "-show_format")
			}
			want, wantErr, wantCode := local(t, here, "ffprobe", args(there)...)
			p := c.proxy("ffprobe", args(here)...)
			code, got := p.exitCode(), p.stdout.text()
			if here != there {
				// ffprobe says the name it was given: the one thing that tells where it ran.
				want, got = strings.ReplaceAll(want, there, here), strings.ReplaceAll(got, there, here)
			}
			if code != wantCode || got != want || p.stderr.text() != wantErr || len(want) < 100 {
				t.Errorf("exit code %d, want %d; stderr %q, want %q; (-) local, (+) through the drop-in:\n%s", code, wantCode, p.stderr.text(), wantErr, cmp.Diff(want, got))
			}
		}
	})
}
