package strictyaml

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dffmpeg/dffmpeg/secret"
)

// Redacted is what stands for a secret in a document that people see.
const Redacted = "[redacted]"

// Redact hides every secret; an empty one stays visibly empty.
func Redact(s secret.Value) string { return s.String() }

// Reveal shows every secret, for a file that only its owner can read.
func Reveal(s secret.Value) string { return s.Reveal() }

// Marshaler is a type that is written as another value.
type Marshaler interface {
	MarshalNode() any
}

// Encode returns a YAML document of a tagged struct or map, in the order of the
// fields, maps by key; secrets decides how secrets are written. Nodes in it are
// written as they stand in their file, but never what their key calls a
// password, token or key, whatever secrets says.
func Encode(v any, secrets func(secret.Value) string) []byte {
	e := &encoder{secrets: secrets}
	e.section(reflect.ValueOf(v), 0)
	return e.out.Bytes()
}

// encoder writes block-style YAML.
type encoder struct {
	out     bytes.Buffer
	secrets func(secret.Value) string
}

// section writes the keys of a struct, map or mapping node.
func (e *encoder) section(v reflect.Value, indent int) {
	for _, p := range pairsOf(resolve(v)) {
		e.out.WriteString(strings.Repeat("  ", indent) + quote(p.key) + ":")
		e.value(p.value, indent)
	}
}

// value writes a value behind its key.
func (e *encoder) value(v reflect.Value, indent int) {
	v = resolve(v)
	if text, ok := e.scalar(v); ok {
		e.out.WriteString(" " + text + "\n")
		return
	}
	if v.Kind() == reflect.Slice {
		e.list(v, indent)
		return
	}
	if len(pairsOf(v)) == 0 {
		e.out.WriteString(" {}\n")
		return
	}
	e.out.WriteString("\n")
	e.section(v, indent+1)
}

// list writes a list: of scalars on one line, of sections on lines of their own.
func (e *encoder) list(v reflect.Value, indent int) {
	var flow []string
	for i := range v.Len() {
		if text, ok := e.scalar(resolve(v.Index(i))); ok {
			flow = append(flow, text)
		}
	}
	if len(flow) == v.Len() {
		e.out.WriteString(" [" + strings.Join(flow, ", ") + "]\n")
		return
	}
	e.out.WriteString("\n")
	for i := range v.Len() {
		inner := &encoder{secrets: e.secrets}
		if text, ok := e.scalar(resolve(v.Index(i))); ok {
			inner.out.WriteString(text + "\n")
		} else {
			inner.section(v.Index(i), 0)
		}
		lines := strings.Split(strings.TrimSuffix(inner.out.String(), "\n"), "\n")
		pad := strings.Repeat("  ", indent+1)
		e.out.WriteString(pad + "- " + strings.Join(lines, "\n"+pad+"  ") + "\n")
	}
}

// scalar returns a value that fits on one line.
func (e *encoder) scalar(v reflect.Value) (string, bool) {
	if !v.IsValid() {
		return "null", true
	}
	switch value := v.Interface().(type) {
	case secret.Value:
		return quote(e.secrets(value)), true
	case time.Duration:
		return Seconds(value), true
	case fmt.Stringer:
		return quote(value.String()), true
	}
	switch v.Kind() {
	case reflect.String:
		return quote(v.String()), true
	case reflect.Bool:
		return strconv.FormatBool(v.Bool()), true
	case reflect.Int, reflect.Int64:
		return strconv.FormatInt(v.Int(), 10), true
	case reflect.Float64:
		return plain(v.Float()), true
	default:
		return "", false
	}
}

// resolve returns what is written in place of v.
func resolve(v reflect.Value) reflect.Value {
	for v.IsValid() {
		if v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface {
			if v.IsNil() {
				return reflect.Value{}
			}
		}
		if m, ok := v.Interface().(Marshaler); ok {
			v = reflect.ValueOf(m.MarshalNode())
			continue
		}
		if v.Kind() != reflect.Pointer && v.Kind() != reflect.Interface {
			return v
		}
		v = v.Elem()
	}
	return v
}

// pair is a key of a section that is written.
type pair struct {
	key   string
	value reflect.Value
}

