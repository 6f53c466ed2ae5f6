// Package demand infers what a job demands of a worker from its program's name and its
// arguments. It names a need only where that is certain: one that is missed costs an
// attempt, one that is wrong keeps a job waiting for ever. So options count only where
// ffmpeg goes by them, which is not where a later one replaces them, or where an output
// has no stream of that kind.
package demand

import (
	"maps"
	"slices"

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
		c := read(args)
		n := c.needs()
		return dffmpeg.Demand{Light: c.light() && len(n.uses) == 0, Needs: n.sorted(), Uses: n.uses}
	default:
		return dffmpeg.Demand{}
	}
}

// needs is what a command line demands.
type needs struct {
	names map[string]bool
	uses  map[string]int
}

func (c *command) needs() *needs {
	n := &needs{names: make(map[string]bool)}
	for _, kind := range c.devices {
		n.device(kind)
	}
	for _, g := range c.graphs {
		n.graph(g)
	}
	decoded := c.decoded()
	for i := range c.inputs {
		n.input(&c.inputs[i], decoded[i])
	}
	for i := range c.outputs {
		n.output(&c.outputs[i], c.products(&c.outputs[i]))
	}
	return n
}

// input adds what an input needs, of which some streams are decoded.
func (n *needs) input(in *file, decoded map[stream]bool) {
	if in.format == "lavfi" {
		n.graph(parseGraph(in.name))
	}
	for s := range decoded {
		if codec, _ := in.codecs.last(s); certainCodec(codec.value) {
			n.add(dffmpeg.AbilityDecoder, codec.value)
		}
		if hwaccel, _ := in.hwaccels.last(s); s.kind == video || s.kind == 0 && hwaccel.of.index >= 0 {
			n.device(hwaccel.value)
		}
	}
}

// output adds what an output of these streams needs.
func (n *needs) output(out *file, streams []product) {
	if certainMuxer(out.format) {
		n.add(dffmpeg.AbilityMuxer, out.format)
	}
	for _, p := range streams {
		filter, _ := out.filters.last(p.stream)
		n.graph(parseGraph(filter.value))
		codec, _ := out.codecs.last(p.stream)
		if certainCodec(codec.value) {
			n.add(dffmpeg.AbilityEncoder, codec.value)
		}
		// Sound is not encoded in hardware, whatever the encoder is called.
		if family := ffargs.Hardware(codec.value); family != "" && (p.kind == video || p.kind == 0) {
			n.use(family)
		}
	}
}

func (n *needs) sorted() []string { return slices.Sorted(maps.Keys(n.names)) }

func (n *needs) add(kind dffmpeg.AbilityKind, name string) {
	if ffargs.Simple(name) {
		n.names[dffmpeg.Ability(kind, name)] = true
	}
}

// use counts one of a resource.
func (n *needs) use(resource string) {
	if n.uses == nil {
		n.uses = make(map[string]int)
	}
	n.uses[resource]++
}

// graph adds the filters of a graph.
func (n *needs) graph(g graph) {
	for _, name := range g.filters {
		n.add(dffmpeg.AbilityFilter, name)
	}
}

// device adds a kind of hardware.
func (n *needs) device(name string) {
	switch name {
	case "", "none", "auto":
		return
	case "cuvid", "nvdec": // older names of the same
		name = "cuda"
	}
	n.add(dffmpeg.AbilityDevice, name)
}
