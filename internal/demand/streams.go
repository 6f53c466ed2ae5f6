package demand

import "slices"

// product is a stream of an output.
type product struct {
	stream
	from *mapping // nil when ffmpeg chooses by itself
	made bool     // a graph makes it
}

// most is how many streams of a file are looked at. Nobody has so many; it keeps the
// work in proportion to the length of the command line.
const most = 64

// products returns the streams of an output, as far as the command line shows them. It
// takes for granted that the inputs have what is asked of them.
func (c *command) products(of *file) []product {
	open := c.open(of)
	l := layout{next: make(map[byte]int), wanted: make(map[byte]int)}
	if !of.mapped {
		for _, kind := range kinds() {
			if made := slices.Contains(open, kind); made || !of.without[kind] && of.holds(kind) && (c.offered[kind] || len(c.inputs) == 0) {
				l.add(product{stream: stream{kind: kind}, made: made}, false)
			}
		}
		return l.list
	}
	for _, kind := range kinds() {
		if !of.without[kind] {
			l.wanted[kind] = max(of.codecs.named(kind), of.filters.named(kind), of.frames.named(kind))
		}
	}
	for _, kind := range open {
		l.wanted[kind]--
	}
	for i := range of.maps {
		kind := c.kindOf(&of.maps[i])
		for _, one := range kinds() {
			if one == kind || of.maps[i].all() {
				l.wanted[one]--
			}
		}
	}
	for _, kind := range open {
		l.add(product{stream: stream{kind: kind}, made: true}, false)
	}
	for i := range of.maps {
		l.addMapped(of, &of.maps[i], c.kindOf(&of.maps[i]))
	}
	return l.list
}

// open returns the kinds of what graphs make without a label: it goes to the first
// output.
func (c *command) open(of *file) []byte {
	var list []byte
	if of == &c.outputs[0] {
		for _, g := range c.graphs {
			list = append(list, g.open...)
		}
	}
	return list[:min(len(list), most)]
}

// kindOf returns the kind of what is mapped, 0 when it is not known.
func (c *command) kindOf(m *mapping) byte {
	if m.input < 0 {
		return c.labels[m.label]
	}
	return m.of.kind
}

// layout is what is known of an output's streams, in order.
type layout struct {
	list   []product
	place  int          // of the next one; -1 when it is not known
	next   map[byte]int // the index of the next one of a kind, likewise
	wanted map[byte]int // streams of a kind that options name, and no -map
}

// add adds a stream, or with several any number of them, of which one is certain. When
// its kind is not known, it is the first one that is wanted.
func (l *layout) add(p product, several bool) {
	for _, kind := range kinds() {
		if p.kind == 0 && l.wanted[kind] > 0 {
			p.kind = kind
			l.wanted[kind]--
		}
	}
	p.place, p.index = l.place, -1
	if p.kind != 0 {
		p.index = l.next[p.kind]
	}
	l.list = append(l.list, p)
	l.place = following(l.place, several)
	for _, kind := range kinds() {
		if p.kind == kind || p.kind == 0 {
			l.next[kind] = following(l.next[kind], several || p.kind == 0)
		}
	}
}

// addMapped adds what a -map takes.
func (l *layout) addMapped(of *file, m *mapping, kind byte) {
	switch {
	case m.input < 0:
		l.add(product{stream: stream{kind: kind}, from: m, made: true}, false)
	case m.all():
		l.place = -1
		for _, kind := range kinds() {
			if !of.without[kind] && !slices.Contains(m.without, kind) {
				l.add(product{stream: stream{kind: kind}, from: m}, true)
			}
		}
	case of.without[kind]:
	case m.optional && slices.ContainsFunc(l.list, func(p product) bool { return p.kind == kind }): // one more than must be there
		l.place, l.next[kind] = -1, -1
	default:
		l.add(product{stream: stream{kind: kind}, from: m}, m.several())
	}
}

// following returns the number after n; -1 when it is not known.
func following(n int, several bool) int {
	if n < 0 || several {
		return -1
	}
	return n + 1
}
