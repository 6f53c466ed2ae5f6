package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"github.com/dffmpeg/dffmpeg"
)

// maxFields bounds how many wrong members are reported at once.
const maxFields = 20

// schemas validates bodies against the JSON schemas of their types, the same
// that the API's document shows. Types are added before requests come; from
// then on it is only read.
type schemas struct {
	registry huma.Registry
	known    map[reflect.Type]*huma.Schema
}

// newSchemas returns the schemas of the bodies of endpoints, as strict as the
// protocol is: members that we do not know are let through, for newer and
// older peers; lists are never null.
func newSchemas(endpoints []endpoint) *schemas {
	s := &schemas{
		registry: huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer),
		known:    make(map[reflect.Type]*huma.Schema),
	}
	types := []reflect.Type{reflect.TypeFor[dffmpeg.ErrorAnswer](), reflect.TypeFor[dffmpeg.MessagesAnswer]()}
	for _, e := range endpoints {
		types = append(types, e.in, e.out)
	}
	for _, t := range types {
		if t != nil && s.known[t] == nil {
			s.known[t] = s.registry.Schema(t, true, t.Name())
		}
	}
	s.describeDetail()
	s.describeSegments()
	for _, schema := range s.registry.Map() {
		relax(schema)
	}
	for _, schema := range s.known { // lists of records are in no registry
		relax(schema)
	}
	return s
}

// describeDetail says what the Go type of an error's detail cannot: a sentence,
// or a list of what is wrong where.
func (s *schemas) describeDetail() {
	fields := s.registry.Schema(reflect.TypeFor[dffmpeg.FieldError](), true, "FieldError")
	answer := s.registry.SchemaFromRef(s.of(reflect.TypeFor[dffmpeg.ErrorAnswer]()).Ref)
	answer.Properties["detail"] = &huma.Schema{
		Description: "What is wrong and what to do: a sentence, or for status 422 a list",
		OneOf:       []*huma.Schema{{Type: huma.TypeString}, {Type: huma.TypeArray, Items: fields}},
	}
}

// describeSegments says what an argument in the second form is on the wire,
// which is its own reader's to check.
func (s *schemas) describeSegments() {
	submission := s.registry.SchemaFromRef(s.of(reflect.TypeFor[dffmpeg.SubmitRequest]()).Ref)
	submission.Properties["segments"].Items = &huma.Schema{
		Description: "Text; or a list of texts and of objects: a reference {name, rest, context} or a file {content}",
		OneOf: []*huma.Schema{
			{Type: huma.TypeString},
			{Type: huma.TypeArray, Items: &huma.Schema{}},
		},
	}
}

// of returns the schema of an endpoint's type.
func (s *schemas) of(t reflect.Type) *huma.Schema { return s.known[t] }

// relax adapts a generated schema, and those of its members, in place.
func relax(schema *huma.Schema) {
	if schema.Type == huma.TypeObject {
		if closed, ok := schema.AdditionalProperties.(bool); ok && !closed {
			schema.AdditionalProperties = true
		}
	}
	if schema.Type == huma.TypeArray {
		schema.Nullable = false
		if schema.Items != nil {
			relax(schema.Items)
		}
	}
	if of, ok := schema.AdditionalProperties.(*huma.Schema); ok {
		relax(of)
	}
	for _, member := range schema.Properties {
		relax(member)
	}
}

// check returns the body without what may be null and is, and without members
// that the type does not have; or what is wrong with it.
func (s *schemas) check(t reflect.Type, body []byte) ([]byte, error) {
	value, err := parse(body)
	if err != nil {
		return nil, err
	}
	schema := s.of(t)
	if fields := s.prune(schema, value, []any{"body"}); len(fields) > 0 {
		return nil, invalidFields(fields[:min(len(fields), maxFields)]...)
	}
	result := &huma.ValidateResult{}
	huma.Validate(s.registry, schema, huma.NewPathBuffer([]byte("body"), 4), huma.ModeWriteToServer, value, result)
	if len(result.Errors) > 0 {
		return nil, invalidFields(fieldErrors(result.Errors)...)
	}
	clean, err := json.Marshal(value)
	if err != nil {
		return nil, undecodable(err)
	}
	return clean, nil
}

// parse reads a body that is one JSON value.
func parse(body []byte) (any, error) {
	if !utf8.Valid(body) {
		return nil, badJSON(errors.New("the body is not UTF-8"), 0)
	}
	var value any
	decoder := json.NewDecoder(bytes.NewReader(body))
	err := decoder.Decode(&value)
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &syntax):
		return nil, badJSON(err, syntax.Offset)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return nil, badJSON(errors.New("the body ends too early"), int64(len(body)))
	case err != nil:
		return nil, badJSON(err, decoder.InputOffset())
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, badJSON(errors.New("there is something behind the value"), decoder.InputOffset())
	}
	return value, nil
}

