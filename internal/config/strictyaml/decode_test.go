package strictyaml

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/dffmpeg/dffmpeg/secret"
	"github.com/google/go-cmp/cmp"
)

// parse parses a document that is expected to be fine.
func mustParse(t *testing.T, text string) *Node {
	t.Helper()
	node, err := Parse("f", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return node
}

func TestScalars(t *testing.T) {
	type fields struct {
		Text     string        `yaml:"text"`
		Secret   secret.Value  `yaml:"secret"`
		Bool     bool          `yaml:"bool"`
		Int      int           `yaml:"int"`
		Float    float64       `yaml:"float"`
		Duration time.Duration `yaml:"duration"`
		List     []int         `yaml:"list"`
	}
	for text, want := range map[string]fields{
		"text: plain words":       {Text: "plain words"},
		"text: 0123":              {Text: "0123"},
		"text: 1e3":               {Text: "1e3"},
		"text: yes":               {Text: "yes"},
		"text: 'a ''b'":           {Text: "a 'b"},
		`text: "a\tb"`:            {Text: "a\tb"},
		"text: |\n  a\n  b":       {Text: "a\nb"},
		"text: !!str 5":           {Text: "5"},
		"text: !!str":             {},
		"text: ~":                 {},
		"secret: 0123":            {Secret: secret.New("0123")},
		"secret:":                 {},
		"bool: true":              {Bool: true},
		"bool: YES":               {Bool: true},
		"bool: On":                {Bool: true},
		"bool: \"true\"":          {Bool: true},
		"bool: '1'":               {Bool: true},
		"bool: no":                {},
		"bool: off":               {},
		"int: 42":                 {Int: 42},
		"int: -42":                {Int: -42},
		"int: +1_000":             {Int: 1000},
		"int: '8000'":             {Int: 8000},
		"int: 8000.0":             {Int: 8000},
		"int: !!int 7":            {Int: 7},
		"float: 1":                {Float: 1},
		"float: .5":               {Float: 0.5},
		"float: 2.":               {Float: 2},
		"float: -1.5e-1":          {Float: -0.15},
		"duration: 5":             {Duration: 5 * time.Second},
		"duration: 0.25":          {Duration: 250 * time.Millisecond},
		"duration: '1.5'":         {Duration: 1500 * time.Millisecond},
		"duration: 1e-9":          {Duration: 1},
		"duration: 5s":            {Duration: 5 * time.Second},
		"duration: 1.5h":          {Duration: 90 * time.Minute},
		"duration: 30d":           {Duration: 30 * 24 * time.Hour},
		"list: [1, 2]":            {List: []int{1, 2}},
		"list: []":                {List: []int{}},
		"list:\n- 1\n-  2 # two":  {List: []int{1, 2}},
		"\ufefftext: a\r\nint: 1": {Text: "a", Int: 1},
	} {
		var got fields
		if err := mustParse(t, text).Decode(&got); err != nil {
			t.Errorf("%q: %v", text, err)
		} else if !reflect.DeepEqual(got, want) {
			t.Errorf("%q: got %+v, want %+v", text, got, want)
		}
	}
	for _, text := range []string{
		"bool: 2", "bool: ''", "bool: []", "int: 0x1F", "int: 1e3", "int: 1.5", "int: _1", "int: +", "int: ''", "int: 1:30",
		"float: .", "float: 1.2.3", "float: 1e", "float: .nan", "float: inf", "duration: 5x", "duration: d", "duration: 1d12h", "duration: 600w", "duration: .inf", "duration: 1e999",
		"text: [a]", "text: {a: b}", "text: \"a\\0b\"", "secret: []", "list: 1", "list: [[1]]", "list: {a: 1}", "list: [1, ]x",
	} {
		node, err := Parse("f", []byte(text))
		if err == nil {
			var got fields
			err = node.Decode(&got)
		}
		if err == nil {
			t.Errorf("%q was taken", text)
		}
	}
}

// A key without a value means unset, where unset is the default.
func TestNull(t *testing.T) {
	type inner struct {
		A int `yaml:"a"`
	}
	type fields struct {
		Zero    int               `yaml:"zero"`
		Set     int               `yaml:"set"`
		Secret  secret.Value      `yaml:"secret"`
		Section inner             `yaml:"section"`
		Map     map[string]string `yaml:"map"`
	}
	got := fields{Set: 1, Secret: secret.New("x"), Section: inner{A: 2}}
	err := mustParse(t, "zero:\nset: null\nsecret: ~\nsection:\nmap:\n").Decode(&got)
	want := `f:2:1: set: the key has no value; give one, or remove the key to get the default
f:3:1: secret: the key has no value; give one, or remove the key to get the default`
	if err == nil || err.Error() != want {
		t.Errorf("error\n%v, want\n%s", err, want)
	}
	if got.Set != 1 || got.Section.A != 2 || len(got.Map) != 0 {
		t.Errorf("got %+v, want the defaults", got)
	}
}

func TestAliasesAndMerge(t *testing.T) {
	type section struct {
		A int `yaml:"a"`
		B int `yaml:"b"`
		C int `yaml:"c"`
	}
	var got map[string]section
	if err := mustParse(t, "x: &x {a: 1, b: 2}\ny: &y\n  b: 20\n  c: 30\nz:\n  <<: [*x, *y]\n  a: 100\nw: *x\n").Decode(&got); err != nil {
		t.Fatal(err)
	}
	want := map[string]section{"x": {1, 2, 0}, "y": {0, 20, 30}, "z": {100, 2, 30}, "w": {1, 2, 0}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for text, want := range map[string]string{
		"a: &a [*a]":               "f:1:8: a[0]: the *name refers to nothing above; put the value in quotes if it begins with *",
		"a: *b\nb: &b 1":           "f:1:4: a: the *name refers to nothing above; put the value in quotes if it begins with *",
		"a: 1\n<<: 5":              "f:2:5: << wants keys and values, found a single value",
		"a: &a [1]\n<<: *a":        "f:1:8: [0]: << wants keys and values, found a single value",
		"null: 1":                  "f:1:1: this key is not plain text",
		"a: " + nested(maxDepth+1): fmt.Sprintf("f:1:%d: a%s: too many values inside values; is it a configuration file?", maxDepth+4, strings.Repeat("[0]", maxDepth)),
	} {
		_, err := Parse("f", []byte(text))
		if err == nil || err.Error() != want {
			t.Errorf("%q: error %v, want %s", text, err, want)
		}
	}
}

// nested returns lists in lists.
func nested(depth int) string { return strings.Repeat("[", depth) + strings.Repeat("]", depth) }

// Aliases that unfold to very much are refused soon.
func TestAliasBomb(t *testing.T) {
	var b strings.Builder
	b.WriteString("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n")
	for i := 1; i < 10; i++ {
		fmt.Fprintf(&b, "a%d: &a%d [%s*a%d]\n", i, i, strings.Repeat(fmt.Sprintf("*a%d, ", i-1), 9), i-1)
	}
	_, err := Parse("f", []byte(b.String()))
	if err == nil || !strings.Contains(err.Error(), "too many values inside values") {
		t.Errorf("error %.200v, want too many values", err)
	}
	if n := strings.Count(err.Error(), "\n"); n > 100 {
		t.Errorf("%d lines of problems", n)
	}
}

func TestRequired(t *testing.T) {
	type fields struct {
		Name string            `yaml:"name,required"`
		List []string          `yaml:"list,required"`
		Map  map[string]string `yaml:"map,oneof=a|b"`
	}
	for text, want := range map[string]string{
		"name: x\nlist: [y]\nmap: {k: a}": "",
		"":                                "f:1:1: list: the key is missing\nf:1:1: name: the key is missing",
		"name: ' '\nlist: ['']":           "f:1:7: name: the value is empty\nf:2:8: list[0]: the value is empty",
		"name: x\nlist: []\nmap: {k: c}":  "f:2:7: list: the list is empty; name at least one\nf:3:10: map.k: \"c\" is not possible; use one of a, b",
	} {
		var got fields
		message := ""
		if err := mustParse(t, text).Decode(&got); err != nil {
			message = err.Error()
		}
		if message != want {
			t.Errorf("%q: error\n%s, want\n%s", text, message, want)
		}
	}
	if err := (*Node)(nil).Decode(&fields{Name: "x", List: []string{"y"}}); err != nil {
		t.Errorf("an absent section with defaults: %v", err)
	}
	if err := (*Node)(nil).Decode(&fields{}); err == nil || err.Error() != "list: the key is missing\nname: the key is missing" {
		t.Errorf("an absent section without defaults: %v", err)
	}
}

func TestWrongTagsPanic(t *testing.T) {
	for _, into := range []any{
		&struct {
			A int `yaml:"a,maximum=1"`
		}{},
		&struct {
			A int `yaml:"a,max=many"`
		}{},
		&struct {
			A complex64 `yaml:"a"`
		}{},
		struct{}{},
		nil,
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%T was taken", into)
				}
			}()
			_ = mustParse(t, "a: 1").Decode(into)
		}()
	}
}

func TestLayers(t *testing.T) {
	type fields struct {
		A int `yaml:"a"`
		B int `yaml:"b"`
	}
	general, own := mustParse(t, "a: 1\nx: 1\n"), mustParse(t, "b: 2\ny: 2\nengine: z\n")
	var got fields
	err := own.Without("engine").Over(general.Shared(), nil).Decode(&got)
	if err == nil || err.Error() != "f:2:1: y: unknown key; did you mean \"a\"?" && !strings.HasPrefix(err.Error(), "f:2:1: y: unknown key") || strings.Contains(err.Error(), "\n") {
		t.Errorf("error %v, want only that y is unknown", err)
	}
	if got != (fields{1, 2}) {
		t.Errorf("got %+v", got)
	}
	if !own.Without("y", "engine").Equal(mustParse(t, "# elsewhere\n{b: 2}")) || own.Equal(general) {
		t.Error("Equal does not compare what nodes say")
	}
}
