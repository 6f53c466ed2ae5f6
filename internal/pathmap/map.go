package pathmap

import (
	"path"
	"slices"
	"strings"

	"github.com/dffmpeg/dffmpeg"
)

// Explanation says what becomes of an argument.
type Explanation struct {
	Typed string // the argument as it was given
	// V1 is what a worker of 0.4 is sent, Sent what others are.
	V1   string
	Sent dffmpeg.Argument
	// Unmapped are the absolute paths in it, of those that are understood, that
	// lie below no root: the most common mistake in a set-up. Devices,
	// descriptors and the like are not among them.
	Unmapped []string
}

// MapCommand returns a command line in the forms that jobs carry, the names of the
// roots used, sorted and unique, and the paths in it that lie below none (see
// Explanation.Unmapped). Dir is where the command runs, "" when that is not known.
//
// Version 1 has references for arguments that are paths as a whole. Segments,
// the second form, has them for paths within arguments and in list files for
// the concat demuxer as well; it is nil when version 1 says all there is to say.
// Every other argument is returned byte for byte. Neither v1 nor names is nil, and
// args is not changed.
//
// A path below several roots gets the longest. One that leads out of its root
// through a symbolic link or `..` is judged by where it leads. A trailing '/'
// is dropped, as 0.4 does.
func (c *Client) MapCommand(args []string, dir string) (v1 []string, segments []dffmpeg.Argument, names, unmapped []string) {
	v1, segments, names = make([]string, len(args)), make([]dffmpeg.Argument, len(args)), []string{}
	explanations := c.Explain(args, dir)
	for i, e := range explanations {
		v1[i], segments[i] = e.V1, e.Sent
		names = append(names, e.Sent.Names()...)
		unmapped = append(unmapped, e.Unmapped...)
		if ref, ok := parseReference(e.V1); ok && e.V1 != e.Typed {
			names = append(names, ref.name) // of a list file that is sent
		}
	}
	slices.Sort(names)
	names = slices.Compact(names)
	if !slices.ContainsFunc(explanations, func(e Explanation) bool { return e.beyondV1(names) }) {
		segments = nil
	}
	return v1, segments, names, unmapped
}

// beyondV1 reports whether version 1 of the argument, of a job with these
// names, does not say the same as the second form.
func (e *Explanation) beyondV1(names []string) bool {
	if e.V1 != e.Typed {
		return version1(e.Typed, e.Sent) != e.V1
	}
	ref, ok := parseReference(e.Typed) // what looks like a reference, and is text
	return len(e.Sent) > 1 || e.Sent[0].Name != "" || e.Sent[0].Content != nil || ok && slices.Contains(names, ref.name)
}

// version1 returns an argument in the form of version 1: typed, unless it is a
// path as a whole.
func version1(typed string, arg dffmpeg.Argument) string {
	scheme := ""
	if len(arg) == 2 && arg[0].Name == "" && arg[0].Literal == fileScheme {
		scheme, arg = fileScheme, arg[1:]
	}
	if len(arg) == 1 && arg[0].Name != "" && arg[0].Context == dffmpeg.PathWhole {
		return reference{scheme: scheme, name: arg[0].Name, rest: arg[0].Rest}.text()
	}
	return typed
}

// Explain says what becomes of each argument; see MapCommand.
func (c *Client) Explain(args []string, dir string) []Explanation {
	explanations := make([]Explanation, len(args))
	for i, role := range roles(args) {
		explanations[i] = c.explain(args[i], role, dir)
	}
	return explanations
}

func (c *Client) explain(arg string, role role, dir string) Explanation {
	e := Explanation{Typed: arg}
	e.Sent, e.Unmapped = c.build(arg, role.places(arg))
	e.V1 = version1(arg, e.Sent)
	if role == roleURL {
		return e
	}
	if ref, ok := c.reference(arg); ok { // version 1 has no roles
		e.V1 = ref.text()
	}
	if role == roleList {
		sent, unmapped := c.list(arg, dir)
		if sent != nil {
			e.Sent, e.Unmapped = sent, nil // where the list is does not matter then
		}
		e.Unmapped = append(e.Unmapped, unmapped...)
	}
	return e
}

// build returns a text with the paths at those places replaced that lie below
// a root, and the other paths there.
func (c *Client) build(text string, places []place) (arg dffmpeg.Argument, unmapped []string) {
	literal, done := "", 0
	for _, p := range places {
		ref, ok := c.reference(p.path)
		scheme, sayable := escape(ref.scheme, p.context)
		if !ok || !sayable {
			if _, name, ok := localPath(p.path); ok && !special(path.Clean(name)) {
				unmapped = append(unmapped, name)
			}
			if p.instead != "" {
				literal += text[done:p.start] + p.instead
				done = p.end
			}
			continue
		}
		if literal += text[done:p.start] + p.closing + p.prefix + scheme; literal != "" {
			arg = append(arg, dffmpeg.Segment{Literal: literal})
		}
		arg = append(arg, dffmpeg.Segment{Name: ref.name, Rest: ref.rest, Context: p.context})
		literal, done = p.opening, p.end
	}
	if literal += text[done:]; literal != "" || len(arg) == 0 {
		arg = append(arg, dffmpeg.Segment{Literal: literal})
	}
	return arg, unmapped
}

// list returns what takes the place of an input that is a list file: the file,
// with its paths replaced. Sent is nil when there is none, or no absolute path
// to replace in it: then the worker reads its own copy of it.
func (c *Client) list(arg, dir string) (sent dffmpeg.Argument, unmapped []string) {
	scheme, name := splitScheme(arg)
	if !strings.HasPrefix(name, "/") {
		if dir == "" || name == "" || name == "-" || hasProtocol(name) {
			return nil, nil
		}
		name = dir + "/" + name
	}
	if len(c.roots) == 0 || special(path.Clean(name)) {
		return nil, nil
	}
	text, ok := c.readList(name)
	if !ok {
		return nil, nil
	}
	places := listPlaces(text, name[:strings.LastIndexByte(name, '/')])
	content, unmapped := c.build(text, places)
	if !slices.ContainsFunc(places, c.absoluteAndMapped) {
		return nil, unmapped
	}
	if scheme != "" {
		sent = append(sent, dffmpeg.Segment{Literal: scheme})
	}
	return append(sent, dffmpeg.Segment{Content: content}), unmapped
}

// absoluteAndMapped reports whether a name in a list is a path below a root, as
// it is written.
func (c *Client) absoluteAndMapped(p place) bool {
	_, ok := c.reference(p.path)
	return ok && p.instead == ""
}
