package programs

import (
	"context"
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

// tryHardware finds out which devices work, adds them to the profile, and takes out of
// it what would need others that the program knows, and the encoders that do not encode.
// Where nothing can be tried, the profile stays as it is.
func (q *questions) tryHardware(ctx context.Context, profile dffmpeg.Profile, system System) {
	silent := []string{"-hide_banner", "-v", "error", "-nostdin"}
	control := nowhere("-f", "lavfi", "-i", frame)
	if _, err := q.ask(ctx, append(slices.Clone(silent), control...)...); err != nil {
		q.logger.Debug("cannot try hardware: not even a blank picture can be made", "error", err)
		return
	}
	answer, err := q.ask(ctx, "-hide_banner", "-v", "error", "-init_hw_device", "list")
	if err != nil {
		q.logger.Debug("a program does not say which devices it knows", "error", err)
		return
	}
	renderNodes := system.matching("dri/renderD*")
	video := len(system.matching("video*")) > 0
	working := make(map[string]string) // what to write behind -init_hw_device, by kind
	names := make(map[string]bool)
	listed := kinds(string(answer.Stdout))
	for _, kind := range listed {
		for _, device := range candidates(kind, renderNodes) {
			_, err := q.ask(ctx, append(append(slices.Clone(silent), "-init_hw_device", device), control...)...)
			if err == nil {
				working[kind], names[kind] = device, true
				break
			}
			q.logger.Debug("a device does not work", "device", device, "error", err)
		}
	}
	profile[dffmpeg.AbilityDevice] = sorted(names)
	for _, kind := range []dffmpeg.AbilityKind{dffmpeg.AbilityEncoder, dffmpeg.AbilityDecoder, dffmpeg.AbilityFilter} {
		if list, known := profile[kind]; known {
			profile[kind] = slices.DeleteFunc(list, func(name string) bool {
				of := family(name)
				device := deviceOf(of)
				return slices.Contains(listed, device) && working[device] == "" || of == "v4l2m2m" && !video
			})
		}
	}
	if list, known := profile[dffmpeg.AbilityEncoder]; known {
		profile[dffmpeg.AbilityEncoder] = slices.DeleteFunc(list, func(name string) bool {
			if ffargs.Hardware(name) == "" {
				return false
			}
			_, err := q.ask(ctx, append(slices.Clone(silent), encoding(name, working)...)...)
			if err != nil {
				q.logger.Debug("an encoder does not work", "encoder", name, "error", err)
			}
			return err != nil
		})
	}
}

// kinds returns what -init_hw_device list prints below its heading.
func kinds(text string) []string {
	var all []string
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
