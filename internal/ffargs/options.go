package ffargs

import "strings"

// isKnown reports whether the programs have an option of their own of that name. Its
// value may come from a file (-/filter FILE). Options of codecs and formats that end in
// "flags" have values that look like options (-movflags -faststart).
func isKnown(option string) bool {
	return isFlag(option) || hasValue(strings.TrimPrefix(option, "/")) || strings.HasSuffix(option, "flags")
}

// isFlag reports whether an option takes no value.
func isFlag(option string) bool {
	positive, negated := strings.CutPrefix(option, "no")
	return isSwitch(option) || negated && isSwitch(positive) || isAction(option)
}

// isSwitch reports whether there is an option that sets something to true, and another
// that sets it to false, with "no" before the name (OPT_BOOL in the programs' sources).
func isSwitch(option string) bool {
	switch option {
	case "y", "n", "vn", "an", "sn", "dn", "re", "shortest", "copyts", "start_at_zero", "accurate_seek", "autorotate", "autoscale",
		"bitexact", "hide_banner", "stats", "stdin", "xerror", "benchmark", "benchmark_all", "debug_ts", "ignore_unknown", "copy_unknown",
		"recast_media", "dump", "hex", "fix_sub_duration", "find_stream_info", "copyinkf", "force_fps", "auto_conversion_filters", "psnr",
		// Since 6.0, since 7.1, until 4.4:
		"display_hflip", "display_vflip", "fix_sub_duration_heartbeat", "print_graphs", "intra", "deinterlace",
		// ffprobe's:
		"show_format", "show_streams", "show_packets", "show_frames", "show_chapters", "show_programs", "show_stream_groups", "show_error",
		"show_data", "show_pixel_formats", "show_program_version", "show_library_versions", "show_private_data", "private",
		"count_frames", "count_packets", "analyze_frames", "unit", "prefix", "byte_binary_prefix", "sexagesimal":
		return true
	}
	return false
}

// isAction reports whether there is an option that does something at once, and has no
// value.
func isAction(option string) bool {
	switch option {
	case "report", "vstats", "qphist",
		"version", "L", "license", "buildconf", "formats", "muxers", "demuxers", "devices", "codecs", "decoders", "encoders", "bsfs", "protocols",
		"filters", "pix_fmts", "layouts", "sample_fmts", "dispositions", "colors", "hwaccels",
		"pretty", "sections", "show_versions": // ffprobe's
		return true
	}
	return false
}

// hasValue reports whether the programs have an option of that name that takes a value.
func hasValue(option string) bool {
	switch option {
	case "i", "f", "c", "codec", "vcodec", "acodec", "scodec", "dcodec", "map", "ss", "sseof", "t", "to", "fs", "v", "loglevel",
		"h", "?", "help", "sources", "sinks", "max_alloc", "cpuflags", "cpucount",
		"filter", "vf", "af", "filter_script", "filter_complex", "filter_complex_script", "lavfi", "filter_threads", "filter_complex_threads",
		"init_hw_device", "filter_hw_device", "vaapi_device", "qsv_device", "hwaccel", "hwaccel_device", "hwaccel_output_format",
		"frames", "vframes", "aframes", "dframes", "r", "fpsmax", "s", "aspect", "pix_fmt", "ar", "ac", "aq", "ab", "b", "q", "qscale", "vol",
		"sample_fmt", "channel_layout", "ch_layout", "guess_layout_max", "apad", "canvas_size", "profile", "pass", "passlogfile",
		"pre", "vpre", "apre", "spre", "fpre", "target", "tag", "vtag", "atag", "stag", "bsf", "vbsf", "absf",
		"map_metadata", "map_chapters", "map_channel", "metadata", "program", "disposition", "discard", "attach", "dump_attachment",
		"seek_timestamp", "timestamp", "timecode", "itsoffset", "itsscale", "isync", "stream_loop", "readrate", "thread_queue_size",
		"vsync", "fps_mode", "async", "copytb", "copypriorss", "frame_drop_threshold", "adrift_threshold",
		"dts_delta_threshold", "dts_error_threshold", "time_base", "enc_time_base", "force_key_frames", "streamid", "bits_per_raw_sample",
		"rc_override", "intra_matrix", "inter_matrix", "chroma_intra_matrix", "top", "reinit_filter", "muxdelay", "muxpreload", "sdp_file",
		"max_muxing_queue_size", "muxing_queue_data_threshold", "max_error_rate", "abort_on", "timelimit", "progress", "stats_period",
		"vstats_file", "vstats_version",
		// Since 6.0 or later:
		"dec", "display_rotation", "apply_cropping", "drop_changed", "stream_group", "shortest_buf_duration", "readrate_initial_burst",
		"readrate_catchup", "print_graphs_file", "print_graphs_format", "stats_enc_pre", "stats_enc_post", "stats_mux_pre",
		"stats_enc_pre_fmt", "stats_enc_post_fmt", "stats_mux_pre_fmt",
		// ffprobe's:
		"o", "of", "print_format", "output_format", "select_streams", "show_entries", "show_data_hash", "show_log", "show_optional_fields",
		"read_intervals", "print_filename":
		return true
	}
	return false
}
