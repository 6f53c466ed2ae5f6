// Package ffargs reads command lines of ffmpeg and ffprobe as those programs do, as far
// as can be told without knowing the options of every codec and format: one that is not
// known is taken for one of those, which all have a value.
package ffargs

import "strings"

// Word is an argument as ffmpeg's command line has it.
type Word struct {
	Text   string
	Option bool   // it is the name of an option, or the "--" before a file
	Of     string // the option whose value it is, without what is behind ':'; "" for none
	Stream string // what is behind ':' there: the streams that the option is for
	Unsure bool   // that option is not known; if it has no value after all, this is a file
	Format string // of a file: its -f; "" when there is none
}

// Name returns the name of an option without hyphens and what is behind ':', "" for
// anything else.
func (w *Word) Name() string {
	if !w.Option {
		return ""
	}
	name, _, _ := optionOf(w.Text)
	return name
}

// File reports whether the argument is a file that is no option's value: an output of
// ffmpeg, or the input of ffprobe.
func (w *Word) File() bool { return !w.Option && w.Of == "" }

// Input reports whether the argument is the value of -i.
func (w *Word) Input() bool { return w.Of == "i" }

// Words tells options, their values and files apart.
func Words(args []string) []Word {
	list := make([]Word, len(args))
	format := "" // -f of the next file
	for i := 0; i < len(args); i++ {
		name, stream, ok := optionOf(args[i])
		switch {
		case args[i] == "--":
			list[i] = Word{Text: args[i], Option: true}
			if i++; i == len(args) {
				return list
			}
			fallthrough // the next one is a file, whatever it looks like
		case !ok:
			list[i], format = Word{Text: args[i], Format: format}, ""
			continue
		}
		list[i] = Word{Text: args[i], Option: true}
		if i+1 == len(args) || !takes(name, args[i+1]) {
			continue
		}
		i++
		list[i] = Word{Text: args[i], Of: name, Stream: stream, Unsure: !isKnown(name)}
		switch name {
		case "f":
			format = args[i]
		case "i":
			list[i].Format, format = format, ""
		}
	}
	return list
}

// optionOf returns the parts of an argument where an option or a file may be; ok is
// false when it is a file.
func optionOf(arg string) (name, stream string, ok bool) {
	name = strings.TrimLeft(arg, "-")
	if name == arg || name == "" {
		return "", "", false
	}
	name, stream, _ = strings.Cut(name, ":")
	return name, stream, true
}

// takes reports whether an option takes the argument that is next as its value.
func takes(option, next string) bool {
	switch {
	case option == "autorotate", option == "autoscale": // flags since ffmpeg 7, before that with a value
		return next == "0" || next == "1"
	case isFlag(option):
		return false
	case isKnown(option):
		return true
	}
	// A flag that is not known must not swallow an option that is.
	name, _, ok := optionOf(next)
	return !ok || !isKnown(name)
}
