package demand

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestUses: each stream that is encoded in hardware is one session.
func TestUses(t *testing.T) {
	for args, want := range map[string]int{
		"-c:v hevc_nvenc out":                                                                                   1,
		"-c hevc_nvenc out":                                                                                     1,
		"-c:v hevc_nvenc -c:v libx264 out":                                                                      0,
		"-c:v hevc_nvenc one -c:v h264_nvenc two":                                                               2,
		"-c:v hevc_nvenc one two":                                                                               1,
		"-map 0 -c:v hevc_nvenc out":                                                                            1,
		"-map 0:v -map 0:a -c:v hevc_nvenc out":                                                                 1,
		"-map 0:v:0 -map 0:v:1 -c:v hevc_nvenc out":                                                             2,
		"-map 0:v:0 -map 0:v:1 -map 0:a -c hevc_nvenc out":                                                      2,
		"-map 0:v:0 -map 0:v:1? -c:v hevc_nvenc out":                                                            1,
		"-map 0:v:0 -map 0:v:1 -map -0:v:1 -c:v hevc_nvenc out":                                                 1,
		"-map 0:v:0 -map 0:v:1 -c:v hevc_nvenc -c:v:1 copy out":                                                 1,
		"-map 0:v -map 0:v -c:v:0 hevc_nvenc -c:v:1 copy out":                                                   1,
		"-map 0:0 -map 0:1 -c:v:0 hevc_nvenc -c:a:0 copy out":                                                   1,
		"-map 0:0 -map 0:1 -c:v:0 hevc_nvenc -c:v:1 copy out":                                                   1,
		"-map 0:0 -map 0:1 -c:0 hevc_nvenc -c:1 copy out":                                                       1,
		"-map 0:0 -map 0:1 -c:0 hevc_nvenc -c:1 h264_nvenc out":                                                 2,
		"-map 0:1 -map 0:v -c:v hevc_nvenc -c:a copy out":                                                       1,
		"-map 0 -map 0:5 -c:v hevc_nvenc -c:a aac out":                                                          1,
		"-c:v hevc_nvenc -c:m:language:eng copy out":                                                            0, // who knows
		"-vn -c:v hevc_nvenc out":                                                                               0,
		"-c:v hevc_nvenc -force_fps out":                                                                        1,
		"-c:v hevc_nvenc -copyinkf out":                                                                         1,
		"-c:v hevc_nvenc -noshortest out":                                                                       1,
		"-c:v hevc_nvenc -nostart_at_zero out":                                                                  1,
		"-c:v hevc_nvenc -auto_conversion_filters out":                                                          1,
		"-c:v hevc_nvenc -disposition:a:0 -default out":                                                         1,
		"-c:v hevc_nvenc -movflags -faststart out":                                                              1,
		"-c:v hevc_nvenc -c:v libx264 -dec 0:0 -c:v av1_nvenc o":                                                1,
		"-filter_complex [0:v]split[a][b] -map [a] -map [b] -c:v hevc_nvenc out":                                2,
		"-filter_complex [0:v]split[a][b] -map [a] -c:v:0 hevc_nvenc -map [b] -c:v:1 h264_nvenc out":            2,
		"-filter_complex concat=n=2:v=1:a=1[v][a] -map [v] -map [a] -c:v hevc_nvenc -c:a aac out":               1,
		"-filter_complex movie=a.mkv,split[a][b] -map [a] -map [b] -c:v:0 hevc_nvenc -c:v:1 hevc_nvenc out":     2,
		"-filter_complex [0:v]scale=2:2,split[a][b];[a]null[c] -map [c] -c:v hevc_nvenc x -map [b] -c:v copy y": 1,
	} {
		d := Infer("ffmpeg", strings.Fields("-i a.mkv "+args))
		if d.Uses["nvenc"] != want || len(d.Uses) > 1 {
			t.Errorf("%s: uses %v, want %d of nvenc", args, d.Uses, want)
		}
	}
}

