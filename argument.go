package dffmpeg

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// Argument is one argument of a job in the second form: literal text and
// references to paths, which the worker turns into its own and escapes as the
// place needs. On the wire it is a string when it is only text, else a list of
// strings and objects. (Extension to 0.4, FeatureSegments.)
type Argument []Segment

// Segment is a part of an Argument: exactly one of Literal, Name and Content
// says which. The zero Segment is empty text.
type Segment struct {
	// Literal is text as it is.
	Literal string
	// Name is the root that a reference is below, Rest what follows ("", or it
	// begins with '/'), and Context where the path stands.
	Name    string
	Rest    string
	Context PathContext
	// Content is the text of a file that the worker makes for the job: the
	// file's path stands here. It has no Content in it.
	Content Argument
}

// PathContext says where in an argument a path stands, and so how its
// characters are escaped there. The set is closed.
type PathContext string

// The contexts. ffmpeg's quoting is that of its av_get_token: a backslash
// before a character, or single quotes around some.
const (
	// PathWhole is the argument itself, or all that follows a protocol's name.
	PathWhole PathContext = ""
	// PathConcat is an element of a list that knows no quoting, separated by
	// '|', as of the concat protocol.
	PathConcat PathContext = "concat"
	// PathList is a name in a list file for the concat demuxer.
	PathList PathContext = "list"
	// PathFilter is the value of a filter's option in a filter graph.
	PathFilter PathContext = "filter"
	// PathNested is the value of an option within a PathFilter.
	PathNested PathContext = "nested"
	// PathParameter is a value in a list of KEY=VALUE separated by ':'.
	PathParameter PathContext = "parameter"
	// PathTee is an output of the tee muxer.
	PathTee PathContext = "tee"
	// PathTeeOption is the value of an option of such an output.
	PathTeeOption PathContext = "tee-option"
)

// Text returns an argument that is only text.
func Text(s string) Argument { return Argument{{Literal: s}} }

// Names returns the names of the roots that the argument refers to, as they
// come.
func (a Argument) Names() []string {
	var names []string
	for i := range a {
		if a[i].Name != "" {
			names = append(names, a[i].Name)
		}
		names = append(names, a[i].Content.Names()...)
	}
	return names
}

// ContainsNUL reports whether there is a NUL character in it, which no program
// can be given.
func (a Argument) ContainsNUL() bool {
	for i := range a {
		s := &a[i]
		if strings.Contains(s.Literal, "\x00") || strings.Contains(s.Name, "\x00") || strings.Contains(s.Rest, "\x00") || s.Content.ContainsNUL() {
			return true
		}
	}
	return false
}

// wireSegment is a Segment that is not text, as JSON.
type wireSegment struct {
	Name    string      `json:"name,omitempty"`
	Rest    string      `json:"rest,omitempty"`
	Context PathContext `json:"context,omitempty"`
	Content Argument    `json:"content,omitempty"`
}

// MarshalJSON implements json.Marshaler.
func (a Argument) MarshalJSON() ([]byte, error) {
	if len(a) == 0 {
		return []byte(`""`), nil
	}
	if len(a) == 1 && a[0].Name == "" && a[0].Content == nil {
		return json.Marshal(a[0].Literal)
	}
	parts := make([]any, len(a))
	for i, s := range a {
		parts[i] = s.Literal
		if s.Name != "" || s.Content != nil {
			parts[i] = wireSegment{Name: s.Name, Rest: s.Rest, Context: s.Context, Content: s.Content}
		}
	}
	return json.Marshal(parts)
}

// UnmarshalJSON implements json.Unmarshaler.
func (a *Argument) UnmarshalJSON(data []byte) error { return a.unmarshal(data, true) }

// unmarshal reads an argument, in which there may be a file or not.
func (a *Argument) unmarshal(data []byte, file bool) error {
	if len(data) > 0 && data[0] == '"' {
		*a = make(Argument, 1)
		return json.Unmarshal(data, &(*a)[0].Literal)
	}
	var parts []json.RawMessage
	if err := json.Unmarshal(data, &parts); err != nil || parts == nil {
		return errors.New("an argument must be a string or a list")
	}
	*a = make(Argument, len(parts))
	for i, part := range parts {
		if err := (*a)[i].unmarshal(part, file); err != nil {
			return fmt.Errorf("part %d of an argument: %w", i, err)
		}
	}
	return nil
}

func (s *Segment) unmarshal(data []byte, file bool) error {
	if data[0] == '"' {
		return json.Unmarshal(data, &s.Literal)
	}
	var wire struct {
		wireSegment
		Content json.RawMessage `json:"content"`
	}
	if err := json.Unmarshal(data, &wire); err != nil {
		return errors.New("it must be a string, or an object of strings with a content at most")
	}
	s.Name, s.Rest, s.Context = wire.Name, wire.Rest, wire.Context
	switch {
	case wire.Content == nil && s.Name != "":
		return nil
	case wire.Content == nil || s.Name != "" || s.Rest != "" || s.Context != "":
		return errors.New("it must have a name or a content, and only one of them")
	case !file:
		return errors.New("the content of a file cannot have a file in it")
	}
	return s.Content.unmarshal(wire.Content, false)
}
