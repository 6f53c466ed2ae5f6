// Package ffargs reads command lines of ffmpeg and ffprobe as those programs do, as far
// as can be told without knowing every option: an option that is not known is taken for
// one with a value.
package ffargs

import "strings"

// Word is an argument as ffmpeg's command line has it.
type Word struct {
	Text   string
	Option bool   // it is the name of an option
	Of     string // the option whose value it is, without what is behind ':'; "" for none
	Format string // of a file: its -f; "" when there is none
}

// Name returns the name of an option without hyphens and what is behind ':', "" for
// anything else.
func (w *Word) Name() string {
	if !w.Option {
		return ""
	}
	name, _, _ := strings.Cut(strings.TrimLeft(w.Text, "-"), ":")
	return name
}

// File reports whether the argument is a file that is no option's value: an output of
// ffmpeg, or the input of ffprobe.
func (w *Word) File() bool { return !w.Option && w.Of == "" }

// Words tells options, their values and files apart.
func Words(args []string) []Word {
	list := make([]Word, len(args))
	option, format := "", "" // the option whose value is next; -f of the next file
	for i, arg := range args {
		if isOption(arg, option) {
			list[i], option = Word{Text: arg, Option: true}, ""
			if name := strings.TrimLeft(arg, "-"); !isFlag(name) {
				option = name
			}
			continue
		}
		name, _, _ := strings.Cut(option, ":") // the rest says for which stream
		list[i] = Word{Text: arg, Of: name}
		switch name {
		case "f":
			format = arg
		case "i", "":
			list[i].Format, format = format, ""
		}
		option = ""
	}
	return list
}

// isOption reports whether an argument is the name of an option, and not the
// value of the one before it: values that begin with '-' are numbers, or
// streams to leave out.
func isOption(arg, before string) bool {
	name := strings.TrimLeft(arg, "-")
	if name == arg || name == "" {
		return false
	}
	return before == "" || letter(name[0]) || name[0] == '/'
}

// isFlag reports whether an option takes no value.
func isFlag(option string) bool {
	switch option {
	case "y", "n", "an", "vn", "sn", "dn", "re", "shortest", "copyts", "start_at_zero", "accurate_seek", "noaccurate_seek",
		"autorotate", "noautorotate", "autoscale", "noautoscale", "bitexact", "hide_banner", "stats", "nostats", "stdin", "nostdin",
		"xerror", "benchmark", "benchmark_all", "debug_ts", "ignore_unknown", "copy_unknown", "recast_media", "report", "dump", "hex", "psnr",
		"fix_sub_duration", "qphist", "vstats", "find_stream_info",
		"version", "buildconf", "formats", "muxers", "demuxers", "devices", "codecs", "decoders", "encoders", "bsfs", "protocols",
		"filters", "pix_fmts", "layouts", "sample_fmts", "colors", "hwaccels",
		// ffprobe's
		"show_format", "show_streams", "show_packets", "show_frames", "show_chapters", "show_programs", "show_error", "show_data",
		"count_frames", "count_packets", "show_program_version", "show_library_versions", "show_private_data",
		"pretty", "unit", "prefix", "byte_binary_prefix", "sexagesimal":
		return true
	}
	return false
}

func letter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }
