package strictyaml

import (
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/dffmpeg/dffmpeg/secret"
)

// Unmarshaler is a type that reads itself from a node, for what tags cannot
// say.
type Unmarshaler interface {
	UnmarshalNode(n *Node) Problems
}

// Validator is a struct that checks what a single field's tag cannot. Validate
// runs after decoding; problem reports a key below the struct, which may be a
// dotted path.
type Validator interface {
	Validate(problem func(key, message string))
}

// Decode fills the struct that into points to; fields whose key is absent keep
// what they have, so that defaults are set before. It reports every problem, as
// an error of type Problems. Decoding a nil Node only checks what is required.
//
// A field's tag is `yaml:"key,options"`; fields without a tag are left alone
// and embedded structs without one lend their fields. Options are required (there
// and not empty), min=, max=, oneof=a|b, whole (whole seconds) and file (a path,
// taken from the directory of the file when relative). Fields may be strings,
// booleans, integers, floats, time.Duration (a number of seconds),
// secret.Value, lists and maps of these, structs, and Unmarshalers.
//
// Values are read as YAML 1.2, and in the spellings that PyYAML and pydantic
// take, which 0.4 was built on: yes/no/on/off for booleans, numbers in quotes. A key without a
// value means unset where unset is the default.
func (n *Node) Decode(into any) error {
	v := reflect.ValueOf(into)
	if v.Kind() != reflect.Pointer || v.IsNil() {
		panic(fmt.Sprintf("strictyaml: Decode into %T, want a pointer", into))
	}
	if n == nil {
		n = &Node{kind: Mapping}
	}
	d := &decoder{}
	d.value(n, v.Elem(), rules{})
	return d.problems.Err()
}

// decoder collects problems on the way.
type decoder struct{ problems Problems }

// fail records a problem at a node.
func (d *decoder) fail(n *Node, format string, args ...any) {
	d.problems = append(d.problems, n.Problem(format, args...))
}

// value decodes n into v.
func (d *decoder) value(n *Node, v reflect.Value, r rules) {
	if n.kind == Broken {
		return
	}
	if u, ok := v.Addr().Interface().(Unmarshaler); ok {
		d.problems = append(d.problems, u.UnmarshalNode(n)...)
		return
	}
	_, isSecret := v.Addr().Interface().(*secret.Value)
	if n.kind == Null && (isSecret || v.Kind() != reflect.Struct && v.Kind() != reflect.Map) {
		if !v.IsZero() || r.required {
			d.fail(n, "the key has no value; give one, or remove the key to get the default")
		}
		return
	}
	switch into := v.Addr().Interface().(type) {
	case *secret.Value:
		if n.kind != Scalar {
			d.fail(n, "expected text, found %s", n.kind)
			return
		}
		*into = secret.New(n.text)
		d.empty(n, n.text, r)
		return
	case *time.Duration:
		d.duration(n, into, r)
		return
	}
	switch v.Kind() {
	case reflect.String:
		d.text(n, v, r)
	case reflect.Bool:
		d.boolean(n, v)
	case reflect.Int, reflect.Int64:
		d.integer(n, v, r)
	case reflect.Float64:
		if number, ok := d.number(n, r); ok {
			v.SetFloat(number)
		}
	case reflect.Slice:
		d.slice(n, v, r)
	case reflect.Map:
		d.mapping(n, v, r)
	case reflect.Struct:
		d.structure(n, v)
	default:
		panic(fmt.Sprintf("strictyaml: cannot decode into %s", v.Type()))
	}
}

// slice decodes a list.
func (d *decoder) slice(n *Node, v reflect.Value, r rules) {
	if n.kind != Sequence {
		d.fail(n, "expected a list, found %s; write [a, b] or lines beginning with \"- \"", n.kind)
		return
	}
	if r.required && len(n.items) == 0 {
		d.fail(n, "the list is empty; name at least one")
	}
	r.required = true // an element without a value means nothing
	list := reflect.MakeSlice(v.Type(), len(n.items), len(n.items))
	for i, item := range n.items {
		d.value(item, list.Index(i), r)
	}
	v.Set(list)
}

// mapping decodes a map whose keys the user chooses.
func (d *decoder) mapping(n *Node, v reflect.Value, r rules) {
	if n.kind == Null {
		n = &Node{file: n.file, line: n.line, column: n.column, path: n.path, kind: Mapping}
	}
	if n.kind != Mapping {
		d.fail(n, "expected lines of the form \"name: value\", found %s", n.kind)
		return
	}
	r.required = true
	m := reflect.MakeMapWithSize(v.Type(), len(n.entries))
	for _, e := range n.entries {
		value := reflect.New(v.Type().Elem()).Elem()
		d.value(e.value, value, r)
		m.SetMapIndex(reflect.ValueOf(e.key), value)
	}
	v.Set(m)
}

// structure decodes a section whose keys are known.
func (d *decoder) structure(n *Node, v reflect.Value) {
	if n.kind == Null {
		n = &Node{file: n.file, line: n.line, column: n.column, path: n.path, kind: Mapping}
	}
	if n.kind != Mapping {
		d.fail(n, "expected lines of the form \"key: value\", found %s", n.kind)
		return
	}
	fields := fieldsOf(v.Type())
	known := make(map[string]field, len(fields))
	for _, f := range fields {
		known[f.name] = f
	}
	for _, e := range n.entries {
		f, ok := known[e.key]
		if ok {
			d.value(e.value, v.FieldByIndex(f.index), f.rules)
		} else if !e.shared {
			p := e.value.Problem("unknown key%s", hint(e.key, fields))
			p.Line, p.Column = e.line, e.column
			d.problems = append(d.problems, p)
		}
	}
	for _, f := range fields {
		if f.rules.required && n.Get(f.name) == nil && v.FieldByIndex(f.index).IsZero() {
			d.problems = append(d.problems, n.ProblemAt(f.name, "the key is missing"))
		}
	}
	if validator, ok := v.Addr().Interface().(Validator); ok {
		validator.Validate(func(key, message string) {
			d.problems = append(d.problems, n.ProblemAt(key, "%s", message))
		})
	}
}

// hint returns what was probably meant by a key, or which keys there are.
func hint(key string, fields []field) string {
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.name
	}
	if meant := Nearest(key, names); meant != "" {
		return fmt.Sprintf("; did you mean %q?", meant)
	}
	if len(names) > 0 && len(names) <= 8 {
		return "; known here: " + strings.Join(names, ", ")
	}
	return ""
}
