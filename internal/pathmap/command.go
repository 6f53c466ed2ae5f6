package pathmap

import "strings"

// role is what an argument is to ffmpeg, as far as paths in it are concerned.
type role int

const (
	roleURL    role = iota // a path or URL, or anything else
	roleOption             // the name of an option
	roleGraph              // the description of a filter graph
	roleParams             // an encoder's own options
	roleTee                // outputs of the tee muxer
	roleList               // an input that is a list file for the concat demuxer
)

// word is an argument as ffmpeg's command line has it.
type word struct {
	text   string
	option bool   // it is the name of an option
	of     string // the option whose value it is, without what is behind ':'; "" for none
	format string // of a file: its -f; "" when there is none
}

// words tells options, their values and files apart. An option that is not known
// is taken for one with a value.
func words(args []string) []word {
	list := make([]word, len(args))
	option, format := "", "" // the option whose value is next; -f of the next file
	for i, arg := range args {
		if isOption(arg, option) {
			list[i], option = word{text: arg, option: true}, ""
			if name := strings.TrimLeft(arg, "-"); !isFlag(name) {
				option = name
			}
			continue
		}
		name, _, _ := strings.Cut(option, ":") // the rest says for which stream
		list[i] = word{text: arg, of: name}
		switch name {
		case "f":
			format = arg
		case "i", "":
			list[i].format, format = format, ""
		}
		option = ""
	}
	return list
}

// roles returns the role of each argument. Where that is not certain, because
// an option is not known, it is roleURL: then only what is a path or URL as a
// whole is one.
func roles(args []string) []role {
	list := make([]role, len(args))
	for i, w := range words(args) {
		list[i] = w.role()
	}
	return list
}

func (w *word) role() role {
	if w.option {
		return roleOption
	}
	switch w.of {
	case "i":
		return inputRole(w.format)
	case "vf", "af", "filter", "filter_complex", "lavfi":
		return roleGraph
	case "x264-params", "x265-params", "svtav1-params":
		return roleParams
	case "":
		return fileRole(w.format)
	}
	return roleURL
}

// inputRole returns what an input is in a format.
func inputRole(format string) role {
	switch format {
	case "lavfi":
		return roleGraph
	case "concat":
		return roleList
	}
	return roleURL
}

// fileRole returns what a file that is no option's value is: an output, or the
// input of ffprobe.
func fileRole(format string) role {
	switch {
	case format == "tee":
		return roleTee
	case format == "lavfi", format == "concat":
		return inputRole(format)
	}
	return roleURL
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

// places returns the places of files in an argument, of which localPath says
// whether they are paths. A list file is a file itself.
func (r role) places(arg string) []place {
	switch r {
	case roleGraph:
		return graphPlaces(arg)
	case roleParams:
		return parameterPlaces(arg)
	case roleTee:
		return teePlaces(arg)
	case roleURL, roleList:
		return urlPlaces(arg)
	case roleOption:
	}
	return nil
}
