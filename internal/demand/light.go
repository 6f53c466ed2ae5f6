package demand

import "slices"

// light reports whether all that is made are single images. Without any output ffmpeg
// says what the inputs are. What a filter such as thumbnail reads for an image is bounded
// by its being wanted soon.
func (c *command) light() bool {
	if c.unsure || slices.ContainsFunc(c.graphs, graph.gathers) {
		return false
	}
	silent := true // graphs that are inputs are taken for that unless sound is mapped
	for _, in := range c.inputs {
		switch {
		case in.format != "lavfi":
			silent = false
		case parseGraph(in.name).gathers():
			return false
		}
	}
	for i := range c.outputs {
		if !c.image(&c.outputs[i], silent) {
			return false
		}
	}
	return true
}

// image reports whether an output is a single image: of each of its streams there is one
// frame, and one of them is video. From silent inputs ffmpeg chooses nothing else.
func (c *command) image(of *file, silent bool) bool {
	seen := false
	for _, p := range c.products(of) {
		if p.kind != video && p.from == nil && silent {
			continue
		}
		frames, ok := of.frames.last(p.stream)
		filter, sure := of.filters.last(p.stream)
		if !ok || frames.value != "1" || !sure || parseGraph(filter.value).gathers() {
			return false
		}
		seen = seen || p.kind == video
	}
	return seen
}

// gathers reports whether one of the filters may read a film for a single image.
func (g graph) gathers() bool {
	return slices.ContainsFunc(g.filters, func(name string) bool {
		switch name {
		case "tile", "select", "framestep", "palettegen", "reverse", "showwavespic", "showspectrumpic":
			return true
		}
		return false
	})
}
