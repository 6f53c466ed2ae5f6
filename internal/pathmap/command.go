package pathmap

import "github.com/dffmpeg/dffmpeg/internal/ffargs"

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

// roles returns the role of each argument. Where that is not certain, because
// an option is not known, it is roleURL: then only what is a path or URL as a
// whole is one.
func roles(args []string) []role {
	list := make([]role, len(args))
	for i, w := range ffargs.Words(args) {
		list[i] = roleOf(&w)
	}
	return list
}

func roleOf(w *ffargs.Word) role {
	if w.Option {
		return roleOption
	}
	switch w.Of {
	case "i":
		return inputRole(w.Format)
	case "vf", "af", "filter", "filter_complex", "lavfi":
		return roleGraph
	case "x264-params", "x265-params", "svtav1-params":
		return roleParams
	case "":
		return fileRole(w.Format)
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
