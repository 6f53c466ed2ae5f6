package e2e

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// hlsSegments is how many segments, of a second each, there are of the film.
const hlsSegments = 8

// hls returns the arguments by which a media server has a film cut into segments
// from a certain one on. rate is how fast it is read, compared with watching it.
func hls(in, dir string, first int, rate string) []string {
	return []string{
		"-nostdin", "-v", "warning", "-readrate", rate, "-ss", strconv.Itoa(first), "-i", in, "-map", "0:v", "-copyts",
		"-c:v", "libx264", "-preset", "ultrafast", "-threads", "1", "-g", "25", "-keyint_min", "25", "-sc_threshold", "0",
		"-f", "hls", "-hls_time", "1", "-hls_segment_type", "fmp4", "-hls_fmp4_init_filename", "init.mp4", "-start_number", strconv.Itoa(first),
		"-hls_playlist_type", "vod", "-hls_list_size", "0", "-hls_segment_filename", filepath.Join(dir, "seg%d.m4s"), "-y", filepath.Join(dir, "out.m3u8"),
	}
}

// player looks every 100 ms for the next segment, as media servers do. A segment is
// there when the next one is, and the last one when the program has ended.
type player struct {
	t   *testing.T
	dir string
	p   *process
}

// play returns segments as they were when they were there, from first on, until limit
// of them are there or the program has ended.
func (pl player) play(first, limit int) map[string][]byte {
	pl.t.Helper()
	played := make(map[string][]byte)
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	deadline := time.After(patience)
	for len(played) < limit {
		ended := false
		select {
		case <-ticker.C:
		case <-pl.p.exited:
			ended = true
		case <-deadline:
			pl.t.Fatalf("%d segments after %s", len(played), patience)
		}
		for len(played) < limit {
			next := first + len(played)
			if !pl.has(next) || !ended && !pl.has(next+1) {
				break
			}
			name := segment(next)
			content, err := os.ReadFile(filepath.Join(pl.dir, name))
			if err != nil {
				pl.t.Fatal(err)
			}
			played[name] = content
		}
		if ended {
			break
		}
	}
	return played
}

func (pl player) has(number int) bool {
	_, err := os.Stat(filepath.Join(pl.dir, segment(number)))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		pl.t.Fatal(err)
	}
	return err == nil
}

func segment(number int) string { return "seg" + strconv.Itoa(number) + ".m4s" }

// reference makes segments with the local program, and returns their directory.
func reference(t *testing.T, media string, first int) string {
	t.Helper()
	dir := filepath.Join(media, "local"+strconv.Itoa(first))
	mkdir(t, dir)
	if _, stderr, code := local(t, media, "ffmpeg", hls(filepath.Join(media, "film.mkv"), dir, first, "100")...); code != 0 {
		t.Fatalf("local program: exit code %d: %s", code, stderr)
	}
	return dir
}

// like compares segments that were played with those of the local program.
func like(t *testing.T, dir string, played map[string][]byte) {
	t.Helper()
	for name, content := range played {
		want, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(content, want) {
			t.Errorf("%s had %d bytes when it was taken, the local program's has %d, or others", name, len(content), len(want))
		}
	}
}

// TestHLS: segments are there when their caller takes them for that, and all files
// are where and what the local program makes.
func TestHLS(t *testing.T) {
	sharing(t, func(t *testing.T, c *cluster, here, there string) {
		makeClip(t, filepath.Join(there, "film.mkv"), hlsSegments)
		want, dir := reference(t, there, 0), filepath.Join(there, "proxied")
		mkdir(t, dir)
		p := c.proxy("ffmpeg", hls(filepath.Join(here, "film.mkv"), filepath.Join(here, "proxied"), 0, "4")...) // the working directory is another
		played := player{t, dir, p}.play(0, hlsSegments)
		if code := p.exitCode(); code != 0 || len(played) != hlsSegments || p.stderr.text() != "" {
			t.Errorf("exit code %d, %d segments, stderr %q", code, len(played), p.stderr.text())
		}
		like(t, want, played)
		same(t, hashes(t, want), hashes(t, dir)) // the list and init.mp4 too
	})
}

// TestHLSSeek: a far seek is a killed proxy and a new one that begins elsewhere.
func TestHLSSeek(t *testing.T) {
	c := newCluster(t)
	c.startWorkerAt("w1", c.media())
	in, dir := filepath.Join(c.media(), "film.mkv"), filepath.Join(c.media(), "proxied")
	makeClip(t, in, hlsSegments)
	whole, late := reference(t, c.media(), 0), reference(t, c.media(), 5)
	mkdir(t, dir)
	before := c.proxy("ffmpeg", hls(in, dir, 0, "1")...)
	like(t, whole, player{t, dir, before}.play(0, 2))
	before.kill()
	// What the killed one leaves is deleted when it must have ended.
	<-time.After(1500 * time.Millisecond)
	if pids := processesWith(t, filepath.Join(dir, "out.m3u8")); len(pids) != 0 {
		t.Fatalf("the killed proxy's program still runs: %v", pids)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	mkdir(t, dir)

	began := time.Now()
	after := c.proxy("ffmpeg", hls(in, dir, 5, "4")...)
	pl := player{t, dir, after}
	like(t, late, pl.play(5, 1))
	t.Logf("a segment %s after the new start", time.Since(began).Round(time.Millisecond))
	like(t, late, pl.play(6, hlsSegments))
	if code := after.exitCode(); code != 0 || after.stderr.text() != "" {
		t.Errorf("exit code %d, stderr %q", code, after.stderr.text())
	}
	same(t, hashes(t, late), hashes(t, dir))
}

// TestFastSeeks: callers that are killed at any instant of their start leave no
// program behind.
func TestFastSeeks(t *testing.T) {
	c := newCluster(t)
	c.startWorkerAt("w1", c.media())
	for i := range 30 {
		p := c.proxy("ffmpeg", realtime("600", filepath.Join(c.media(), "seek"+strconv.Itoa(i)+".mkv"))...)
		<-time.After(time.Duration(i) * 5 * time.Millisecond)
		p.kill()
	}
	// All that may begin has begun, and is gone.
	<-time.After(1500 * time.Millisecond)
	if pids := processesWith(t, filepath.Join(c.media(), "seek")); len(pids) != 0 {
		t.Errorf("programs of killed callers still run: %v", pids)
	}
}
