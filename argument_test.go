package dffmpeg

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestArgumentOnTheWire(t *testing.T) {
	for _, tt := range []struct {
		wire string
		arg  Argument
	}{
		{`""`, Text("")},
		{`"-i"`, Text("-i")},
		{`[{"name":"Media"}]`, Argument{{Name: "Media"}}},
		{`["concat:",{"name":"Media","rest":"/a","context":"concat"},"|b"]`, Argument{
			{Literal: "concat:"}, {Name: "Media", Rest: "/a", Context: PathConcat}, {Literal: "|b"},
		}},
		{`["file:",{"content":["file ",{"name":"Media","rest":"/a b","context":"list"},"\n"]}]`, Argument{
			{Literal: "file:"}, {Content: Argument{{Literal: "file "}, {Name: "Media", Rest: "/a b", Context: PathList}, {Literal: "\n"}}},
		}},
	} {
		text, err := json.Marshal(tt.arg)
		if err != nil || string(text) != tt.wire {
			t.Errorf("%+v is %s on the wire, error %v; want %s", tt.arg, text, err, tt.wire)
		}
		var read Argument
		if err := json.Unmarshal([]byte(tt.wire), &read); err != nil {
			t.Errorf("%s: %v", tt.wire, err)
		}
		if diff := cmp.Diff(tt.arg, read); diff != "" {
			t.Errorf("%s was read as something else: %s", tt.wire, diff)
		}
	}
}

func TestWrongArguments(t *testing.T) {
	for wire, want := range map[string]string{
		`null`:                                 "string or a list",
		`3`:                                    "string or a list",
		`{"name":"Media"}`:                     "string or a list",
		`["a",3]`:                              "part 1",
		`[null]`:                               "name or a content",
		`[["a"]]`:                              "part 0",
		`[{}]`:                                 "name or a content",
		`[{"rest":"/a"}]`:                      "name or a content",
		`[{"name":"M","content":"x"}]`:         "only one",
		`[{"content":[{"content":"nested"}]}]`: "cannot have a file",
		`[{"content":null}]`:                   "string or a list",
		`[{"content":4}]`:                      "string or a list",
		`[{"name":4}]`:                         "part 0",
	} {
		var read Argument
		if err := json.Unmarshal([]byte(wire), &read); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want …%s…", wire, err, want)
		}
	}
}

func TestArgumentNamesAndNUL(t *testing.T) {
	arg := Argument{{Literal: "a"}, {Name: "B"}, {Content: Argument{{Name: "C"}, {Literal: "d"}}}, {Name: "B"}}
	if diff := cmp.Diff([]string{"B", "C", "B"}, arg.Names()); diff != "" {
		t.Error(diff)
	}
	if arg.ContainsNUL() {
		t.Error("a NUL was found that is not there")
	}
	for _, nul := range []Argument{Text("a\x00"), {{Name: "\x00"}}, {{Name: "A", Rest: "/\x00"}}, {{Content: Text("\x00")}}} {
		if !nul.ContainsNUL() {
			t.Errorf("the NUL in %q was not found", nul)
		}
	}
}

// TestArgumentsComeBack writes and reads arguments of every shape.
func TestArgumentsComeBack(t *testing.T) {
	reference := rapid.Custom(func(t *rapid.T) Segment {
		return Segment{
			Name: rapid.StringN(1, 4, -1).Draw(t, "name"), Rest: rapid.String().Draw(t, "rest"),
			Context: rapid.SampledFrom([]PathContext{PathWhole, PathFilter, PathTee}).Draw(t, "context"),
		}
	})
	text := rapid.Custom(func(t *rapid.T) Segment { return Segment{Literal: rapid.String().Draw(t, "literal")} })
	file := rapid.Custom(func(t *rapid.T) Segment {
		return Segment{Content: rapid.SliceOfN(rapid.OneOf(text, reference), 1, 3).Draw(t, "content")}
	})
	rapid.Check(t, func(t *rapid.T) {
		arg := Argument(rapid.SliceOfN(rapid.OneOf(text, reference, file), 1, 4).Draw(t, "argument"))
		wire, err := json.Marshal(arg)
		if err != nil {
			t.Fatal(err)
		}
		var read Argument
		if err := json.Unmarshal(wire, &read); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(arg, read); diff != "" {
			t.Errorf("%s: %s", wire, diff)
		}
	})
}
