package programs

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/internal/ffargs"
)

// deviceOf returns the kind of device that works behind encoders, decoders and filters
// of a family; "" for families that open theirs by themselves.
func deviceOf(family string) string {
	switch family {
	case "nvenc", "cuvid", "cuda", "npp":
		return "cuda"
	case "vaapi", "qsv", "vulkan", "opencl", "videotoolbox", "rkmpp":
		return family
	}
	return ""
}

// family returns what a name ends with that says which hardware it is for. Libplacebo
// works on Vulkan.
func family(name string) string {
	if name == "libplacebo" {
		return "vulkan"
	}
	return name[strings.LastIndexByte(name, '_')+1:]
}

// frame is the smallest usual picture: hardware refuses smaller ones.
const frame = "nullsrc=size=256x256:rate=25"

// nowhere are arguments of an output that is thrown away, after one frame.
func nowhere(args ...string) []string { return append(args, "-frames:v", "1", "-f", "null", "-") }

// tryHardware finds out which devices work, and returns the profile with them, without
// what would need others that the program knows, and without the encoders that do not
// encode; and the kinds of devices that the program knows, nil when it does not say. Where
// nothing can be tried, that is the profile as it is.
func (q *questions) tryHardware(ctx context.Context, listed dffmpeg.Profile, system System) (found dffmpeg.Profile, known []string) {
	control := nowhere("-f", "lavfi", "-i", frame)
	if _, err := q.ask(ctx, silently(control...)...); err != nil {
		q.logger.Debug("cannot try hardware: not even a blank picture can be made", "error", err)
		return listed, nil
	}
	answer, err := q.ask(ctx, "-hide_banner", "-v", "error", "-init_hw_device", "list")
	if err != nil {
		q.logger.Debug("a program does not say which devices it knows", "error", err)
		return listed, nil
	}
	known = kinds(string(answer.Stdout))
	working := q.tryDevices(ctx, known, control, system) // what to write behind -init_hw_device, by kind
	video := len(system.matching("video*")) > 0
	found = maps.Clone(listed)
	found[dffmpeg.AbilityDevice] = sorted(working)
	for _, kind := range []dffmpeg.AbilityKind{dffmpeg.AbilityEncoder, dffmpeg.AbilityDecoder, dffmpeg.AbilityFilter} {
		if list, is := found[kind]; is {
			found[kind] = without(list, func(name string) bool {
				of := family(name)
				device := deviceOf(of)
				return slices.Contains(known, device) && working[device] == "" || of == "v4l2m2m" && !video
			})
		}
	}
	if list, is := found[dffmpeg.AbilityEncoder]; is {
		found[dffmpeg.AbilityEncoder] = without(list, func(name string) bool {
			if ffargs.Hardware(name) == "" {
				return false
			}
			err := q.try(ctx, silently(encoding(name, working)...)...)
			if err != nil {
				q.logger.Debug("an encoder does not work", "encoder", name, "error", err)
			}
			return err != nil
		})
	}
	return found, known
}

// tryDevices opens one device of each kind and returns what to write behind
// -init_hw_device for those that work, by kind.
func (q *questions) tryDevices(ctx context.Context, known, control []string, system System) map[string]string {
	working := make(map[string]string)
	nodes := system.matching("dri/renderD*")
	for _, kind := range known {
		for _, device := range candidates(kind, nodes) {
			err := q.try(ctx, silently(append([]string{"-init_hw_device", device}, control...)...)...)
			if err == nil {
				working[kind] = device
				break
			}
			q.logger.Debug("a device does not work", "device", device, "error", err)
		}
	}
	return working
}

// keep returns what a look found that leaves doubts, with what of hardware was known
// before and the program still has. Listed is all that it has, and known the devices that
// it knows, nil when it does not say.
func keep(before, listed, found dffmpeg.Profile, known []string) dffmpeg.Profile {
	devices, were := before[dffmpeg.AbilityDevice]
	if !were {
		return found
	}
	kept := maps.Clone(found)
	working, tried := found[dffmpeg.AbilityDevice]
	both := append(append([]string{}, working...), without(devices, func(kind string) bool {
		return known != nil && !slices.Contains(known, kind) || slices.Contains(working, kind)
	})...)
	slices.Sort(both)
	kept[dffmpeg.AbilityDevice] = both
	for _, kind := range dffmpeg.AbilityKinds() {
		switch list, is := listed[kind]; {
		case is:
			kept[kind] = without(list, func(name string) bool {
				works := slices.Contains(found[kind], name) && (tried || !tied(kind, name))
				return !works && !slices.Contains(before[kind], name)
			})
		case kind != dffmpeg.AbilityDevice && before[kind] != nil:
			kept[kind] = before[kind] // it was not told this time
		}
	}
	return kept
}

// tied reports whether an ability depends on hardware.
func tied(kind dffmpeg.AbilityKind, name string) bool {
	switch kind {
	case dffmpeg.AbilityEncoder, dffmpeg.AbilityDecoder, dffmpeg.AbilityFilter:
		of := family(name)
		return deviceOf(of) != "" || of == "v4l2m2m" || ffargs.Hardware(name) != ""
	}
	return false
}

// without returns a list without the names that drop says; it is never nil.
func without(list []string, drop func(name string) bool) []string {
	return slices.DeleteFunc(append([]string{}, list...), drop)
}

// silently are arguments of a run that says nothing but what went wrong.
func silently(args ...string) []string {
	return append([]string{"-hide_banner", "-v", "error", "-nostdin"}, args...)
}

// kinds returns what -init_hw_device list prints below its heading.
func kinds(text string) []string {
	all := []string{} // never nil
	for line := range strings.Lines(text) {
		if name := strings.TrimSpace(line); ffargs.Simple(name) {
			all = append(all, name)
		}
	}
	return all
}

// candidates returns what to write behind -init_hw_device to get a device of a kind,
// the most usual first. By default the first graphics processor is taken, and the driver
// that is right for most; jobs name others.
func candidates(kind string, nodes []string) []string {
	list := []string{kind}
	for _, node := range nodes {
		switch kind {
		case "drm":
			list = append(list, "drm:"+node)
		case "vaapi":
			list = append(list, "vaapi:"+node, "vaapi:"+node+",driver=iHD", "vaapi:"+node+",driver=i965")
		case "qsv":
			list = append(list, "qsv:hw_any,child_device="+node)
		}
	}
	return list
}

// encoding returns arguments that encode one picture.
func encoding(encoder string, working map[string]string) []string {
	kind := deviceOf(family(encoder))
	input := []string{"-f", "lavfi", "-i", frame}
	device := working[kind]
	if kind == "" || kind == "cuda" || device == "" {
		return nowhere(append(input, "-vf", "format=yuv420p", "-c:v", encoder)...)
	}
	named := strings.Replace(device, kind, kind+"=tried", 1)
	args := append([]string{"-init_hw_device", named, "-filter_hw_device", "tried"}, input...)
	return nowhere(append(args, "-vf", "format=nv12,hwupload=extra_hw_frames=16", "-c:v", encoder)...)
}
