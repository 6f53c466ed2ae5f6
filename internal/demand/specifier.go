package demand

import (
	"slices"
	"strconv"
	"strings"
)

// Kinds of streams, as in ffmpeg's "Stream specifiers". Data and attachments have no
// part in what is demanded.
const (
	video    = 'v'
	audio    = 'a'
	subtitle = 's'
)

// kinds lists them.
func kinds() []byte { return []byte{video, audio, subtitle} }

// specifier says which streams of a file something is for.
type specifier struct {
	kind  byte // 0 for any
	index int  // among those of its kind; without a kind, among all; -1 for all of them
	vague bool // more is asked of the streams than can be told without the file
}

// parseSpecifier reads what is behind the ':' of an option's name or of an input.
func parseSpecifier(text string) specifier {
	s := specifier{index: -1}
	first, rest, more := strings.Cut(text, ":")
	if len(first) == 1 && strings.Contains("vVasdt", first) {
		s.kind = first[0] | 0x20 // V leaves out pictures that are attached
		if !more {
			return s
		}
		first, _, more = strings.Cut(rest, ":")
	}
	index, err := strconv.Atoi(first)
	switch {
	case err == nil && index >= 0 && !more:
		s.index = index
	case text != "":
		s.vague = true
	}
	return s
}

// stream is one stream of a file, as far as it is known.
type stream struct {
	kind  byte // 0 when it is not known
	index int  // among those of its kind; -1 when it is not known
	place int  // among all; -1 when it is not known
}

// verdict is an answer that may not be known.
type verdict int

// The verdicts.
const (
	no verdict = iota
	perhaps
	yes
)

// matches tells whether a specifier is for a stream.
func (s specifier) matches(of stream) verdict {
	switch {
	case s.kind != 0 && of.kind != 0 && s.kind != of.kind:
		return no
	case s.vague, s.kind != 0 && of.kind == 0:
		return perhaps
	case s.index < 0:
		return yes
	case s.kind == 0:
		return same(s.index, of.place)
	}
	return same(s.index, of.index)
}

// same compares an index with one that is negative when it is not known.
func same(index, known int) verdict {
	switch {
	case known < 0:
		return perhaps
	case index == known:
		return yes
	}
	return no
}

// setting is a value of an option that may be given again for other streams.
type setting struct {
	of    specifier
	value string
}

// settings are all values of such an option before a file, in order.
type settings []setting

// add notes the next one, with what is behind ':' in the option's name.
func (s *settings) add(streams, value string) {
	*s = append(*s, setting{of: parseSpecifier(streams), value: value})
}

// last returns the one that ffmpeg goes by for a stream: the last one that matches, no
// matter which is more specific. It has no value when there is none; ok is false when it
// cannot be told.
func (s settings) last(of stream) (found setting, ok bool) {
	for _, one := range slices.Backward(s) {
		switch one.of.matches(of) {
		case yes:
			return one, true
		case perhaps:
			return setting{}, false
		}
	}
	return setting{}, true
}

// named returns how many streams of a kind the settings speak of.
func (s settings) named(kind byte) int {
	n := 0
	for _, one := range s {
		if one.of.kind == kind {
			n = max(n, one.of.index+1, 1)
		}
	}
	return n
}