// prune removes members that are null, for optional scalars may be null, and
// returns an error for each list that is: those may not. It removes unknown
// members too: the decoder, which folds the case of names, must not take one
// for a member that was validated.
func (s *schemas) prune(schema *huma.Schema, value any, place []any) []dffmpeg.FieldError {
	if schema.Ref != "" {
		schema = s.registry.SchemaFromRef(schema.Ref)
	}
	var wrong []dffmpeg.FieldError
	switch v := value.(type) {
	case map[string]any:
		if len(schema.Properties) == 0 {
			return nil // free-form
		}
		for name, member := range v {
			known := schema.Properties[name]
			at := append(slices.Clone(place), name)
			switch {
			case known == nil:
				delete(v, name)
			case member == nil && known.Type == huma.TypeArray:
				wrong = append(wrong, dffmpeg.FieldError{Type: "list_type", Loc: at, Msg: "A list must not be null; leave it out or send []"})
			case member == nil:
				delete(v, name)
			default:
				wrong = append(wrong, s.prune(known, member, at)...)
			}
		}
	case []any:
		if schema.Items == nil {
			return nil
		}
		for i, item := range v {
			wrong = append(wrong, s.prune(schema.Items, item, append(slices.Clone(place), i))...)
		}
	}
	return wrong
}

// fieldErrors turns the validator's findings into the shape of 0.4.
func fieldErrors(errs []error) []dffmpeg.FieldError {
	fields := make([]dffmpeg.FieldError, 0, min(len(errs), maxFields))
	for _, err := range errs[:min(len(errs), maxFields)] {
		var detail *huma.ErrorDetail
		if !errors.As(err, &detail) {
			detail = &huma.ErrorDetail{Message: err.Error(), Location: "body"}
		}
		f := dffmpeg.FieldError{Type: kind(detail.Message), Loc: place(detail.Location), Msg: sentence(detail.Message)}
		switch v := detail.Value.(type) {
		case string:
			f.In = short(v)
		case float64, bool:
			f.In = v
		case []any:
			if len(v) == 0 {
				f.In = v
			}
			if f.Type == "too_short" {
				f.Ctx = map[string]any{"field_type": "List", "min_length": bound(detail.Message), "actual_length": len(v)}
			}
		}
		if f.Type == "missing" {
			f.Loc = append(f.Loc, missing(detail.Message))
		}
		fields = append(fields, f)
	}
	return fields
}

// place splits the validator's "body.logs[0].stream".
func place(location string) []any {
	var steps []any
	for step := range strings.SplitSeq(strings.ReplaceAll(location, "[", "."), ".") {
		step = strings.TrimSuffix(step, "]")
		if n, err := strconv.Atoi(step); err == nil {
			steps = append(steps, n)
		} else if step != "" {
			steps = append(steps, step)
		}
	}
	return steps
}

// kind names what is wrong in 0.4's words, from the validator's message.
func kind(message string) string {
	for _, k := range []struct{ part, kind string }{
		{"expected required property", "missing"},
		{"expected array length >=", "too_short"},
		{"expected length >=", "string_too_short"},
		{"expected array length <=", "too_long"},
		{"expected length <=", "string_too_long"},
		{"expected value to be one of", "enum"},
		{"expected number >=", "greater_than_equal"},
		{"expected number <=", "less_than_equal"},
		{"expected string to be RFC 3339", "datetime_parsing"},
		{"expected string", "string_type"},
		{"expected integer", "int_type"},
		{"expected number", "float_type"},
		{"expected boolean", "bool_type"},
		{"expected array", "list_type"},
		{"expected object", "dict_type"},
	} {
		if strings.Contains(message, k.part) {
			return k.kind
		}
	}
	return "value_error"
}

// bound returns the number in "expected array length >= 1".
func bound(message string) int {
	n, _ := strconv.Atoi(message[strings.LastIndexByte(message, ' ')+1:])
	return n
}

// missing returns the name in "expected required property X to be present".
func missing(message string) string {
	_, rest, _ := strings.Cut(message, "required property ")
	name, _, _ := strings.Cut(rest, " ")
	return name
}

// sentence makes the validator's message one for people.
func sentence(message string) string {
	if rest, ok := strings.CutPrefix(message, "expected required property "); ok {
		return "Field required: " + strings.TrimSuffix(rest, " to be present")
	}
	return strings.ToUpper(message[:1]) + message[1:]
}
