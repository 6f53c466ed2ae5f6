package pathmap

import "strings"

// isFile reports whether an option of a filter names a file or a directory.
// What is not listed is left alone: an option may be a text, or a path on the
// other machine. (ffmpeg-filters(1); inlineass is Plex's own.)
func isFile(filter, option string) bool {
	if name, ok := strings.CutPrefix(option, "/"); ok {
		return name != "" && !strings.Contains(name, "/") // the option's value is read from a file
	}
	switch filter {
	case "subtitles", "ass":
		return option == "filename" || option == "f" || option == "fontsdir"
	case "inlineass":
		return option == "font_path" || option == "fontconfig_file" || option == "fonts_dir"
	case "movie", "amovie", "deshake", "signature":
		return option == "filename"
	case "cellauto", "life", "removelogo", "sendcmd", "asendcmd":
		return option == "filename" || option == "f"
	case "lut1d", "lut3d", "metadata", "ametadata":
		return option == "file"
	case "ladspa":
		return option == "file" || option == "f"
	case "drawtext", "qrencode":
		return option == "fontfile" || option == "textfile"
	case "showcqt":
		return option == "fontfile" || option == "axisfile"
	case "flite":
		return option == "textfile"
	case "vidstabdetect":
		return option == "result"
	case "vidstabtransform":
		return option == "input"
	case "libvmaf":
		return option == "log_path" || option == "model_path"
	case "psnr", "ssim", "xpsnr", "ssim360", "vmafmotion":
		return option == "stats_file" || option == "f"
	case "arnndn":
		return option == "model" || option == "m"
	case "sofalizer":
		return option == "sofa"
	case "ocr":
		return option == "datapath"
	case "sr", "derain", "dnn_processing", "dnn_detect", "dnn_classify":
		return option == "model" || option == "labels"
	case "whisper":
		return option == "model" || option == "destination" || option == "vad_model"
	case "libplacebo":
		return option == "custom_shader_path"
	case "lensfun":
		return option == "db_path"
	case "program_opencl", "openclsrc", "xfade_opencl":
		return option == "source"
	case "find_rect":
		return option == "object"
	case "cover_rect":
		return option == "cover"
	case "curves":
		return option == "psfile" || option == "plot"
	case "firequalizer":
		return option == "dumpfile"
	case "asr":
		return option == "hmm" || option == "dict" || option == "lm"
	}
	return false
}

// positional returns the name of a filter's option by its position, from 0, ""
// where that is of no interest here.
func positional(filter string, n int) string {
	switch filter {
	case "subtitles", "ass":
		switch n {
		case 0:
			return "filename"
		case 2:
			return "fontsdir"
		}
	case "sendcmd", "asendcmd":
		if n == 1 {
			return "filename"
		}
	case "drawtext":
		if n == 0 {
			return "fontfile"
		}
	}
	if n != 0 {
		return ""
	}
	switch filter {
	case "movie", "amovie", "removelogo", "cellauto", "life":
		return "filename"
	case "lut1d", "lut3d", "ladspa":
		return "file"
	case "psnr", "ssim", "xpsnr", "vmafmotion":
		return "stats_file"
	case "vidstabdetect":
		return "result"
	case "vidstabtransform":
		return "input"
	case "arnndn", "whisper":
		return "model"
	case "sofalizer":
		return "sofa"
	case "ocr":
		return "datapath"
	case "find_rect":
		return "object"
	}
	return ""
}

// nested returns the key before the path when the value of a filter's option is
// an option itself: libvmaf's `model=path=/…`. Values with more in them are
// left alone.
func nested(filter, option, value string) (prefix string, ok bool) {
	const key = "path="
	ok = filter == "libvmaf" && option == "model" && strings.HasPrefix(value, key) && !strings.ContainsAny(value, `:|\'`)
	return key, ok
}
