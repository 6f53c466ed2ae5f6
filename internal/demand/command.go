package demand

import (
	"maps"
	"strings"

	"github.com/dffmpeg/dffmpeg/internal/ffargs"
)

// command is what an ffmpeg command line says, as far as it matters here.
type command struct {
	inputs  []file
	outputs []file
	graphs  []graph  // complex ones; they are of no file in particular
	devices []string // kinds that are opened whatever becomes of them
	unsure  bool     // there may be an output that was not recognised as one

	labels  map[string]byte // what graphs write, and its kind
	offered map[byte]bool   // kinds of which ffmpeg may choose a stream of an input
}

// file is an input or output with the options before it.
type file struct {
	name, format string
	codecs       settings      // -c
	filters      settings      // -filter
	frames       settings      // -frames
	hwaccels     settings      // -hwaccel
	without      map[byte]bool // kinds of streams; -vn and the like
	maps         []mapping
	mapped       bool // there is a -map
	unsure       bool // one of the options may be a flag, and its value another file
}

// read reads a command line from left to right: options before -i are that input's,
// others the next output's.
func read(args []string) *command {
	c, next := &command{labels: make(map[string]byte), offered: make(map[byte]bool)}, file{}
	for _, w := range ffargs.Words(args) {
		switch {
		case w.Option:
			next.flag(w.Name())
		case w.Input():
			next.name, next.format = w.Text, w.Format
			c.inputs, next = append(c.inputs, next), file{}
		case w.File():
			next.name, next.format = w.Text, w.Format
			c.outputs, c.unsure, next = append(c.outputs, next), c.unsure || next.unsure, file{}
		case w.Of == "dec": // what is before it is for a decoder of what an output makes
			next = file{}
		default:
			c.option(&w)
			next.option(&w)
		}
	}
	c.unsure = c.unsure || next.unsure
	for _, g := range c.graphs {
		maps.Copy(c.labels, g.labels)
	}
	for _, in := range c.inputs {
		for _, kind := range kinds() {
			c.offered[kind] = c.offered[kind] || !in.without[kind]
		}
	}
	return c
}

// option notes an option that is of no file in particular.
func (c *command) option(w *ffargs.Word) {
	switch w.Of {
	case "filter_complex", "lavfi":
		c.graphs = append(c.graphs, parseGraph(w.Text))
	case "init_hw_device":
		rest := strings.TrimLeft(w.Text, "abcdefghijklmnopqrstuvwxyz0123456789_") // TYPE[=NAME][:DEVICE…] or TYPE@SOURCE
		c.devices = append(c.devices, strings.TrimSuffix(w.Text, rest))
	case "vaapi_device":
		c.devices = append(c.devices, "vaapi")
	case "qsv_device":
		c.devices = append(c.devices, "qsv")
	}
}

// option notes an option of a file.
func (f *file) option(w *ffargs.Word) {
	switch w.Of {
	case "c", "codec":
		f.codecs.add(w.Stream, w.Text)
	case "vcodec":
		f.codecs.add("v", w.Text)
	case "acodec":
		f.codecs.add("a", w.Text)
	case "scodec":
		f.codecs.add("s", w.Text)
	case "filter":
		f.filters.add(w.Stream, w.Text)
	case "vf":
		f.filters.add("v", w.Text)
	case "af":
		f.filters.add("a", w.Text)
	case "frames":
		f.frames.add(w.Stream, w.Text)
	case "vframes":
		f.frames.add("v", w.Text)
	case "aframes":
		f.frames.add("a", w.Text)
	case "hwaccel":
		f.hwaccels.add(w.Stream, w.Text)
	case "map":
		f.addMap(w.Text)
	}
	f.unsure = f.unsure || w.Unsure && fileLike(w.Text)
}

// flag notes an option of a file that has no value.
func (f *file) flag(name string) {
	if f.without == nil {
		f.without = make(map[byte]bool)
	}
	switch name {
	case "vn", "an", "sn":
		f.without[name[0]] = true
	case "novn", "noan", "nosn":
		f.without[name[2]] = false
	}
}
