// Package demand infers what a job demands of a worker from its program's name and its
// arguments. It names a need only where that is certain: one that is missed costs an
// attempt, one that is wrong keeps a job waiting for ever.
package demand

import (
	"maps"
	"slices"
	"strings"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/internal/ffargs"
)

// Infer returns what running binary with args demands: Light, Needs and Uses.
func Infer(binary string, args []string) dffmpeg.Demand {
	switch ffargs.ProgramOf(binary) {
	case ffargs.FFprobe:
		return dffmpeg.Demand{Light: !readsAll(args)}
	case ffargs.FFmpeg:
		if IsQuery(binary, args) {
			return dffmpeg.Demand{Light: true} // that something is not there is an answer
		}
		line := read(args)
		return dffmpeg.Demand{Light: line.light(), Needs: line.sorted(), Uses: line.uses}
	default:
		return dffmpeg.Demand{}
	}
}

// line is what is known of an ffmpeg command line.
type line struct {
	needs   map[string]bool
	uses    map[string]int
	outputs int
	images  int // outputs of a single frame
	hard    bool
	// Of the file that is next:
	codecs []string
	frames string
}

// read reads a command line from left to right: options before -i are that input's,
// others the next output's.
func read(args []string) *line {
	l := &line{needs: make(map[string]bool)}
	for _, w := range ffargs.Words(args) {
		switch {
		case w.Option:
		case w.Of == "":
			l.output(&w)
		default:
			l.value(&w)
		}
	}
	return l
}

// value notes the value of an option.
func (l *line) value(w *ffargs.Word) {
	switch w.Of {
	case "c", "codec", "vcodec", "acodec", "scodec":
		l.codecs = append(l.codecs, w.Text)
	case "frames", "vframes":
		l.frames = w.Text
	case "hwaccel":
		l.device(w.Text)
	case "init_hw_device":
		l.device(w.Text[:len(w.Text)-len(strings.TrimLeft(w.Text, "abcdefghijklmnopqrstuvwxyz0123456789_"))])
	case "vaapi_device":
		l.device("vaapi")
	case "qsv_device":
		l.device("qsv")
	case "vf", "af", "filter", "filter_complex", "lavfi":
		l.graph(w.Text)
	case "i":
		l.input(w)
	}
}

// input ends the options of an input.
func (l *line) input(w *ffargs.Word) {
	for _, codec := range l.codecs {
		if certainCodec(codec) {
			l.need(dffmpeg.AbilityDecoder, codec)
		}
	}
	if w.Format == "lavfi" {
		l.graph(w.Text)
	}
	l.codecs, l.frames = nil, ""
}

// output ends the options of an output.
func (l *line) output(w *ffargs.Word) {
	l.outputs++
	if l.frames == "1" {
		l.images++
	}
	for _, codec := range l.codecs {
		if certainCodec(codec) {
			l.need(dffmpeg.AbilityEncoder, codec)
		}
		if family := ffargs.Hardware(codec); family != "" {
			if l.uses == nil {
				l.uses = make(map[string]int)
			}
			l.uses[family]++
			l.hard = true
		}
	}
	if certainMuxer(w.Format) {
		l.need(dffmpeg.AbilityMuxer, w.Format)
	}
	l.codecs, l.frames = nil, ""
}

// light reports whether all that is made are single images, in software; what a filter
// such as thumbnail reads for that is bounded by the image being wanted soon.
func (l *line) light() bool { return l.outputs > 0 && l.images == l.outputs && !l.hard }

func (l *line) sorted() []string { return slices.Sorted(maps.Keys(l.needs)) }

func (l *line) need(kind dffmpeg.AbilityKind, name string) {
	if ffargs.Simple(name) {
		l.needs[dffmpeg.Ability(kind, name)] = true
	}
}

// device notes that a kind of hardware is used.
func (l *line) device(name string) {
	switch name {
	case "", "none", "auto":
		return
	case "cuvid", "nvdec": // older names of the same
		name = "cuda"
	}
	l.need(dffmpeg.AbilityDevice, name)
}

// certainCodec reports whether the value of -c is certainly the name of an encoder or
// decoder, rather than that of a codec, for which ffmpeg takes whichever it has:
// libraries and hardware have names of their own.
func certainCodec(name string) bool {
	return strings.HasPrefix(name, "lib") || ffargs.Hardware(name) != "" || strings.HasSuffix(name, "_cuvid")
}

// certainMuxer reports whether the value of -f before an output is certainly the name of
// a muxer, and not of a device, which are listed elsewhere.
func certainMuxer(format string) bool {
	switch format {
	case "alsa", "audiotoolbox", "caca", "decklink", "fbdev", "opengl", "oss", "pulse", "sdl", "sdl2", "sndio", "v4l2", "video4linux2", "xv", "lavfi":
		return false
	}
	return format != ""
}