// pairsOf lists the keys of a struct or map.
func pairsOf(v reflect.Value) []pair {
	var pairs []pair
	switch v.Kind() {
	case reflect.Struct:
		if fields, ok := v.Interface().(Fields); ok {
			for _, f := range fields.list {
				pairs = append(pairs, pair{f.key, reflect.ValueOf(f.value)})
			}
			return pairs
		}
		for _, f := range fieldsOf(v.Type()) {
			pairs = append(pairs, pair{f.name, v.FieldByIndex(f.index)})
		}
	case reflect.Map:
		for _, key := range v.MapKeys() {
			pairs = append(pairs, pair{key.String(), v.MapIndex(key)})
		}
		slices.SortFunc(pairs, func(a, b pair) int { return strings.Compare(a.key, b.key) })
	}
	return pairs
}

// Fields is a section put together key by key, in that order.
type Fields struct{ list []namedValue }

type namedValue struct {
	key   string
	value any
}

// Add returns the section with one key more.
func (f Fields) Add(key string, value any) Fields {
	return Fields{list: append(slices.Clone(f.list), namedValue{key, value})}
}

// AddAll returns the section with the keys of another section, struct or map.
func (f Fields) AddAll(section any) Fields {
	for _, p := range pairsOf(resolve(reflect.ValueOf(section))) {
		if p.value.IsValid() {
			f = f.Add(p.key, p.value.Interface())
		}
	}
	return f
}

// MarshalNode writes a node as it was read, without what its keys call secret.
func (n *Node) MarshalNode() any {
	if n == nil {
		return Fields{}
	}
	switch n.kind {
	case Null:
		return nil
	case Scalar:
		return rawScalar(n)
	case Sequence:
		items := make([]any, len(n.items))
		for i, item := range n.items {
			items[i] = item.MarshalNode()
		}
		return items
	default:
		var fields Fields
		for _, e := range n.entries {
			if isSecretKey(e.key) && e.value.kind != Null {
				fields.list = append(fields.list, namedValue{e.key, Redacted})
			} else {
				fields.list = append(fields.list, namedValue{e.key, e.value.MarshalNode()})
			}
		}
		return fields
	}
}

// rawScalar returns a scalar nobody has decoded: its text, without the password
// of a URL.
func rawScalar(n *Node) any {
	if n.quoted {
		return withoutPassword(n.text)
	}
	switch n.text {
	case "true":
		return true
	case "false":
		return false
	}
	if number, err := strconv.ParseInt(n.text, 10, 64); err == nil && isNumber(n.text) {
		return number
	}
	return withoutPassword(n.text)
}

// withoutPassword hides the password of a URL.
func withoutPassword(text string) string {
	if !strings.Contains(text, "@") {
		return text
	}
	u, err := url.Parse(text)
	if err != nil {
		return Redacted
	}
	if _, has := u.User.Password(); !has {
		return text
	}
	u.User = url.User(u.User.Username())
	return u.String()
}

// isSecretKey reports whether a key nobody has decoded sounds like a secret.
// Names of files with secrets in them are none.
func isSecretKey(key string) bool {
	key = strings.ToLower(key)
	if strings.HasSuffix(key, "_file") || strings.HasSuffix(key, "_id") || key == "ssl_key" || key == "tls_key" || key == "routing_key" {
		return false
	}
	for _, part := range []string{"password", "passwd", "passphrase", "secret", "token", "credential", "private", "key", "dsn"} {
		if strings.Contains(key, part) {
			return true
		}
	}
	return false
}

// quote returns text as a YAML scalar that every reader takes as text.
func quote(text string) string {
	if plainSafe(text) {
		return text
	}
	quoted, err := json.Marshal(text) // JSON strings are YAML's double-quoted ones
	if err != nil {
		return strconv.Quote(text)
	}
	return string(quoted)
}

// plainSafe reports whether text needs no quotes, neither for YAML 1.2 nor 1.1.
func plainSafe(text string) bool {
	if text == "" || isNumber(text) {
		return false
	}
	letters := false
	for i, r := range text {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r == '/' && i == 0
		letters = letters || letter
		if !letter && (i == 0 || !strings.ContainsRune("0123456789_-./+", r)) {
			return false
		}
	}
	switch strings.ToLower(text) {
	case "true", "false", "yes", "no", "on", "off", "y", "n", "t", "f", "null":
		return false
	}
	return letters
}
