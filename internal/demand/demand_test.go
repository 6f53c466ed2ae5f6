package demand

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dffmpeg/dffmpeg"
)

func TestInfer(t *testing.T) {
	light := dffmpeg.Demand{Light: true}
	for _, tt := range []struct {
		name, binary, args string
		want               dffmpeg.Demand
	}{
		{"plain", "ffmpeg", "-i a.mkv out.mp4", dffmpeg.Demand{}},
		{"probe", "ffprobe", "-v error -show_format -show_streams a.mkv", light},
		{"probe of every frame", "ffprobe", "-count_frames -show_streams a.mkv", dffmpeg.Demand{}},
		{"version", "ffmpeg", "-version", light},
		{"encoders", "jellyfin-ffmpeg", "-hide_banner -encoders", light},
		{"help", "ffmpeg", "-h encoder=libx264", light},
		{
			"image", "ffmpeg", "-ss 10 -i a.mkv -an -sn -vf scale=320:-1 -frames:v 1 -f image2 out.jpg",
			dffmpeg.Demand{Light: true, Needs: []string{"filter:scale", "muxer:image2"}},
		},
		{"image and film", "ffmpeg", "-i a.mkv -frames:v 1 out.jpg out.mp4", dffmpeg.Demand{}},
		{"copy", "ffmpeg", "-i a.mkv -c copy -f matroska out", dffmpeg.Demand{Needs: []string{"muxer:matroska"}}},
		{"codec by its name", "ffmpeg", "-i a.mkv -c:v h264 -c:a aac -c:s dvd_subtitle out.mkv", dffmpeg.Demand{}},
		{"library", "ffmpeg", "-i a.mkv -c:v libx264 -codec:a:0 libopus out.mkv", dffmpeg.Demand{Needs: []string{"encoder:libopus", "encoder:libx264"}}},
		{
			"cuda", "ffmpeg", "-hwaccel nvdec -hwaccel_output_format cuda -c:v h264_cuvid -i a.mkv -vf scale_cuda=w=1920:h=-2 -c:v hevc_nvenc one.mkv -vcodec h264_nvenc two.mkv",
			dffmpeg.Demand{
				Needs: []string{"decoder:h264_cuvid", "device:cuda", "encoder:h264_nvenc", "encoder:hevc_nvenc", "filter:scale_cuda"},
				Uses:  map[string]int{"nvenc": 2},
			},
		},
		{
			"vaapi", "ffmpeg", "-init_hw_device vaapi=va:/dev/dri/renderD128 -filter_hw_device va -i a.mkv " +
				"-filter_complex [0:v]format=nv12,hwupload,tonemap_vaapi=format=nv12:p=bt709[v];[0:a]aresample=48000[a] -map [v] -map [a] -c:v h264_vaapi -f hls out.m3u8",
			dffmpeg.Demand{
				Needs: []string{"device:vaapi", "encoder:h264_vaapi", "filter:aresample", "filter:format", "filter:hwupload", "filter:tonemap_vaapi", "muxer:hls"},
				Uses:  map[string]int{"vaapi": 1},
			},
		},
		{"derived device", "ffmpeg", "-init_hw_device qsv@va -i a out", dffmpeg.Demand{Needs: []string{"device:qsv"}}},
		{"no device", "ffmpeg", "-hwaccel auto -i a out", dffmpeg.Demand{}},
		{
			"quotes in graphs", "ffmpeg", `-i a -vf drawtext@x=text='a,b;c\':x=1,subtitles=a\,b.srt,libplacebo out`,
			dffmpeg.Demand{Needs: []string{"filter:drawtext", "filter:libplacebo", "filter:subtitles"}},
		},
		{
			"a source", "ffmpeg", "-f lavfi -i sws_flags=bicubic;testsrc2=size=64x64,scale=32:32 -f null -",
			dffmpeg.Demand{Needs: []string{"filter:scale", "filter:testsrc2", "muxer:null"}},
		},
		{"another program", "mkvmerge", "-version -c:v hevc_nvenc out", dffmpeg.Demand{}},
		{"nothing", "ffmpeg", "", light},
		{"a device", "ffmpeg", "-v verbose -hide_banner -init_hw_device vaapi=va:/dev/dri/renderD128", light},
		{"output behind an option that is not known", "ffmpeg", "-i a.mkv -unheard out.mkv", dffmpeg.Demand{}},
		{"codec replaced", "ffmpeg", "-i a.mkv -c:v hevc_nvenc -vcodec libx264 out.mkv", dffmpeg.Demand{Needs: []string{"encoder:libx264"}}},
		{"no such stream", "ffmpeg", "-i a.mkv -map 0:a -c:v hevc_nvenc -c:a libopus out.mka", dffmpeg.Demand{Needs: []string{"encoder:libopus"}}},
		{"device for nothing", "ffmpeg", "-hwaccel vaapi -c:v h264_cuvid -i a.mkv -c copy out.mkv", dffmpeg.Demand{}},
		{
			"a media server's", "ffmpeg", "-analyzeduration 200M -init_hw_device cuda=cu:0 -hwaccel cuda -i file:a.mkv -map_metadata -1 -map 0:0 -map 0:1 -map -0:s " +
				"-codec:v:0 h264_nvenc -vf scale_cuda -codec:a:0 libfdk_aac -copyts -f hls -hls_segment_filename /t/a%d.ts -y /t/a.m3u8",
			dffmpeg.Demand{Needs: []string{"device:cuda", "encoder:h264_nvenc", "encoder:libfdk_aac", "filter:scale_cuda", "muxer:hls"}, Uses: map[string]int{"nvenc": 1}},
		},
		{
			"burning subtitles in", "ffmpeg", "-i a.mkv -map 0:0 -map 0:1 -map -0:0 -codec:v:0 h264_nvenc -filter_complex [0:3]scale[s];[0:0]null[m];[m][s]overlay -codec:a:0 libfdk_aac out",
			dffmpeg.Demand{Needs: []string{"encoder:h264_nvenc", "encoder:libfdk_aac", "filter:null", "filter:overlay", "filter:scale"}, Uses: map[string]int{"nvenc": 1}},
		},
		{
			"by place", "ffmpeg", "-codec:0 h264_cuvid -hwaccel:0 nvdec -i a.mkv -filter_complex [0:0]scale=w=1280[0];[0]format=nv12[1] -map [1] -codec:0 h264_nvenc -map 0:1 -codec:1 copy out",
			dffmpeg.Demand{Needs: []string{"decoder:h264_cuvid", "device:cuda", "encoder:h264_nvenc", "filter:format", "filter:scale"}, Uses: map[string]int{"nvenc": 1}},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, Infer(tt.binary, strings.Fields(tt.args))); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func FuzzInfer(f *testing.F) {
	f.Add("-init_hw_device\x00vaapi\x00-vf\x00[a]b='c\\,d\x00-c\x00h264_nvenc\x00out")
	f.Fuzz(func(t *testing.T, text string) {
		for _, binary := range []string{"ffmpeg", "ffprobe"} {
			d := Infer(binary, strings.Split(text, "\x00"))
			if !slices.IsSorted(d.Needs) {
				t.Errorf("needs are not sorted: %q", d.Needs)
			}
			for _, need := range d.Needs {
				if _, _, ok := dffmpeg.SplitAbility(need); !ok {
					t.Errorf("%q is no ability", need)
				}
			}
		}
	})
}

// TestLongLines: the work is in proportion to the length of the command line; otherwise
// these would take minutes.
func TestLongLines(t *testing.T) {
	const n = 30_000
	for _, words := range [][2]string{
		{"-i a", "b"},
		{"-vn -i a", "b"},
		{"-f lavfi -i nullsrc", "-frames:v 1 b"},
		{"-hwaccel cuda", "-i a out"},
		{"-i a", "-map 0:v:1 out"},
		{"-map 0", "-map -0:v"},
		{"-map 0:a:0?", "-c:m:language:eng x"},
		{"-filter_complex [0:v]null[v]", "-map [v] out"},
		{"-c:a:7 aac", "-map 0:1"},
		{"-vf tile", "-i a"},
		{"-unheard x.y", "z"},
	} {
		for _, line := range []string{
			strings.Repeat(words[0]+" ", n) + strings.Repeat(words[1]+" ", n) + "out",
			strings.Repeat(words[0]+" "+words[1]+" ", n) + "out",
		} {
			Infer("ffmpeg", strings.Fields(line))
		}
	}
	graph := strings.Repeat("[0:v]scale[a];[a]null,", n) + "null" + strings.Repeat("[x]", n)
	Infer("ffmpeg", []string{"-filter_complex", graph, "-map", "[x]", "-map", "[x]", "-vf", graph, "out"})
}