// TestWhatIsGoneBy: the real ffmpeg, which has no encoder named libnosuch, no filter named
// nosuch and here no CUDA, fails where it goes by such an option. There, and nowhere else,
// it is a need.
func TestWhatIsGoneBy(t *testing.T) {
	dir := film(t)
	for _, command := range []string{
		"-i in.mkv -c:v libnosuch -c:v mpeg4 out.mkv",
		"-i in.mkv -c:v mpeg4 -c:v libnosuch out.mkv",
		"-i in.mkv -vcodec libnosuch -codec:v mpeg4 out.mkv",
		"-i in.mkv -c:v libnosuch -vcodec mpeg4 out.mkv",
		"-i in.mkv -c:v libnosuch -c copy out.mkv",
		"-i in.mkv -c copy -c:v libnosuch out.mkv",
		"-i in.mkv -c:v:0 libnosuch -c:v mpeg4 out.mkv",
		"-i in.mkv -c:v mpeg4 -c:v:0 libnosuch out.mkv",
		"-i in.mkv -c:v libnosuch -c:v:0 mpeg4 out.mkv",
		"-i in.mkv -c:v mpeg4 -c:v:1 libnosuch out.mkv",
		"-i in.mkv -map 0:v:0 -map 0:v:1 -c:v mpeg4 -c:v:1 libnosuch out.mkv",
		"-i in.mkv -map 0:v:0 -map 0:v:1 -c:v:0 libnosuch -c:v:1 mpeg4 out.mkv",
		"-i in.mkv -map 0:v:0 -map 0:a:0 -c:v mpeg4 -c:a aac -c:1 libnosuch out.mkv",
		"-i in.mkv -map 0:v:0 -map 0:a:0 -c:1 libnosuch -c:a aac out.mkv",
		"-i in.mkv -map 0:0 -map 0:2 -codec:v:0 mpeg4 -codec:a:0 libnosuch out.mkv",
		"-i in.mkv -map 0:0 -map 0:2 -codec:0 libnosuch -codec:1 aac out.mkv",
		"-i in.mkv -filter_complex [0:0]null[0];[0]null[1] -map [1] -codec:0 libnosuch -map 0:2 -codec:1 aac out.mkv",
		"-i in.mkv -filter_complex [0:v]null[v] -map [v] -c:v mpeg4 -c:a libnosuch out.mkv",
		"-i in.mkv -filter_complex [0:a]showwaves[v] -map [v] -c:v libnosuch out.mkv",
		"-i in.mkv -filter_complex [0:v]null[v] -map [v] -vn -c:v libnosuch out.mkv",
		"-i in.mkv -filter_complex [0:v]null -map 0:a -c:v libnosuch out.mkv",
		"-i in.mkv -filter_complex [0:v]null -vn -c:v libnosuch out.mkv",
		"-i in.mkv -map 0:a -c:v libnosuch out.mka",
		"-i in.mkv -map 0 -map -0:v -c:v libnosuch out.mka",
		"-i in.mkv -map 0 -map -0:v:1 -c:v libnosuch out.mkv",
		"-i in.mkv -an -c:a libnosuch out.mkv",
		"-i in.mkv -vn -c:v libnosuch out.mka",
		"-i in.mkv -vn -novn -c:v libnosuch out.mkv",
		"-vn -i in.mkv -c:v libnosuch out.mka",
		"-i in.mkv -c:a libnosuch -frames:v 1 -update 1 out.png",
		"-i in.mkv -c:v libnosuch out.wav",
		"-i in.mkv out.mkv -c:v libnosuch",
		"-i in.mkv -vn -vf nosuch out.mka",
		"-i in.mkv -vf nosuch -vf null out.mkv",
		"-i in.mkv -vf null -filter:v nosuch out.mkv",
		"-i in.mkv -filter:a nosuch -af anull out.mkv",
		"-i in.mkv -filter_complex [0:v]nosuch[v] -map [v] out.mkv",
		"-hwaccel cuda -i in.mkv out.mkv",
		"-hwaccel cuda -hwaccel none -i in.mkv out.mkv",
		"-hwaccel none -hwaccel:v cuda -i in.mkv out.mkv",
		"-hwaccel:v:1 cuda -i in.mkv out.mkv",
		"-hwaccel:v:1 cuda -i in.mkv -map 0:v:1 out.mkv",
		"-hwaccel:0 cuda -i in.mkv -filter_complex [0:0]null[v] -map [v] out.mkv",
		"-hwaccel cuda -i in.mkv -c copy out.mkv",
		"-hwaccel cuda -i in.mkv -c:v copy out.mkv",
		"-hwaccel cuda -i in.mkv -vn out.mka",
		"-hwaccel cuda -i in.mkv -map 0:a out.mka",
		"-hwaccel cuda -i in.mkv -map 0 -map -0:v out.mka",
		"-hwaccel cuda -i in.mkv -c copy out.mkv -map 0:v out2.mkv",
		"-hwaccel cuda -i in.mkv -filter_complex [0:a]anull[a] -map 0:v -map [a] -c:v copy out.mkv",
		"-hwaccel cuda -i in.mkv -filter_complex [0:v]null[v] -map [v] -map 0:a -c:a copy out.mkv",
		"-hwaccel cuda -i in.mkv -i in.mkv -map 0:a -map 1:v out.mkv",
		"-i in.mkv -hwaccel cuda -i in.mkv -map 0:a -map 1:v out.mkv",
		"-init_hw_device cuda -i in.mkv -c copy out.mkv",
		"-c:v h264_cuvid -i in.mkv -c copy out.mkv",
		"-c:v h264_cuvid -i in.mkv -vn out.mka",
		"-c:v h264_cuvid -i in.mkv out.mkv",
		"-c:v h264_cuvid -c:v h264 -i in.mkv out.mkv",
		"-i in.mkv",
	} {
		args := append([]string{"-v", "error", "-nostdin", "-y"}, strings.Fields(command)...)
		cmd := exec.CommandContext(t.Context(), "ffmpeg", args...)
		cmd.Dir, cmd.Env = dir, append(os.Environ(), "CUDA_VISIBLE_DEVICES=-1")
		out, err := cmd.CombinedOutput()
		needs := slices.DeleteFunc(Infer("ffmpeg", args).Needs, func(need string) bool {
			return !slices.Contains([]string{"encoder:libnosuch", "filter:nosuch", "device:cuda", "decoder:h264_cuvid"}, need)
		})
		if fails := err != nil && command != "-i in.mkv"; fails != (len(needs) > 0) {
			t.Errorf("%s: needs %q, but ffmpeg says: %v %.200s", command, needs, err, out)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "out.mkv")); err != nil {
		t.Error("nothing ran:", err)
	}
}
