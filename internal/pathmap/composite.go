package pathmap

import (
	"strings"

	"github.com/dffmpeg/dffmpeg"
)

// urlPlaces returns the places of files in what ffmpeg opens: a path, `file:`
// and one, or protocols that lead to one. Other protocols have none.
func urlPlaces(url string) []place {
	if _, _, ok := localPath(url); ok {
		return []place{whole(url, 0)}
	}
	protocol, rest, ok := strings.Cut(url, ":")
	if !ok {
		return nil
	}
	at := len(url) - len(rest)
	switch protocol {
	case "concat":
		return concatPlaces(url, at)
	case "async", "cache", "crypto", "bluray", "md5", "concatf":
		return []place{whole(url, at)}
	}
	// subfile,,start,N,end,N,,:PATH
	if strings.HasPrefix(protocol, "subfile,,") && strings.HasSuffix(protocol, ",,") {
		return []place{whole(url, at)}
	}
	return nil
}

// concatPlaces returns the places in a list that is separated by '|' and knows
// no quoting.
func concatPlaces(url string, at int) []place {
	var places []place
	for element := range strings.SplitSeq(url[at:], "|") {
		end := at + len(element)
		places = append(places, place{start: at, end: end, path: element, context: dffmpeg.PathConcat})
		at = end + 1
	}
	return places
}

// teePlaces returns the places in the outputs of the tee muxer: `[options]URL`
// separated by '|', each quoted, and in it the options' values again.
func teePlaces(outputs string) []place {
	var places []place
	for i := 0; i <= len(outputs); {
		output := readToken(outputs, i, "|")
		name := 0
		if strings.HasPrefix(output.text, "[") {
			options, end := readOptions(output.text, 1, ":]")
			if end == len(output.text) || output.text[end] != ']' {
				return nil
			}
			for _, o := range options {
				if isTeeFile(o.key) {
					places = append(places, output.place(o.value.text, o.value.start, o.value.end, dffmpeg.PathTeeOption))
				}
			}
			name = end + 1
		}
		places = append(places, output.place(output.text[name:], name, len(output.text), dffmpeg.PathTee))
		i = output.end + 1
	}
	return places
}

// isTeeFile reports whether an option of one of tee's outputs names a file.
func isTeeFile(option string) bool {
	switch option {
	case "hls_segment_filename", "hls_key_info_file", "segment_list":
		return true
	}
	return false
}

// parameterPlaces returns the places in an encoder's own options,
// `KEY=VALUE:…`, as of -x264-params.
func parameterPlaces(parameters string) []place {
	var places []place
	for i := 0; i < len(parameters); i++ {
		value := readToken(parameters, i, ":")
		if key, behind, ok := readKey(parameters, i); ok {
			value = readToken(parameters, behind, ":")
			if isParameterFile(key) {
				places = append(places, place{start: value.start, end: value.end, path: value.text, context: dffmpeg.PathParameter})
			}
		}
		i = value.end
	}
	return places
}

// isParameterFile reports whether a parameter of x264, x265 or SVT-AV1 names a
// file.
func isParameterFile(key string) bool {
	switch key {
	case "stats", "qpfile", "cqmfile", "dump-yuv", "csv", "recon", "analysis-save", "analysis-load",
		"analysis-reuse-file", "scaling-list", "lambda-file", "zonefile", "dhdr10-info", "dolby-vision-rpu", "film-grain", "fgs-table":
		return true
	}
	return false
}
