package demand

import (
	"strings"
	"testing"
)

func TestLight(t *testing.T) {
	for line, want := range map[string]bool{
		"ffmpeg -i a.mkv":                            true, // says what is in it
		"ffmpeg -i a.mkv -c copy":                    true,
		"ffmpeg -ss 10 -i a.mkv -frames:v 1 out.jpg": true,
		"ffmpeg -i a.mkv -vframes 1 -vf thumbnail=n=24,scale=320:-1 -f image2 out":                    true,
		"ffmpeg -i a.mkv -an -sn -frames 1 -f null -":                                                 true,
		"ffmpeg -i a.mkv -frames 1 out.mkv":                                                           true,
		"ffmpeg -i a.mkv -map 0:v:0 -frames:v:0 1 out.mkv":                                            true,
		"ffmpeg -i a.mkv -map 0:0 -vframes 1 out.mkv":                                                 true,
		"ffmpeg -f lavfi -i nullsrc -frames:v 1 -f null -":                                            true,
		"ffmpeg -f lavfi -i nullsrc=s=9x9 -preset slow -r 30000/1001 -crf 2.5 -frames:v 1 -f null -":  true,
		"ffmpeg -user_agent a/1.0 -i http://a/b -frames:v 1 -update 1 out.jpg":                        true,
		"ffmpeg -i a.mkv out.jpg":                                                                     false,
		"ffmpeg -i a.mkv -frames:v 1 out.mkv":                                                         false, // all of the sound
		"ffmpeg -i a.mkv -frames:a 1 out.mkv":                                                         false,
		"ffmpeg -i a.mkv -vn -frames:a 1 out.mka":                                                     false,
		"ffmpeg -i a.mkv -frames 1 -frames:v 100 out.jpg":                                             false,
		"ffmpeg -i a.mkv -map 0:v:0 -map 0:v:1 -frames:v:0 1 out.mkv":                                 false,
		"ffmpeg -i a.mkv -frames:v 1 -c:v mjpeg_qsv out.jpg":                                          false,
		"ffmpeg -i a.mkv -frames:v 1 thumb.jpg -c:v libx264 -force_fps out.mkv":                       false,
		"ffmpeg -i a.mkv -frames:v 1 thumb.jpg -c:v libx264 -noshortest out.mkv":                      false,
		"ffmpeg -i a.mkv -frames:v 1 thumb.jpg -c:v libx264 -unheard out.mkv":                         false,
		"ffmpeg -i a.mkv -frames:v 1 thumb.jpg -c:v libx264 -unheard pipe:1":                          false,
		"ffmpeg -i a.mkv -unheard out.mkv":                                                            false,
		"ffmpeg -filter_complex testsrc2[v] -map [v] -c:v libx264 -noshortest out.mkv":                false,
		"ffmpeg -filter_complex testsrc2[v] -map [v] -unheard out.mkv":                                false,
		"ffmpeg -i a.mkv -vf select=not(mod(n\\,1000)),scale=160:-1,tile=10x10 -frames:v 1 sheet.jpg": false,
		"ffmpeg -i a.mkv -filter_complex showwavespic -frames:v 1 out.png":                            false,
		"ffmpeg -f lavfi -i movie=a.mkv,tile=9x9 -frames:v 1 out.png":                                 false,
		"ffmpeg -i a.mkv -vf palettegen -vf null -frames:v 1 out.png":                                 true,
	} {
		words := strings.Fields(line)
		if got := Infer(words[0], words[1:]).Light; got != want {
			t.Errorf("%s is light: %t, want %t", line, got, want)
		}
	}
}
