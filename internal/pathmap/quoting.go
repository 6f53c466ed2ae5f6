package pathmap

import (
	"strings"

	"github.com/dffmpeg/dffmpeg"
)

// spaces is what ffmpeg drops at either end of a token.
const spaces = " \n\t\r"

// token is a piece of text that ffmpeg reads with its quoting: a backslash
// stands before a character, single quotes around some (av_get_token).
type token struct {
	text  string // what it says
	chars []char // where in the source each byte of text is
	start int    // of the token in the source, behind the spaces before it
	end   int    // where the terminator is, or the source ends
}

// char is where a byte of a token comes from.
type char struct {
	start, end int // in the source, a backslash included
	quoted     bool
}

// readToken reads the token at source[from:], which ends at one of the
// terminators, or with the source.
func readToken(source string, from int, terminators string) token {
	i := from
	for i < len(source) && strings.IndexByte(spaces, source[i]) >= 0 {
		i++
	}
	t := token{start: i}
	text, kept := make([]byte, 0, len(source)-i), 0 // kept: spaces before it are not at the end
	keep := func(c char, b byte) {
		text = append(text, b)
		t.chars = append(t.chars, c)
	}
	for i < len(source) && strings.IndexByte(terminators, source[i]) < 0 {
		switch {
		case source[i] == '\\' && i+1 < len(source):
			keep(char{start: i, end: i + 2}, source[i+1])
			i += 2
			kept = len(text)
		case source[i] == '\'':
			for i++; i < len(source) && source[i] != '\''; i++ {
				keep(char{start: i, end: i + 1, quoted: true}, source[i])
			}
			if i < len(source) {
				i++
				kept = len(text)
			}
		default:
			keep(char{start: i, end: i + 1}, source[i])
			i++
		}
	}
	for len(text) > kept && strings.IndexByte(spaces, text[len(text)-1]) >= 0 {
		text = text[:len(text)-1]
	}
	t.text, t.chars, t.end = string(text), t.chars[:len(text)], i
	return t
}

// cutBefore returns where in the source the token's text[:i] ends, and what
// closes the quotes there.
func (t *token) cutBefore(i int) (at int, closing string) {
	if i == 0 {
		return t.start, ""
	}
	return t.chars[i-1].end, quote(t.chars[i-1].quoted)
}

// cutAfter returns where in the source the token's text[i:] begins, and what
// opens the quotes there again.
func (t *token) cutAfter(i int) (at int, opening string) {
	if i == len(t.text) {
		return t.end, ""
	}
	return t.chars[i].start, quote(t.chars[i].quoted)
}

// place is where in the source the token's text[from:to] stands.
func (t *token) place(path string, from, to int, context dffmpeg.PathContext) place {
	p := place{path: path, context: context}
	p.start, p.closing = t.cutBefore(from)
	p.end, p.opening = t.cutAfter(to)
	return p
}

func quote(quoted bool) string {
	if quoted {
		return "'"
	}
	return ""
}

// What is special where a path may stand, besides backslash and quote. An equals
// sign would make a key of what is before it.
const (
	inOption = ":="      // values of a filter's options, and of parameters
	inGraph  = "[],;"    // a filter's options in a graph
	inNested = ":=|"     // values of options within a value
	inTee    = "|"       // outputs of the tee muxer
	inTeeOpt = ":=]"     // values of options of such an output
	inList   = " \t\r\n" // names in a list file
)

// escape returns a path as it must stand in a context; ok is false when that
// context cannot express it, or is not known.
func escape(path string, context dffmpeg.PathContext) (escaped string, ok bool) {
	switch context {
	case dffmpeg.PathWhole:
		return path, true
	case dffmpeg.PathConcat:
		return path, !strings.Contains(path, "|")
	case dffmpeg.PathList: // a line each
		return backslashes(path, inList), !strings.ContainsAny(path, "\r\n")
	case dffmpeg.PathFilter:
		return backslashes(backslashes(path, inOption), inGraph), true
	case dffmpeg.PathNested:
		return backslashes(backslashes(backslashes(path, inNested), inOption), inGraph), true
	case dffmpeg.PathParameter:
		return backslashes(path, inOption), true
	case dffmpeg.PathTee:
		return backslashes(path, inTee), true
	case dffmpeg.PathTeeOption:
		return backslashes(backslashes(path, inTeeOpt), inTee), true
	}
	return "", false
}

// backslashes puts a backslash before each special character, and before a
// space at either end: readToken of the result gives s.
func backslashes(s, special string) string {
	if !strings.ContainsAny(s, `\'`+special+spaces) {
		return s
	}
	var b strings.Builder
	for i := range len(s) {
		edge := (i == 0 || i == len(s)-1) && strings.IndexByte(spaces, s[i]) >= 0
		if edge || s[i] == '\\' || s[i] == '\'' || strings.IndexByte(special, s[i]) >= 0 {
			b.WriteByte('\\')
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
