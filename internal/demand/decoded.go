package demand

// decoded returns those streams of each input that are decoded, because a graph reads
// them or an output encodes them.
func (c *command) decoded() []map[stream]bool {
	list := make([]map[stream]bool, len(c.inputs))
	note := func(input int, s stream) {
		switch {
		case input >= len(list) || len(list[input]) == most:
			return
		case list[input] == nil:
			list[input] = make(map[stream]bool)
		}
		list[input][s] = true
	}
	for _, g := range c.graphs {
		for _, label := range g.reads {
			if input, of, ok := parseInput(label); ok {
				note(input, of.stream())
			}
		}
	}
	chosen := make(map[byte]bool) // from whichever input ffmpeg likes best
	for i := range c.outputs {
		for _, p := range c.products(&c.outputs[i]) {
			codec, ok := c.outputs[i].codecs.last(p.stream)
			switch {
			case !ok, codec.value == "copy", p.made:
			case p.from == nil:
				chosen[p.kind] = true
			default:
				note(p.from.input, p.source())
			}
		}
	}
	for i := range c.inputs {
		for kind := range chosen {
			if !c.inputs[i].without[kind] {
				note(i, stream{kind: kind, place: -1})
			}
		}
	}
	return list
}

// source returns the stream of an input that becomes one of an output.
func (p *product) source() stream {
	of := p.from.of.stream()
	if of.kind == 0 && p.kind != 0 {
		of.kind = p.kind
		if of.place < 0 && !p.from.of.vague {
			of.index = 0
		}
	}
	return of
}
