package e2e

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// outcome is all that a caller's script leaves behind.
type outcome struct {
	Stdout, Stderr string
	ExitCode       int
	Files          map[string]string // see hashes
}

// callScript runs a script in an empty directory, the same one each time, with the
// programs that come first in path.
func callScript(t *testing.T, dir, path string, env []string, command ...string) outcome {
	t.Helper()
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	mkdir(t, filepath.Join(dir, "tmp"))
	env = append(env, "PATH="+path, "TMPDIR="+filepath.Join(dir, "tmp"), "HOME="+dir, "LC_ALL=C.UTF-8", "PYTHONDONTWRITEBYTECODE=1",
		"IMAGEIO_FFMPEG_EXE=ffmpeg") // it would take one beside Python before one in PATH
	p := startWith(t, streams{}, env, dir, command[0], command[1:]...)
	code := p.exitCode()
	return outcome{Stdout: p.stdout.text(), Stderr: steady(p.stderr.text()), ExitCode: code, Files: hashes(t, dir)}
}

// steady takes out of what ffmpeg prints what differs from run to run: addresses,
// speed, and progress on the way, whose lines come by the clock.
func steady(stderr string) string {
	stderr = regexp.MustCompile(`(frame|size)=[^\r\n]*\r`).ReplaceAllString(stderr, "")
	stderr = regexp.MustCompile(`frame=[^\r\n\[]*(\[|\n)`).ReplaceAllString(stderr, "$1")
	return regexp.MustCompile(`0x[0-9a-f]+|speed= *\S+`).ReplaceAllString(stderr, "?")
}

// hashes returns names, modes and contents' hashes of all files below a directory.
func hashes(t *testing.T, dir string) map[string]string {
	t.Helper()
	found := make(map[string]string)
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		found[name] = fmt.Sprintf("%s, %d bytes, %x", info.Mode(), len(content), sha256.Sum256(content))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// TestProgramsOfDebian: programs that call ffmpeg notice no difference between the
// local one and the drop-in. Their directory has the same name on the worker.
func TestProgramsOfDebian(t *testing.T) {
	c := newCluster(t)
	c.startWorkerAt("w1", c.media())
	makeClip(t, filepath.Join(c.media(), "in.mp4"), 3)
	scripts, err := filepath.Abs("testdata")
	if err != nil {
		t.Fatal(err)
	}
	for _, caller := range []struct {
		name    string
		command []string
		// makes is a file that the script leaves behind, "" for none.
		makes string
		// exitCode is the script's.
		exitCode int
	}{
		{name: "pydub", command: []string{"/usr/bin/python3", "call_pydub.py"}, makes: "half.mka", exitCode: 7},
		{name: "audioread", command: []string{"/usr/bin/python3", "call_audioread.py"}},
		{name: "imageio", command: []string{"/usr/bin/python3", "call_imageio.py"}, makes: "negative.mkv"},
		{name: "yt-dlp", command: []string{"/bin/bash", "call_yt-dlp.sh"}, makes: "section.mp4"},
	} {
		t.Run(caller.name, func(t *testing.T) {
			dir := filepath.Join(c.media(), "call "+caller.name)
			command := []string{caller.command[0], filepath.Join(scripts, caller.command[1]), filepath.Join(c.media(), "in.mp4")}
			if caller.name == "yt-dlp" {
				command = append(command, served(t, c.media()))
			}
			before := len(c.jobs())
			want := callScript(t, dir, "/usr/bin:/bin", nil, command...)
			if ran := len(c.jobs()) - before; ran != 0 {
				t.Fatalf("the script with the local program made %d jobs", ran)
			}
			if _, made := want.Files[caller.makes]; want.ExitCode != caller.exitCode || caller.makes != "" && !made {
				t.Fatalf("exit code %d, files %v (make test installs the programs): %s%s", want.ExitCode, want.Files, want.Stdout, want.Stderr)
			}
			got := callScript(t, dir, binaries+":/usr/bin:/bin", c.clientEnv(), command...)
			if difference := cmp.Diff(want, got); difference != "" {
				t.Errorf("with the local program (-) and through the drop-in (+):\n%s", difference)
			}
			ran := len(c.jobs()) - before
			if ran == 0 {
				t.Error("the script did not call the drop-in")
			}
			t.Logf("%d jobs, %d files, %d bytes of stdout, %d of stderr", ran, len(got.Files), len(got.Stdout), len(got.Stderr))
		})
	}
}

// served serves a clip, whole and in segments, and returns the URL of their directory.
func served(t *testing.T, dir string) string {
	t.Helper()
	_, stderr, code := local(t, dir, "ffmpeg", "-nostdin", "-v", "error", "-y", "-i", "in.mp4",
		"-c:v", "libx264", "-preset", "ultrafast", "-g", "25", "-c:a", "aac", "-f", "hls", "-hls_time", "1", "-hls_list_size", "0", "hls.m3u8")
	if code != 0 {
		t.Fatalf("make segments: exit code %d: %s", code, stderr)
	}
	server := httptest.NewServer(http.FileServer(http.Dir(dir)))
	t.Cleanup(server.Close)
	return server.URL
}
